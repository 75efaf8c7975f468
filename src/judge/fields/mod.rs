//! Header fields, parsed strictly into JSON values that suites then query with JSONPath.
//!
//! One file for each [`Field`]. `grammar` has the productions that they share (RFC 9110 §5.6) and `defect` the sentence
//! that a refused field ends in. Every parser is pure, takes time linear in its input, and is bounded by [`MAX_OCTETS`] and
//! by a number of parts, so that a hostile field cannot become a much larger tree.
//!
//! Lists are lenient where recipients have to be: empty elements are skipped, and counted in `empty_elements` for those
//! who want to hold a sender to RFC 9110 §5.6.1.1.

mod allow;
mod cache_control;
mod challenge;
mod content_disposition;
mod cookie_date;
mod csp;
mod csp_source;
mod defect;
mod entity_tag;
mod frame_options;
mod grammar;
mod hsts;
mod http_date;
mod integer;
mod link;
mod media_type;
mod origin;
mod permissions_policy;
mod rate_limit;
mod referrer_policy;
mod report_to;
mod retry_after;
mod set_cookie;
mod structured;
#[cfg(test)]
mod tests;
mod token;
mod uri;
mod vary;

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use defect::{Defect, MAX_SAYS};

/// Octets that all lines of one field may have together; more are refused. The wire reads no longer heads.
pub const MAX_OCTETS: usize = 128 * 1024;

/// How the lines of a header field are to be read. The names are kebab-case in suites; [`Field::shape`] documents the
/// JSON that each gives.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Field {
    /// Strict-Transport-Security (RFC 6797 §6.1).
    Hsts,
    /// Content-Security-Policy and Content-Security-Policy-Report-Only (CSP Level 3).
    Csp,
    /// Cache-Control of an answer (RFC 9111 §5.2).
    CacheControl,
    /// WWW-Authenticate and Proxy-Authenticate (RFC 9110 §11.6.1, RFC 6750 §3).
    Challenge,
    /// Set-Cookie (RFC 6265 §4.1, RFC 6265bis): an array with one object for each line.
    SetCookie,
    /// Content-Type (RFC 9110 §8.3.1).
    MediaType,
    /// Permissions-Policy (W3C).
    PermissionsPolicy,
    /// Referrer-Policy (W3C).
    ReferrerPolicy,
    /// X-Frame-Options (HTML, RFC 7034).
    FrameOptions,
    /// Allow: a list of methods (RFC 9110 §10.2.1).
    Allow,
    /// Vary: a list of field names (RFC 9110 §12.5.5).
    Vary,
    /// Retry-After (RFC 9110 §10.2.3).
    RetryAfter,
    /// Date, Expires, Last-Modified, Sunset: an HTTP-date (RFC 9110 §5.6.7).
    HttpDate,
    /// Link (RFC 8288 §3).
    Link,
    /// ETag (RFC 9110 §8.8.3).
    EntityTag,
    /// A structured item (RFC 9651 §3.3), such as Cross-Origin-Opener-Policy.
    SfItem,
    /// A structured list (RFC 9651 §3.1), such as Clear-Site-Data.
    SfList,
    /// A structured dictionary (RFC 9651 §3.2), such as Signature-Input.
    SfDictionary,
    /// RateLimit (draft-ietf-httpapi-ratelimit-headers-10 §4).
    RateLimit,
    /// RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10 §3).
    RateLimitPolicy,
    /// Access-Control-Allow-Origin, Origin: `*`, `null` or one byte-serialised origin (Fetch).
    Origin,
    /// One whole number, such as Age, Access-Control-Max-Age, X-RateLimit-Remaining.
    Integer,
    /// One token, such as X-Content-Type-Options, Access-Control-Allow-Credentials.
    Token,
    /// A list of tokens, such as Access-Control-Expose-Headers.
    TokenList,
    /// A URI reference, such as Location (RFC 3986 §4.1).
    Uri,
    /// Content-Disposition (RFC 6266).
    ContentDisposition,
    /// Reporting-Endpoints, Report-To and NEL.
    ReportToEndpoints,
}

type Parse = fn(&[&str]) -> Result<Value, Defect>;

impl Field {
    pub const ALL: [Field; 27] = [
        Field::Hsts,
        Field::Csp,
        Field::CacheControl,
        Field::Challenge,
        Field::SetCookie,
        Field::MediaType,
        Field::PermissionsPolicy,
        Field::ReferrerPolicy,
        Field::FrameOptions,
        Field::Allow,
        Field::Vary,
        Field::RetryAfter,
        Field::HttpDate,
        Field::Link,
        Field::EntityTag,
        Field::SfItem,
        Field::SfList,
        Field::SfDictionary,
        Field::RateLimit,
        Field::RateLimitPolicy,
        Field::Origin,
        Field::Integer,
        Field::Token,
        Field::TokenList,
        Field::Uri,
        Field::ContentDisposition,
        Field::ReportToEndpoints,
    ];

