//! The productions that most fields are made of: RFC 9110 §5.6.

use super::defect::{Defect, quote};

/// Elements, directives or parameters that one field may have; a field with more is refused.
pub(super) const MAX_PARTS: usize = 1024;

/// Largest number that a JSON reader is sure to keep exactly. Larger delta-seconds are read as this one, since all
/// of them mean "longer than anyone will live" (RFC 9111 §1.2.2).
pub(super) const MAX_SAFE: u64 = (1 << 53) - 1;

/// A single-valued field: its text without surrounding white space, and how many equal lines carried it.
pub(super) struct Single<'a> {
    pub text: &'a str,
    pub lines: usize,
}

/// Refuses lines that differ (RFC 9110 §5.3).
pub(super) fn single<'a>(lines: &[&'a str]) -> Result<Single<'a>, Defect> {
    let (first, rest) = lines
        .split_first()
        .ok_or_else(|| Defect::new("there is no line of this field"))?;
    let text = trim(first);
    match rest.iter().position(|line| trim(line) != text) {
        None => Ok(Single {
            text,
            lines: lines.len(),
        }),
        Some(n) => Err(Defect::new(format!(
            "sent twice with different values: {} and, in line {}, {}",
            quote(text),
            n + 2,
            quote(trim(rest[n])),
        ))),
    }
}

/// Removes SP and HTAB at both ends, nothing else.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// Reads `#element` (RFC 9110 §5.6.1) from all lines in order and returns how many elements were empty.
///
/// Empty elements are skipped as recipients must, and counted since senders must not send them. A line that is
/// empty as a whole is an empty list. `element` starts at the element and stops where it ends.
pub(super) fn list<'a>(
    lines: &[&'a str],
    mut element: impl FnMut(&mut Cursor<'a>) -> Result<(), Defect>,
) -> Result<usize, Defect> {
    let mut empty = 0;
    let mut count = 0;
    for (n, line) in lines.iter().enumerate() {
        let mut cursor = Cursor::new(line);
        if lines.len() > 1 {
            cursor.line = Some(n + 1);
        }
        cursor.ows();
        if cursor.done() {
            continue;
        }
        loop {
            cursor.ows();
            if cursor.done() || cursor.peek() == Some(b',') {
                empty += 1;
            } else {
                element(&mut cursor)?;
                cursor.ows();
            }
            count += 1;
            if count > MAX_PARTS {
                return Err(Defect::new(format!("more than {MAX_PARTS} list elements")));
            }
            if cursor.done() {
                break;
            }
            if !cursor.eat(b',') {
                return Err(cursor.expected("a comma or the end"));
            }
        }
    }
    Ok(empty)
}

/// A list of tokens in the order sent, and the number of empty elements.
pub(super) fn tokens<'a>(lines: &[&'a str]) -> Result<(Vec<&'a str>, usize), Defect> {
    let mut found = Vec::new();
    let empty = list(lines, |cursor| {
        found.push(cursor.token("a token")?);
        Ok(())
    })?;
    Ok((found, empty))
}

/// A place in one field line.
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    line: Option<usize>,
}

