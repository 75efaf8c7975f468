//! Equality of two answers, with named exceptions.

use serde_json::Value;
use serde_json_path::JsonPath;

use super::Broken;
use super::show::brief;
use crate::journal::{Exchange, RecordedAnswer};
use crate::suite::model::{SameAs, SameAsRule, SamePart};

/// Fields whose values say nothing about the answer itself.
const ALWAYS_EXCEPT: [&str; 4] = ["date", "age", "connection", "keep-alive"];

pub(super) fn rule(same_as: &SameAs) -> SameAsRule {
    match same_as {
        SameAs::Step(step) => SameAsRule {
            step: step.clone(),
            only: Vec::new(),
            except_headers: Vec::new(),
            except_body: Vec::new(),
            at: Vec::new(),
            differs: false,
        },
        SameAs::Rule(rule) => (**rule).clone(),
    }
}

pub(super) fn judge_same(
    rule: &SameAsRule,
    answer: &RecordedAnswer,
    earlier: &Exchange,
) -> Result<(), Broken> {
    let Some(other) = &earlier.answer else {
        return Err(Broken::NoAnswer);
    };
    let parts = if !rule.at.is_empty() && rule.only.is_empty() {
        vec![SamePart::Body]
    } else if rule.only.is_empty() {
        vec![SamePart::Status, SamePart::Headers, SamePart::Body]
    } else {
        rule.only.clone()
    };
    if answer.truncated != other.truncated {
        return Err(Broken::Truncated);
    }
    let difference = parts
        .iter()
        .find_map(|part| difference(*part, rule, answer, other));
    match (difference, rule.differs) {
        (None, false) | (Some(_), true) => Ok(()),
        (Some(observed), false) => Err(Broken::not(
            format!("the same answer as `{}`", rule.step),
            observed,
        )),
        (None, true) => Err(Broken::not(
            format!("another answer than `{}`", rule.step),
            "it is the same",
        )),
    }
}

fn difference(
    part: SamePart,
    rule: &SameAsRule,
    a: &RecordedAnswer,
    b: &RecordedAnswer,
) -> Option<String> {
    match part {
        SamePart::Status => {
            (a.status != b.status).then(|| format!("status {} and not {}", a.status, b.status))
        }
        SamePart::HeaderNames => {
            let (mine, theirs) = (names(a, rule), names(b, rule));
            let missing: Vec<&String> = theirs.iter().filter(|n| !mine.contains(n)).collect();
            let added: Vec<&String> = mine.iter().filter(|n| !theirs.contains(n)).collect();
            (!missing.is_empty() || !added.is_empty())
                .then(|| format!("fields missing: {missing:?}; fields more: {added:?}"))
        }
        SamePart::Headers => {
            let (mine, theirs) = (lines(a, rule), lines(b, rule));
            let odd = mine
                .iter()
                .find(|l| !theirs.contains(l))
                .or_else(|| theirs.iter().find(|l| !mine.contains(l)));
            odd.map(|(name, value)| {
                format!(
                    "only one of the two has `{name}: {}`",
                    brief(value).trim_matches('`')
                )
            })
        }
        SamePart::Body => {
            let (mine, theirs) = (body(a, rule), body(b, rule));
            (mine != theirs).then(|| format!("body {} and not {}", brief(&mine), brief(&theirs)))
        }
        SamePart::BodyMembers => {
            let (mine, theirs) = (members(a), members(b));
            let lacking = theirs.iter().find(|member| !mine.contains(member));
            lacking.map(|(name, kind)| format!("there is no member `{name}` of type {kind}"))
        }
        SamePart::BodyShape => {
            let (mine, theirs) = (shape_of(a), shape_of(b));
            (mine != theirs).then(|| {
                format!(
                    "body of the shape {} and not {}",
                    brief(&mine),
                    brief(&theirs)
                )
            })
        }
    }
}

fn lines(answer: &RecordedAnswer, rule: &SameAsRule) -> Vec<(String, String)> {
    let mut lines: Vec<(String, String)> = answer
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.text().trim().to_owned()))
        .filter(|(name, _)| !ALWAYS_EXCEPT.contains(&name.as_str()))
        .filter(|(name, _)| {
            !rule
                .except_headers
                .iter()
                .any(|except| except.eq_ignore_ascii_case(name))
        })
        .collect();
    lines.sort();
    lines
}

