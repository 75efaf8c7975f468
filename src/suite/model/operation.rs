use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::matching::StatusSet;
use super::step::HeaderChange;

/// A request line (`GET /me`), or the whole operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OperationEntry {
    RequestLine(String),
    Spec(Box<OperationSpec>),
}

/// One request of the target that suites can name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OperationSpec {
    /// Method and path, such as `GET /orders/${order}`. Placeholders are filled from `values`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Who may use it: `public`, or roles. Default: public.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow: Option<Access>,
    /// What it is; suites select by these words (`personal`, `create`, `list`, `page`, `login`…).
    #[serde(rename = "is", default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub headers: IndexMap<String, HeaderChange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    /// Status of a success. Default: `2xx`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success: Option<StatusSet>,
    /// The operation that reads what this one changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The principal that reads it. Default: the sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_as: Option<String>,
    /// What its answer names that it made. Other operations that have the placeholder are then tried with what a check
    /// made itself, and those that delete with nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub makes: Option<Makes>,
    /// Bodies that break the schema, each by a name that says how; all else about them is right.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub violations: IndexMap<String, Body>,
    /// Changes nothing although its method is not a safe one, so that it needs no consent to writes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub harmless: bool,
    /// Kinds of credential that must not be sent along, beside those of the sender that carry it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
}

/// An object that an operation makes: where the answer has its id, and what placeholder the id fills. Exactly one of
/// `json`, `header`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Makes {
    /// The placeholder, such as `note` for `${note}`.
    pub value: String,
    /// JSONPath (RFC 9535) of the id in the body of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json: Option<String>,
    /// Header of the answer that has it, such as `Location`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// A regular expression over what was found there; its first group, or the whole match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches: Option<String>,
}

/// Who may use an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Access {
    /// `public`.
    Word(String),
    Roles(Vec<String>),
}

/// The body of a request. Exactly one key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// A JSON value, sent as `application/json`.
    Json(Value),
    /// Members laid over the operation's JSON body (RFC 7396: `null` takes one away).
    Patch(Value),
    /// Text, sent as it is.
    Text(String),
    /// `application/x-www-form-urlencoded`.
    Form(IndexMap<String, String>),
    /// Octets in hexadecimal.
    Hex(String),
    /// The members of the operation's JSON body as `application/x-www-form-urlencoded`.
    AsForm(()),
    /// The operation's JSON body with every text in it replaced by this one.
    Texts(String),
    /// This many octets of JSON, `{"filler":"aaa…"}`; or a reference to a number, such as `${param.NAME}`.
    Filler(Value),
    /// A filler of so many octets, compressed with gzip (RFC 1952); `Content-Encoding` is the step's to say.
    Bomb(Value),
    /// The operation's JSON body with the members of this violation of its schema behind its own, so that their names
    /// stand there twice.
    Doubled(String),
    /// JSON arrays nested this deep.
    Nested(u32),
    /// A violation of the operation's schema, by name.
    Violation(String),
    /// What this principal sends to this operation to get its credential, secrets and all.
    Exchange(String),
    /// No body, although the operation has one.
    None(()),
}

/// An operation with everything filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    pub method: String,
    /// Path and query, placeholders not yet filled.
    pub path: String,
    /// Roles that may use it; `None`: public.
    pub allow: Option<Vec<String>>,
    pub kinds: Vec<String>,
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub headers: IndexMap<String, HeaderChange>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    pub success: StatusSet,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_as: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub makes: Option<Makes>,
    /// The operation that makes what this one is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub violations: IndexMap<String, Body>,
    #[serde(default)]
    pub harmless: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
}

impl Operation {
    /// Safe by method (RFC 9110 §9.2.1), or declared to change nothing.
    pub fn writes(&self) -> bool {
        !self.harmless && method_writes(&self.method)
    }
}

/// Whether a method is other than the safe ones of RFC 9110 §9.2.1.
pub fn method_writes(method: &str) -> bool {
    !matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE")
}
