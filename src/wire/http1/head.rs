//! The head of an answer: status line and field lines.

use std::ops::Range;

use crate::wire::{Bounds, Failure};

#[derive(Debug)]
pub(super) struct Head {
    pub version: String,
    pub status: u16,
    pub reason: Vec<u8>,
    pub fields: Vec<(String, Vec<u8>)>,
}

impl Head {
    /// Values of a field, in order of arrival; names compare without case.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.fields
            .iter()
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }

    /// Members of a comma-separated field, trimmed, over all its lines. Octets outside of UTF-8 become U+FFFD.
    pub fn members<'a>(&'a self, name: &'a str) -> impl Iterator<Item = String> {
        self.values(name)
            .flat_map(|value| value.split(|octet| *octet == b','))
            .map(|member| String::from_utf8_lossy(member.trim_ascii()).into_owned())
    }
}

/// Parses a head up to and with its empty line. With `lenient`, a name that is no token (RFC 9110 §5.1) and control
/// characters in a value are kept as they came, for a judge to see; without, they are [`Failure::Malformed`].
pub(super) fn parse_head(octets: &[u8], bounds: &Bounds, lenient: bool) -> Result<Head, Failure> {
    let mut lines = Lines(octets);
    let (version, status, reason) = status_line(lines.next().unwrap_or_default())?;
    let fields = fields(lines, bounds, lenient)?;
    if !lenient {
        grammatical(octets, fields.len())?;
    }
    Ok(Head {
        version,
        status,
        reason,
        fields,
    })
}

/// Parses trailer lines, up to and with the empty line that ends them.
pub(super) fn parse_trailers(
    octets: &[u8],
    bounds: &Bounds,
    lenient: bool,
) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let fields = fields(Lines(octets), bounds, lenient)?;
    if !lenient {
        let mut head = b"HTTP/1.1 200\r\n".to_vec();
        head.extend_from_slice(octets);
        grammatical(&head, fields.len())?;
    }
    Ok(fields)
}

/// Where the empty line that ends a section of field lines is: the range is that line with its line end, so that
/// the section ends at `range.end`. `from` is how far an earlier look has come.
pub(super) fn empty_line(octets: &[u8], from: usize) -> Option<Range<usize>> {
    // Two octets back, since the LF of the line before may have been seen already.
    let mut at = from.saturating_sub(2);
    while let Some(offset) = octets[at..].iter().position(|octet| *octet == b'\n') {
        let start = at + offset + 1;
        match &octets[start..] {
            [b'\n', ..] => return Some(start..start + 1),
            [b'\r', b'\n', ..] => return Some(start..start + 2),
            _ => at = start,
        }
    }
    None
}

/// Up to 20 octets, escaped to printable ASCII, which makes at most 80.
pub(super) fn excerpt(octets: &[u8]) -> String {
    octets[..octets.len().min(20)].escape_ascii().to_string()
}

fn status_line(line: &[u8]) -> Result<(String, u16, Vec<u8>), Failure> {
    let malformed = || Failure::Malformed(format!("status line \"{}\"", excerpt(line)));
    let rest = line.strip_prefix(b"HTTP/1.").ok_or_else(malformed)?;
    let (minor, code, reason) = match rest {
        [minor, b' ', a, b, c, reason @ ..] => (*minor, [*a, *b, *c], reason),
        _ => return Err(malformed()),
    };
    if !minor.is_ascii_digit() || !code.iter().all(u8::is_ascii_digit) || code[0] == b'0' {
        return Err(malformed());
    }
    let reason = match reason {
        [] => reason,
        [b' ', reason @ ..] if !reason.contains(&0) => reason,
        _ => return Err(malformed()),
    };
    let status = code
        .iter()
        .fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    Ok((format!("1.{}", char::from(minor)), status, reason.to_vec()))
}

fn fields(
    lines: Lines<'_>,
    bounds: &Bounds,
    lenient: bool,
) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let mut fields: Vec<(String, Vec<u8>)> = Vec::new();
    for line in lines {
        if line.contains(&0) {
            return Err(Failure::Malformed(format!(
                "NUL in field line \"{}\"",
                excerpt(line)
            )));
        }
        // A folded line: its line end counts as white space (RFC 9112 §5.2).
        if let [b' ' | b'\t', ..] = line {
            let (_, value) = fields.last_mut().ok_or_else(|| {
                Failure::Malformed("white space before the first field line".into())
            })?;
            value.push(b' ');
            value.extend_from_slice(line.trim_ascii());
            continue;
        }
        if fields.len() == bounds.fields {
            return Err(Failure::TooLarge(format!(
                "more than {} field lines",
                bounds.fields
            )));
        }
        let colon = line
            .iter()
            .position(|octet| *octet == b':')
            .ok_or_else(|| {
                Failure::Malformed(format!("field line without a colon \"{}\"", excerpt(line)))
            })?;
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        if name.is_empty() || (!lenient && !name.iter().copied().all(is_token)) {
            return Err(Failure::Malformed(format!(
                "field name \"{}\"",
                excerpt(name)
            )));
        }
        let name = match std::str::from_utf8(name) {
            Ok(name) if name.is_ascii() => name.to_owned(),
            _ => name.iter().copied().map(char::from).collect(),
        };
        fields.push((name, trim_ows(value).to_vec()));
    }
    Ok(fields)
}

/// A second opinion on the grammar, from a parser that many clients use.
fn grammatical(octets: &[u8], fields: usize) -> Result<(), Failure> {
    let mut room = vec![httparse::EMPTY_HEADER; fields];
    let mut head = httparse::Response::new(&mut room);
    httparse::ParserConfig::default()
        .allow_obsolete_multiline_headers_in_responses(true)
        .parse_response(&mut head, octets)
        .map(|_| ())
        .map_err(|error| Failure::Malformed(error.to_string()))
}

fn trim_ows(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

fn is_token(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet)
}

/// Lines without their line ends (CR LF, or LF alone: RFC 9112 §2.2), up to the first empty one.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|octet| *octet == b'\n')?;
        let (line, rest) = (&self.0[..end], &self.0[end + 1..]);
        self.0 = rest;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            self.0 = &[];
            return None;
        }
        Some(line)
    }
}
