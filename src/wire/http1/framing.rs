//! Where the body of an answer ends (RFC 9112 §6.3), and whether its connection may carry another request.

use super::head::{Head, excerpt};
use crate::wire::Failure;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    None,
    Length(u64),
    Chunked,
    UntilClose,
}

/// What the request says about its answer's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Head,
    Connect,
    Other,
}

impl Asked {
    pub fn of(method: &str) -> Self {
        match method {
            "HEAD" => Self::Head,
            "CONNECT" => Self::Connect,
            _ => Self::Other,
        }
    }
}

pub(super) struct Delimited {
    pub framing: Framing,
    /// The peer promises another answer on this connection, and nobody between could see its start elsewhere.
    pub reusable: bool,
    /// There is to be no body, and the connection ends: whatever still comes is seen for what it is.
    pub surplus_shows: bool,
}

/// Refuses a `Content-Length` that is no number or disagrees with another: nobody can say where such a body ends
/// (RFC 9112 §6.3 item 5).
pub(super) fn delimit(head: &Head, asked: Asked) -> Result<Delimited, Failure> {
    let length = content_length(head)?;
    let codings: Vec<String> = head.members("transfer-encoding").collect();
    let has_length = head.values("content-length").count();
    let bodiless = asked == Asked::Head
        || head.status < 200
        || head.status == 204
        || head.status == 304
        || (asked == Asked::Connect && head.status < 300);
    let framing = if bodiless {
        Framing::None
    } else if let Some(last) = codings.last() {
        if last.eq_ignore_ascii_case("chunked") {
            Framing::Chunked
        } else {
            Framing::UntilClose
        }
    } else {
        length.map_or(Framing::UntilClose, Framing::Length)
    };
    let closes = head
        .members("connection")
        .any(|option| option.eq_ignore_ascii_case("close"));
    let plain_chunked =
        matches!(codings.as_slice(), [only] if only.eq_ignore_ascii_case("chunked"));
    // Everything here that a second reader of the same octets might take differently.
    let unambiguous = has_length <= 1
        && (codings.is_empty() || (plain_chunked && has_length == 0))
        && !(head.status == 204
            && (!codings.is_empty() || length.is_some_and(|length| length > 0)));
    let switched = head.status == 101 || (asked == Asked::Connect && head.status < 300);
    Ok(Delimited {
        framing,
        surplus_shows: bodiless && closes && !switched && head.status >= 200,
        reusable: head.version == "1.1"
            && !closes
            && unambiguous
            && !switched
            && framing != Framing::UntilClose,
    })
}

fn content_length(head: &Head) -> Result<Option<u64>, Failure> {
    let mut found = None;
    for value in head.values("content-length") {
        for member in value.split(|octet| *octet == b',') {
            let member = member.trim_ascii();
            let length = (!member.is_empty() && member.iter().all(u8::is_ascii_digit))
                .then(|| std::str::from_utf8(member).ok()?.parse::<u64>().ok())
                .flatten()
                .ok_or_else(|| {
                    Failure::Malformed(format!("Content-Length \"{}\"", excerpt(value)))
                })?;
            if found.is_some_and(|earlier| earlier != length) {
                return Err(Failure::Malformed(
                    "Content-Length twice, and they differ".into(),
                ));
            }
            found = Some(length);
        }
    }
    Ok(found)
}

/// Size and length of a chunk's first line `size[;extensions]`, without its line end (RFC 9112 §7.1).
pub(super) fn chunk_size(line: &[u8]) -> Result<u64, Failure> {
    let malformed = || Failure::Malformed(format!("chunk size \"{}\"", excerpt(line)));
    let digits = line
        .iter()
        .take_while(|octet| octet.is_ascii_hexdigit())
        .count();
    let rest = line[digits..].trim_ascii_start();
    if digits == 0 || digits > 16 || !(rest.is_empty() || rest[0] == b';') {
        return Err(malformed());
    }
    let size = std::str::from_utf8(&line[..digits]).map_err(|_| malformed())?;
    u64::from_str_radix(size, 16).map_err(|_| malformed())
}
