//! JSON read the way a verifier should read it: UTF-8 only, no duplicate members, bounded depth, numbers that
//! mean something. Also where each member of an object stands in the text, so that forgeries can edit text.

mod scanner;

use std::ops::Range;

use serde_json::{Map, Value};

use scanner::Scanner;

/// Arrays and objects may be nested this deep, the outermost counted as 1.
pub const MAX_DEPTH: usize = 32;

/// Why a text is not acceptable JSON. `at` counts octets from its start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    #[error("not UTF-8 at octet {at} (RFC 8259 §8.1)")]
    InvalidUtf8 { at: usize },
    #[error("expected {expected} at octet {at}")]
    Syntax { at: usize, expected: &'static str },
    #[error("member `{name}` at octet {at} is there twice (RFC 7515 §4, RFC 7519 §4)")]
    DuplicateMember { name: String, at: usize },
    #[error("nested deeper than {MAX_DEPTH} at octet {at}")]
    TooDeep { at: usize },
    #[error("the number at octet {at} does not fit 64 bits")]
    NumberTooLarge { at: usize },
    #[error("half of a surrogate pair is escaped at octet {at}")]
    LoneSurrogate { at: usize },
    #[error("a control character stands unescaped at octet {at}")]
    ControlCharacter { at: usize },
    #[error("something follows the value at octet {at}")]
    Trailing { at: usize },
    #[error("the value is not an object")]
    NotAnObject,
}

/// Where a member of the outermost object stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Unescaped.
    pub name: String,
    /// From the opening to the closing quote, both included.
    pub name_span: Range<usize>,
    pub value_span: Range<usize>,
}

/// Reads one value with nothing but white space around it.
pub fn parse(text: &[u8]) -> Result<Value, JsonError> {
    let text = utf8(text)?;
    let mut scanner = Scanner::new(text);
    let value = scanner.value(0)?;
    scanner.end()?;
    Ok(value)
}

/// As [`parse`], for texts that must be an object.
pub fn parse_object(text: &[u8]) -> Result<Map<String, Value>, JsonError> {
    match parse(text)? {
        Value::Object(members) => Ok(members),
        _ => Err(JsonError::NotAnObject),
    }
}

/// The members of the outermost object in order, duplicates included, values of any depth.
pub fn members(text: &str) -> Result<Vec<Member>, JsonError> {
    let mut scanner = Scanner::new(text);
    let mut found = Vec::new();
    scanner.space();
    if scanner.peek() != Some(b'{') {
        return Err(JsonError::NotAnObject);
    }
    scanner.at += 1;
    scanner.space();
    if !scanner.take(b'}') {
        loop {
            scanner.space();
            let start = scanner.at;
            let name = scanner.string()?;
            let name_span = start..scanner.at;
            scanner.space();
            scanner.expect(b':', "`:`")?;
            scanner.space();
            let start = scanner.at;
            scanner.skip_value()?;
            found.push(Member {
                name,
                name_span,
                value_span: start..scanner.at,
            });
            scanner.space();
            if !scanner.take(b',') {
                scanner.expect(b'}', "`,` or `}`")?;
                break;
            }
        }
    }
    scanner.end()?;
    Ok(found)
}

/// Where the elements of the outermost array stand, of any depth.
pub fn elements(text: &str) -> Result<Vec<Range<usize>>, JsonError> {
    let mut scanner = Scanner::new(text);
    let mut found = Vec::new();
    scanner.space();
    scanner.expect(b'[', "`[`")?;
    scanner.space();
    if !scanner.take(b']') {
        loop {
            scanner.space();
            let start = scanner.at;
            scanner.skip_value()?;
            found.push(start..scanner.at);
            scanner.space();
            if !scanner.take(b',') {
                scanner.expect(b']', "`,` or `]`")?;
                break;
            }
        }
    }
    scanner.end()?;
    Ok(found)
}

fn utf8(text: &[u8]) -> Result<&str, JsonError> {
    std::str::from_utf8(text).map_err(|e| JsonError::InvalidUtf8 {
        at: e.valid_up_to(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refusals_are_told_apart() {
        let nested = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(
            parse(nested(MAX_DEPTH + 1).as_bytes()),
            Err(JsonError::TooDeep { at: 32 })
        );
        assert_eq!(
            parse(br#"{"a":{"b":1,"\u0062":2}}"#),
            Err(JsonError::DuplicateMember {
                name: "b".into(),
                at: 12
            })
        );
        assert_eq!(parse(b"\"\xff\""), Err(JsonError::InvalidUtf8 { at: 1 }));
        assert_eq!(
            parse(br#""\ud800x""#),
            Err(JsonError::LoneSurrogate { at: 1 })
        );
        assert_eq!(parse(b"1e400"), Err(JsonError::NumberTooLarge { at: 0 }));
        assert_eq!(
            parse(b"18446744073709551616"),
            Err(JsonError::NumberTooLarge { at: 0 })
        );
        assert_eq!(
            parse(b"\"a\x01\""),
            Err(JsonError::ControlCharacter { at: 2 })
        );
        assert_eq!(parse(b"{} {}"), Err(JsonError::Trailing { at: 3 }));
        assert_eq!(parse_object(b"[]"), Err(JsonError::NotAnObject));
        assert!(matches!(
            parse(b"\xef\xbb\xbf{}"),
            Err(JsonError::Syntax { at: 0, .. })
        ));
        for text in [
            "", "{", "[1,]", "{\"a\"}", "01", "1.", "tru", "\"\\x\"", "nan",
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn members_are_found_where_they_stand() {
        let text = r#" { "a" : [1,{"x":"}"}] ,"b":2,"a":"\u00e9" } "#;
        let found: Vec<_> = members(text)
            .unwrap()
            .into_iter()
            .map(|m| (m.name, &text[m.name_span], &text[m.value_span]))
            .collect();
        assert_eq!(
            found,
            [
                ("a".to_owned(), "\"a\"", "[1,{\"x\":\"}\"}]"),
                ("b".to_owned(), "\"b\"", "2"),
                ("a".to_owned(), "\"a\"", "\"\\u00e9\""),
            ]
        );
        let list: Vec<_> = elements(" [1, {\"a\":[2]},[] ] ").unwrap();
        assert_eq!(list, [2..3, 5..14, 15..17]);
        assert!(elements("[1").is_err() && elements("{}").is_err());
        let deep = format!("{{\"d\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(members(&deep).unwrap().len(), 1);
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json_on_what_it_accepts(text in r#"[\[\]{}",:0-9a-c\\untrue .eE+-]{0,24}"#) {
            if let Ok(value) = parse(text.as_bytes()) {
                prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
            }
        }

        #[test]
        fn reads_what_serde_json_writes(names in proptest::collection::hash_set(".{0,8}", 0..6), number: i64, word: String) {
            let mut object = Map::new();
            for name in names {
                object.insert(name, serde_json::json!([number, {"w": word, "f": 1.5, "n": null, "b": true}]));
            }
            let text = serde_json::to_string(&object).unwrap();
            prop_assert_eq!(parse_object(text.as_bytes()).unwrap(), object);
        }
    }
}
