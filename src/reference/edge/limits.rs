//! Sizes that are refused (RFC 9110 §15.5.14, §15.5.15; RFC 6585 §5).

use super::errors::Error;
use crate::reference::flaw::{Flaw, FlawSet, flaw};
use crate::reference::http::{Body, Request};

/// Octets of a request-target.
pub const TARGET: usize = 8 * 1024;
/// Octets of a body.
const BODY: usize = 1024 * 1024;
/// Octets of a request head.
pub const HEAD: usize = 16 * 1024;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "long-target-accepted",
        "Has no bound on the length of the request-target.",
        "RFC 9110 §15.5.15",
    ),
    flaw(
        "large-head-accepted",
        "Has no bound on the size of the header section.",
        "RFC 6585 §5",
    ),
    flaw(
        "large-body-accepted",
        "Takes bodies of up to 32 MiB, far over the bound that it declares.",
        "RFC 9110 §15.5.14",
    ),
    flaw(
        "large-body-crashes",
        "Answers a body over the bound with 500.",
        "RFC 9110 §15.5.14",
    ),
];

/// Octets of a body that is kept.
pub fn body_bound(flaws: &FlawSet) -> usize {
    if flaws.has("large-body-accepted") {
        32 * BODY
    } else {
        BODY
    }
}

/// Judges the head.
pub fn check_head(request: &Request, flaws: &FlawSet) -> Result<(), Error> {
    if request.target.len() > TARGET && !flaws.has("long-target-accepted") {
        return Err(Error::new(
            414,
            "URI_TOO_LONG",
            "The request-target is too long.",
        ));
    }
    if request.fields.octets() > HEAD && !flaws.has("large-head-accepted") {
        return Err(Error::new(
            431,
            "HEAD_TOO_LARGE",
            "The header fields are too large.",
        ));
    }
    Ok(())
}

/// The octets of the body; 413 when there were too many.
pub fn body<'a>(request: &'a Request, flaws: &FlawSet) -> Result<&'a [u8], Error> {
    match &request.body {
        Body::Bytes(bytes) => Ok(bytes),
        Body::TooLarge if flaws.has("large-body-crashes") => Err(Error::internal()),
        Body::TooLarge => Err(Error::new(
            413,
            "BODY_TOO_LARGE",
            "The body is larger than 1 MiB.",
        )),
    }
}
