//! Which foreign origin may read answers in a browser (Fetch §3.2 CORS protocol): those that are declared by name.
//!
//! A deployment with CORS has a [`Policy`]: [`preflight`](Cors::preflight) answers for it, and
//! [`decorate`](Cors::decorate) adds what every other answer says. [`origins`] compares.

mod origins;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::flaw::{Flaw, FlawSet, flaw};
use super::http::{Holds, Request, Response};
use origins::Grant;

const PROTOCOL: &str = "Fetch §CORS protocol";
const CREDENTIALS: &str = "Fetch §CORS protocol and credentials";
const CACHES: &str = "Fetch §CORS protocol and HTTP caches";
const PREFLIGHT: &str = "Fetch §CORS-preflight fetch";

/// Tables of every deployment with CORS.
pub const FLAWS: &[&[Flaw]] = &[PROTOCOL_FLAWS, origins::FLAWS];

const PROTOCOL_FLAWS: &[Flaw] = &[
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

const ALLOW_ORIGIN: &str = "Access-Control-Allow-Origin";
const ALLOW_CREDENTIALS: &str = "Access-Control-Allow-Credentials";
const ALLOW_METHODS: &str = "Access-Control-Allow-Methods";
const ALLOW_HEADERS: &str = "Access-Control-Allow-Headers";

/// One origin that is declared.
pub struct Origin {
    /// As browsers write it.
    pub name: &'static str,
    /// Whether its pages come with the cookies of the user.
    pub has_credentials: bool,
}

/// What a deployment declares.
pub struct Policy {
    /// The first is the one that wrong comparisons take others for, the second the one that preflights forget.
    pub origins: &'static [Origin],
    /// Request header fields that pages may send, as a list.
    pub headers: &'static str,
    /// Header fields of answers that pages may read, as a list.
    pub exposed: &'static str,
}

/// A policy, and what its flaws remember.
pub struct Cors {
    policy: &'static Policy,
    /// Address to the origin that it was first allowed to, for the flaw that keeps it.
    allowances: Mutex<HashMap<String, String>>,
}

fn is_preflight(request: &Request) -> bool {
    request.method == "OPTIONS"
        && request.fields.has("origin")
        && request.fields.has("access-control-request-method")
}

impl Cors {
    pub fn new(policy: &'static Policy) -> Self {
        Self {
            policy,
            allowances: Mutex::default(),
        }
    }

    /// The answer to a preflight; `None` for any other OPTIONS. `allow` are the methods of the address.
    pub fn preflight(&self, request: &Request, allow: &str, flaws: &FlawSet) -> Option<Response> {
        if !is_preflight(request) {
            return None;
        }
        if flaws.has("preflight-needs-authentication") {
            return Some(Response::new(401).field("WWW-Authenticate", "Bearer"));
        }
        let response = Response::new(204).field("Allow", allow);
        if self.policy.grant(request, flaws).is_none() {
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
        let mut headers = self.policy.headers.to_owned();
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

    /// Says in an answer who may read it.
    pub fn decorate(&self, request: &Request, response: &mut Response, flaws: &FlawSet) {
        let is_preflight = is_preflight(request);
        let grant = self.policy.grant(request, flaws);
        vary(grant.is_some(), flaws, response);
        if let Some(grant) = grant {
            self.allow(request, &grant, response, flaws);
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

    fn allow(&self, request: &Request, grant: &Grant, response: &mut Response, flaws: &FlawSet) {
        let is_preflight = is_preflight(request);
        if response.status >= 400 && !is_preflight && flaws.has("errors-without-cors") {
            return;
        }
        let is_second = self.policy.origins.get(1).map(|origin| origin.name) == Some(&grant.origin);
        if is_preflight && is_second && flaws.has("preflight-forgets-an-origin") {
            return;
        }
        let mut origin = grant.origin.clone();
        if flaws.has("allow-origin-with-slash") {
            origin.push('/');
        }
        if response.holds == Holds::Public && flaws.has("allow-origin-from-cache") {
            origin = self.kept(request, origin);
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
            response.set("Access-Control-Expose-Headers", self.policy.exposed);
        }
    }

    /// What the first allowed origin of this address was answered, in a cache that does not tell origins apart.
    fn kept(&self, request: &Request, origin: String) -> String {
        const KEPT: usize = 1000;
        let mut allowances = self
            .allowances
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if allowances.len() >= KEPT {
            allowances.clear();
        }
        allowances
            .entry(request.target.clone())
            .or_insert(origin)
            .clone()
    }
}

fn vary(is_granted: bool, flaws: &FlawSet, response: &mut Response) {
    if flaws.has("vary-origin-missing") || (!is_granted && flaws.has("vary-only-where-granted")) {
        return;
    }
    response.add("Vary", "Origin");
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
