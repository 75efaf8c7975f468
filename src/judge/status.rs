//! Sets of status codes.

use serde_json::Value;

use super::Broken;
use crate::suite::model::StatusSet;
use crate::suite::template::{Scope, fill, show};

/// Whether a set contains a status code. References in it are filled first.
pub fn contains(set: &StatusSet, status: u16, scope: &dyn Scope) -> Result<bool, String> {
    match set {
        StatusSet::Code(code) => Ok(*code == status),
        StatusSet::List(sets) => sets.iter().try_fold(false, |found, set| {
            Ok(found || contains(set, status, scope)?)
        }),
        StatusSet::Text(text) => {
            let value = fill(text, scope).map_err(|error| error.to_string())?;
            value_contains(&value, status)
        }
    }
}

fn value_contains(value: &Value, status: u16) -> Result<bool, String> {
    match value {
        Value::Number(code) => Ok(code.as_u64() == Some(u64::from(status))),
        Value::Array(items) => items.iter().try_fold(false, |found, item| {
            Ok(found || value_contains(item, status)?)
        }),
        Value::String(text) => match text.as_bytes() {
            [class @ b'1'..=b'5', b'x', b'x'] => Ok(status / 100 == u16::from(class - b'0')),
            _ => text
                .parse::<u16>()
                .map(|code| code == status)
                .map_err(|_| format!("`{text}` is no status code")),
        },
        other => Err(format!("{} is no status code", show(other))),
    }
}

/// The set in words: `401 or 403`.
pub fn describe(set: &StatusSet, scope: &dyn Scope) -> String {
    match set {
        StatusSet::Code(code) => code.to_string(),
        StatusSet::List(sets) => sets
            .iter()
            .map(|set| describe(set, scope))
            .collect::<Vec<_>>()
            .join(" or "),
        StatusSet::Text(text) => match fill(text, scope) {
            Ok(Value::Array(items)) => items.iter().map(show).collect::<Vec<_>>().join(" or "),
            Ok(value) => show(&value),
            Err(_) => text.clone(),
        },
    }
}

pub(super) fn judge_status(set: &StatusSet, status: u16, scope: &dyn Scope) -> Result<(), Broken> {
    match contains(set, status, scope) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Broken::not(
            format!("status {}", describe(set, scope)),
            format!("status {status}"),
        )),
        Err(says) => Err(Broken::Harness(says)),
    }
}
