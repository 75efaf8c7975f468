//! The scanner under the strict reader and the finder of members.

use std::ops::Range;

use serde_json::{Map, Number, Value};

use super::{JsonError, MAX_DEPTH};

pub(super) struct Scanner<'t> {
    text: &'t str,
    pub at: usize,
}

impl<'t> Scanner<'t> {
    pub fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    pub fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    pub fn take(&mut self, wanted: u8) -> bool {
        let there = self.peek() == Some(wanted);
        self.at += usize::from(there);
        there
    }

    pub fn expect(&mut self, wanted: u8, expected: &'static str) -> Result<(), JsonError> {
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

    pub fn end(&mut self) -> Result<(), JsonError> {
        self.space();
        if self.at == self.text.len() {
            Ok(())
        } else {
            Err(JsonError::Trailing { at: self.at })
        }
    }

    /// `depth` is the number of arrays and objects around this value.
    pub fn value(&mut self, depth: usize) -> Result<Value, JsonError> {
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

    pub fn string(&mut self) -> Result<String, JsonError> {
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
    pub fn skip_value(&mut self) -> Result<(), JsonError> {
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
