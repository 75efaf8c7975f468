//! As much DER (X.690) as key files need, and the PEM armour around it (RFC 7468).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const OID: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
/// Constructed, context-specific `[0]` and `[1]`.
pub(super) const CONTEXT_0: u8 = 0xa0;
pub(super) const CONTEXT_1: u8 = 0xa1;

/// Where a structure stops being the DER that was expected: a count of octets from the start of the innermost
/// structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the DER expected there: {expected} at octet {at}")]
pub struct DerError {
    pub at: usize,
    pub expected: &'static str,
}

/// Reads elements one after the other.
#[derive(Clone)]
pub(super) struct Reader<'d> {
    octets: &'d [u8],
    at: usize,
}

impl<'d> Reader<'d> {
    pub(super) fn new(octets: &'d [u8]) -> Self {
        Self { octets, at: 0 }
    }

    fn fail<T>(&self, expected: &'static str) -> Result<T, DerError> {
        Err(DerError {
            at: self.at,
            expected,
        })
    }

    pub(super) fn next_is(&self, tag: u8) -> bool {
        self.octets.get(self.at) == Some(&tag)
    }

    /// The content of the next element, which must have this tag and a minimal length.
    pub(super) fn element(
        &mut self,
        tag: u8,
        expected: &'static str,
    ) -> Result<&'d [u8], DerError> {
        let rest = &self.octets[self.at..];
        if rest.first() != Some(&tag) {
            return self.fail(expected);
        }
        let (length, start) = match rest.get(1) {
            Some(&short @ 0..=0x7f) => (usize::from(short), 2),
            Some(0x81) if rest.get(2).is_some_and(|&l| l >= 0x80) => (usize::from(rest[2]), 3),
            Some(0x82) if rest.len() >= 4 && rest[2] != 0 => {
                (usize::from(rest[2]) << 8 | usize::from(rest[3]), 4)
            }
            _ => return self.fail("a minimal length below 64 KiB"),
        };
        match rest.get(start..start + length) {
            Some(content) => {
                self.at += start + length;
                Ok(content)
            }
            None => self.fail("as many octets as the length says"),
        }
    }

    pub(super) fn sequence(&mut self) -> Result<Reader<'d>, DerError> {
        self.element(SEQUENCE, "a SEQUENCE").map(Reader::new)
    }

    /// A non-negative integer without its sign octet.
    pub(super) fn uint(&mut self) -> Result<&'d [u8], DerError> {
        let content = self.element(INTEGER, "an INTEGER")?;
        match content {
            [0] => Ok(&[]),
            [0, next, ..] if *next >= 0x80 => Ok(&content[1..]),
            [1..=0x7f, ..] => Ok(content),
            _ => self.fail("a minimal non-negative INTEGER before"),
        }
    }

    /// A BIT STRING of whole octets.
    pub(super) fn bits(&mut self) -> Result<&'d [u8], DerError> {
        match self.element(BIT_STRING, "a BIT STRING")? {
            [0, octets @ ..] => Ok(octets),
            _ => self.fail("a BIT STRING of whole octets before"),
        }
    }

    pub(super) fn end(&self) -> Result<(), DerError> {
        if self.at == self.octets.len() {
            Ok(())
        } else {
            self.fail("nothing more")
        }
    }
}

/// One element with these contents in a row. Contents below 64 KiB.
pub(super) fn element(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
    let length: usize = contents.iter().map(|c| c.len()).sum();
    let mut out = Vec::with_capacity(length + 4);
    out.push(tag);
    match u16::try_from(length).expect("keys are far below 64 KiB") {
        short @ 0..=0x7f => out.push(short as u8),
        long @ 0x80..=0xff => out.extend([0x81, long as u8]),
        long => {
            out.push(0x82);
            out.extend(long.to_be_bytes());
        }
    }
    for content in contents {
        out.extend_from_slice(content);
    }
    out
}

/// INTEGER of a big-endian magnitude.
pub(super) fn uint(magnitude: &[u8]) -> Vec<u8> {
    let zeros = magnitude.iter().take_while(|&&octet| octet == 0).count();
    match &magnitude[zeros..] {
        [] => element(INTEGER, &[&[0]]),
        digits if digits[0] >= 0x80 => element(INTEGER, &[&[0], digits]),
        digits => element(INTEGER, &[digits]),
    }
}

/// PEM with 64 columns, LF, and a final LF, as OpenSSL writes it.
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    for line in body.as_bytes().chunks(64) {
        out.push_str(std::str::from_utf8(line).expect("base64 is ASCII"));
        out.push('\n');
    }
    out + &format!("-----END {label}-----\n")
}

/// The blocks of a PEM file in order, as label and content; text between blocks is passed over (RFC 7468 §2).
/// `None` when a block is not closed by its own label or holds anything but base64.
pub(super) fn unpem(text: &str) -> Option<Vec<(&str, Vec<u8>)>> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("-----BEGIN ") {
        let (label, after) = rest[start + 11..].split_once("-----")?;
        let end = format!("-----END {label}-----");
        let (body, after) = after.split_once(&end)?;
        let body: Vec<u8> = body.bytes().filter(|o| !o.is_ascii_whitespace()).collect();
        // An encrypted traditional key has header lines; its label alone decides what is said about it.
        let content = STANDARD.decode(&body);
        blocks.push((label, content.ok().or(body.contains(&b':').then(Vec::new))?));
        rest = after;
    }
    Some(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn integers_and_lengths_come_back(magnitude in proptest::collection::vec(any::<u8>(), 0..700)) {
            let der = element(SEQUENCE, &[&uint(&magnitude)]);
            let mut outer = Reader::new(&der);
            let mut inner = outer.sequence().unwrap();
            outer.end().unwrap();
            let zeros = magnitude.iter().take_while(|o| **o == 0).count();
            prop_assert_eq!(inner.uint().unwrap(), &magnitude[zeros..]);
            inner.end().unwrap();
            let armoured = pem("X", &der);
            prop_assert_eq!(unpem(&armoured).unwrap(), vec![("X", der)]);
        }

        #[test]
        fn no_octets_panic(octets in proptest::collection::vec(any::<u8>(), 0..20)) {
            let mut reader = Reader::new(&octets);
            while reader.uint().is_ok() {}
            let _ = (reader.sequence(), unpem(&String::from_utf8_lossy(&octets)));
        }
    }

    #[test]
    fn ber_is_not_der() {
        for octets in [
            &[0x02, 0x81, 0x01, 0x05][..],
            &[0x02, 0x02, 0, 5],
            &[0x02, 0x01, 0x80],
            &[0x02, 5, 1],
            &[0x02, 0x80, 1, 0, 0],
        ] {
            assert!(Reader::new(octets).uint().is_err(), "{octets:x?}");
        }
    }
}
