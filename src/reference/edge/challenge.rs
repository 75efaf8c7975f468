//! Refusals for want of authentication or of rights, and the challenge that goes with them
//! (RFC 9110 §11.6.1, §15.5.2, §15.5.4; RFC 6750 §3).

use super::Edge;
use super::errors::Error;
use crate::reference::flaw::{Flaw, flaw};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "challenge-missing",
        "Answers 401 without WWW-Authenticate.",
        "RFC 9110 §15.5.2",
    ),
    flaw(
        "challenge-unquoted-description",
        "Writes error_description as bare words with a comma among them.",
        "RFC 9110 §11.2",
    ),
    flaw(
        "challenge-quote-unclosed",
        "Forgets the closing quote of the realm.",
        "RFC 9110 §5.6.4",
    ),
    flaw(
        "challenge-parameter-repeated",
        "Names the realm twice in one challenge.",
        "RFC 9110 §11.2",
    ),
    flaw(
        "challenge-error-unasked",
        "Adds an error code although no credential was presented.",
        "RFC 6750 §3.1",
    ),
    flaw(
        "challenge-basic-added",
        "Offers Basic as well, which the contract does not know.",
        "RFC 9110 §11.6.1",
    ),
    flaw(
        "challenge-scheme-renamed",
        "Offers a scheme of its own invention in place of the declared one.",
        "RFC 9110 §11.6.1",
    ),
    flaw(
        "unauthenticated-redirected",
        "Sends a request without credentials to a login page.",
        "RFC 9110 §15.5.2",
    ),
    flaw(
        "unauthenticated-answered-403",
        "Answers 403 to a request without credentials.",
        "RFC 9110 §15.5.2",
    ),
    flaw(
        "bad-token-answered-403",
        "Answers 403 to a credential that it does not know.",
        "RFC 6750 §3.1",
    ),
    flaw(
        "bad-token-crashes",
        "Answers 500 to a credential that it cannot read.",
        "RFC 6750 §3.1",
    ),
    flaw(
        "forbidden-answered-401",
        "Answers 401 to a known caller whose rights do not suffice.",
        "RFC 9110 §15.5.4",
    ),
];

/// Faults of deployments with scopes.
pub const SCOPE_FLAWS: &[Flaw] = &[flaw(
    "insufficient-scope-unsaid",
    "Answers 403 without insufficient_scope.",
    "RFC 6750 §3.1",
)];

/// Why a caller is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// Nothing of the right kind was presented.
    Nothing,
    /// What was presented is malformed, unknown, revoked or run out.
    Invalid,
}

/// 401. `scheme` is the one that the operation takes.
pub fn unauthenticated(edge: &Edge, scheme: &str, why: Unknown) -> Error {
    let flaws = &edge.flaws;
    let mut error = Error::new(
        401,
        "AUTHENTICATION_REQUIRED",
        "Please provide valid authentication credentials",
    );
    match why {
        Unknown::Nothing if flaws.has("unauthenticated-redirected") => {
            error.status = 302;
            return error.field("Location", "/login");
        }
        Unknown::Nothing if flaws.has("unauthenticated-answered-403") => {
            error.status = 403;
            return error;
        }
        Unknown::Invalid if flaws.has("bad-token-answered-403") => {
            error.status = 403;
            return error;
        }
        Unknown::Invalid if flaws.has("bad-token-crashes") => return Error::internal(),
        Unknown::Nothing | Unknown::Invalid => {}
    }
    if flaws.has("challenge-missing") {
        return error;
    }
    let scheme = if flaws.has("challenge-scheme-renamed") {
        "Session"
    } else {
        scheme
    };
    let close = if flaws.has("challenge-quote-unclosed") {
        ""
    } else {
        "\""
    };
    let mut challenge = format!("{scheme} realm=\"{}{close}", edge.realm);
    if flaws.has("challenge-parameter-repeated") {
        challenge.push_str(", realm=\"again\"");
    }
    if why == Unknown::Invalid || flaws.has("challenge-error-unasked") {
        challenge.push_str(", error=\"invalid_token\"");
        challenge.push_str(if flaws.has("challenge-unquoted-description") {
            ", error_description=The credential is unknown, revoked or expired"
        } else {
            ", error_description=\"The credential is unknown, revoked or expired\""
        });
    }
    error = error.field("WWW-Authenticate", challenge);
    if flaws.has("challenge-basic-added") {
        error = error.field(
            "WWW-Authenticate",
            format!("Basic realm=\"{}\"", edge.realm),
        );
    }
    error
}

/// 400 for credentials in two places or twice (RFC 6750 §2, §3.1).
pub fn ambiguous(edge: &Edge) -> Error {
    Error::new(
        400,
        "INVALID_REQUEST",
        "Credentials were presented more than once.",
    )
    .field(
        "WWW-Authenticate",
        format!("Bearer realm=\"{}\", error=\"invalid_request\"", edge.realm),
    )
}

/// 403. `scope` names what would have sufficed, for callers with a bearer token.
pub fn forbidden(edge: &Edge, scope: Option<&str>) -> Error {
    forbidden_by(edge, "Bearer", scope)
}

/// The same for callers with a token of this scheme.
pub fn forbidden_by(edge: &Edge, scheme: &str, scope: Option<&str>) -> Error {
    let mut error = Error::new(
        403,
        "INSUFFICIENT_PERMISSIONS",
        "Your permissions are not sufficient for this operation",
    );
    if edge.flaws.has("forbidden-answered-401") {
        return unauthenticated(edge, scheme, Unknown::Invalid);
    }
    if let Some(scope) = scope
        && !edge.flaws.has("insufficient-scope-unsaid")
    {
        error = error.field(
            "WWW-Authenticate",
            format!(
                "{scheme} realm=\"{}\", error=\"insufficient_scope\", scope=\"{scope}\"",
                edge.realm
            ),
        );
    }
    error
}