fn names(answer: &RecordedAnswer, rule: &SameAsRule) -> Vec<String> {
    let mut names: Vec<String> = lines(answer, rule)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    names.dedup();
    names
}

/// JSON compared as JSON, with the exceptions taken out; anything else as text.
fn body(answer: &RecordedAnswer, rule: &SameAsRule) -> String {
    let Ok(mut value) = serde_json::from_slice::<Value>(&answer.body.0) else {
        return answer.body.text().into_owned();
    };
    if !rule.at.is_empty() {
        let selected = rule.at.iter().filter_map(|path| {
            let path = JsonPath::parse(path).ok()?;
            Some(Value::Array(
                path.query(&value).all().into_iter().map(sorted).collect(),
            ))
        });
        return Value::Array(selected.collect()).to_string();
    }
    for path in &rule.except_body {
        let Ok(path) = JsonPath::parse(path) else {
            continue;
        };
        let pointers: Vec<String> = path
            .query_located(&value)
            .locations()
            .map(|location| location.to_json_pointer())
            .collect();
        for pointer in pointers {
            if let Some(node) = value.pointer_mut(&pointer) {
                *node = Value::Null;
            }
        }
    }
    sorted(&value).to_string()
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut keys: Vec<&String> = members.keys().collect();
            keys.sort();
            Value::Object(
                keys.into_iter()
                    .map(|key| (key.clone(), sorted(&members[key])))
                    .collect(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// Names and types of the members of a JSON object; none of anything else.
fn members(answer: &RecordedAnswer) -> Vec<(String, &'static str)> {
    let kind = |value: &Value| match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    match serde_json::from_slice::<Value>(&answer.body.0) {
        Ok(Value::Object(members)) => members
            .iter()
            .map(|(name, value)| (name.clone(), kind(value)))
            .collect(),
        _ => Vec::new(),
    }
}

fn shape_of(answer: &RecordedAnswer) -> String {
    match serde_json::from_slice::<Value>(&answer.body.0) {
        Ok(value) => shape(&value),
        Err(_) if answer.body.0.is_empty() => "nothing".to_owned(),
        Err(_) => "text".to_owned(),
    }
}

fn shape(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "boolean".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "string".into(),
        Value::Array(items) => format!("[{}]", items.first().map(shape).unwrap_or_default()),
        Value::Object(members) => {
            let mut shapes: Vec<String> = members
                .iter()
                .map(|(key, value)| format!("{key}: {}", shape(value)))
                .collect();
            shapes.sort();
            format!("{{{}}}", shapes.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Octets;

    fn answer(body: &str) -> RecordedAnswer {
        RecordedAnswer {
            version: "1.1".into(),
            status: 400,
            reason: Octets::default(),
            headers: Vec::new(),
            body: Octets(body.as_bytes().to_vec()),
            truncated: false,
            interim: Vec::new(),
            trailers: Vec::new(),
        }
    }

    fn differ(part: SamePart, at: &[&str], mine: &str, theirs: &str) -> bool {
        let rule = SameAsRule {
            at: at.iter().map(|path| (*path).to_owned()).collect(),
            ..rule(&SameAs::Step("first".into()))
        };
        difference(part, &rule, &answer(mine), &answer(theirs)).is_some()
    }

    #[test]
    fn members_may_be_more_but_not_fewer_or_others() {
        let differ = |mine, theirs| differ(SamePart::BodyMembers, &[], mine, theirs);
        assert!(!differ(r#"{"a":1,"b":"x","c":[]}"#, r#"{"b":"y","a":2}"#));
        assert!(differ(r#"{"a":1}"#, r#"{"a":1,"b":"x"}"#));
        assert!(differ(r#"{"a":"1"}"#, r#"{"a":1}"#));
        assert!(differ("<html>", r#"{"a":1}"#));
    }

    #[test]
    fn only_what_is_at_the_paths_is_compared() {
        let differ = |mine, theirs| differ(SamePart::Body, &["$.a", "$.b"], mine, theirs);
        assert!(!differ(r#"{"a":1,"c":1}"#, r#"{"a":1,"c":2}"#));
        assert!(differ(r#"{"a":1}"#, r#"{"a":2}"#));
        assert!(differ(r#"{"a":1}"#, r#"{"b":1}"#));
        assert!(!differ(r#"{"c":1}"#, r#"{}"#));
    }
}
