use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::issuer::Issue;

/// How a kind of credential travels. Exactly one of `header`, `query`, `cookie`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Carriage {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// Authentication scheme before the value (RFC 9110 §11.4), such as `Bearer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<String>,
    /// It says where a request belongs (a tenant, a project) and not who makes it: it stays when a credential is
    /// to be missing or spoilt.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub context: bool,
    /// It is bound to a key, and every request that carries it carries a fresh proof of possession in the field `DPoP`
    /// (RFC 9449). Where it is fetched, a proof goes along, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<ProofTerms>,
}

/// How the proofs of a bound credential are made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProofTerms {
    /// JWS algorithm of the keys that we make. Default: `ES256`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
}

/// Somebody requests are made as.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// What it is; suites select by these words (`revoked`, `expired`, `other-environment`, `client`…).
    #[serde(rename = "is", default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// The principal that is the same user with another credential, where a limit is spent as that one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_user_as: Option<String>,
    /// By kind of credential.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub credentials: IndexMap<String, CredentialSource>,
    /// The private key that its credential is bound to (RFC 9449): PEM or JWK, nearly always `${secret.NAME}`. Default:
    /// one that we make, which fits where the credential is fetched with a proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof_key: Option<String>,
    /// Fills the placeholders of operations: ids of what it owns, its own name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub values: IndexMap<String, Value>,
}

/// Where a credential comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum CredentialSource {
    /// The value, nearly always `${secret.NAME}`.
    Literal(String),
    Source(Box<SourceSpec>),
}

/// Exactly one key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceSpec {
    /// An operation of the contract that answers with a credential.
    Exchange(Exchange),
    /// OAuth 2.0 client credentials (RFC 6749 §4.4).
    Oauth2(Oauth2),
    /// The first line that a command prints. The command runs without a shell.
    Command(Vec<String>),
    /// A token that the issuer we play makes and signs.
    Issue(Issue),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    pub operation: String,
    /// Who makes the exchange. Default: `anonymous`.
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// Laid over the operation's JSON body.
    #[serde(default)]
    pub body: Value,
    /// JSONPath of the credential in the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub take: Option<String>,
    /// Or the cookie of this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<String>,
    /// JSONPath of its life in seconds. Default: the `exp` of a JWT, or as long as it works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Oauth2 {
    pub token_url: String,
    pub client_id: String,
    pub client_secret: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
}
