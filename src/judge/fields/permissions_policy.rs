//! `Permissions-Policy`: W3C Permissions Policy §5.2, §9.1, a structured dictionary (RFC 9651 §3.2).

use serde_json::{Map, Value, json};
use sfv::{BareItem, Dictionary, Item, ListEntry, Parser};

use super::defect::{Defect, quote};
use super::grammar::MAX_PARTS;

pub(super) const SHAPE: &str = r#"`camera=(), geolocation=(self "https://maps.example"), fullscreen=*` reads as
{"features": {"camera": [], "geolocation": ["self", "https://maps.example"], "fullscreen": ["*"]}, "ignored": []}

All lines are read as one dictionary. An allow-list holds `self`, `src`, `*` and origins; an empty one closes
the feature. `ignored` names what a browser passes over, as "camera: none" (a word it does not know, often an
origin without quotes or `none` for `()`). Refused: whatever is no dictionary, above all the old Feature-Policy
syntax (`camera 'none'`), which makes a browser ignore the whole field."#;

pub(super) fn parse(lines: &[&str]) -> Result<Value, Defect> {
    let text = lines.join(", ");
    let dictionary: Dictionary = Parser::new(&text).parse().map_err(|error| {
        if is_old_syntax(&text) {
            Defect::new(format!(
                "{} is in the syntax of Feature-Policy, which browsers ignore here",
                quote(&text)
            ))
        } else {
            Defect::new(format!("not a structured dictionary: {error}"))
        }
    })?;
    let mut features = Map::new();
    let mut ignored = Vec::new();
    let mut count = 0;
    for (key, entry) in &dictionary {
        let items = match entry {
            ListEntry::Item(item) => std::slice::from_ref(item),
            ListEntry::InnerList(list) => list.items.as_slice(),
        };
        count += 1 + items.len();
        if count > MAX_PARTS {
            return Err(Defect::new(format!("more than {MAX_PARTS} parts")));
        }
        let mut allowed = Vec::new();
        for item in items {
            match member(item) {
                Ok(name) => allowed.push(Value::from(name)),
                Err(name) => ignored.push(format!("{}: {name}", key.as_str())),
            }
        }
        features.insert(key.as_str().to_owned(), Value::Array(allowed));
    }
    Ok(json!({"features": features, "ignored": ignored}))
}

/// What an allow-list member stands for, or, if that is nothing, its text.
fn member(item: &Item) -> Result<&str, String> {
    match &item.bare_item {
        BareItem::Token(token) if ["self", "src", "*"].contains(&token.as_str()) => {
            Ok(token.as_str())
        }
        BareItem::Token(token) => Err(token.as_str().to_owned()),
        BareItem::String(origin) => Ok(origin.as_str()),
        BareItem::Boolean(value) => Err(if *value { "?1" } else { "?0" }.to_owned()),
        _ => Err("(neither word nor string)".to_owned()),
    }
}

/// `feature` followed by white space and an allow-list without `=` and parentheses.
fn is_old_syntax(text: &str) -> bool {
    let directive = text.split([';', ',']).next().unwrap_or(text);
    let mut words = directive.split_ascii_whitespace();
    let (Some(feature), Some(first)) = (words.next(), words.next()) else {
        return false;
    };
    feature
        .bytes()
        .all(|b| b.is_ascii_alphabetic() || b == b'-')
        && (first == "*" || first.starts_with('\'') || first.contains("://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good() {
        let value = parse(&[
            "camera=(), usb=self",
            "midi=(self  src);report-to=x, camera=(self)",
        ])
        .unwrap();
        assert_eq!(
            value["features"],
            json!({"camera": ["self"], "usb": ["self"], "midi": ["self", "src"]})
        );
        let value = parse(&["camera=none, usb=(https://a.example), midi, hid=(none 1)"]).unwrap();
        assert_eq!(
            value["ignored"],
            json!([
                "camera: none",
                "usb: https://a.example",
                "midi: ?1",
                "hid: none",
                "hid: (neither word nor string)"
            ])
        );
        assert_eq!(value["features"]["camera"], json!([]));
        assert_eq!(parse(&[""]).unwrap()["features"], json!({}));
    }

    #[test]
    fn bad() {
        for (line, says) in [
            (
                "camera 'none'; microphone 'none'",
                "syntax of Feature-Policy",
            ),
            ("camera 'none'", "syntax of Feature-Policy"),
            ("geolocation https://a.example", "syntax of Feature-Policy"),
            ("camera *", "syntax of Feature-Policy"),
            ("camera=('none')", "not a structured dictionary"),
            ("camera=(", "not a structured dictionary"),
            ("camera=(),", "trailing comma"),
            ("camera=(); usb=()", "not a structured dictionary"),
            ("Camera=()", "not a structured dictionary"),
        ] {
            let defect = parse(&[line]).unwrap_err();
            assert!(defect.says.contains(says), "{line}: {defect}");
        }
    }
}
