//! Tokens bound to a key of their holder (PERS API, DPoP): what each place does with a proof.
//!
//! Binding is the client's choice at the exchange. Tenant `c` demands nonces in proofs, the others do not.

use serde_json::Value;

use super::{Pers, tenant};
use crate::reference::dispatch::Call;
use crate::reference::dpop::binding::Scheme;
use crate::reference::dpop::challenge::{offered, refused, refused_request};
use crate::reference::dpop::{self, Fault, Occasion, Place, Proof};
use crate::reference::edge::challenge::{self, Unknown};
use crate::reference::edge::credentials;
use crate::reference::edge::errors::Error;
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::{Holds, Request, Response};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "dpop-bound-token-taken-as-bearer",
        "Takes a bound token under Bearer, without looking at its binding.",
        "RFC 9449 §7.2",
    ),
    flaw(
        "dpop-scheme-unchecked",
        "Takes a bound token with its proof under Bearer as well.",
        "RFC 9449 §7.1",
    ),
    flaw(
        "dpop-proof-optional",
        "Verifies a proof where there is one, and asks for none.",
        "RFC 9449 §7.1",
    ),
    flaw(
        "dpop-malformed-proof-ignored",
        "Goes on with the token alone where the proof cannot be read.",
        "RFC 9449 §4.3 item 2",
    ),
    flaw(
        "dpop-unbound-token-accepted",
        "Takes a token without binding under the DPoP scheme, with any proof.",
        "RFC 9449 §7.1",
    ),
    flaw(
        "dpop-proof-taken-for-login",
        "Takes a proof without a token for a login.",
        "RFC 9449 §4",
    ),
    flaw(
        "dpop-loose-token-unbound",
        "Takes a bound token from query or body, where it asks for no proof.",
        "RFC 9449 §7.1",
    ),
    flaw(
        "dpop-bad-proof-gives-bearer",
        "Gives an unbound token where the proof of the token request is not good.",
        "RFC 9449 §5",
    ),
    flaw(
        "dpop-bound-to-key-as-received",
        "Binds a token to a hash of the key as the proof spells it.",
        "RFC 7638 §3",
    ),
    flaw(
        "dpop-binding-unasked",
        "Binds a token to a key of its own where no proof came.",
        "RFC 9449 §5",
    ),
    flaw(
        "dpop-nonce-demanded-without-one",
        "Says that it wants a nonce and gives none.",
        "RFC 9449 §8",
    ),
    flaw(
        "dpop-nonce-sent-twice",
        "Sends two DPoP-Nonce lines.",
        "RFC 9449 §8",
    ),
    flaw(
        "dpop-challenge-unexposed",
        "Does not let pages of other origins read the challenge.",
        "RFC 9449 §7.1",
    ),
    flaw(
        "dpop-nonce-unexposed",
        "Does not let pages of other origins read the nonce.",
        "RFC 9449 §8",
    ),
    flaw(
        "dpop-nonce-cacheable",
        "Lets caches keep answers that carry a nonce.",
        "RFC 9449 §8.2",
    ),
];

/// A token as it came.
pub struct Carried<'a> {
    pub scheme: Scheme,
    pub token: &'a str,
    pub cnf: Option<&'a Value>,
    /// The tenant of the account.
    pub tenant: &'static str,
}

/// Whether token and proof belong together. A bound token needs a proof and the DPoP scheme, an unbound one neither.
pub fn judge(
    app: &Pers,
    carried: &Carried<'_>,
    request: &Request,
    is_use: bool,
) -> Result<(), Error> {
    let flaws = app.flaws();
    let has_proof = request.fields.has("dpop");
    match (carried.scheme, carried.cnf) {
        (Scheme::Bearer, None) => return Ok(()),
        (Scheme::Bearer, Some(_)) if flaws.has("dpop-bound-token-taken-as-bearer") => {
            return Ok(());
        }
        (Scheme::Bearer, Some(_)) if has_proof && flaws.has("dpop-scheme-unchecked") => {}
        (Scheme::Bearer, Some(_)) => return Err(bad_token(app, Scheme::Bearer)),
        (Scheme::Dpop, None) if flaws.has("dpop-unbound-token-accepted") => {}
        (Scheme::Dpop, None) => return Err(bad_token(app, Scheme::Dpop)),
        (Scheme::Dpop, Some(_)) if !has_proof && flaws.has("dpop-proof-optional") => {
            return Ok(());
        }
        (Scheme::Dpop, Some(_)) => {}
    }
    let occasion = Occasion {
        request,
        place: Place::Resource,
        token: Some(carried.token),
        cnf: carried.cnf,
        demands_nonce: carried.tenant == tenant::C,
        is_use,
        now: dpop::now(),
    };
    match app.proofs.judge(&occasion, flaws) {
        Ok(_) => Ok(()),
        Err(Fault::Malformed) if flaws.has("dpop-malformed-proof-ignored") => Ok(()),
        Err(fault) => Err(refused(&app.edge, Some(fault))),
    }
}