    fn entry(self) -> (&'static str, Parse, &'static str) {
        match self {
            Field::Hsts => ("hsts", hsts::parse, hsts::SHAPE),
            Field::Csp => ("csp", csp::parse, csp::SHAPE),
            Field::CacheControl => ("cache-control", cache_control::parse, cache_control::SHAPE),
            Field::Challenge => ("challenge", challenge::parse, challenge::SHAPE),
            Field::SetCookie => ("set-cookie", set_cookie::parse, set_cookie::SHAPE),
            Field::MediaType => ("media-type", media_type::parse, media_type::SHAPE),
            Field::PermissionsPolicy => (
                "permissions-policy",
                permissions_policy::parse,
                permissions_policy::SHAPE,
            ),
            Field::ReferrerPolicy => (
                "referrer-policy",
                referrer_policy::parse,
                referrer_policy::SHAPE,
            ),
            Field::FrameOptions => ("frame-options", frame_options::parse, frame_options::SHAPE),
            Field::Allow => ("allow", allow::parse, allow::SHAPE),
            Field::Vary => ("vary", vary::parse, vary::SHAPE),
            Field::RetryAfter => ("retry-after", retry_after::parse, retry_after::SHAPE),
            Field::HttpDate => ("http-date", http_date::parse, http_date::SHAPE),
            Field::Link => ("link", link::parse, link::SHAPE),
            Field::EntityTag => ("entity-tag", entity_tag::parse, entity_tag::SHAPE),
            Field::SfItem => ("sf-item", structured::item::parse, structured::item::SHAPE),
            Field::SfList => ("sf-list", structured::list::parse, structured::list::SHAPE),
            Field::SfDictionary => (
                "sf-dictionary",
                structured::dictionary::parse,
                structured::dictionary::SHAPE,
            ),
            Field::RateLimit => (
                "rate-limit",
                rate_limit::limit::parse,
                rate_limit::limit::SHAPE,
            ),
            Field::RateLimitPolicy => (
                "rate-limit-policy",
                rate_limit::policy::parse,
                rate_limit::policy::SHAPE,
            ),
            Field::Origin => ("origin", origin::parse, origin::SHAPE),
            Field::Integer => ("integer", integer::parse, integer::SHAPE),
            Field::Token => ("token", token::one::parse, token::one::SHAPE),
            Field::TokenList => ("token-list", token::list::parse, token::list::SHAPE),
            Field::Uri => ("uri", uri::parse, uri::SHAPE),
            Field::ContentDisposition => (
                "content-disposition",
                content_disposition::parse,
                content_disposition::SHAPE,
            ),
            Field::ReportToEndpoints => ("report-to-endpoints", report_to::parse, report_to::SHAPE),
        }
    }

    /// The name that suites use, in kebab-case.
    pub fn as_str(self) -> &'static str {
        self.entry().0
    }

    /// Reads the values of all lines of one field, in order of arrival.
    ///
    /// Octets that are no UTF-8 should have been replaced by U+FFFD. Fields that are lists are read from all lines; of a
    /// single-valued field equal lines are accepted and counted in `lines`, differing ones refused. No line at all is
    /// refused as well: whether a field must be there is for the caller to say first.
    pub fn parse(self, lines: &[&str]) -> Result<Value, Defect> {
        if lines.is_empty() {
            return Err(Defect::new("there is no line of this field"));
        }
        if lines.iter().map(|line| line.len() + 2).sum::<usize>() > MAX_OCTETS {
            return Err(Defect::new(format!(
                "longer than {MAX_OCTETS} octets in all"
            )));
        }
        self.entry().1(lines)
    }

    /// What suite authors need in order to query the field: first a line `` `example` reads as ``, then its JSON, an empty
    /// line, what the members mean, and what is refused.
    pub fn shape(self) -> &'static str {
        self.entry().2
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that no [`Field`] has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no field kind of that name; known are {}", Field::ALL.map(Field::as_str).join(", "))]
pub struct UnknownField;

impl FromStr for Field {
    type Err = UnknownField;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Field::ALL
            .into_iter()
            .find(|field| field.as_str() == text)
            .ok_or(UnknownField)
    }
}
