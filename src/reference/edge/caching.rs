//! Who may keep an answer (RFC 9111 §3.5, §5.2.2).

use std::collections::HashMap;
use std::sync::Mutex;

use super::Edge;
use crate::reference::flaw::{Flaw, FlawSet, flaw};
use crate::reference::http::{Holds, Request, Response};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "personal-data-public",
        "Lets shared caches keep answers that hold one caller's data.",
        "RFC 9111 §3.5",
    ),
    flaw(
        "token-answer-cacheable",
        "Hands out tokens without no-store.",
        "RFC 6749 §5.1",
    ),
    flaw(
        "refusals-cacheable",
        "Gives 401, 403 and 404 a minute of freshness.",
        "RFC 9111 §4.2.2",
    ),
    flaw(
        "refusals-kept",
        "Keeps a 401 to a request with a query, and gives it to whoever asks for the same address next.",
        "RFC 9111 §4.2.2",
    ),
    flaw(
        "cache-directives-contradict",
        "Says no-store and max-age=600, immutable in one breath.",
        "RFC 9111 §5.2",
    ),
    flaw(
        "max-age-malformed",
        "Writes max-age=1h.",
        "RFC 9111 §5.2.2.1",
    ),
    flaw(
        "pragma-only",
        "Guards personal answers with Pragma: no-cache alone.",
        "RFC 9111 §5.4",
    ),
    flaw(
        "static-suffix-cached",
        "Routes /resource/x.css to the resource and keeps the answer for everybody, as if it were a style sheet.",
        "RFC 9111 §3.5",
    ),
    flaw(
        "cache-busting-cached",
        "Keeps answers to requests with a parameter _ for everybody, keyed by the path alone.",
        "RFC 9111 §7.1",
    ),
];

/// The shared cache of a deployment that should have none.
#[derive(Default)]
pub struct Cache(Mutex<HashMap<String, Response>>);

/// Most answers kept.
const KEPT: usize = 256;

impl Cache {
    /// The key under which the flawed deployment keeps the answer to this request.
    fn key(request: &Request, flaws: &FlawSet) -> Option<String> {
        if request.method != "GET" {
            return None;
        }
        let styled = strip_style(request.path()).is_some() && flaws.has("static-suffix-cached");
        let busted = request.parameter("_").is_some() && flaws.has("cache-busting-cached");
        (styled || busted).then(|| request.path().to_owned())
    }

    pub fn get(&self, request: &Request, flaws: &FlawSet) -> Option<Response> {
        let key = Self::key(request, flaws)?;
        let kept = self.0.lock().ok()?;
        kept.get(&key).cloned()
    }

    pub fn put(&self, request: &Request, response: &Response, flaws: &FlawSet) {
        if let Some(key) = Self::key(request, flaws)
            && response.status == 200
            && let Ok(mut kept) = self.0.lock()
            && kept.len() < KEPT
        {
            kept.insert(key, response.clone());
        }
    }
}

impl Cache {
    /// The key under which the flawed deployment keeps a refusal.
    fn refusal_key(request: &Request) -> Option<String> {
        let is_kept = request.method == "GET" && request.target.contains('?');
        is_kept.then(|| format!("refusal {}", request.target))
    }

    pub fn refusal(&self, request: &Request, flaws: &FlawSet) -> Option<Response> {
        let key = Self::refusal_key(request)?;
        let kept = self.0.lock().ok()?.get(&key).cloned();
        kept.filter(|_| flaws.has("refusals-kept"))
    }

    /// Keeps what is a refusal. A correct deployment never looks at it.
    pub fn put_refusal(&self, request: &Request, response: &Response) {
        if response.status == 401
            && let Some(key) = Self::refusal_key(request)
            && let Ok(mut kept) = self.0.lock()
            && kept.len() < KEPT
        {
            kept.insert(key, response.clone());
        }
    }
}

/// The path in front of what looks like a style sheet.
fn strip_style(path: &str) -> Option<&str> {
    let (front, last) = path.rsplit_once('/')?;
    match last.strip_suffix(".css")? {
        "" => None,
        _ if front.is_empty() => None,
        _ => Some(front),
    }
}

/// The path that a front cache would ask the application for.
pub fn routed_path<'a>(path: &'a str, flaws: &FlawSet) -> &'a str {
    match strip_style(path) {
        Some(front) if flaws.has("static-suffix-cached") => front,
        _ => path,
    }
}

pub fn apply(edge: &Edge, request: &Request, response: &mut Response) {
    let flaws = &edge.flaws;
    let is_error = response.status >= 400;
    match response.holds {
        Holds::Public if !is_error => {
            response.set_default("Cache-Control", "public, max-age=60");
        }
        Holds::Public | Holds::Personal => {
            response.set_default("Cache-Control", "no-store");
            if response.status == 200 && flaws.has("personal-data-public") && request.is_safe() {
                response.set("Cache-Control", "public, max-age=60");
            }
            if response.status == 200 && flaws.has("pragma-only") {
                response.remove("Cache-Control");
                response.set("Pragma", "no-cache");
            }
        }
        Holds::Secret => {
            response.set_default("Cache-Control", "no-store");
            if flaws.has("token-answer-cacheable") {
                response.remove("Cache-Control");
            }
        }
    }
    if flaws.has("cache-directives-contradict") && response.status == 200 {
        response.set("Cache-Control", "no-store, max-age=600, immutable");
    }
    if flaws.has("max-age-malformed") && response.holds == Holds::Public && !is_error {
        response.set("Cache-Control", "public, max-age=1h");
    }
    if flaws.has("refusals-cacheable") && matches!(response.status, 401 | 403 | 404) {
        response.set("Cache-Control", "max-age=60");
    }
}
