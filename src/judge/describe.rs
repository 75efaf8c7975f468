//! Expectations in words, for findings and for the explain page.

use crate::suite::model::{
    BodyExpectation, Conditions, Expectation, HeaderConditions, HeaderExpectation, HeaderRule,
    Noticed, OneOrMany, ValueMatch,
};
use crate::suite::template::{Scope, fill_text};

use super::show::brief;
use super::{status, text};

/// What is expected, as a phrase that reads after "expects".
pub fn expectation(expectation: &Expectation, scope: &dyn Scope) -> String {
    match expectation {
        Expectation::Answer(name) => format!(
            "the answer `{}`",
            fill_text(name, scope).unwrap_or_else(|_| name.clone())
        ),
        Expectation::Conditions(conditions) => self::conditions(conditions, scope),
    }
}

/// What a control that did not hold says. One that asks for a refusal shows that there is something to break.
pub(super) fn broken_control(expected: &str, observed: &str) -> String {
    let seen = match observed.starts_with("status ") {
        true => format!(", and there was {observed}"),
        false => format!("; {observed}"),
    };
    let so = match expected.starts_with("not ") && observed.starts_with("status 2") {
        true => ": what must be refused for the check to mean something is not",
        false => "",
    };
    format!("the control expected {expected}{seen}{so}")
}

fn conditions(conditions: &Conditions, scope: &dyn Scope) -> String {
    let mut parts = Vec::new();
    if let Some(name) = &conditions.answer {
        parts.push(format!(
            "the answer `{}`",
            fill_text(name, scope).unwrap_or_else(|_| name.clone())
        ));
    }
    if let Some(set) = &conditions.status {
        parts.push(format!("status {}", status::describe(set, scope)));
    }
    if let Some(ends) = &conditions.connection {
        let words: Vec<&str> = ends.as_slice().iter().map(|end| end.word()).collect();
        parts.push(format!("the connection {}", words.join(" or ")));
    }
    for (name, rule) in &conditions.header {
        parts.push(header(
            &fill_text(name, scope).unwrap_or_else(|_| name.clone()),
            rule,
            scope,
        ));
    }
    for (name, rule) in &conditions.trailer {
        let name = fill_text(name, scope).unwrap_or_else(|_| name.clone());
        parts.push(format!("behind the body {}", header(&name, rule, scope)));
    }
    if let Some(rule) = &conditions.body {
        parts.push(body(rule));
    }
    if let Some(rules) = &conditions.anywhere {
        let banned = rules.excludes.is_some() || rules.matches_none.is_some();
        parts.push(
            if banned {
                "an answer free of what must not be in it"
            } else {
                "an answer with certain text"
            }
            .to_owned(),
        );
    }
    for (path, rule) in &conditions.seen {
        parts.push(format!("`{path}` of the probe {}", value(rule)));
    }
    match conditions.listener {
        Some(Noticed::Untouched) => parts.push("no call at the address that was sent".to_owned()),
        Some(Noticed::Called) => parts.push("a call at the address that was sent".to_owned()),
        None => {}
    }
    if let Some(rule) = &conditions.key_fetches {
        parts.push(format!(
            "a number of fetches of the issuer's keys that {}",
            value(rule)
        ));
    }
    for (name, rule) in &conditions.seconds_since {
        let seconds = value(rule);
        parts.push(format!(
            "a number of seconds since `{name}` was sent that {seconds}"
        ));
    }
    if !conditions.no_interim.is_empty() {
        parts.push("no interim answer before it".to_owned());
    }
    if let Some(same_as) = &conditions.same_as {
        let rule = super::same_as::rule(same_as);
        let word = if rule.differs {
            "another answer than"
        } else {
            "the same answer as"
        };
        parts.push(format!("{word} `{}`", rule.step));
    }
    if !conditions.any_of.is_empty() {
        let all: Vec<String> = conditions
            .any_of
            .iter()
            .map(|branch| expectation(branch, scope))
            .collect();
        parts.push(format!("either {}", all.join(", or ")));
    }
    if let Some(banned) = &conditions.not {
        parts.push(format!("anything but {}", expectation(banned, scope)));
    }
    let all = if parts.is_empty() {
        "anything".to_owned()
    } else {
        parts.join(" and ")
    };
    match &conditions.when {
        Some(when) => format!("{all}, where it has {}", self::conditions(when, scope)),
        None => all,
    }
}

