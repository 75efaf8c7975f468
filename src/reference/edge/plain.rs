//! The port without TLS (RFC 6797 §7.2; RFC 9110 §15.4, §15.5.22): it refuses, in the way that the contract prefers.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Edge;
use super::errors::Error;
use super::paths::percent;
use super::{host, limits};
use crate::reference::flaw::{Flaw, flaw};
use crate::reference::http::{Request, Response};
use crate::reference::site::{Malformed, Site};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "plain-http-served",
        "Serves the API without TLS as well.",
        "RFC 9325 §3.2",
    ),
    flaw(
        "plain-http-acted-upon",
        "Carries out what it is asked without TLS, and refuses only then.",
        "RFC 9325 §3.2",
    ),
    flaw(
        "plain-websocket-opened",
        "Opens a WebSocket to whoever asks for one without TLS.",
        "RFC 6455 §10.6",
    ),
    flaw(
        "x-forwarded-proto-trusted",
        "Takes a request without TLS for encrypted when X-Forwarded-Proto or X-Forwarded-Ssl says so.",
        "RFC 7239 §8.1",
    ),
    flaw(
        "forwarded-proto-trusted",
        "Takes a request without TLS for encrypted when Forwarded says so.",
        "RFC 7239 §8.1",
    ),
    flaw(
        "front-end-https-trusted",
        "Takes a request without TLS for encrypted when Front-End-Https or X-URL-Scheme says so.",
        "RFC 7239 §8.1",
    ),
];

/// Faults of deployments that answer on the plain port at all.
pub const ANSWERING_FLAWS: &[Flaw] = &[
    flaw(
        "hsts-over-http",
        "Sends Strict-Transport-Security without TLS.",
        "RFC 6797 §7.2",
    ),
    flaw(
        "plain-cookie-set",
        "Sets a session cookie without TLS, and without Secure.",
        "RFC 6265 §4.1.2.5",
    ),
    flaw(
        "upgrade-required-without-upgrade",
        "Refuses plain requests with 426 but names no protocol in Upgrade.",
        "RFC 9110 §15.5.22",
    ),
];

/// Faults of deployments that redirect.
pub const REDIRECTING_FLAWS: &[Flaw] = &[
    flaw(
        "redirect-to-host-header",
        "Builds Location from whatever Host says.",
        "RFC 9110 §7.4",
    ),
    flaw(
        "redirect-to-forwarded-host",
        "Builds Location from X-Forwarded-Host.",
        "RFC 9110 §7.4",
    ),
    flaw(
        "redirect-stays-on-http",
        "Redirects plain requests to another plain address.",
        "RFC 9110 §10.2.2",
    ),
    flaw(
        "redirect-decodes-path",
        "Writes the decoded path into Location, line breaks and all.",
        "RFC 9112 §11.1",
    ),
    flaw(
        "redirect-drops-query",
        "Redirects to the path without its query.",
        "RFC 9110 §10.2.2",
    ),
    flaw(
        "redirect-301-for-post",
        "Redirects unsafe methods with 301, which clients may turn into GET.",
        "RFC 9110 §15.4.2",
    ),
];

/// How a contract refuses plain HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 308 to the same place over TLS.
    Redirect,
    /// 403 in the shape of the contract.
    Forbid,
    /// Not a word.
    HangUp,
}

/// What stands behind the plain port.
pub struct PlainSite {
    pub refusal: Refusal,
    pub edge: Arc<Edge>,
    /// What stands behind the encrypted port, for flaws.
    pub api: Arc<dyn Site>,
    pub https_port: u16,
}

impl PlainSite {
    fn claims_encryption(&self, request: &Request) -> bool {
        let flaws = &self.edge.flaws;
        let says = |name: &str, value: &str| {
            request
                .fields
                .get(name)
                .is_some_and(|sent| sent.to_ascii_lowercase().contains(value))
        };
        (flaws.has("x-forwarded-proto-trusted")
            && (says("x-forwarded-proto", "https") || says("x-forwarded-ssl", "on")))
            || (flaws.has("forwarded-proto-trusted") && says("forwarded", "proto=https"))
            || (flaws.has("front-end-https-trusted")
                && (says("front-end-https", "on") || says("x-url-scheme", "https")))
    }

