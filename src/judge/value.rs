//! Rules for a JSON value.

use serde_json::Value;
use serde_json_path::JsonPath;

use super::Broken;
use super::show::brief;
use crate::suite::model::{ValueMatch, ValueRules};
use crate::suite::template::{Scope, TemplateError, fill_text, fill_value, show};

/// Judges JSONPath rules over a value. `of` names the value in sentences (`the body`, `Strict-Transport-Security`).
pub fn judge_paths<'r>(
    of: &str,
    value: &Value,
    rules: impl IntoIterator<Item = (&'r String, &'r ValueMatch)>,
    scope: &dyn Scope,
) -> Result<(), Broken> {
    for (path, rule) in rules {
        let path_text = fill_text(path, scope)?;
        let parsed = JsonPath::parse(&path_text)
            .map_err(|error| Broken::Harness(format!("`{path_text}` is no JSONPath: {error}")))?;
        let nodes = parsed.query(value).all();
        let whole = format!("`{path_text}` of {of}");
        let absent_wanted = matches!(rule, ValueMatch::Rules(rules) if rules.exists == Some(false));
        if absent_wanted {
            if let Some(found) = nodes.iter().find(|node| !node.is_null()) {
                return Err(Broken::not(
                    format!("{whole} is not there"),
                    format!("it is {}", brief(&show(found))),
                ));
            }
            continue;
        }
        if nodes.is_empty() {
            return Err(Broken::not(
                format!("{whole} {}", describe(rule)),
                "it is not there",
            ));
        }
        if matches!(rule, ValueMatch::Rules(rules) if rules.distinct) {
            let again = nodes
                .iter()
                .enumerate()
                .find(|(at, node)| nodes.iter().take(*at).any(|earlier| earlier == *node));
            if let Some((_, twice)) = again {
                return Err(Broken::not(
                    format!("{whole} is another each time"),
                    format!("{} came twice", brief(&show(twice))),
                ));
            }
        }
        for node in nodes {
            judge_value(&whole, node, rule, scope)?;
        }
    }
    Ok(())
}

/// Judges one value.
pub fn judge_value(
    of: &str,
    value: &Value,
    rule: &ValueMatch,
    scope: &dyn Scope,
) -> Result<(), Broken> {
    match rule {
        ValueMatch::Equals(expected) => {
            let expected = fill_value(expected, scope)?;
            hold(
                equal(value, &expected),
                || format!("{of} equals {}", brief(&show(&expected))),
                value,
            )
        }
        ValueMatch::Rules(rules) => judge_rules(of, value, rules, scope),
    }
}

fn judge_rules(
    of: &str,
    value: &Value,
    rules: &ValueRules,
    scope: &dyn Scope,
) -> Result<(), Broken> {
    let text = show(value);
    let filled = |rule: &Option<Value>| rule.as_ref().map(|v| fill_value(v, scope)).transpose();
    if let Some(expected) = filled(&rules.equals)? {
        hold(
            equal(value, &expected),
            || format!("{of} equals {}", brief(&show(&expected))),
            value,
        )?;
    }
    if let Some(expected) = &rules.equals_ignoring_case {
        let expected = fill_text(expected, scope)?;
        hold(
            text.eq_ignore_ascii_case(&expected),
            || format!("{of} equals {} in any case", brief(&expected)),
            value,
        )?;
    }
    if let Some(other) = filled(&rules.not)? {
        hold(
            !equal(value, &other),
            || format!("{of} is not {}", brief(&show(&other))),
            value,
        )?;
    }
    if let Some(allowed) = filled(&rules.one_of)? {
        hold(
            list(&allowed).iter().any(|a| equal(value, a)),
            || format!("{of} is one of {}", brief(&join(&allowed))),
            value,
        )?;
    }
    if let Some(banned) = filled(&rules.none_of)? {
        hold(
            !list(&banned).iter().any(|b| equal(value, b)),
            || format!("{of} is none of {}", brief(&join(&banned))),
            value,
        )?;
    }
    if let Some(wanted) = filled(&rules.contains)? {
        let all = list(&wanted).iter().all(|w| has(value, w));
        hold(
            all,
            || format!("{of} contains {}", brief(&join(&wanted))),
            value,
        )?;
    }
    if let Some(wanted) = filled(&rules.contains_any)? {
        hold(
            list(&wanted).iter().any(|w| has(value, w)),
            || format!("{of} contains one of {}", brief(&join(&wanted))),
            value,
        )?;
    }
    if let Some(banned) = filled(&rules.excludes)? {
        let none = !list(&banned).iter().any(|b| has(value, b));
        hold(
            none,
            || format!("{of} does not contain {}", brief(&join(&banned))),
            value,
        )?;
    }
    if let Some(only) = filled(&rules.only)? {
        let allowed = members(&only);
        let items = list(value);
        hold(
            items
                .iter()
                .all(|item| allowed.iter().any(|a| equal(item, a))),
            || format!("{of} has nothing but {}", brief(&join(&only))),
            value,
        )?;
    }
    if let Some(pattern) = &rules.matches {
        let pattern = fill_text(pattern, scope)?;
        hold(
            super::text::regex(&pattern)?.is_match(&text),
            || format!("{of} matches /{}/", brief(&pattern)),
            value,
        )?;
    }
    for (bound, is_least) in [(&rules.at_least, true), (&rules.at_most, false)] {
        if let Some(bound) = filled(bound)? {
            let bound = number(&bound)
                .ok_or_else(|| Broken::Harness(format!("{} is no number", show(&bound))))?;
            let slack = rules.slack.unwrap_or_default();
            let holds = number(value).is_some_and(|n| match is_least {
                true => n + slack >= bound,
                false => n - slack <= bound,
            });
            let word = if is_least { "at least" } else { "at most" };
            let by = match slack {
                0.0 => String::new(),
                slack => format!(", give or take {slack}"),
            };
            hold(holds, || format!("{of} is {word} {bound}{by}"), value)?;
        }
    }
    if let Some(wanted) = &rules.json_type {
        hold(
            is_type(value, wanted),
            || format!("{of} is of type {wanted}"),
            value,
        )?;
    }
    if rules.exists == Some(true) {
        hold(!value.is_null(), || format!("{of} is there"), value)?;
    }
    let length = match value {
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        _ => text.chars().count(),
    };
    if let Some(least) = rules.length_at_least {
        hold(
            length >= least,
            || format!("{of} has a length of at least {least}"),
            value,
        )?;
    }
    if let Some(most) = rules.length_at_most {
        hold(
            length <= most,
            || format!("{of} has a length of at most {most}"),
            value,
        )?;
    }
    Ok(())
}

