//! What a check needs and what it runs over, in words; and when it comes to no verdict.

use serde_json::Value;

use super::model::{Check, Domain, Expectation, Nodes, OneOrMany, Selected, Step};
use super::narrate::{plain, quoted};
use super::template::show;
use crate::judge::brief;

/// Listed values that are named; the others are counted.
const SHOWN_VALUES: usize = 8;

/// What the check runs over, one phrase for each variable: `each operation that is protected`.
pub fn matrix(check: &Check) -> Vec<String> {
    check
        .for_each
        .iter()
        .map(|(name, domain)| match domain {
            Domain::Values(values) => {
                let shown: Vec<String> = values.iter().take(SHOWN_VALUES).map(label).collect();
                let more = match values.len().saturating_sub(SHOWN_VALUES) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                format!("each {} of {}{more}", spaced(name), quoted_all(&shown))
            }
            Domain::Selected(selected) => {
                let each = self::selected(name, selected);
                match selected.take {
                    Some(1) => each.replacen("each ", "the first ", 1),
                    Some(most) => format!("{each}, {most} at most"),
                    None => each,
                }
            }
        })
        .collect()
}

/// What must be there for the check to be run; what is missing makes it skipped.
pub fn needs(check: &Check) -> Vec<String> {
    let mut all = Vec::new();
    let needs = &check.needs;
    for consent in &needs.consent {
        all.push(format!("consent to `{consent}` in the target file"));
    }
    for feature in &needs.features {
        all.push(format!("the feature `{feature}`"));
    }
    for param in &needs.params {
        all.push(format!("a value for the parameter `{param}`"));
    }
    if needs.dns_name {
        all.push("a target that is reached by a DNS name and not by an IP address".to_owned());
    }
    if needs.plain_address {
        all.push("a plain-HTTP address to try".to_owned());
    }
    if let Ok(Value::Object(members)) = serde_json::to_value(needs) {
        let said = ["consent", "features", "params", "dns_name", "plain_address"];
        for (name, value) in members.iter().filter(|(n, _)| !said.contains(&n.as_str())) {
            all.push(brief(&format!("{name}: {}", show(value))));
        }
    }
    for (name, domain) in &check.for_each {
        if let Domain::Selected(selected) = domain {
            let some = self::selected(name, selected).replacen("each ", "some ", 1);
            all.push(some);
        }
    }
    all
}

/// When no verdict is reached: the check's own words, then the rules that hold for its kind of steps.
pub fn doubts(check: &Check) -> Vec<String> {
    let mut all: Vec<String> = check.inconclusive.iter().cloned().collect();
    let sends = check
        .steps
        .iter()
        .filter(|step| !matches!(step, Step::Probe(_)) && step.sayings().is_some())
        .count();
    let mut rule = |applies: bool, says: &str| {
        if applies {
            all.push(says.to_owned());
        }
    };
    rule(
        !check.control.is_empty() || check.steps.iter().any(|step| !controls(step).is_empty()),
        "A control is not answered as a correct target answers it.",
    );
    rule(
        sends > 0,
        "There is no answer at all, or 429, 502, 503 or 504 come in its place also after waiting, unless the check \
         is about them.",
    );
    rule(
        check
            .steps
            .iter()
            .any(|step| matches!(step, Step::Probe(_))),
        "The target cannot be reached.",
    );
    rule(
        check.steps.iter().any(authenticates),
        "A credential that it sends cannot be had.",
    );
    rule(
        check.steps.iter().any(captures),
        "An answer lacks a value that a later step needs.",
    );
    rule(
        true,
        "It fails once and holds the second time: every failure is tried again.",
    );
    all
}

fn selected(name: &str, selected: &Selected) -> String {
    let mut text = match selected {
        Selected {
            operations: Some(words),
            ..
        } => format!("each operation{}", such(words)),
        Selected {
            principals: Some(words),
            on,
            ..
        } => format!("each principal{}", who(words, on.as_deref())),
        Selected {
            list: Some(list), ..
        } => format!("each {} of the list `{list}`", spaced(name)),
        Selected {
            situations: Some(words),
            ..
        } if words == "all" => "each situation".to_owned(),
        Selected {
            situations: Some(words),
            ..
        } => format!("each situation{}", such(words)),
        Selected {
            violations: Some(of),
            ..
        } => format!("each way to break the schema of the {}", spaced(of)),
        Selected { forgeries, .. } if !forgeries.is_empty() => {
            format!("each variant of the forgeries {}", quoted(forgeries))
        }
        Selected {
            param: Some(param), ..
        } => format!("each {} of the parameter `{param}`", spaced(name)),
        Selected {
            rate_limits: Some(words),
            ..
        } => format!("each declared rate limit{}", such(words)),
        Selected {
            nodes: Some(which), ..
        } => match which {
            Nodes::All => "each node".to_owned(),
            Nodes::Others => "each node but the first".to_owned(),
        },
        other => format!(
            "each {} of {}",
            spaced(name),
            brief(&serde_json::to_string(other).unwrap_or_default())
        ),
    };
    if let Some(banned) = &selected.not {
        let words: Vec<&str> = banned.split_whitespace().collect();
        let words: Vec<String> = words.iter().map(|word| brief(word)).collect();
        text.push_str(&format!(", but not {}", words.join(" or ")));
    }
    text
}

fn such(words: &str) -> String {
    let words: Vec<&str> = words.split_whitespace().collect();
    if words.is_empty() || words == ["all"] {
        return String::new();
    }
    let either: Vec<String> = words
        .iter()
        .map(|word| word.split('|').map(brief).collect::<Vec<_>>().join(" or "))
        .collect();
    format!(" that is {}", either.join(" and "))
}

fn who(words: &str, on: Option<&str>) -> String {
    let on = spaced(on.unwrap_or("operation"));
    let phrases: Vec<String> = words
        .split_whitespace()
        .map(|word| match word {
            "allowed" => format!("may use the {on}"),
            "entitled" => format!("may use the {on}, whatever else it is"),
            "forbidden" => format!("may not use the {on}"),
            "same-role-other-tenant" => format!("has the role of the {on} in another tenant"),
            other => format!(
                "is {}",
                other.split('|').map(brief).collect::<Vec<_>>().join(" or ")
            ),
        })
        .collect();
    if phrases.is_empty() {
        String::new()
    } else {
        format!(" that {}", phrases.join(" and "))
    }
}

fn label(value: &Value) -> String {
    match value.get("name") {
        Some(name) => show(name),
        None => show(value),
    }
}

fn quoted_all(words: &[String]) -> String {
    words
        .iter()
        .map(|word| brief(word))
        .collect::<Vec<_>>()
        .join(", ")
}

fn spaced(name: &str) -> String {
    name.replace(['_', '-'], " ")
}

fn controls(step: &Step) -> &[Expectation] {
    let control = step.sayings().and_then(|sayings| sayings.control);
    control.map_or(&[], OneOrMany::as_slice)
}

fn authenticates(step: &Step) -> bool {
    let names = step
        .requests()
        .into_iter()
        .filter_map(|send| send.principal.as_deref());
    names.into_iter().any(|name| plain(name) != "`anonymous`")
}

fn captures(step: &Step) -> bool {
    let captures = step.sayings().and_then(|sayings| sayings.capture);
    captures.is_some_and(|all| all.values().any(|capture| !capture.optional))
}
