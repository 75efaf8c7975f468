use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::expectation::Conditions;
use super::issuer::IssuerTerms;
use super::level::Level;
use super::operation::OperationEntry;
use super::principal::{Carriage, Principal};
use super::rate_limit::RateLimitEntry;
use super::token::TokenTerms;

/// A published set of promises: which checks apply, at which level, with which parameters, and what answers look like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// The name, equal to the file's.
    pub contract: String,
    pub title: String,
    /// Where the promises were published.
    pub source: String,
    /// Values that checks read as `${param.NAME}`; a target file may set them.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub parameters: IndexMap<String, Parameter>,
    /// What it offers beyond plain requests (`cookies`, `pages`…); checks may need it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<String>,
    /// JSONPaths (RFC 9535) of members of answers that hold secrets, such as `$..secret`. What stands there is never
    /// shown, whoever asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secret_members: Vec<String>,
    /// Kinds of credential and how each travels.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub credentials: IndexMap<String, Carriage>,
    /// By kind of credential: what is known of its tokens, where they are JWTs.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub tokens: IndexMap<String, TokenTerms>,
    /// What every issuer that we play for its targets has in common; the target file says where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<IssuerTerms>,
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub principals: IndexMap<String, Principal>,
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub operations: IndexMap<String, OperationEntry>,
    /// What each named answer looks like.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub answers: IndexMap<String, Conditions>,
    /// Limits on requests, by name. A target file sets the thresholds that are told to each client alone.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub rate_limits: IndexMap<String, RateLimitEntry>,
    pub checks: Selection,
    /// Levels that differ from the checks' own: pattern (`HDR-*`) to level. The last match counts.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub levels: IndexMap<String, Level>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// What it sets, for the reader.
    pub says: String,
    /// Value when the target file sets none. Without it, checks that need the parameter are skipped.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub default: Value,
}

/// Which checks apply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Patterns of ids, `*` for any characters.
    pub include: Vec<String>,
    /// Pattern to the reason why it does not apply here.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub exclude: IndexMap<String, String>,
}
