//! `Strict-Transport-Security`: RFC 6797 §6.1, strictly.

use serde_json::{Value, json};

use super::defect::{Defect, quote};
use super::grammar::{Cursor, MAX_PARTS, delta_seconds, single};

pub(super) const SHAPE: &str = r#"`max-age=31536000; includeSubDomains` reads as
{"max_age": 31536000, "include_subdomains": true, "preload": false, "unknown": [], "lines": 1}

`max_age` is in seconds, at most 2^53-1. `preload` is true for the bare word only. `unknown` names other
directives. Refused: a directive given twice, no max-age, a max-age that is not digits (they may be quoted), a
value on includeSubDomains, a comma, lines that differ."#;

pub(super) fn parse(lines: &[&str]) -> Result<Value, Defect> {
    let field = single(lines)?;
    let mut cursor = Cursor::new(field.text);
    let mut directives = indexmap::IndexMap::new();
    for _ in 0..MAX_PARTS {
        cursor.ows();
        if cursor.eat(b';') {
            continue;
        }
        if cursor.done() {
            return assemble(&directives, field.lines);
        }
        let start = cursor.mark();
        let name = cursor.token("a directive name")?.to_ascii_lowercase();
        cursor.ows();
        let value = if cursor.eat(b'=') {
            cursor.ows();
            Some(cursor.value(&format!("a value of {}", quote(&name)))?.0)
        } else {
            None
        };
        cursor.ows();
        if cursor.peek() == Some(b',') {
            return Err(cursor.fail("a comma stands where directives are separated by `;`"));
        }
        if !cursor.done() && cursor.peek() != Some(b';') {
            return Err(cursor.expected("`;` or the end"));
        }
        if directives.contains_key(&name) {
            let says = format!("directive {} is given a second time", quote(&name));
            return Err(cursor.fail_at(start, &says));
        }
        directives.insert(name, value);
    }
    Err(Defect::new(format!("more than {MAX_PARTS} directives")))
}

fn assemble(
    directives: &indexmap::IndexMap<String, Option<String>>,
    lines: usize,
) -> Result<Value, Defect> {
    let max_age = match directives.get("max-age") {
        None => return Err(Defect::new("the max-age directive is missing")),
        Some(None) => return Err(Defect::new("max-age has no value")),
        Some(Some(text)) => delta_seconds(text)
            .ok_or_else(|| Defect::new(format!("max-age is {}, not digits", quote(text))))?,
    };
    if let Some(Some(value)) = directives.get("includesubdomains") {
        return Err(Defect::new(format!(
            "includeSubDomains takes no value but has {}",
            quote(value)
        )));
    }
    let preload = directives.get("preload") == Some(&None);
    let unknown: Vec<&String> = directives
        .keys()
        .filter(|name| !matches!(name.as_str(), "max-age" | "includesubdomains"))
        .filter(|name| !(preload && *name == "preload"))
        .collect();
    Ok(json!({
        "max_age": max_age,
        "include_subdomains": directives.contains_key("includesubdomains"),
        "preload": preload,
        "unknown": unknown,
        "lines": lines,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good() {
        for (line, max_age, sub, preload) in [
            ("max-age=0", 0, false, false),
            ("MAX-AGE=\"300\" ; IncludeSubdomains;", 300, true, false),
            (";; max-age = 5;;preload", 5, false, true),
            (
                "max-age=99999999999999999999999",
                (1u64 << 53) - 1,
                false,
                false,
            ),
        ] {
            let value = parse(&[line]).expect(line);
            assert_eq!(value["max_age"], max_age, "{line}");
            assert_eq!(value["include_subdomains"], sub, "{line}");
            assert_eq!(value["preload"], preload, "{line}");
        }
        let value = parse(&["max-age=1; preload=yes; x=\"a;b\""]).unwrap();
        assert_eq!(value["unknown"], json!(["preload", "x"]));
        assert_eq!(value["preload"], false);
        assert_eq!(parse(&["max-age=1 ", "max-age=1"]).unwrap()["lines"], 2);
    }

    #[test]
    fn bad() {
        for (lines, says) in [
            (&["max-age=1y"][..], "max-age is `1y`, not digits"),
            (&["max-age=-1"], "max-age is `-1`, not digits"),
            (&["max-age=\"\""], "max-age is ``, not digits"),
            (&["max-age"], "max-age has no value"),
            (&["includeSubDomains"], "max-age directive is missing"),
            (&[""], "max-age directive is missing"),
            (&["max-age="], "where a value of `max-age` should be"),
            (
                &["max-age=1; max-age=1"],
                "`max-age` is given a second time",
            ),
            (
                &["max-age=1; Preload; preload"],
                "`preload` is given a second time",
            ),
            (&["max-age=1, includeSubDomains"], "a comma stands"),
            (
                &["max-age=1 includeSubDomains"],
                "where `;` or the end should be",
            ),
            (&["max-age=1; includeSubDomains=true"], "takes no value"),
            (&["max-age=\"1"], "not closed"),
            (
                &["max-age=1", "max-age=2"],
                "sent twice with different values",
            ),
            (&[], "there is no line"),
        ] {
            let defect = parse(lines).unwrap_err();
            assert!(defect.says.contains(says), "{lines:?}: {defect}");
        }
    }
}
