//! Structured fields: RFC 9651.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};
use sfv::{BareItem, FieldType, InnerList, Item, ListEntry, Parser};

use super::defect::Defect;
use super::grammar::MAX_PARTS;

/// Parses `text` as item, list or dictionary.
pub(super) fn read<T: FieldType>(text: &str, kind: &str) -> Result<T, Defect> {
    Parser::new(text)
        .parse()
        .map_err(|error| Defect::new(format!("not a structured {kind}: {error}")))
}

/// The type's name (RFC 9651 §3.3) and its JSON value.
pub(super) fn bare(item: &BareItem) -> (&'static str, Value) {
    match item {
        BareItem::Integer(n) => ("integer", Value::from(i64::from(*n))),
        BareItem::Decimal(n) => ("decimal", Value::from(f64::from(*n))),
        BareItem::String(text) => ("string", Value::from(text.as_str())),
        BareItem::Token(text) => ("token", Value::from(text.as_str())),
        BareItem::Boolean(value) => ("boolean", Value::from(*value)),
        BareItem::ByteSequence(octets) => ("byte-sequence", Value::from(base64(octets))),
        BareItem::Date(date) => ("date", Value::from(i64::from(date.unix_seconds()))),
        BareItem::DisplayString(text) => ("display-string", Value::from(text.as_str())),
    }
}

pub(super) fn base64(octets: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(octets)
}

/// Counts parts, so that a field of many short ones does not become a tree of objects many times its size.
#[derive(Default)]
struct Tree {
    parts: usize,
}

impl Tree {
    fn count(&mut self) -> Result<(), Defect> {
        self.parts += 1;
        if self.parts > MAX_PARTS {
            return Err(Defect::new(format!("more than {MAX_PARTS} parts")));
        }
        Ok(())
    }

    fn item(&mut self, item: &Item) -> Result<Value, Defect> {
        self.count()?;
        let (kind, value) = bare(&item.bare_item);
        Ok(json!({"type": kind, "value": value, "params": self.params(&item.params)?}))
    }

    fn inner_list(&mut self, list: &InnerList) -> Result<Value, Defect> {
        self.count()?;
        let items: Result<Vec<Value>, Defect> =
            list.items.iter().map(|item| self.item(item)).collect();
        Ok(json!({"type": "inner-list", "items": items?, "params": self.params(&list.params)?}))
    }

    fn entry(&mut self, entry: &ListEntry) -> Result<Value, Defect> {
        match entry {
            ListEntry::Item(item) => self.item(item),
            ListEntry::InnerList(list) => self.inner_list(list),
        }
    }

    fn params(&mut self, params: &IndexMap<sfv::Key, BareItem>) -> Result<Value, Defect> {
        let mut object = Map::new();
        for (key, value) in params {
            self.count()?;
            let (kind, value) = bare(value);
            object.insert(
                key.as_str().to_owned(),
                json!({"type": kind, "value": value}),
            );
        }
        Ok(Value::Object(object))
    }
}

pub(super) mod item {
    use super::*;
    use crate::judge::fields::grammar::single;

    pub(in crate::judge::fields) const SHAPE: &str = r#"`same-origin; report-to="coop"; n=3` reads as
{"type": "token", "value": "same-origin", "params": {"report-to": {"type": "string", "value": "coop"},
 "n": {"type": "integer", "value": 3}},
 "lines": 1}

`type` is integer, decimal, string, token, boolean, date (value in seconds since 1970), byte-sequence (value in
base64) or display-string. Refused: whatever RFC 9651 §4.2 refuses, lines that differ."#;

    pub(in crate::judge::fields) fn parse(lines: &[&str]) -> Result<Value, Defect> {
        let field = single(lines)?;
        let mut value = Tree::default().item(&read(field.text, "item")?)?;
        value["lines"] = Value::from(field.lines);
        Ok(value)
    }
}

pub(super) mod list {
    use super::*;

