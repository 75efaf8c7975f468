//! Expectations on the field lines of one name.

use super::Broken;
use super::show::brief;
use super::text::{judge_text, regex, words};
use super::value::judge_paths;
use crate::journal::RecordedAnswer;
use crate::suite::model::{HeaderConditions, HeaderExpectation, HeaderRule, TextRules};
use crate::suite::template::{Scope, fill_text};

pub(super) fn judge_header(
    name: &str,
    expectation: &HeaderExpectation,
    answer: &RecordedAnswer,
    scope: &dyn Scope,
) -> Result<(), Broken> {
    let lines = answer.header(name);
    match expectation {
        HeaderExpectation::Rule(HeaderRule::Present) if lines.is_empty() => Err(absent(name)),
        HeaderExpectation::Rule(HeaderRule::Absent) if !lines.is_empty() => Err(Broken::not(
            format!("no `{name}`"),
            format!("`{name}: {}`", brief(&lines[0]).trim_matches('`')),
        )),
        HeaderExpectation::Rule(_) => Ok(()),
        HeaderExpectation::Conditions(conditions) if lines.is_empty() => {
            if conditions.optional {
                Ok(())
            } else {
                Err(absent(name))
            }
        }
        HeaderExpectation::Conditions(conditions) => judge_lines(name, &lines, conditions, scope),
    }
}

fn absent(name: &str) -> Broken {
    Broken::not(format!("a `{name}` field"), "there is none")
}

fn judge_lines(
    name: &str,
    lines: &[String],
    rules: &HeaderConditions,
    scope: &dyn Scope,
) -> Result<(), Broken> {
    if rules.one_value
        && let Some(other) = lines.iter().find(|line| **line != lines[0])
    {
        return Err(Broken::not(
            format!("`{name}` with one value"),
            format!(
                "two lines that differ: {} and {}",
                brief(&lines[0]),
                brief(other)
            ),
        ));
    }
    let joined = lines.join(", ");
    let of = format!("`{name}`");
    let seen = || format!("it is {}", brief(&joined));
    if let Some(expected) = &rules.equals {
        let expected = fill_text(expected, scope)?;
        if joined != expected {
            return Err(Broken::not(format!("{of} is {}", brief(&expected)), seen()));
        }
    }
    if let Some(expected) = &rules.equals_ignoring_case {
        let expected = fill_text(expected, scope)?;
        if !joined.eq_ignore_ascii_case(&expected) {
            return Err(Broken::not(format!("{of} is {}", brief(&expected)), seen()));
        }
    }
    if rules.one_of.is_some() {
        let allowed = words(&rules.one_of, scope)?;
        if !allowed.contains(&joined) {
            return Err(Broken::not(
                format!("{of} is one of {}", brief(&allowed.join(" | "))),
                seen(),
            ));
        }
    }
    for pattern in words(&rules.matches, scope)? {
        if !regex(&pattern)?.is_match(&joined) {
            return Err(Broken::not(
                format!("{of} matches /{}/", brief(&pattern).trim_matches('`')),
                seen(),
            ));
        }
    }
    let text = TextRules {
        contains: rules.contains.clone(),
        excludes: rules.excludes.clone(),
        matches: None,
        matches_none: rules.matches_none.clone(),
    };
    judge_text(&of, &joined, true, &text, scope)?;
    if let Some(field) = rules.parsed_as {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let value = field.parse(&lines).map_err(|defect| {
            Broken::not(
                format!("{of} is well formed"),
                format!("{} ({})", defect.says, seen()),
            )
        })?;
        judge_paths(&of, &value, &rules.wherever, scope)?;
    }
    Ok(())
}
