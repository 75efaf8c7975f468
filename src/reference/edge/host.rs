//! Which host the request is for (RFC 9110 §7.4).

use super::errors::Error;
use crate::reference::authority::NAMES;
use crate::reference::http::Request;

/// The host of an authority, without port and brackets.
pub fn host_of(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    authority.split(':').next().unwrap_or_default()
}

/// 421 for a host that is not ours. An absent one (HTTP/1.0) is.
pub fn check(request: &Request) -> Result<(), Error> {
    let host = host_of(&request.authority);
    if host.is_empty() || NAMES.iter().any(|name| host.eq_ignore_ascii_case(name)) {
        return Ok(());
    }
    Err(Error::new(
        421,
        "MISDIRECTED_REQUEST",
        "This host is not served here.",
    ))
}