    pub(in crate::judge::fields) const SHAPE: &str = r#"`"a";p=?0, (b 1.5);q` reads as
{"members": [
  {"type": "string", "value": "a", "params": {"p": {"type": "boolean", "value": false}}},
  {"type": "inner-list", "items": [{"type": "token", "value": "b", "params": {}},
   {"type": "decimal", "value": 1.5, "params": {}}],
   "params": {"q": {"type": "boolean", "value": true}}}]}

All lines are read as one list. Types as in sf-item. Refused: whatever RFC 9651 §4.2 refuses; more than 1024
parts."#;

    pub(in crate::judge::fields) fn parse(lines: &[&str]) -> Result<Value, Defect> {
        let list: sfv::List = read(&lines.join(", "), "list")?;
        let mut tree = Tree::default();
        let members: Result<Vec<Value>, Defect> =
            list.iter().map(|entry| tree.entry(entry)).collect();
        Ok(json!({"members": members?}))
    }
}

pub(super) mod dictionary {
    use super::*;

    pub(in crate::judge::fields) const SHAPE: &str = r#"`u=1, i, sig=:aGk=:;x=y` reads as
{"members": {"u": {"type": "integer", "value": 1, "params": {}}, "i": {"type": "boolean", "value": true, "params": {}},
 "sig": {"type": "byte-sequence", "value": "aGk=", "params": {"x": {"type": "token", "value": "y"}}}}}

All lines are read as one dictionary, where the last of equal keys counts. A value is shaped as in sf-item, or
is {"type": "inner-list", "items": [...], "params": {...}}. Refused: whatever RFC 9651 §4.2 refuses; more than
1024 parts."#;

    pub(in crate::judge::fields) fn parse(lines: &[&str]) -> Result<Value, Defect> {
        let dictionary: sfv::Dictionary = read(&lines.join(", "), "dictionary")?;
        let mut tree = Tree::default();
        let mut members = Map::new();
        for (key, entry) in &dictionary {
            members.insert(key.as_str().to_owned(), tree.entry(entry)?);
        }
        Ok(json!({"members": members}))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good() {
        for (line, kind, value) in [
            (
                "-999999999999999",
                "integer",
                json!(-999_999_999_999_999_i64),
            ),
            ("0.125", "decimal", json!(0.125)),
            ("\"a\\\"b\"", "string", json!("a\"b")),
            ("*/x", "token", json!("*/x")),
            ("@1700000000", "date", json!(1_700_000_000)),
            ("%\"f%c3%bc\"", "display-string", json!("f\u{fc}")),
            (":AP8=:", "byte-sequence", json!("AP8=")),
        ] {
            let read = item::parse(&[line]).unwrap_or_else(|defect| panic!("{line}: {defect}"));
            assert_eq!(
                (&read["type"], &read["value"]),
                (&json!(kind), &value),
                "{line}"
            );
        }
        assert_eq!(
            list::parse(&["a", "b"]).unwrap()["members"][1]["value"],
            "b"
        );
        assert_eq!(list::parse(&[""]).unwrap(), json!({"members": []}));
        assert_eq!(
            dictionary::parse(&["a=1", "a=2"]).unwrap()["members"]["a"]["value"],
            2
        );
        assert_eq!(item::parse(&["a;x", "a;x"]).unwrap()["lines"], 2);
    }

    #[test]
    fn bad() {
        for line in [
            "",
            "\"a",
            "\"a\" \"b\"",
            "\"\\x\"",
            "caf\u{e9}",
            "1234567890123456",
            "1.",
            "a, b",
            ":a",
            "?2",
            "a;X=1",
        ] {
            let defect = item::parse(&[line]).unwrap_err();
            assert!(
                defect.says.contains("not a structured item"),
                "{line}: {defect}"
            );
        }
        for line in ["a,", "a b", "(a", "(a,b)", "a;"] {
            assert!(list::parse(&[line]).is_err(), "{line}");
            assert!(
                dictionary::parse(&[&format!("k={line}")]).is_err(),
                "{line}"
            );
        }
        assert!(
            list::parse(&[&vec!["1"; 1025].join(",")])
                .unwrap_err()
                .says
                .contains("more than 1024")
        );
        assert!(
            item::parse(&["a", "b"])
                .unwrap_err()
                .says
                .contains("sent twice")
        );
    }
}
