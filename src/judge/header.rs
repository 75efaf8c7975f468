//! Expectations on the field lines of one name.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Broken;
use super::fields::Field;
use super::show::brief;
use super::text::{judge_text, regex, words};
use super::value::judge_paths;
use crate::suite::model::{HeaderConditions, HeaderExpectation, HeaderRule, TextRules};
use crate::suite::template::{Scope, fill_text};

pub(super) fn judge_header(
    name: &str,
    expectation: &HeaderExpectation,
    lines: &[String],
    scope: &dyn Scope,
) -> Result<(), Broken> {
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
        HeaderExpectation::Conditions(conditions) => judge_lines(name, lines, conditions, scope),
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
    if let Some(stated) = &rules.means {
        let stated = fill_text(stated, scope)?;
        if !means(name, lines, &stated)? {
            return Err(Broken::not(
                format!("{of} says what {} says", brief(&stated)),
                seen(),
            ));
        }
    }
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

/// Whether the lines say at least what the stated value says.
fn means(name: &str, lines: &[String], stated: &str) -> Result<bool, Broken> {
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let read = |field: Field| -> Result<(Option<Value>, Value), Broken> {
        let wanted = field
            .parse(&[stated])
            .map_err(|defect| Broken::Harness(format!("`{name}: {stated}`: {}", defect.says)))?;
        Ok((field.parse(&lines).ok(), wanted))
    };
    Ok(match name.to_ascii_lowercase().as_str() {
        "strict-transport-security" => {
            let (seen, wanted) = read(Field::Hsts)?;
            seen.is_some_and(|seen| {
                let is_kept = |flag: &str| wanted[flag] != true || seen[flag] == true;
                seen["max_age"].as_u64() >= wanted["max_age"].as_u64()
                    && is_kept("include_subdomains")
                    && is_kept("preload")
            })
        }
        "content-security-policy" => {
            let (seen, wanted) = read(Field::Csp)?;
            let stated = wanted["directives"].as_object();
            seen.is_some_and(|seen| {
                stated.is_some_and(|all| {
                    all.iter().all(|(directive, sources)| {
                        same_members(&seen["directives"][directive], sources)
                    })
                })
            })
        }
        _ => lines
            .iter()
            .all(|line| plain_form(line) == plain_form(stated)),
    })
}

fn same_members(a: &Value, b: &Value) -> bool {
    let members = |value: &Value| -> Option<BTreeSet<String>> {
        Some(value.as_array()?.iter().map(ToString::to_string).collect())
    };
    members(a).is_some_and(|a| members(b) == Some(a))
}

/// Lower case, with no space around separators.
fn plain_form(value: &str) -> String {
    let lower = value.trim().to_ascii_lowercase();
    let parts: Vec<String> = lower
        .split(';')
        .map(|part| {
            let members: Vec<&str> = part.split(',').map(str::trim).collect();
            members.join(",")
        })
        .collect();
    parts.join(";")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_means_what_the_contract_states() {
        let hsts = "max-age=31536000; includeSubDomains";
        let csp = "default-src 'self'";
        for (name, line, stated, holds) in [
            ("X-Frame-Options", "deny", "DENY", true),
            ("X-Frame-Options", "SAMEORIGIN", "DENY", false),
            ("X-XSS-Protection", "1;mode=block", "1; mode=block", true),
            ("X-XSS-Protection", "1", "1; mode=block", false),
            (
                "Strict-Transport-Security",
                "includeSubDomains ; max-age=63072000",
                hsts,
                true,
            ),
            ("Strict-Transport-Security", "max-age=31536000", hsts, false),
            (
                "Strict-Transport-Security",
                "max-age=300; includeSubDomains",
                hsts,
                false,
            ),
            ("Strict-Transport-Security", "max-age=1y", hsts, false),
            (
                "Content-Security-Policy",
                "frame-ancestors 'none'; default-src 'self'",
                csp,
                true,
            ),
            (
                "Content-Security-Policy",
                "default-src 'self' https://x.invalid",
                csp,
                false,
            ),
            ("Content-Security-Policy", "script-src 'self'", csp, false),
        ] {
            let said = means(name, &[line.to_owned()], stated);
            assert_eq!(said, Ok(holds), "{name}: {line}");
        }
        let two = ["nosniff".to_owned(), "none".to_owned()];
        assert_eq!(means("X-Content-Type-Options", &two, "nosniff"), Ok(false));
        assert!(matches!(
            means(
                "Strict-Transport-Security",
                &[hsts.to_owned()],
                "max-age=1y"
            ),
            Err(Broken::Harness(_))
        ));
    }
}
