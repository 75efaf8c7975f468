//! `X-Frame-Options`: HTML §7.7 "The X-Frame-Options header"; RFC 7034 §2.1.

use serde_json::{Value, json};

use super::defect::{Defect, quote};
use super::grammar::single;

pub(super) const SHAPE: &str = r#"`DENY` reads as
{"value": "deny", "lines": 1}

`value` is deny or sameorigin. Refused: ALLOW-FROM (obsolete, browsers ignore it), ALLOWALL, any other value, a
list, lines that differ."#;

pub(super) fn parse(lines: &[&str]) -> Result<Value, Defect> {
    let field = single(lines)?;
    let value = field.text.to_ascii_lowercase();
    let shown = quote(field.text);
    let says = match value.as_str() {
        "deny" | "sameorigin" => return Ok(json!({"value": value, "lines": field.lines})),
        "" => "the field is empty".to_owned(),
        _ if value.starts_with("allow-from") => {
            format!("{shown} is obsolete, and browsers ignore it")
        }
        _ if value.contains(',') => format!("{shown} is a list, where one value should be"),
        _ => format!("{shown} is neither DENY nor SAMEORIGIN"),
    };
    Err(Defect::new(says))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_and_bad() {
        assert_eq!(parse(&["SameOrigin"]).unwrap()["value"], "sameorigin");
        for (lines, says) in [
            (&["ALLOW-FROM https://a.example"][..], "obsolete"),
            (&["ALLOW-FROM"], "obsolete"),
            (&["ALLOWALL"], "neither DENY nor SAMEORIGIN"),
            (&["DENY, SAMEORIGIN"], "is a list"),
            (&["'deny'"], "neither"),
            (&[""], "is empty"),
            (&["DENY", "SAMEORIGIN"], "sent twice with different values"),
        ] {
            let defect = parse(lines).unwrap_err();
            assert!(defect.says.contains(says), "{lines:?}: {defect}");
        }
    }
}
