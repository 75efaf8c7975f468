//! Refusals that have to do with proofs (RFC 9449 §5, §7.1, §8, §9).

use super::{ALGORITHMS, Fault};
use crate::reference::edge::Edge;
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, FlawSet, flaw};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "dpop-challenge-missing",
        "Never names DPoP in a challenge.",
        "RFC 9449 §7.1",
    ),
    flaw(
        "dpop-challenge-without-algs",
        "Does not say in a challenge by which algorithms proofs may be signed.",
        "RFC 9449 §7.1",
    ),
    flaw(
        "dpop-challenge-lists-hmac",
        "Offers HS256 for proofs.",
        "RFC 9449 §7.1",
    ),
    flaw(
        "dpop-challenge-error-unasked",
        "Adds an error code to the challenge for proofs although nothing was presented.",
        "RFC 9449 §7.2",
    ),
    flaw(
        "dpop-challenge-for-proxies",
        "Repeats the challenge for proofs in Proxy-Authenticate.",
        "RFC 9449 §7.1",
    ),
    flaw(
        "dpop-bad-proof-called-bad-token",
        "Says invalid_token where the proof is at fault.",
        "RFC 9449 §7.1",
    ),
    flaw(
        "dpop-bad-token-called-bad-proof",
        "Says invalid_dpop_proof where the token is at fault.",
        "RFC 9449 §7.1",
    ),
    flaw(
        "dpop-bad-proof-unnamed-at-exchange",
        "Answers a bad proof of a token request without saying that it is the proof.",
        "RFC 9449 §5",
    ),
    flaw(
        "dpop-nonce-demanded-with-400",
        "Answers 400 where the API wants a nonce.",
        "RFC 9449 §9",
    ),
    flaw(
        "dpop-nonce-demanded-with-401",
        "Answers 401 where the token endpoint wants a nonce.",
        "RFC 9449 §8",
    ),
];

pub const BAD_PROOF: &str = "INVALID_DPOP_PROOF";
pub const NONCE_WANTED: &str = "USE_DPOP_NONCE";

/// The error code of OAuth that goes with an error of the token endpoint (RFC 9449 §5, §8).
pub fn oauth_code(code: &str) -> Option<&'static str> {
    match code {
        BAD_PROOF => Some("invalid_dpop_proof"),
        NONCE_WANTED => Some("use_dpop_nonce"),
        _ => None,
    }
}

/// Adds the offer to a 401 that offers Bearer.
pub fn offered(edge: &Edge, mut error: Error, is_asked: bool) -> Error {
    let is_offer = error
        .fields
        .iter()
        .any(|(name, value)| *name == "WWW-Authenticate" && value.starts_with("Bearer "));
    if error.status != 401 || !is_offer {
        return error;
    }
    let flaws = &edge.flaws;
    if flaws.has("dpop-challenge-missing") {
        return error;
    }
    let mut challenge = format!("DPoP realm=\"{}\"", edge.realm);
    if !is_asked && flaws.has("dpop-challenge-error-unasked") {
        challenge.push_str(", error=\"invalid_dpop_proof\"");
    }
    challenge.push_str(&algs(flaws));
    if flaws.has("dpop-challenge-for-proxies") {
        error = error.field("Proxy-Authenticate", challenge.clone());
    }
    error.field("WWW-Authenticate", challenge)
}

/// 401 under the DPoP scheme. `fault` is that of the proof, `None` for one of the token.
pub fn refused(edge: &Edge, fault: Option<Fault>) -> Error {
    let flaws = &edge.flaws;
    let (code, says) = match fault {
        Some(Fault::Crash) => return Error::internal(),
        None | Some(Fault::Key) if flaws.has("dpop-bad-token-called-bad-proof") => {
            ("invalid_dpop_proof", "The access token is not good")
        }
        None => (
            "invalid_token",
            "The access token is unknown, expired or not bound to a key",
        ),
        Some(Fault::Key) => ("invalid_token", "The access token is bound to another key"),
        Some(Fault::Nonce) => ("use_dpop_nonce", "The proof needs a nonce of this server"),
        Some(_) if flaws.has("dpop-bad-proof-called-bad-token") => {
            ("invalid_token", "The proof is not good")
        }
        Some(Fault::Absent) => ("invalid_dpop_proof", "There is no proof"),
        Some(Fault::Malformed) => ("invalid_dpop_proof", "The proof is no JWT"),
        Some(Fault::Check(_)) => (
            "invalid_dpop_proof",
            "The proof is not good for this request",
        ),
    };
    let mut error = Error::new(
        401,
        "AUTHENTICATION_REQUIRED",
        "Please provide valid authentication credentials",
    );
    if fault == Some(Fault::Nonce) && flaws.has("dpop-nonce-demanded-with-400") {
        error.status = 400;
    }
    if !flaws.has("dpop-challenge-missing") {
        error = error.field(
            "WWW-Authenticate",
            format!(
                "DPoP realm=\"{}\", error=\"{code}\", error_description=\"{says}\"{}",
                edge.realm,
                algs(flaws)
            ),
        );
    }
    error.field(
        "WWW-Authenticate",
        format!("Bearer realm=\"{}\"", edge.realm),
    )
}

/// 400 of the token endpoint.
pub fn refused_request(edge: &Edge, fault: Fault) -> Error {
    match fault {
        Fault::Crash => Error::internal(),
        Fault::Nonce => {
            let mut error = Error::new(400, NONCE_WANTED, "The proof needs a nonce of this server");
            if edge.flaws.has("dpop-nonce-demanded-with-401") {
                error.status = 401;
            }
            error
        }
        Fault::Check(_) if edge.flaws.has("dpop-bad-proof-unnamed-at-exchange") => {
            Error::malformed("This cannot be done")
        }
        Fault::Check(says) => Error::new(400, BAD_PROOF, format!("The proof {says}")),
        Fault::Absent => Error::new(400, BAD_PROOF, "There is no proof"),
        Fault::Malformed => Error::new(400, BAD_PROOF, "The proof is no JWT"),
        Fault::Key => Error::new(400, BAD_PROOF, "The proof is by another key"),
    }
}

fn algs(flaws: &FlawSet) -> String {
    if flaws.has("dpop-challenge-without-algs") {
        return String::new();
    }
    let mut names = ALGORITHMS.map(|algorithm| algorithm.name()).to_vec();
    if flaws.has("dpop-challenge-lists-hmac") {
        names.push("HS256");
    }
    format!(", algs=\"{}\"", names.join(" "))
}
