//! Expectations on the body.

use serde_json::Value;

use super::Broken;
use super::show::brief;
use super::text::judge_text;
use super::value::{judge_paths, judge_value};
use crate::journal::RecordedAnswer;
use crate::suite::model::{BodyExpectation, TextRules};
use crate::suite::template::{Scope, fill_text, fill_value};

pub(super) fn judge_body(
    expectation: &BodyExpectation,
    answer: &RecordedAnswer,
    scope: &dyn Scope,
) -> Result<(), Broken> {
    let text = answer.body.text();
    if let Some(empty) = expectation.empty
        && empty != text.is_empty()
    {
        let expected = if empty { "no body" } else { "a body" };
        let observed = if empty {
            format!("{} octets: {}", text.len(), brief(&text))
        } else {
            "there is none".into()
        };
        return Err(Broken::not(expected, observed));
    }
    let wants_json = expectation.json == Some(true)
        || expectation.schema.is_some()
        || !expectation.wherever.is_empty();
    if wants_json || expectation.json == Some(false) {
        let parsed: Result<Value, _> = serde_json::from_slice(&answer.body.0);
        match (parsed, wants_json) {
            (Ok(_), false) => {
                return Err(Broken::not(
                    "a body that is not JSON",
                    format!("JSON: {}", brief(&text)),
                ));
            }
            (Err(_), false) => {}
            (Err(_), true) if answer.truncated => return Err(Broken::Truncated),
            (Err(error), true) => {
                let observed = if text.is_empty() {
                    "no body".to_owned()
                } else {
                    format!("{error}: {}", brief(&text))
                };
                return Err(Broken::not("a JSON body", observed));
            }
            (Ok(body), true) => {
                if let Some(schema) = &expectation.schema {
                    judge_schema(&body, &fill_value(schema, scope)?)?;
                }
                judge_paths("the body", &body, &expectation.wherever, scope)?;
            }
        }
    }
    for (wanted, rule) in &expectation.counts {
        if answer.truncated {
            return Err(Broken::Truncated);
        }
        let wanted = fill_text(wanted, scope)?;
        if wanted.is_empty() {
            return Err(Broken::Harness("an empty text cannot be counted".to_owned()));
        }
        let number = text.matches(&wanted).count();
        let of = format!("the number of {} in the body", brief(&wanted));
        judge_value(&of, &number.into(), rule, scope)?;
    }
    let rules = TextRules {
        contains: expectation.contains.clone(),
        excludes: expectation.excludes.clone(),
        matches: expectation.matches.clone(),
        matches_none: expectation.matches_none.clone(),
    };
    judge_text("the body", &text, !answer.truncated, &rules, scope)
}

fn judge_schema(body: &Value, schema: &Value) -> Result<(), Broken> {
    let validator = validator(schema)?;
    match validator.iter_errors(body).next() {
        None => Ok(()),
        Some(error) => {
            let at = error.instance_path().to_string();
            let at = if at.is_empty() {
                "the body".to_owned()
            } else {
                format!("`{at}` of the body")
            };
            Err(Broken::not(
                format!("{at} as the schema says"),
                brief(&error.to_string()),
            ))
        }
    }
}

/// Compiles a schema. The last ones are kept per thread, since a matrix uses one schema many times.
fn validator(schema: &Value) -> Result<std::rc::Rc<jsonschema::Validator>, Broken> {
    use std::cell::RefCell;
    use std::collections::HashMap;
    use std::rc::Rc;
    thread_local! {
        static COMPILED: RefCell<HashMap<String, Rc<jsonschema::Validator>>> = RefCell::new(HashMap::new());
    }
    let key = schema.to_string();
    COMPILED.with_borrow_mut(|compiled| {
        if let Some(found) = compiled.get(&key) {
            return Ok(found.clone());
        }
        if compiled.len() > 200 {
            compiled.clear();
        }
        let built = jsonschema::validator_for(schema)
            .map_err(|error| Broken::Harness(format!("the schema is no JSON Schema: {error}")))?;
        let built = Rc::new(built);
        compiled.insert(key, built.clone());
        Ok(built)
    })
}
