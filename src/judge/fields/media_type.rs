//! `Content-Type`: RFC 9110 §8.3.1.

use serde_json::{Value, json};

use super::defect::Defect;
use super::grammar::{Cursor, single};

pub(super) const SHAPE: &str = r#"`application/problem+json; charset="UTF-8"` reads as
{"type": "application/problem+json", "suffix": "json", "charset": "utf-8", "params": {"charset": "UTF-8"},
 "is_json": true, "is_html": false, "lines": 1}

`type` is lower case without parameters. `suffix` follows the last `+`, or is null. `charset` is lower case or
null. Names in `params` are lower case. `is_json`: application/json or a +json type. `is_html`: text/html or
application/xhtml+xml. Refused: no type/subtype, a list, a parameter without `=` and value or given twice, lines
that differ."#;

pub(super) fn parse(lines: &[&str]) -> Result<Value, Defect> {
    let field = single(lines)?;
    let mut cursor = Cursor::new(field.text);
    let major = cursor.token("a type")?;
    if !cursor.eat(b'/') {
        return Err(cursor.expected("`/` and a subtype"));
    }
    let minor = cursor.token("a subtype")?;
    let params = cursor.parameters()?;
    cursor.end()?;

    let essence = format!("{major}/{minor}").to_ascii_lowercase();
    let suffix = essence.rsplit_once('+').map(|(_, suffix)| suffix);
    Ok(json!({
        "type": essence,
        "suffix": suffix,
        "charset": params.get("charset").map(|c| c.to_ascii_lowercase()),
        "params": params,
        "is_json": essence == "application/json" || suffix == Some("json"),
        "is_html": essence == "text/html" || essence == "application/xhtml+xml",
        "lines": field.lines,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good() {
        for (line, essence, json, html) in [
            ("application/json", "application/json", true, false),
            (
                "Application/JSON;Charset=utf-8",
                "application/json",
                true,
                false,
            ),
            (
                "application/hal+json ; a=b ;; c=\"d;e\" ;",
                "application/hal+json",
                true,
                false,
            ),
            ("text/html; charset=utf-8", "text/html", false, true),
            ("text/json", "text/json", false, false),
            ("application/jsonp", "application/jsonp", false, false),
        ] {
            let value = parse(&[line]).expect(line);
            assert_eq!(value["type"], essence);
            assert_eq!(value["is_json"], json, "{line}");
            assert_eq!(value["is_html"], html, "{line}");
        }
        let value = parse(&["a/b; x=\"\\\"y\""]).unwrap();
        assert_eq!(value["params"], json!({"x": "\"y"}));
        assert_eq!(value["charset"], Value::Null);
    }

    #[test]
    fn bad() {
        for (line, says) in [
            ("", "where a type should be, the field ends"),
            ("json", "where `/` and a subtype should be"),
            ("application/", "where a subtype should be"),
            (
                "application/json, text/html",
                "where the end should be, `, text/html` stands",
            ),
            ("application/json charset=utf-8", "where the end should be"),
            (
                "application/json; charset",
                "where `=` right after parameter `charset` should be",
            ),
            ("application/json; charset = utf-8", "where `=` right after"),
            (
                "application/json; charset=",
                "where a value of parameter `charset` should be",
            ),
            (
                "application/json; a=1; A=2",
                "parameter `a` is given a second time at octet 24",
            ),
            ("application/json; a=\"1", "not closed at octet 21"),
        ] {
            let defect = parse(&[line]).unwrap_err();
            assert!(defect.says.contains(says), "{line}: {defect}");
        }
        assert!(
            parse(&["a/b", "a/c"])
                .unwrap_err()
                .says
                .contains("sent twice")
        );
    }
}
