//! Which foreign origin may read answers in a browser (Fetch §3.2 CORS protocol): those that are declared by name.

use super::HttpApi;
use super::origins::{self, Grant};
use crate::reference::flaw::{Flaw, FlawSet, flaw};
use crate::reference::http::{Holds, Request, Response};

const PROTOCOL: &str = "Fetch §CORS protocol";
const CREDENTIALS: &str = "Fetch §CORS protocol and credentials";
const CACHES: &str = "Fetch §CORS protocol and HTTP caches";
const PREFLIGHT: &str = "Fetch §CORS-preflight fetch";

pub const FLAWS: &[Flaw] = &[
    flaw(
        "vary-origin-missing",
        "Does not say that its answers vary by origin.",
        CACHES,
    ),
    flaw(
        "vary-only-where-granted",
        "Says that its answers vary by origin only in those that allow one.",
        CACHES,
    ),
    flaw(
        "allow-origin-from-cache",
        "Answers every origin with the allowance that the first one got for the same address.",
        CACHES,
    ),
    flaw(
        "allow-origin-with-slash",
        "Writes the allowed origin with a slash at its end.",
        PROTOCOL,
    ),
    flaw(
        "allow-origin-sent-twice",
        "Sends Access-Control-Allow-Origin from two layers.",
        PROTOCOL,
    ),
    flaw(
        "credentials-with-any-origin",
        "Allows credentials beside a wildcard.",
        CREDENTIALS,
    ),
    flaw(
        "credentials-flag-misspelt",
        "Writes True where only true means anything.",
        CREDENTIALS,
    ),
    flaw(
        "credentials-for-every-origin",
        "Allows credentials also to origins that are to come without.",
        CREDENTIALS,
    ),
    flaw(
        "headers-allowed-by-wildcard",
        "Allows header fields by a wildcard, which means nothing beside credentials.",
        CREDENTIALS,
    ),
    flaw(
        "methods-allowed-by-wildcard",
        "Allows methods by a wildcard, which means nothing beside credentials.",
        CREDENTIALS,
    ),
    flaw(
        "preflight-needs-authentication",
        "Asks preflights for credentials, which they never carry.",
        PREFLIGHT,
    ),
    flaw(
        "preflight-forgets-an-origin",
        "Does not know one of its origins when it answers preflights.",
        PREFLIGHT,
    ),
    flaw(
        "method-reflected-by-preflight",
        "Allows whatever method a preflight asks for.",
        PREFLIGHT,
    ),
    flaw(
        "headers-reflected-by-preflight",
        "Allows whatever header fields a preflight asks for.",
        PREFLIGHT,
    ),
    flaw(
        "preflight-kept-for-a-year",
        "Lets browsers keep the answer to a preflight for a year.",
        PREFLIGHT,
    ),
    flaw(
        "preflight-without-hsts",
        "Answers preflights before the layer that adds HSTS and nosniff.",
        "good practice",
    ),
    flaw(
        "private-network-allowed",
        "Lets every site reach it where it stands in a private network.",
        "Private Network Access",
    ),
    flaw(
        "errors-without-cors",
        "Allows no origin to read its errors.",
        PROTOCOL,
    ),
    flaw(
        "exposed-headers-missing",
        "Does not show pages the header fields that they are to read.",
        PROTOCOL,
    ),
    flaw(
        "answers-as-script",
        "Wraps its answers in the function that callback names, so that any page can run them.",
        "good practice",
    ),
    flaw(
        "crossdomain-policy-open",
        "Allows every domain by crossdomain.xml.",
        "good practice",
    ),
];

const HEADERS: &str =
    "Authorization, Content-Type, If-Match, If-None-Match, X-CSRF-Token, X-Request-Id";
const EXPOSED: &str = "ETag, Location, Retry-After, WWW-Authenticate, X-Request-Id";

const ALLOW_ORIGIN: &str = "Access-Control-Allow-Origin";
const ALLOW_CREDENTIALS: &str = "Access-Control-Allow-Credentials";
const ALLOW_METHODS: &str = "Access-Control-Allow-Methods";
const ALLOW_HEADERS: &str = "Access-Control-Allow-Headers";

pub(super) fn is_preflight(request: &Request) -> bool {
    request.method == "OPTIONS"
        && request.fields.has("origin")
        && request.fields.has("access-control-request-method")
}