    fn refuse(&self, request: &Request) -> Option<Response> {
        let flaws = &self.edge.flaws;
        if self.refusal == Refusal::HangUp {
            return None;
        }
        let id = self.edge.ids.assign(&self.edge, request);
        let answer = if flaws.has("upgrade-required-without-upgrade") {
            Err(Error::new(426, "UPGRADE_REQUIRED", "Use HTTPS."))
        } else if self.refusal == Refusal::Redirect {
            self.redirect(request)
        } else {
            Err(Error::new(403, "HTTPS_REQUIRED", "Use HTTPS."))
        };
        let mut response = answer.unwrap_or_else(|error| self.edge.render(request, &error, &id));
        self.edge.finish(request, &mut response, &id);
        if flaws.has("hsts-over-http") {
            response.set(
                "Strict-Transport-Security",
                "max-age=31536000; includeSubDomains",
            );
        }
        if flaws.has("plain-cookie-set") {
            response.add(
                "Set-Cookie",
                format!("session={:032x}; Path=/; HttpOnly", rand::random::<u128>()),
            );
        }
        Some(response)
    }

    /// Only our own names get into Location, and the target only as it was sent.
    fn redirect(&self, request: &Request) -> Result<Response, Error> {
        let flaws = &self.edge.flaws;
        limits::check_head(request, flaws)?;
        let mut name = host::host_of(&request.authority).to_owned();
        if flaws.has("redirect-to-forwarded-host")
            && let Some(forwarded) = request.fields.get("x-forwarded-host")
        {
            name = forwarded.to_owned();
        } else if !flaws.has("redirect-to-host-header") {
            host::check(request)?;
        }
        if name.is_empty() {
            name = "localhost".to_owned();
        } else if name.contains(':') {
            name = format!("[{name}]");
        }
        let target = if flaws.has("redirect-decodes-path") {
            percent::decode(&request.target)
        } else if flaws.has("redirect-drops-query") {
            request.path().to_owned()
        } else {
            request.target.clone()
        };
        let scheme = if flaws.has("redirect-stays-on-http") {
            "http"
        } else {
            "https"
        };
        let status = if flaws.has("redirect-301-for-post") {
            301
        } else {
            308
        };
        let location = format!("{scheme}://{name}:{}{target}", self.https_port);
        Ok(Response::new(status).field("Location", location))
    }
}

/// What the answer to this key is a digest of (RFC 6455 §4.2.2).
fn accepting(key: &str) -> String {
    format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
}

impl Site for PlainSite {
    fn screen(&self, head: &Request) -> Option<Response> {
        let flaws = &self.edge.flaws;
        if flaws.has("plain-http-served")
            || flaws.has("plain-http-acted-upon")
            || self.claims_encryption(head)
        {
            return None;
        }
        self.refuse(head)
    }

    fn body_bound(&self) -> usize {
        self.api.body_bound()
    }

    fn head_came(&self, head: &Request) {
        self.api.head_came(head);
    }

    fn undelivered(&self, request: &Request) {
        self.api.undelivered(request);
    }

    fn answer(&self, request: &Request) -> Option<Response> {
        let flaws = &self.edge.flaws;
        if flaws.has("plain-http-served") || self.claims_encryption(request) {
            return self.api.answer(request);
        }
        if let Some(key) = request.fields.get("sec-websocket-key")
            && flaws.has("plain-websocket-opened")
        {
            let accepted =
                STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, accepting(key).as_bytes()));
            return Some(
                Response::new(101)
                    .field("Connection", "Upgrade")
                    .field("Upgrade", "websocket")
                    .field("Sec-WebSocket-Accept", accepted),
            );
        }
        if flaws.has("plain-http-acted-upon") {
            drop(self.api.answer(request));
        }
        self.refuse(request)
    }

    fn malformed(&self, fault: Malformed, encrypted: bool) -> Option<Response> {
        match self.refusal {
            Refusal::HangUp => None,
            Refusal::Redirect | Refusal::Forbid => self.api.malformed(fault, encrypted),
        }
    }
}
