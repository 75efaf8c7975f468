//! Fields that are one whole number: Age, Access-Control-Max-Age, Content-Length, the X-RateLimit family.

use serde_json::{Value, json};

use super::defect::{Defect, quote};
use super::grammar::{MAX_SAFE, single};

pub(super) const SHAPE: &str = r#"`-1` reads as
{"value": -1, "lines": 1}

Digits, perhaps after a `-`. Refused: anything else, numbers beyond 2^53-1 either way, lines that differ."#;

pub(super) fn parse(lines: &[&str]) -> Result<Value, Defect> {
    let field = single(lines)?;
    let digits = field.text.strip_prefix('-').unwrap_or(field.text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Defect::new(format!(
            "{} is no whole number",
            quote(field.text)
        )));
    }
    let value = field.text.parse::<i64>().ok();
    match value.filter(|n| n.unsigned_abs() <= MAX_SAFE) {
        Some(value) => Ok(json!({"value": value, "lines": field.lines})),
        None => Err(Defect::new(format!(
            "{} is beyond 2^53-1",
            quote(field.text)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_and_bad() {
        assert_eq!(
            parse(&["007", "007 "]).unwrap(),
            json!({"value": 7, "lines": 2})
        );
        assert_eq!(parse(&["9007199254740991"]).unwrap()["value"], MAX_SAFE);
        for (line, says) in [
            ("", "`` is no whole number"),
            ("-", "no whole number"),
            ("+1", "no whole number"),
            ("1.0", "no whole number"),
            ("1e3", "no whole number"),
            ("5, 5", "no whole number"),
            ("--1", "no whole number"),
            ("9007199254740992", "beyond 2^53-1"),
            ("99999999999999999999999999", "beyond 2^53-1"),
        ] {
            let defect = parse(&[line]).unwrap_err();
            assert!(defect.says.contains(says), "{line}: {defect}");
        }
    }
}