fn header(name: &str, expectation: &HeaderExpectation, scope: &dyn Scope) -> String {
    match expectation {
        HeaderExpectation::Rule(HeaderRule::Present) => format!("a `{name}` field"),
        HeaderExpectation::Rule(HeaderRule::Absent) => format!("no `{name}` field"),
        HeaderExpectation::Conditions(conditions) => header_conditions(name, conditions, scope),
    }
}

fn header_conditions(name: &str, rules: &HeaderConditions, scope: &dyn Scope) -> String {
    let mut parts = Vec::new();
    if let Some(value) = rules
        .equals
        .as_ref()
        .or(rules.equals_ignoring_case.as_ref())
    {
        let value = fill_text(value, scope).unwrap_or_else(|_| value.clone());
        parts.push(format!("equal to {}", brief(&value)));
    }
    if let Some(values) = &rules.one_of {
        parts.push(format!("one of {}", texts(values, scope)));
    }
    if let Some(patterns) = &rules.matches {
        parts.push(format!("matching {}", texts(patterns, scope)));
    }
    if let Some(wanted) = &rules.contains {
        parts.push(format!("with {} in it", texts(wanted, scope)));
    }
    if let Some(banned) = rules.excludes.as_ref().or(rules.matches_none.as_ref()) {
        parts.push(format!("without {}", texts(banned, scope)));
    }
    if rules.one_value {
        parts.push("with one value".to_owned());
    }
    if rules.parsed_as.is_some() {
        parts.push("well formed".to_owned());
    }
    for (path, rule) in &rules.wherever {
        parts.push(format!("whose `{path}` {}", value(rule)));
    }
    let if_there = if rules.optional {
        " (if it is there)"
    } else {
        ""
    };
    format!("`{name}` {}{if_there}", parts.join(", "))
}

/// The texts with references filled where they have a value, as they stand where they have none.
fn texts(rule: &OneOrMany<String>, scope: &dyn Scope) -> String {
    let rule = Some(rule.clone());
    let all = text::words(&rule, scope)
        .unwrap_or_else(|_| rule.map_or(Vec::new(), |rule| rule.as_slice().to_vec()));
    let all: Vec<String> = all.iter().map(|text| brief(text)).collect();
    if all.is_empty() {
        return "nothing at all".to_owned();
    }
    all.join(", ")
}

fn body(rules: &BodyExpectation) -> String {
    let mut parts = Vec::new();
    match rules.empty {
        Some(true) => parts.push("no body".to_owned()),
        Some(false) => parts.push("a body".to_owned()),
        None => {}
    }
    match rules.json {
        Some(true) => parts.push("a JSON body".to_owned()),
        Some(false) => parts.push("a body that is not JSON".to_owned()),
        None => {}
    }
    if rules.schema.is_some() {
        parts.push("a body as the schema says".to_owned());
    }
    for (path, rule) in &rules.wherever {
        parts.push(format!("`{path}` of the body {}", value(rule)));
    }
    for (text, rule) in &rules.counts {
        parts.push(format!(
            "the number of `{text}` in the body {}",
            value(rule)
        ));
    }
    if let Some(texts) = rules.contains.as_ref().or(rules.matches.as_ref()) {
        parts.push(format!("`{}` in the body", texts.as_slice().join("`, `")));
    }
    if let Some(texts) = rules.excludes.as_ref().or(rules.matches_none.as_ref()) {
        parts.push(format!(
            "no `{}` in the body",
            texts.as_slice().join("`, `")
        ));
    }
    parts.join(" and ")
}

fn value(rule: &ValueMatch) -> String {
    let rules = match rule {
        ValueMatch::Equals(value) => {
            return format!("equals `{}`", crate::suite::template::show(value));
        }
        ValueMatch::Rules(rules) => rules,
    };
    let Ok(serde_json::Value::Object(members)) = serde_json::to_value(rules) else {
        return "as the rules say".into();
    };
    let parts: Vec<String> = members
        .iter()
        .map(|(rule, value)| match (rule.as_str(), value) {
            ("exists", serde_json::Value::Bool(false)) => "is not there".to_owned(),
            ("exists", _) => "is there".to_owned(),
            ("contains" | "excludes" | "matches", value) => {
                format!("{rule} `{}`", crate::suite::template::show(value))
            }
            (rule, value) => format!(
                "is {} `{}`",
                rule.replace('_', " "),
                crate::suite::template::show(value)
            ),
        })
        .collect();
    parts.join(" and ")
}
