//! JSON read the way a verifier should read it: UTF-8 only, no duplicate members, bounded depth, numbers that
//! mean something. Also where each member of an object stands in the text, so that forgeries can edit text.

use std::ops::Range;

use serde_json::{Map, Number, Value};

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

struct Scanner<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Scanner<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn take(&mut self, wanted: u8) -> bool {
        let there = self.peek() == Some(wanted);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, wanted: u8, expected: &'static str) -> Result<(), JsonError> {
        if self.take(wanted) {
            Ok(())
        } else {
            Err(self.syntax(expected))
        }
    }

    fn syntax(&self, expected: &'static str) -> JsonError {
        JsonError::Syntax {
            at: self.at,
            expected,
        }
    }

    fn end(&mut self) -> Result<(), JsonError> {
        self.space();
        if self.at == self.text.len() {
            Ok(())
        } else {
            Err(JsonError::Trailing { at: self.at })
        }
    }

    /// `depth` is the number of arrays and objects around this value.
    fn value(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.space();
        match self.peek() {
            Some(b'{' | b'[') if depth == MAX_DEPTH => Err(JsonError::TooDeep { at: self.at }),
            Some(b'{') => self.object(depth + 1).map(Value::Object),
            Some(b'[') => self.array(depth + 1).map(Value::Array),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Number),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            _ => Err(self.syntax("a value")),
        }
    }

    fn word(&mut self, word: &'static str, value: Value) -> Result<Value, JsonError> {
        if self.text[self.at..].starts_with(word) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(self.syntax("a value"))
        }
    }

    fn object(&mut self, depth: usize) -> Result<Map<String, Value>, JsonError> {
        let mut members = Map::new();
        self.at += 1;
        self.space();
        if self.take(b'}') {
            return Ok(members);
        }
        loop {
            self.space();
            let at = self.at;
            let name = self.string()?;
            self.space();
            self.expect(b':', "`:`")?;
            let value = self.value(depth)?;
            if members.contains_key(&name) {
                return Err(JsonError::DuplicateMember { name, at });
            }
            members.insert(name, value);
            self.space();
            if !self.take(b',') {
                self.expect(b'}', "`,` or `}`")?;
                return Ok(members);
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Value>, JsonError> {
        let mut elements = Vec::new();
        self.at += 1;
        self.space();
        if self.take(b']') {
            return Ok(elements);
        }
        loop {
            elements.push(self.value(depth)?);
            self.space();
            if !self.take(b',') {
                self.expect(b']', "`,` or `]`")?;
                return Ok(elements);
            }
        }
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.expect(b'"', "a string")?;
        let mut out = String::new();
        let mut plain = self.at;
        loop {
            match self.peek() {
                None => return Err(self.syntax("the end of the string")),
                Some(b'"') => {
                    out.push_str(&self.text[plain..self.at]);
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    out.push_str(&self.text[plain..self.at]);
                    out.push(self.escape()?);
                    plain = self.at;
                }
                Some(0..=0x1f) => return Err(JsonError::ControlCharacter { at: self.at }),
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let start = self.at;
        self.at += 1;
        let letter = self.peek().ok_or(self.syntax("an escape"))?;
        self.at += 1;
        Ok(match letter {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.hex4()?;
                if let Some(character) = char::from_u32(first) {
                    return Ok(character);
                }
                let lone = JsonError::LoneSurrogate { at: start };
                if first >= 0xdc00 || !self.take(b'\\') || !self.take(b'u') {
                    return Err(lone);
                }
                let second = self.hex4()?;
                if !(0xdc00..0xe000).contains(&second) {
                    return Err(lone);
                }
                char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))
                    .ok_or(lone)?
            }
            _ => {
                self.at -= 1;
                return Err(self.syntax("an escape"));
            }
        })
    }

    fn hex4(&mut self) -> Result<u32, JsonError> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4);
        let value = digits.and_then(|digits| {
            digits.iter().try_fold(0, |value, &digit| {
                Some(value * 16 + char::from(digit).to_digit(16)?)
            })
        });
        let value = value.ok_or(self.syntax("four hexadecimal digits"))?;
        self.at += 4;
        Ok(value)
    }

    /// The span of a number by the grammar of RFC 8259 §6, and whether it is written as an integer.
    fn number_span(&mut self) -> Result<(Range<usize>, bool), JsonError> {
        let start = self.at;
        let mut integer = true;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            integer = false;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            integer = false;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok((start..self.at, integer))
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start {
            Err(self.syntax("a digit"))
        } else {
            Ok(())
        }
    }

    /// Integers must fit `i64` or `u64`, others a finite `f64`: a claim that two readers round differently
    /// is refused rather than judged.
    fn number(&mut self) -> Result<Number, JsonError> {
        let (span, integer) = self.number_span()?;
        let at = span.start;
        let literal = &self.text[span];
        if integer {
            let signed = literal.parse::<i64>().map(Number::from);
            signed
                .or_else(|_| literal.parse::<u64>().map(Number::from))
                .map_err(|_| JsonError::NumberTooLarge { at })
        } else {
            let float = literal.parse::<f64>().ok();
            float
                .and_then(Number::from_f64)
                .ok_or(JsonError::NumberTooLarge { at })
        }
    }

    /// Passes over one value of any depth without recursion. Checks strings, numbers and words, and that
    /// brackets are balanced; what stands between them is not examined further.
    fn skip_value(&mut self) -> Result<(), JsonError> {
        let mut open = 0_usize;
        loop {
            self.space();
            match self.peek() {
                Some(b'{' | b'[') => {
                    open += 1;
                    self.at += 1;
                }
                Some(b'}' | b']') if open > 0 => {
                    open -= 1;
                    self.at += 1;
                }
                Some(b',' | b':') if open > 0 => self.at += 1,
                Some(b'"') => {
                    self.string()?;
                }
                Some(b'-' | b'0'..=b'9') => {
                    self.number_span()?;
                }
                Some(b't') => {
                    self.word("true", Value::Null)?;
                }
                Some(b'f') => {
                    self.word("false", Value::Null)?;
                }
                Some(b'n') => {
                    self.word("null", Value::Null)?;
                }
                _ => return Err(self.syntax("a value")),
            }
            if open == 0 {
                return Ok(());
            }
        }
    }
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