impl<'a> Cursor<'a> {
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            line: None,
        }
    }

    pub fn on_line(text: &'a str, line: usize) -> Self {
        Self {
            line: Some(line),
            ..Self::new(text)
        }
    }

    pub fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub fn done(&self) -> bool {
        self.at == self.text.len()
    }

    pub fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Steps over `byte`, which must be ASCII, if it is next.
    pub fn eat(&mut self, byte: u8) -> bool {
        debug_assert!(byte.is_ascii());
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    /// Steps over optional white space and says whether there was some.
    pub fn ows(&mut self) -> bool {
        !self.take_while(|b| b == b' ' || b == b'\t').is_empty()
    }

    /// Takes octets while `wanted`, which must refuse all or none of the octets above 0x7F.
    pub fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.bytes().position(|b| !wanted(b)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// Goes back to a place that [`Self::mark`] gave.
    pub fn reset(&mut self, mark: usize) {
        self.at = mark;
    }

    pub fn mark(&self) -> usize {
        self.at
    }

    /// A token (RFC 9110 §5.6.2), or a defect that says that `what` was expected.
    pub fn token(&mut self, what: &str) -> Result<&'a str, Defect> {
        let token = self.take_while(is_tchar);
        if token.is_empty() {
            Err(self.expected(what))
        } else {
            Ok(token)
        }
    }

    /// A quoted-string (RFC 9110 §5.6.4) without its quotes and escapes, or `None` if no quote is next.
    pub fn quoted_string(&mut self) -> Result<Option<String>, Defect> {
        let opening = self.mark();
        if !self.eat(b'"') {
            return Ok(None);
        }
        let mut value = String::new();
        loop {
            value.push_str(
                self.take_while(|b| {
                    b == b'\t' || (b >= b' ' && b != b'"' && b != b'\\' && b != 0x7f)
                }),
            );
            if self.eat(b'"') {
                return Ok(Some(value));
            }
            if self.eat(b'\\') {
                match self.rest().chars().next() {
                    Some(c) if c == '\t' || !c.is_ascii_control() => {
                        value.push(c);
                        self.at += c.len_utf8();
                        continue;
                    }
                    _ => {}
                }
            }
            if !self.done() {
                return Err(self.fail("a control character stands in a quoted string"));
            }
            return Err(self.fail_at(opening, "a quoted string is opened and not closed"));
        }
    }

    /// A token or quoted-string, and whether it was quoted.
    pub fn value(&mut self, what: &str) -> Result<(String, bool), Defect> {
        match self.quoted_string()? {
            Some(value) => Ok((value, true)),
            None => Ok((self.token(what)?.to_owned(), false)),
        }
    }

    /// Reads `*( OWS ";" OWS [ name "=" value ] )` (RFC 9110 §5.6.6) to the next octet that continues no parameter.
    /// Names are lowercased; one that comes twice is refused.
    pub fn parameters(&mut self) -> Result<indexmap::IndexMap<String, String>, Defect> {
        let mut found = indexmap::IndexMap::new();
        let mut count = 0;
        loop {
            let end = self.mark();
            self.ows();
            if !self.eat(b';') {
                self.reset(end);
                return Ok(found);
            }
            self.ows();
            count += 1;
            if count > MAX_PARTS {
                return Err(Defect::new(format!("more than {MAX_PARTS} parameters")));
            }
            if self.done() || matches!(self.peek(), Some(b';' | b',')) {
                continue;
            }
            let start = self.mark();
            let name = self.token("a parameter name")?.to_ascii_lowercase();
            if !self.eat(b'=') {
                return Err(self.expected(&format!("`=` right after parameter {}", quote(&name))));
            }
            let (value, _) = self.value(&format!("a value of parameter {}", quote(&name)))?;
            if found.contains_key(&name) {
                let says = format!("parameter {} is given a second time", quote(&name));
                return Err(self.fail_at(start, &says));
            }
            found.insert(name, value);
        }
    }

    /// Refuses anything but the end of the line.
    pub fn end(&mut self) -> Result<(), Defect> {
        self.ows();
        if self.done() {
            Ok(())
        } else {
            Err(self.expected("the end"))
        }
    }

    /// `wanted` should stand here, and something else does.
    pub fn expected(&self, wanted: &str) -> Defect {
        let found = if self.done() {
            "the field ends".to_owned()
        } else {
            format!("{} stands", quote(self.rest()))
        };
        self.fail(&format!("where {wanted} should be, {found}"))
    }

    /// Adds this place to `says`.
    pub fn fail(&self, says: &str) -> Defect {
        self.fail_at(self.at, says)
    }

    /// Adds a place that [`Self::mark`] gave to `says`.
    pub fn fail_at(&self, mark: usize, says: &str) -> Defect {
        let line = self.line.map_or(String::new(), |n| format!(" of line {n}"));
        Defect::new(format!("{says} at octet {}{line}", mark + 1))
    }
}

/// RFC 9110 §5.6.2.
pub(super) fn is_tchar(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}

/// 1*DIGIT, with numbers over [`MAX_SAFE`] read as [`MAX_SAFE`] (RFC 9111 §1.2.2).
pub(super) fn delta_seconds(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().map_or(MAX_SAFE, |n: u64| n.min(MAX_SAFE)))
}

/// Items that come more than once, each named once, in order of their second coming.
pub(super) fn repeated<T: AsRef<str>>(items: &[T]) -> Vec<&str> {
    let mut seen = indexmap::IndexSet::new();
    let mut twice = indexmap::IndexSet::new();
    for item in items {
        if !seen.insert(item.as_ref()) {
            twice.insert(item.as_ref());
        }
    }
    twice.into_iter().collect()
}
