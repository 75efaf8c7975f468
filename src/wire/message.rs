//! What travels: a request as it will be written, an answer as it was read, and how the connection behaved.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a request goes. `host` is a DNS name or an IP literal without brackets.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Origin {
    pub scheme: Scheme,
    pub host: String,
    pub port: u16,
    /// The machine behind the name to connect to; `Host`, SNI and the certificate's name stay those of `host`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<SocketAddr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl Origin {
    /// Whichever machine the name leads to.
    pub fn new(scheme: Scheme, host: impl Into<String>, port: u16) -> Self {
        Self {
            scheme,
            host: host.into(),
            port,
            node: None,
        }
    }

    /// `host[:port]` as it stands in `Host` and `:authority`: an IPv6 literal in brackets, the scheme's own port left out.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if self.port == self.scheme.default_port() {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}", self.authority())
    }
}

/// HTTP version asked for. `H1` is written byte for byte by us; `H2` goes through a library
/// that lower-cases names and refuses what HTTP/2 forbids; on an `http` origin it means prior knowledge.
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
    /// Send the head, wait for `100 Continue` or a final answer, then the body (RFC 9110 §10.1.1). After a quarter
    /// of [`Bounds::answer`] without either, the body is sent all the same: a server may ignore the expectation.
    /// `H2` sends the body at once.
    pub await_continue: bool,
    /// Break off there, on a connection of its own; only over [`Version::H1`]. The outcome is [`Failure::Cut`].
    pub cut: Option<Cut>,
}

/// Where the sender of a request goes away. The connection is closed in good order, so that what was written arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cut {
    /// After half of the body.
    MidBody,
    /// After the whole request, before anything is read.
    AfterRequest,
    /// After the first octet of the answer.
    MidAnswer,
}

/// An answer, bounded by [`Bounds`]. A field name that is not ASCII has one `char` for each octet (ISO 8859-1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub version: String,
    pub status: u16,
    pub reason: Vec<u8>,
    /// Field lines in order of arrival, names as sent.
    pub headers: Vec<(String, Vec<u8>)>,
    /// After transfer decoding; content codings are left alone. Of an answer that may have none (to `HEAD`, 204, 304)
    /// these are octets that came all the same, which only shows where the connection is closed after it.
    pub body: Bytes,
    /// `body` is not the whole: it went on past the bound, or it was delimited by close and TLS was cut without
    /// `close_notify`, so that its end is unproven (RFC 9112 §9.8).
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
    /// No connection in time, in several tries alike, while another port of the same host takes connections.
    Filtered,
    /// TLS did not come about; the text is the library's or the alert's name.
    Tls(String),
    /// What came back is no HTTP answer. Says what was wrong, never quotes more than 80 octets.
    Malformed(String),
    /// Head, trailers, chunk framing or number of interim answers over its bound.
    TooLarge(String),
    /// We could not make the request (our side, not the target's).
    Unsendable(String),
    /// We closed the connection where [`Request::cut`] says.
    Cut,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    Connect,
    Handshake,
    Answer,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unresolved(name) => write!(f, "{name} did not resolve"),
            Self::Refused => f.write_str("connection refused"),
            Self::Reset => f.write_str("connection reset"),
            Self::Closed => f.write_str("connection closed before the answer was complete"),
            Self::Timeout(Phase::Connect) => f.write_str("no connection in time"),
            Self::Timeout(Phase::Handshake) => f.write_str("no TLS handshake in time"),
            Self::Timeout(Phase::Answer) => f.write_str("no complete answer in time"),
            Self::Filtered => {
                f.write_str("no connection in time, though another port takes them: filtered")
            }
            Self::Tls(reason) => write!(f, "TLS: {reason}"),
            Self::Malformed(reason) => write!(f, "malformed answer: {reason}"),
            Self::TooLarge(what) => write!(f, "answer too large: {what}"),
            Self::Unsendable(reason) => write!(f, "cannot send: {reason}"),
            Self::Cut => f.write_str("connection closed by us, on purpose"),
        }
    }
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
    /// In a race: when the last octet was let go, counted from the first one that was.
    pub released: Option<Duration>,
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
