//! `Referrer-Policy`: W3C Referrer Policy §4.1, §8.1.

use serde_json::{Value, json};

use super::defect::Defect;
use super::grammar::tokens;

pub(super) const SHAPE: &str = r#"`no-referrer, strict-origin-when-cross-origin, future-policy` reads as
{"tokens": ["no-referrer", "strict-origin-when-cross-origin", "future-policy"],
 "effective": "strict-origin-when-cross-origin", "unknown": ["future-policy"], "empty_elements": 0}

All lines are read as one list, in lower case. `effective` is the last token that browsers know, or null if they
know none. Refused: whatever is no list of tokens."#;

const KNOWN: [&str; 8] = [
    "no-referrer",
    "no-referrer-when-downgrade",
    "same-origin",
    "origin",
    "strict-origin",
    "origin-when-cross-origin",
    "strict-origin-when-cross-origin",
    "unsafe-url",
];

pub(super) fn parse(lines: &[&str]) -> Result<Value, Defect> {
    let (found, empty) = tokens(lines)?;
    let tokens: Vec<String> = found.iter().map(|t| t.to_ascii_lowercase()).collect();
    let known = |token: &&String| KNOWN.contains(&token.as_str());
    let unknown: Vec<&String> = tokens.iter().filter(|t| !known(t)).collect();
    Ok(json!({
        "tokens": tokens,
        "effective": tokens.iter().rfind(known),
        "unknown": unknown,
        "empty_elements": empty,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good() {
        for (lines, effective) in [
            (&["No-Referrer"][..], json!("no-referrer")),
            (&["unsafe-url", "same-origin"], json!("same-origin")),
            (&["strict-origin, none"], json!("strict-origin")),
            (&["no-referer"], Value::Null),
            (&[""], Value::Null),
        ] {
            assert_eq!(parse(lines).unwrap()["effective"], effective, "{lines:?}");
        }
        assert_eq!(
            parse(&["a,origin,b"]).unwrap()["unknown"],
            json!(["a", "b"])
        );
    }

    #[test]
    fn bad() {
        for line in [
            "no-referrer; origin",
            "no-referrer origin",
            "\"origin\"",
            "no-referrer, (x)",
        ] {
            assert!(parse(&[line]).is_err(), "{line}");
        }
    }
}
