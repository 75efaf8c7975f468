//! What every deployment does at its edge, whatever the application behind it: each file one promise, with the flaws
//! that break it. `dispatch` says in which order they come.

pub mod body;
pub mod caching;
pub mod challenge;
pub mod cors;
pub mod credentials;
pub mod errors;
pub mod headers;
pub mod host;
pub mod json;
pub mod limits;
pub mod methods;
pub mod paths;
pub mod plain;
pub mod request_id;

use super::flaw::{Flaw, FlawSet};
use super::http::{Request, Response};
use super::rate_limit::Limiter;
use errors::{Envelope, Error};

/// Tables of the flaws that every deployment has.
pub const FLAWS: &[&[Flaw]] = &[
    body::FLAWS,
    caching::FLAWS,
    challenge::FLAWS,
    credentials::FLAWS,
    errors::FLAWS,
    headers::FLAWS,
    limits::FLAWS,
    methods::FLAWS,
    paths::FLAWS,
    plain::FLAWS,
    request_id::FLAWS,
];

/// What a contract fixes for the edge.
pub struct Edge {
    pub flaws: FlawSet,
    /// Header lines of every answer, errors included.
    pub headers: &'static [(&'static str, &'static str)],
    pub envelope: Envelope,
    /// Where the id of the request is told.
    pub id_header: &'static str,
    /// Whether a sound id that the client sends is kept.
    pub id_from_client: bool,
    /// `realm` of every challenge.
    pub realm: &'static str,
    /// The status of a well-formed body that breaks the schema: 400 or 422.
    pub schema_status: u16,
    pub limiter: Limiter,
    pub ids: request_id::Ids,
    pub cache: caching::Cache,
}

impl Edge {
    pub fn new(
        flaws: FlawSet,
        headers: &'static [(&'static str, &'static str)],
        envelope: Envelope,
        realm: &'static str,
    ) -> Self {
        Self {
            flaws,
            headers,
            envelope,
            id_header: "X-Request-Id",
            id_from_client: false,
            realm,
            schema_status: 400,
            limiter: Limiter::default(),
            ids: request_id::Ids::default(),
            cache: caching::Cache::default(),
        }
    }

    /// Everything that an answer gets on its way out.
    pub fn finish(&self, request: &Request, response: &mut Response, id: &str) {
        caching::apply(self, request, response);
        request_id::apply(self, response, id);
        headers::apply(self, request, response);
        response.set(
            "Date",
            httpdate::fmt_http_date(std::time::SystemTime::now()),
        );
    }

    pub fn render(&self, request: &Request, error: &Error, id: &str) -> Response {
        errors::render(self, request, error, id)
    }
}