/// 401 for a token that is not good, in the words of its scheme.
pub fn bad_token(app: &Pers, scheme: Scheme) -> Error {
    match scheme {
        Scheme::Dpop => refused(&app.edge, None),
        Scheme::Bearer => {
            let error = challenge::unauthenticated(&app.edge, "Bearer", Unknown::Invalid);
            offered(&app.edge, error, true)
        }
    }
}

/// A token where none belongs, for a deployment that looks there.
pub fn loose_token(app: &Pers, request: &Request) -> Option<String> {
    if request.fields.has("authorization") {
        return None;
    }
    let token = request
        .parameter("access_token")
        .or_else(|| credentials::in_body(request))?;
    app.flaws().has("dpop-loose-token-unbound").then_some(token)
}

/// Whether a proof alone lets its maker in.
pub fn is_login(app: &Pers, request: &Request, is_use: bool) -> bool {
    let occasion = Occasion {
        request,
        place: Place::Resource,
        token: None,
        cnf: None,
        demands_nonce: false,
        is_use,
        now: dpop::now(),
    };
    request.fields.has("dpop")
        && app.flaws().has("dpop-proof-taken-for-login")
        && app.proofs.judge(&occasion, app.flaws()).is_ok()
}

/// The key that a token request proves, by its thumbprint; `None` where it brings no proof (RFC 9449 §5).
pub fn proven(call: &Call<'_, Pers>) -> Result<Option<String>, Error> {
    let app = call.app;
    let flaws = app.flaws();
    let occasion = Occasion {
        request: call.request,
        place: Place::TokenEndpoint,
        token: None,
        cnf: None,
        demands_nonce: call.caller.tenant == tenant::C,
        is_use: true,
        now: dpop::now(),
    };
    match app.proofs.judge(&occasion, flaws) {
        Ok(Proof {
            thumbprint,
            as_received,
        }) if thumbprint != as_received && flaws.has("dpop-bound-to-key-as-received") => {
            Ok(Some(as_received))
        }
        Ok(proof) => Ok(Some(proof.thumbprint)),
        Err(Fault::Absent) if flaws.has("dpop-binding-unasked") => {
            Ok(Some(app.issuer.kid().unwrap_or_default().to_owned()))
        }
        Err(Fault::Absent) => Ok(None),
        Err(Fault::Check(_) | Fault::Malformed) if flaws.has("dpop-bad-proof-gives-bearer") => {
            Ok(None)
        }
        Err(fault) => Err(refused_request(&app.edge, fault)),
    }
}

/// Takes names out of the list of what pages may read.
pub fn unexpose(app: &Pers, response: &mut Response) {
    const LIST: &str = "Access-Control-Expose-Headers";
    let Some(mut list) = response.get(LIST).map(str::to_owned) else {
        return;
    };
    for (flaw, name) in [
        ("dpop-challenge-unexposed", "WWW-Authenticate, "),
        ("dpop-nonce-unexposed", "DPoP-Nonce, "),
    ] {
        if app.flaws().has(flaw) {
            list = list.replace(name, "");
        }
    }
    response.set(LIST, list);
}

/// The nonce for the next proof, with every answer to a proof under a tenant that demands one (RFC 9449 §8.2). Public
/// answers are not the client's own, and may be kept.
pub fn accompany(app: &Pers, request: &Request, response: &mut Response) {
    let is_meant = request.fields.has("dpop")
        && response.holds != Holds::Public
        && matches!(tenant::named(app, request), Ok(Some(tenant::C)));
    if !is_meant {
        return;
    }
    let flaws = app.flaws();
    let place = match ["/v2/auth/", "/v2/oauth/"]
        .iter()
        .any(|place| request.path().starts_with(place))
    {
        true => Place::TokenEndpoint,
        false => Place::Resource,
    };
    if response.status >= 400 && flaws.has("dpop-nonce-demanded-without-one") {
        return;
    }
    response.set("DPoP-Nonce", app.proofs.nonce(place, flaws));
    if flaws.has("dpop-nonce-sent-twice") {
        response.add("DPoP-Nonce", app.proofs.nonce(place, flaws));
    }
    if response.status == 200 && request.is_safe() && flaws.has("dpop-nonce-cacheable") {
        response.set("Cache-Control", "public, max-age=60");
    }
}
