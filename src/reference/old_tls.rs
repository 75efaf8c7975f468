//! Old TLS, as a flaw: no current library would complete such a handshake, so the ServerHello is made by hand.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::flaw::{Flaw, FlawSet, flaw};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "ssl-3-accepted",
        "Answers a ClientHello that offers SSL 3.0 at most with a ServerHello of that version.",
        "RFC 7568 §3",
    ),
    flaw(
        "tls-1-0-accepted",
        "Answers a ClientHello that offers TLS 1.0 at most with a ServerHello of that version.",
        "RFC 8996 §4",
    ),
    flaw(
        "tls-1-1-accepted",
        "Answers a ClientHello that offers TLS 1.1 at most with a ServerHello of that version.",
        "RFC 8996 §5",
    ),
];

const HANDSHAKE_RECORD: u8 = 22;
const SERVER_HELLO: u8 = 2;
const SERVER_HELLO_DONE: u8 = 14;
const SUPPORTED_VERSIONS: u16 = 43;
/// A cipher suite value that only signals (RFC 5746 §3.3, RFC 7507 §4).
const SIGNALS: [u16; 2] = [0x00ff, 0x5600];
/// Largest plaintext record and its header (RFC 8446 §5.1).
const RECORD: usize = 5 + (1 << 14);

/// Minor version numbers (0x0300 + n) that a flaw lets in.
pub struct Accepted(Vec<u8>);

pub enum Hello {
    /// The old handshake was answered and the client has gone.
    Answered,
    /// Octets read so far; somebody else's business.
    NotOld(Vec<u8>),
}

impl Accepted {
    pub fn new(flaws: &FlawSet) -> Self {
        let versions = [
            ("ssl-3-accepted", 0),
            ("tls-1-0-accepted", 1),
            ("tls-1-1-accepted", 2),
        ];
        Self(
            versions
                .into_iter()
                .filter(|(id, _)| flaws.has(id))
                .map(|(_, minor)| minor)
                .collect(),
        )
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads the first record and answers it when it is a ClientHello of an accepted old version.
    pub async fn read_hello(&self, stream: &mut TcpStream) -> io::Result<Hello> {
        let mut ahead = Vec::with_capacity(1024);
        if self.is_empty() {
            return Ok(Hello::NotOld(ahead));
        }
        while ahead.len() < record_length(&ahead) {
            if stream.read_buf(&mut ahead).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        match newest_offer(&ahead) {
            Some((minor, suite)) if self.0.contains(&minor) => {
                stream.write_all(&server_hello(minor, suite)).await?;
                // The client decides when it has seen enough.
                let mut rest = [0; 512];
                while stream.read(&mut rest).await? > 0 {}
                Ok(Hello::Answered)
            }
            _ => Ok(Hello::NotOld(ahead)),
        }
    }
}

fn record_length(ahead: &[u8]) -> usize {
    match ahead {
        [HANDSHAKE_RECORD, 3, _, high, low, ..] => {
            (5 + usize::from(u16::from_be_bytes([*high, *low]))).min(RECORD)
        }
        // Enough to see that this is no TLS.
        [first, ..] if *first != HANDSHAKE_RECORD => 1,
        _ => 5,
    }
}

/// The newest version offered (minor number) and the first real cipher suite of a ClientHello.
fn newest_offer(record: &[u8]) -> Option<(u8, u16)> {
    let hello = record.get(9..)?;
    let [3, minor] = *hello.first_chunk::<2>()? else {
        return None;
    };
    let mut rest = Cursor(hello.get(34..)?);
    rest.vector8()?;
    let suite = rest
        .vector16()?
        .chunks_exact(2)
        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
        .find(|suite| !SIGNALS.contains(suite))?;
    rest.vector8()?;
    let mut newest = minor;
    let mut extensions = Cursor(rest.vector16().unwrap_or(&[]));
    while let Some(kind) = extensions.number16() {
        let data = extensions.vector16()?;
        if kind == SUPPORTED_VERSIONS {
            let offered = Cursor(data).vector8()?.chunks_exact(2);
            newest = offered
                .filter(|pair| pair[0] == 3)
                .map(|pair| pair[1])
                .max()
                .unwrap_or(newest);
        }
    }
    Some((newest, suite))
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn number16(&mut self) -> Option<u16> {
        let (number, rest) = self.0.split_first_chunk::<2>()?;
        self.0 = rest;
        Some(u16::from_be_bytes(*number))
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (part, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(part)
    }

    fn vector8(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first()?;
        self.0 = rest;
        self.take(usize::from(*length))
    }

    fn vector16(&mut self) -> Option<&'a [u8]> {
        let length = self.number16()?;
        self.take(usize::from(length))
    }
}

/// ServerHello and ServerHelloDone in one record: what an anonymous key exchange would begin with.
fn server_hello(minor: u8, suite: u16) -> Vec<u8> {
    let mut hello = vec![3, minor];
    hello.extend_from_slice(&rand::random::<[u8; 32]>());
    hello.push(0);
    hello.extend_from_slice(&suite.to_be_bytes());
    hello.push(0);
    let mut messages = vec![SERVER_HELLO, 0, 0, hello.len() as u8];
    messages.extend_from_slice(&hello);
    messages.extend_from_slice(&[SERVER_HELLO_DONE, 0, 0, 0]);
    let mut record = vec![HANDSHAKE_RECORD, 3, minor, 0, messages.len() as u8];
    record.extend_from_slice(&messages);
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(minor: u8, extensions: &[u8]) -> Vec<u8> {
        let mut body = vec![3, minor];
        body.extend_from_slice(&[7; 32]);
        body.push(0);
        body.extend_from_slice(&[0, 4, 0x00, 0xff, 0xc0, 0x13]);
        body.extend_from_slice(&[1, 0]);
        body.extend_from_slice(&(extensions.len() as u16).to_be_bytes());
        body.extend_from_slice(extensions);
        let mut record = vec![22, 3, 1, 0, body.len() as u8 + 4, 1, 0, 0, body.len() as u8];
        record.extend_from_slice(&body);
        record
    }

    #[test]
    fn the_newest_offer_counts_whatever_the_legacy_field_says() {
        assert_eq!(newest_offer(&hello(1, &[])), Some((1, 0xc013)));
        let supported = [0, 43, 0, 5, 4, 3, 4, 3, 3];
        assert_eq!(newest_offer(&hello(3, &supported)), Some((4, 0xc013)));
    }

    #[test]
    fn a_cut_hello_is_no_offer() {
        let whole = hello(1, &[0, 43, 0, 3, 2, 3, 1]);
        for end in 0..50 {
            assert_eq!(newest_offer(&whole[..end]), None, "{end}");
        }
    }

    #[test]
    fn a_record_is_read_to_its_end_and_no_further() {
        assert_eq!(record_length(&[]), 5);
        assert_eq!(record_length(b"GET"), 1);
        assert_eq!(record_length(&[22, 3, 1, 0, 9]), 14);
    }
}
