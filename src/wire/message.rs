//! What travels: a request as it will be written, an answer as it was read, and how the connection behaved.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Where a request goes. `host` is a DNS name or an IP literal without brackets.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Origin {
    pub scheme: Scheme,
    pub host: String,
    pub port: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    Http,
    Https,
}

/// HTTP version asked for. `H1` is written byte for byte by us; `H2` goes through a library that normalises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Version {
    #[default]
    #[serde(rename = "1.1")]
    H1,
    #[serde(rename = "2")]
    H2,
}

/// A request ready to be written. Nothing is added, sorted or normalised on the way, so whatever should be on
/// the wire (`Host`, `Content-Length`, `Connection`) is in `headers` already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub origin: Origin,
    pub version: Version,
    pub method: String,
    /// The request-target, octet for octet (RFC 9112 §3.2).
    pub target: Vec<u8>,
    /// Field lines in order, names in the case to be sent.
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Bytes,
    /// Never reuse a kept connection for this one.
    pub fresh_connection: bool,
    /// Send the head, wait for `100 Continue` or a final answer, then the body (RFC 9110 §10.1.1).
    pub await_continue: bool,
}

/// An answer, bounded by [`Bounds`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub version: String,
    pub status: u16,
    pub reason: Vec<u8>,
    /// Field lines in order of arrival, names as sent.
    pub headers: Vec<(String, Vec<u8>)>,
    /// After transfer decoding; content codings are left alone.
    pub body: Bytes,
    /// The body went on past the bound and was not read to its end.
    pub truncated: bool,
    /// Status codes of interim (1xx) answers that came first.
    pub interim: Vec<u16>,
    pub trailers: Vec<(String, Vec<u8>)>,
}

/// Why there is no answer. A closed set, since verdicts depend on the difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "detail")]
pub enum Failure {
    /// The name did not resolve.
    Unresolved(String),
    /// TCP connect was answered with RST.
    Refused,
    /// The connection broke (RST, broken pipe) before an answer was complete.
    Reset,
    /// The peer closed in good order before an answer was complete.
    Closed,
    /// Nothing came in time, while connecting, shaking hands or reading.
    Timeout(Phase),
    /// TLS did not come about; the text is the library's or the alert's name.
    Tls(String),
    /// What came back is no HTTP answer. Says what was wrong, never quotes more than 80 octets.
    Malformed(String),
    /// Head over its bound.
    TooLarge(String),
    /// We could not make the request (our side, not the target's).
    Unsendable(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    Connect,
    Handshake,
    Answer,
}

/// What is known of the connection that carried an exchange.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Connection {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<SocketAddr>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reused: bool,
    /// `1.2`, `1.3`; absent over plain TCP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpn: Option<String>,
}

/// Times of an exchange, from when its first octet was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timing {
    pub first_byte: Option<Duration>,
    pub total: Duration,
}

/// Bounds on what we accept from a target. All are reached without allocating more than they say.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub connect: Duration,
    pub answer: Duration,
    /// Status line and field lines together, in octets.
    pub head: usize,
    /// Number of field lines.
    pub fields: usize,
    pub body: usize,
    /// Interim answers skipped before giving up.
    pub interim: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(20),
            head: 64 * 1024,
            fields: 200,
            body: 256 * 1024,
            interim: 8,
        }
    }
}

/// One request and what became of it.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub answer: Result<Answer, Failure>,
    pub connection: Connection,
    pub timing: Timing,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Unresolved(says) => write!(f, "the name does not resolve ({says})"),
            Failure::Refused => f.write_str("connection refused"),
            Failure::Reset => f.write_str("connection reset"),
            Failure::Closed => f.write_str("connection closed without an answer"),
            Failure::Timeout(Phase::Connect) => f.write_str("timed out while connecting"),
            Failure::Timeout(Phase::Handshake) => f.write_str("timed out in the TLS handshake"),
            Failure::Timeout(Phase::Answer) => f.write_str("timed out while waiting for the answer"),
            Failure::Tls(says) => write!(f, "TLS failed: {says}"),
            Failure::Malformed(says) => write!(f, "what came back is no HTTP answer: {says}"),
            Failure::TooLarge(says) => write!(f, "the answer is over a bound: {says}"),
            Failure::Unsendable(says) => write!(f, "the request could not be made: {says}"),
        }
    }
}
