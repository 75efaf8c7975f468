//! `ETag`: RFC 9110 §8.8.3.

use serde_json::{Value, json};

use super::defect::{Defect, quote};
use super::grammar::single;

pub(super) const SHAPE: &str = r#"`W/"xyzzy"` reads as
{"weak": true, "opaque": "xyzzy", "lines": 1}

`opaque` is without its quotes; a backslash in it stands for itself. Refused: no quotes, `w/`, spaces, quotes or
controls inside, a list, lines that differ."#;

pub(super) fn parse(lines: &[&str]) -> Result<Value, Defect> {
    let field = single(lines)?;
    let (weak, quoted) = match field.text.strip_prefix("W/") {
        Some(rest) => (true, rest),
        None => (false, field.text),
    };
    let opaque = quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .filter(|text| !text.contains(|c: char| c == '"' || c == ' ' || c.is_ascii_control()))
        .ok_or_else(|| Defect::new(format!("{} is no entity tag", quote(field.text))))?;
    Ok(json!({"weak": weak, "opaque": opaque, "lines": field.lines}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_and_bad() {
        assert_eq!(
            parse(&["\"\""]).unwrap(),
            json!({"weak": false, "opaque": "", "lines": 1})
        );
        assert_eq!(parse(&["\"a\\b\u{e9}\""]).unwrap()["opaque"], "a\\b\u{e9}");
        for line in [
            "",
            "abc",
            "w/\"a\"",
            "W/a",
            "\"a",
            "\"",
            "\"a b\"",
            "\"a\"b\"",
            "\"a\", \"b\"",
            "'a'",
        ] {
            assert!(
                parse(&[line]).unwrap_err().says.contains("no entity tag"),
                "{line}"
            );
        }
    }
}