/// The answer to a preflight; `None` for any other OPTIONS.
pub fn preflight(app: &HttpApi, request: &Request, allow: &str) -> Option<Response> {
    if !is_preflight(request) {
        return None;
    }
    let flaws = app.flaws();
    if flaws.has("preflight-needs-authentication") {
        return Some(Response::new(401).field("WWW-Authenticate", "Bearer"));
    }
    let response = Response::new(204).field("Allow", allow);
    if origins::grant(request, flaws).is_none() {
        return Some(response);
    }
    let asked = |name| request.fields.get(name).unwrap_or_default();
    let mut methods = allow.to_owned();
    if flaws.has("methods-allowed-by-wildcard") {
        methods = "*".to_owned();
    }
    if flaws.has("method-reflected-by-preflight") {
        methods = asked("access-control-request-method").to_owned();
    }
    let mut headers = HEADERS.to_owned();
    if flaws.has("headers-allowed-by-wildcard") {
        headers = "*".to_owned();
    }
    if flaws.has("headers-reflected-by-preflight") {
        headers = asked("access-control-request-headers").to_owned();
    }
    let max_age = if flaws.has("preflight-kept-for-a-year") {
        "31536000"
    } else {
        "600"
    };
    Some(
        response
            .field(ALLOW_METHODS, methods)
            .field(ALLOW_HEADERS, headers)
            .field("Access-Control-Max-Age", max_age),
    )
}

pub fn decorate(app: &HttpApi, request: &Request, response: &mut Response) {
    let flaws = app.flaws();
    let is_preflight = is_preflight(request);
    let grant = origins::grant(request, flaws);
    vary(grant.is_some(), flaws, response);
    if let Some(grant) = grant {
        allow(app, request, &grant, response);
    }
    if is_preflight {
        if flaws.has("preflight-without-hsts") {
            response.remove("Strict-Transport-Security");
            response.remove("X-Content-Type-Options");
        }
        if request.fields.has("access-control-request-private-network")
            && flaws.has("private-network-allowed")
        {
            response.add("Access-Control-Allow-Private-Network", "true");
        }
    }
    side_doors(request, flaws, response);
}

fn vary(is_granted: bool, flaws: &FlawSet, response: &mut Response) {
    if flaws.has("vary-origin-missing") || (!is_granted && flaws.has("vary-only-where-granted")) {
        return;
    }
    response.add("Vary", "Origin");
}

fn allow(app: &HttpApi, request: &Request, grant: &Grant, response: &mut Response) {
    let flaws = app.flaws();
    let is_preflight = is_preflight(request);
    if response.status >= 400 && !is_preflight && flaws.has("errors-without-cors") {
        return;
    }
    if is_preflight && grant.origin == origins::PARTNER && flaws.has("preflight-forgets-an-origin")
    {
        return;
    }
    let mut origin = grant.origin.clone();
    if flaws.has("allow-origin-with-slash") {
        origin.push('/');
    }
    if response.holds == Holds::Public && flaws.has("allow-origin-from-cache") {
        origin = kept(app, request, origin);
    }
    if flaws.has("allow-origin-sent-twice") {
        response.add(ALLOW_ORIGIN, origin.clone());
    }
    response.add(ALLOW_ORIGIN, origin);
    if grant.has_credentials || flaws.has("credentials-for-every-origin") {
        if flaws.has("credentials-with-any-origin") {
            response.set(ALLOW_ORIGIN, "*");
        }
        let flag = if flaws.has("credentials-flag-misspelt") {
            "True"
        } else {
            "true"
        };
        response.set(ALLOW_CREDENTIALS, flag);
    }
    if !is_preflight && !flaws.has("exposed-headers-missing") {
        response.set("Access-Control-Expose-Headers", EXPOSED);
    }
}

/// What the first allowed origin of this address was answered, in a cache that does not tell origins apart.
fn kept(app: &HttpApi, request: &Request, origin: String) -> String {
    const KEPT: usize = 1000;
    let mut state = app.state();
    if state.allowances.len() >= KEPT {
        state.allowances.clear();
    }
    state
        .allowances
        .entry(request.target.clone())
        .or_insert(origin)
        .clone()
}

/// Ways round the protocol, from the time before it.
fn side_doors(request: &Request, flaws: &FlawSet, response: &mut Response) {
    if let Some(callback) = request.parameter("callback")
        && response.status == 200
        && flaws.has("answers-as-script")
    {
        let body = String::from_utf8_lossy(&response.body);
        response.body = format!("/**/{callback}({body});").into_bytes();
        response.set("Content-Type", "application/javascript");
    }
    if request.path() == "/crossdomain.xml" && flaws.has("crossdomain-policy-open") {
        response.status = 200;
        response.set("Content-Type", "text/xml");
        response.body =
            br#"<cross-domain-policy><allow-access-from domain="*"/></cross-domain-policy>"#
                .to_vec();
    }
}