fn hold(holds: bool, expected: impl FnOnce() -> String, value: &Value) -> Result<(), Broken> {
    if holds {
        Ok(())
    } else {
        Err(Broken::not(
            expected(),
            format!("it is {}", brief(&show(value))),
        ))
    }
}

/// Equal as JSON; numbers by value, and a number equals its decimal text (templates may give either).
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x.as_f64() == y.as_f64(),
        _ => a == b,
    }
}

fn has(value: &Value, wanted: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| equal(item, wanted)),
        Value::Object(members) => members.contains_key(&show(wanted)),
        other => show(other).contains(&show(wanted)),
    }
}

fn list(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.clone(),
        other => vec![other.clone()],
    }
}

/// The values of a rule; one that is a reference to a list stands for the members of that list.
fn members(rule: &Value) -> Vec<Value> {
    list(rule).iter().flat_map(list).collect()
}

fn join(value: &Value) -> String {
    list(value).iter().map(show).collect::<Vec<_>>().join(", ")
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

fn is_type(value: &Value, wanted: &str) -> bool {
    match wanted {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "null" => value.is_null(),
        _ => false,
    }
}

/// The rule in words, without the value.
fn describe(rule: &ValueMatch) -> String {
    match rule {
        ValueMatch::Equals(value) => format!("equals {}", brief(&show(value))),
        ValueMatch::Rules(_) => "is there".to_owned(),
    }
}

impl From<TemplateError> for Broken {
    fn from(error: TemplateError) -> Self {
        Broken::Harness(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::template::Found;
    use serde_json::json;

    struct Nothing;
    impl Scope for Nothing {
        fn find(&self, _path: &[&str]) -> Option<Found> {
            None
        }
    }

    fn holds(value: &Value, rules: Value) -> bool {
        let rules = ValueMatch::Rules(Box::new(serde_json::from_value(rules).unwrap()));
        judge_value("it", value, &rules, &Nothing).is_ok()
    }

    #[test]
    fn a_list_in_a_list_of_what_is_allowed_stands_for_its_members() {
        let seen = json!(["GET", "PATCH"]);
        assert!(holds(&seen, json!({"only": ["GET", ["PATCH", "PUT"]]})));
        assert!(!holds(&seen, json!({"only": ["GET", ["PUT"]]})));
    }

    #[test]
    fn all_of_some_or_any_of_some() {
        let schemes = json!(["bearer", "basic"]);
        assert!(holds(
            &schemes,
            json!({"contains_any": ["apikey", "bearer"]})
        ));
        assert!(!holds(&schemes, json!({"contains": ["apikey", "bearer"]})));
        assert!(!holds(&schemes, json!({"contains_any": ["apikey"]})));
        assert!(holds(
            &json!("a token"),
            json!({"contains_any": ["key", "token"]})
        ));
    }
}
