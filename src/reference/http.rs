//! Requests and responses as the deployments see them: raw where a flaw may want to misread them.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::Value;

/// HTTP version of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    Http10,
    Http11,
    H2,
}

/// Field lines in the order in which they came; names in lower case.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    lines: Vec<(String, Vec<u8>)>,
    /// Names that came in capitals throughout.
    shouted: Vec<String>,
}

impl Fields {
    pub fn push(&mut self, name: &str, value: &[u8]) {
        let is_shouted = !name.bytes().any(|octet| octet.is_ascii_lowercase());
        let name = name.to_ascii_lowercase();
        if is_shouted {
            self.shouted.push(name.clone());
        }
        self.lines.push((name, value.trim_ascii().to_vec()));
    }

    /// Whether a line of this name (lower case) came in capitals.
    pub fn is_shouted(&self, name: &str) -> bool {
        self.shouted.iter().any(|shouted| shouted == name)
    }

    /// Every line of this name (lower case), in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.lines
            .iter()
            .filter(move |(n, _)| n == name)
            .map(|(_, v)| v.as_slice())
    }

    /// The first line of this name when it is UTF-8.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.lines.iter().find(|(n, _)| n == name)?;
        std::str::from_utf8(value).ok()
    }

    pub fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    pub fn count(&self, name: &str) -> usize {
        self.all(name).count()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.lines.iter().map(|(n, v)| (n.as_str(), v.as_slice()))
    }

    /// Octets of all names and values.
    pub fn octets(&self) -> usize {
        self.lines.iter().map(|(n, v)| n.len() + v.len() + 4).sum()
    }
}

/// The content of a request.
#[derive(Clone, Debug)]
pub enum Body {
    Bytes(Vec<u8>),
    /// Went over the bound; what came was thrown away.
    TooLarge,
}

/// What a connection says about every request on it.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    pub encrypted: bool,
    pub peer: IpAddr,
    pub node: Node,
}

/// The machine of a deployment that a connection leads to. All share one store; what a flawed deployment keeps on each
/// machine by itself goes by this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Node(pub u8);

#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// The request-target in origin-form, octet for octet; an absolute-form is cut down to it.
    pub target: String,
    /// `Host` or `:authority`, as sent.
    pub authority: String,
    pub version: Version,
    pub fields: Fields,
    pub body: Body,
    /// Whether the connection is TLS; nothing in the request can change this.
    pub encrypted: bool,
    /// The address at the other end of the connection.
    pub peer: IpAddr,
    pub node: Node,
}

/// Stands for the peer where a request was never sent over a connection.
pub const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

impl Request {
    /// The path as sent, still percent-encoded.
    pub fn path(&self) -> &str {
        self.target
            .split_once('?')
            .map_or(self.target.as_str(), |(path, _)| path)
    }

    pub fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    /// Decoded query parameters in order (`application/x-www-form-urlencoded`).
    pub fn parameters(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect()
    }

    /// The first query parameter of this name, decoded.
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.parameters()
            .into_iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v)
    }

    /// GET, HEAD, OPTIONS, TRACE (RFC 9110 §9.2.1).
    pub fn is_safe(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS" | "TRACE")
    }
}

/// Whose data an answer holds; decides how it may be cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Of one caller, or about one request: not stored.
    Personal,
    /// The same for everybody.
    Public,
    /// Tokens or secrets.
    Secret,
}

#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    /// Field lines in order; a name may occur more than once.
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Field lines behind the body, which is chunked for them in HTTP/1.1; only a flaw sets any.
    pub trailers: Vec<(&'static str, String)>,
    pub holds: Holds,
    /// Close the connection after this answer (HTTP/1 only).
    pub close: bool,
    /// Send the body although HTTP allows none here (RFC 9112 §6.3); only a flaw sets it.
    pub forbidden_body: bool,
}

impl Response {
    pub fn new(status: u16) -> Self {
        Self {
            status,
            fields: Vec::new(),
            body: Vec::new(),
            trailers: Vec::new(),
            holds: Holds::Personal,
            close: false,
            forbidden_body: false,
        }
    }

    pub fn json(status: u16, value: &Value) -> Self {
        Self::new(status).body("application/json", value.to_string().into_bytes())
    }

    pub fn body(mut self, content_type: &str, body: Vec<u8>) -> Self {
        self.set("Content-Type", content_type);
        self.body = body;
        self
    }

    pub fn field(mut self, name: &str, value: impl Into<String>) -> Self {
        self.add(name, value);
        self
    }

    pub fn holds(mut self, holds: Holds) -> Self {
        self.holds = holds;
        self
    }

    /// Adds a line.
    pub fn add(&mut self, name: &str, value: impl Into<String>) {
        self.fields.push((name.to_owned(), value.into()));
    }

    /// Replaces every line of this name by one.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.remove(name);
        self.add(name, value);
    }

    /// Adds the line when there is none of this name.
    pub fn set_default(&mut self, name: &str, value: &str) {
        if self.get(name).is_none() {
            self.add(name, value);
        }
    }

    pub fn remove(&mut self, name: &str) {
        self.fields.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }

    pub fn is_html(&self) -> bool {
        self.get("content-type")
            .is_some_and(|ct| ct.starts_with("text/html"))
    }
}
