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
            return Err(Broken::Harness(
                "an empty text cannot be counted".to_owned(),
            ));
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::journal::Octets;
    use crate::suite::template::Found;

    struct Nothing;
    impl Scope for Nothing {
        fn find(&self, _path: &[&str]) -> Option<Found> {
            None
        }
    }

    fn judged(rules: Value, body: &str, truncated: bool) -> Result<(), Broken> {
        let expectation: BodyExpectation = serde_json::from_value(rules).unwrap();
        let answer = RecordedAnswer {
            version: "1.1".into(),
            status: 200,
            reason: Octets::default(),
            headers: Vec::new(),
            body: Octets(body.into()),
            truncated,
            interim: Vec::new(),
            trailers: Vec::new(),
        };
        judge_body(&expectation, &answer, &Nothing)
    }

    #[test]
    fn texts_are_counted() {
        let once = || json!({"counts": {"apple": 1}});
        assert!(judged(once(), r#"["apple", "pear"]"#, false).is_ok());
        let twice = judged(once(), r#"["apple", "apple"]"#, false);
        assert!(matches!(twice, Err(Broken::Not { .. })));
        assert!(judged(once(), "", false).is_err());
        let some = json!({"counts": {"apple": {"at_least": 2}}});
        assert!(judged(some, "apple apple apple", false).is_ok());
    }

    #[test]
    fn of_half_a_body_nothing_is_counted() {
        let judged = judged(json!({"counts": {"apple": 1}}), "apple", true);
        assert!(matches!(judged, Err(Broken::Truncated)));
        let nothing = self::judged(json!({"counts": {"": 1}}), "apple", false);
        assert!(matches!(nothing, Err(Broken::Harness(_))));
    }
}
