//! The head of an HTTP/1.1 request: what it asks for, and how long its body is. What is ambiguous is refused.

use super::http::{Body, Fields, Line, Request, Version};
use super::site::Malformed;

const FIELD_LINES: usize = 256;

/// Length of the head and the request in it; `None` when more octets are needed.
pub fn parse(buffer: &[u8], line: Line) -> Result<Option<(usize, Request)>, Malformed> {
    let mut lines = [httparse::EMPTY_HEADER; FIELD_LINES];
    let mut head = httparse::Request::new(&mut lines);
    let length = match head.parse(buffer) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(Malformed::HeadTooLarge),
        Err(_) => return Err(Malformed::Syntax),
    };
    let version = match head.version {
        Some(0) => Version::Http10,
        Some(1) => Version::Http11,
        _ => return Err(Malformed::Syntax),
    };
    let mut fields = Fields::default();
    for line in head.headers.iter() {
        fields.push(line.name, line.value);
    }
    let hosts = fields.count("host");
    if hosts > 1 || (hosts == 0 && version == Version::Http11) {
        return Err(Malformed::Syntax);
    }
    let method = head.method.unwrap_or_default();
    let host = match fields.all("host").next() {
        Some(host) if !is_authority(host) => return Err(Malformed::Syntax),
        Some(host) => String::from_utf8_lossy(host).into_owned(),
        None => String::new(),
    };
    let (authority, target) =
        split_target(method, head.path.unwrap_or_default()).ok_or(Malformed::Syntax)?;
    let request = Request {
        method: method.to_owned(),
        target: target.to_owned(),
        authority: authority.map_or(host, ToOwned::to_owned),
        version,
        fields,
        body: Body::Bytes(Vec::new()),
        encrypted: line.encrypted,
        peer: line.peer,
        node: line.node,
    };
    Ok(Some((length, request)))
}

/// Authority (of an absolute-form) and origin-form of a request-target (RFC 9112 §3.2).
fn split_target<'a>(method: &str, target: &'a str) -> Option<(Option<&'a str>, &'a str)> {
    if target.contains('#') || !target.is_ascii() {
        return None;
    }
    if target.starts_with('/') || (target == "*" && method == "OPTIONS") {
        return Some((None, target));
    }
    let rest = target
        .strip_prefix("https://")
        .or_else(|| target.strip_prefix("http://"))?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if !is_authority(authority.as_bytes()) || authority.is_empty() || path.starts_with('?') {
        return None;
    }
    Some((Some(authority), if path.is_empty() { "/" } else { path }))
}

/// Host and port, and nothing else (no userinfo, no path).
fn is_authority(host: &[u8]) -> bool {
    host.iter()
        .all(|octet| octet.is_ascii_alphanumeric() || b".-_:[]".contains(octet))
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    None,
    Length(u64),
    Chunked,
}

/// How long the body is (RFC 9112 §6.3); what is ambiguous is refused.
pub fn framing(request: &Request) -> Result<Framing, Malformed> {
    let fields = &request.fields;
    let lengths = fields.count("content-length");
    if fields.has("transfer-encoding") {
        if lengths > 0
            || request.version == Version::Http10
            || fields.count("transfer-encoding") > 1
        {
            return Err(Malformed::Syntax);
        }
        return match fields.get("transfer-encoding") {
            Some(coding) if coding.eq_ignore_ascii_case("chunked") => Ok(Framing::Chunked),
            _ => Err(Malformed::TransferCoding),
        };
    }
    match (lengths, fields.get("content-length")) {
        (0, _) => Ok(Framing::None),
        (1, Some(digits))
            if (1..=18).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) =>
        {
            match digits.parse() {
                Ok(0) => Ok(Framing::None),
                Ok(length) => Ok(Framing::Length(length)),
                Err(_) => Err(Malformed::Syntax),
            }
        }
        _ => Err(Malformed::Syntax),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(head: &str) -> Result<Option<(usize, Request)>, Malformed> {
        let line = Line {
            encrypted: true,
            peer: crate::reference::http::NOWHERE,
            node: crate::reference::http::Node::default(),
        };
        parse(head.as_bytes(), line)
    }

    fn framed(lines: &str) -> Result<Framing, Malformed> {
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
        let (_, request) = read(&head)?.expect("complete");
        framing(&request)
    }

    #[test]
    fn a_host_is_needed_once_and_holds_no_more_than_an_authority() {
        assert!(read("GET / HTTP/1.1\r\nHost: localhost:1\r\n\r\n").is_ok());
        for hosts in [
            "",
            "Host: a\r\nHost: a\r\n",
            "Host: a/b\r\n",
            "Host: u@a\r\n",
        ] {
            let head = format!("GET / HTTP/1.1\r\n{hosts}\r\n");
            assert_eq!(read(&head).err(), Some(Malformed::Syntax), "{hosts:?}");
        }
    }

    #[test]
    fn ambiguous_framing_is_refused() {
        assert!(matches!(
            framed("Content-Length: 5\r\n"),
            Ok(Framing::Length(5))
        ));
        assert!(matches!(
            framed("Transfer-Encoding: Chunked\r\n"),
            Ok(Framing::Chunked)
        ));
        for lines in [
            "Content-Length: 5\r\nContent-Length: 5\r\n",
            "Content-Length: 5\r\nContent-Length: 6\r\n",
            "Content-Length: +5\r\n",
            "Content-Length: 5,5\r\n",
            "Content-Length: 0x5\r\n",
            "Content-Length: 18446744073709551616\r\n",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        ] {
            assert_eq!(framed(lines).err(), Some(Malformed::Syntax), "{lines:?}");
        }
        assert_eq!(
            framed("Transfer-Encoding: xchunked\r\n").err(),
            Some(Malformed::TransferCoding)
        );
    }

    #[test]
    fn an_absolute_form_is_cut_down_and_its_authority_wins() {
        let (_, request) = read("GET https://b:2/x?y HTTP/1.1\r\nHost: a\r\n\r\n")
            .expect("well formed")
            .expect("complete");
        assert_eq!(
            (request.authority.as_str(), request.target.as_str()),
            ("b:2", "/x?y")
        );
    }

    #[test]
    fn space_before_the_colon_and_folded_lines_are_syntax_faults() {
        for line in ["X : 1", "X: 1\r\n 2", "X: \0"] {
            let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n");
            assert_eq!(read(&head).err(), Some(Malformed::Syntax), "{line:?}");
        }
    }
}
