use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is known of the tokens of one kind of credential, beyond one that was captured.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenTerms {
    /// Where the target shows its public keys: an operation by name, or a path under the base URL such as
    /// `/.well-known/jwks.json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<String>,
    /// The public key itself, where it is not published: PEM, JWK or JWKS, nearly always `${secret.NAME}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    /// The key that the target trusts, where the target file may sign with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minting_key: Option<MintingKey>,
    /// The operation by which the target issues tokens with given claims, as staging systems have one. It signs what
    /// forgeries change in the claims alone, where there is no `minting_key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minting_operation: Option<MintingOperation>,
    /// Values that forgeries refer to: `admin` (subject of somebody with more rights), `scope`, `other_issuer`,
    /// `leeway` (seconds), `max_life` (seconds).
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub values: IndexMap<String, Value>,
}

/// A private key or shared secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MintingKey {
    /// PEM (PKCS#8, SEC1, PKCS#1), JWK, or the octets of an HMAC secret; nearly always `${secret.NAME}`.
    pub key: String,
    /// The JWS algorithm, such as `ES256`; needed for an HMAC secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
}

/// A test endpoint of the target that issues well-signed tokens with whatever claims it is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MintingOperation {
    /// The operation by name.
    pub operation: String,
    /// Who asks. Default: `anonymous`.
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// The JSON body; `${claims}` stands for the object of all claims that the token is to have.
    pub body: Value,
    /// JSONPath of the token in the answer. Default: `$.access_token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub take: Option<String>,
}
