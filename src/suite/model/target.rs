use std::net::IpAddr;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::issuer::{IssuerTerms, ListenerTerms};
use super::level::Level;
use super::operation::OperationEntry;
use super::principal::{Carriage, Principal};
use super::rate_limit::RateLimitEntry;
use super::token::TokenTerms;

/// One deployment under test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetFile {
    /// A name for reports.
    pub target: String,
    /// The contract that it claims to keep: `pers`, `intraverse`, `http-api`…
    pub contract: String,
    /// Base URL, with the path prefix of the API if it has one: `https://`, or, on loopback alone, `http://`. Of the
    /// environment: `${env:NAME}`.
    pub url: String,
    /// The plain-HTTP address to try. Default: the same host, port 80.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plain_url: Option<String>,
    /// The machines behind `url`, where there are several: IP addresses, with a port where it is not that of `url`. Checks
    /// of what they should know together send to each, under the same name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<String>,
    /// PEM file of the authority that signed the target's certificate, relative to this file. Default: the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// The same, in place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
    /// Names to values: `${env:NAME}`, `${file:PATH}`. Whatever is listed here never appears in any output.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub secrets: IndexMap<String, String>,
    /// Parameters of the contract.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub params: IndexMap<String, Value>,
    /// Ids and other facts about this deployment that are no secrets; contracts read them as `${value.NAME}`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub values: IndexMap<String, Value>,
    /// Features beyond the contract's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<String>,
    /// JSONPaths (RFC 9535) of members of answers that hold secrets, such as `$..secret`, beyond the contract's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secret_members: Vec<String>,
    /// Kinds of credential beyond the contract's, or in their place.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub credentials: IndexMap<String, Carriage>,
    /// By kind of credential: what is known of its tokens, in place of what the contract says.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub tokens: IndexMap<String, TokenTerms>,
    /// The issuer that we play, where the target trusts an outside one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<IssuerTerms>,
    /// Where we listen for calls that the target should not make. Without it, checks that need it are skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listener: Option<ListenerTerms>,
    /// Principals beyond the contract's, or in their place.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub principals: IndexMap<String, Principal>,
    /// Operations beyond the contract's; members laid over those of the same name. `null` takes one away.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub operations: IndexMap<String, Option<OperationEntry>>,
    /// Levels that differ from the contract's.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub levels: IndexMap<String, Level>,
    #[serde(default)]
    pub consent: Consent,
    #[serde(default)]
    pub limits: Limits,
    /// Rate limits beyond the contract's; members laid over those of the same name. `null` takes one away.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub rate_limits: IndexMap<String, Option<RateLimitEntry>>,
    /// Whether no declared rate limit counts what leaves from the usual address of this machine, as deployments for tests
    /// arrange it: limits are tried from `addresses` then. Otherwise ordinary requests keep to every declared limit, and
    /// a run takes as long as that takes; `--dry-run` says how long.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exempt_from_rate_limits: bool,
    /// IP addresses of this machine that requests may leave from, for limits by address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpAddr>,
}

/// What we may do to the target. Nothing is allowed that is not said here.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// Requests that may change something.
    #[serde(default)]
    pub writes: bool,
    /// More requests than a person would make.
    #[serde(default)]
    pub load: bool,
    /// Things that cannot be undone.
    #[serde(default)]
    pub destructive: bool,
    /// Never more requests than this in a second. Default: 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_requests_per_second: Option<u32>,
}

/// Bounds on our patience and on what we accept.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Seconds until a connection stands. Default: 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_s: Option<u64>,
    /// Seconds until an answer is complete. Default: 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_s: Option<u64>,
    /// Octets of a body that are read. Default: 262144.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_bytes: Option<usize>,
    /// Seconds that may be spent on waiting out 429 and 503. Default: 60.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_s: Option<u64>,
}
