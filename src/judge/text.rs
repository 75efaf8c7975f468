//! Rules for text as it was on the wire.

use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

use super::Broken;
use super::show::brief;
use crate::suite::model::{OneOrMany, TextRules};
use crate::suite::template::{Scope, fill, show};
use serde_json::Value;

/// Expressions that are kept compiled; a captured value can be part of one.
const MOST_COMPILED: usize = 2_000;

/// Judges text. `complete` is false where the text was cut: then what must not occur cannot be ruled out.
pub fn judge_text(
    of: &str,
    text: &str,
    complete: bool,
    rules: &TextRules,
    scope: &dyn Scope,
) -> Result<(), Broken> {
    for wanted in words(&rules.contains, scope)? {
        if !text.contains(&wanted) {
            if !complete {
                return Err(Broken::Truncated);
            }
            return Err(Broken::not(
                format!("{of} contains {}", brief(&wanted)),
                "it does not",
            ));
        }
    }
    for pattern in words(&rules.matches, scope)? {
        if !regex(&pattern)?.is_match(text) {
            if !complete {
                return Err(Broken::Truncated);
            }
            return Err(Broken::not(
                format!("{of} matches /{}/", brief(&pattern)),
                format!("it is {}", brief(text)),
            ));
        }
    }
    for banned in words(&rules.excludes, scope)? {
        if let Some(at) = text.find(&banned) {
            let expected = format!("{of} does not contain {}", brief(&banned));
            return Err(Broken::not(
                expected,
                format!("it does: {}", around(text, at, banned.len())),
            ));
        }
    }
    for pattern in words(&rules.matches_none, scope)? {
        if let Some(found) = regex(&pattern)?.find(text) {
            let expected = format!("nothing in {of} matches /{}/", brief(&pattern));
            return Err(Broken::not(
                expected,
                format!("it has {}", around(text, found.start(), found.len())),
            ));
        }
    }
    if !complete && (rules.excludes.is_some() || rules.matches_none.is_some()) {
        return Err(Broken::Truncated);
    }
    Ok(())
}

/// The texts of a rule, with references filled; a reference to a list gives its members.
pub fn words(rule: &Option<OneOrMany<String>>, scope: &dyn Scope) -> Result<Vec<String>, Broken> {
    let mut all = Vec::new();
    for text in rule.as_ref().map_or(&[][..], OneOrMany::as_slice) {
        match fill(text, scope)? {
            Value::Array(items) => all.extend(items.iter().map(show)),
            other => all.push(show(&other)),
        }
    }
    Ok(all)
}

/// Compiles an expression of a suite, within bounds. The last ones are kept, for all threads.
pub fn regex(pattern: &str) -> Result<regex::Regex, Broken> {
    static COMPILED: LazyLock<RwLock<HashMap<String, regex::Regex>>> =
        LazyLock::new(RwLock::default);
    let compiled = COMPILED.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = compiled.get(pattern) {
        return Ok(found.clone());
    }
    drop(compiled);
    let built = regex::RegexBuilder::new(pattern)
        .size_limit(1 << 20)
        .build()
        .map_err(|error| {
            Broken::Harness(format!("/{pattern}/ is no regular expression: {error}"))
        })?;
    let mut compiled = COMPILED.write().unwrap_or_else(PoisonError::into_inner);
    if compiled.len() > MOST_COMPILED {
        compiled.clear();
    }
    compiled.insert(pattern.to_owned(), built.clone());
    Ok(built)
}

fn around(text: &str, at: usize, length: usize) -> String {
    let from = text[..at]
        .char_indices()
        .rev()
        .nth(15)
        .map_or(0, |(i, _)| i);
    let end = (at + length).min(text.len());
    let to = text[end..]
        .char_indices()
        .nth(15)
        .map_or(text.len(), |(i, _)| end + i);
    brief(&text[from..to])
}
