use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The issuer that we play for a target that trusts an outside one. Its keys are made for one run and never kept.
///
/// It is served where `listen` says, at `/.well-known/jwks.json`, `/.well-known/openid-configuration` and
/// `/.well-known/oauth-authorization-server`; or its key set is written to `file`; or both. A contract gives what all
/// its targets have in common, a target file the place.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssuerTerms {
    /// Address and port to listen on, such as `127.0.0.1:8701`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    /// Under which the target reaches it, and what `iss` says. Default: `http://` (with a certificate `https://`) and
    /// the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Chain and private key in PEM, nearly always `${secret.NAME}`; with them it speaks TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The file that the public key set is written to, whenever it changes. A path begins at the target file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Kinds of credential that it issues.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// The JWS algorithm. Default: `ES256`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
    /// Claims of every token. `iss`, `iat` and `exp` are there unless they are set here; `null` leaves one out.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub claims: IndexMap<String, Value>,
    /// Seconds that a token is good for. Default: 300.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifetime_s: Option<i64>,
}

impl IssuerTerms {
    /// What a target file says, over what its contract says.
    pub fn over(&self, contract: &Self) -> Self {
        let text = |own: &Option<String>, under: &Option<String>| own.clone().or(under.clone());
        let mut claims = contract.claims.clone();
        claims.extend(self.claims.clone());
        Self {
            listen: text(&self.listen, &contract.listen),
            url: text(&self.url, &contract.url),
            certificate: text(&self.certificate, &contract.certificate),
            key: text(&self.key, &contract.key),
            file: text(&self.file, &contract.file),
            kinds: match self.kinds.is_empty() {
                true => contract.kinds.clone(),
                false => self.kinds.clone(),
            },
            algorithm: text(&self.algorithm, &contract.algorithm),
            claims,
            lifetime_s: self.lifetime_s.or(contract.lifetime_s),
        }
    }

    /// Whether the target can get at the keys at all.
    pub fn is_reachable(&self) -> bool {
        self.listen.is_some() || self.file.is_some()
    }
}

/// A token that the issuer of the target file makes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Issue {
    /// Laid over the claims of the issuer; `null` leaves one out.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub claims: IndexMap<String, Value>,
    /// Seconds that it is good for; below zero, it ran out so long ago. Default: the issuer's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifetime_s: Option<i64>,
}

/// Where we listen for calls that a target should not make, such as to an address in a token.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListenerTerms {
    /// Address and port to listen on; port 0 is any free one.
    pub listen: String,
    /// Under which the target reaches it. Default: `http://` and the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// What happens to the key set of the issuer that we play.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rotation {
    /// A new key joins the set; tokens are signed with it from now on.
    Publish,
    /// All keys but the one that signs leave the set.
    Withdraw,
    /// A new key takes the place of all others.
    Swap,
    /// Tokens are signed with the key that was withdrawn last, or, before that, with the first one.
    SignWithOld,
    /// Whoever asks for the key set is answered 500.
    Fail,
    /// Whoever asks for the key set gets an empty one.
    Empty,
    /// Whoever asks for the key set gets no answer for a while.
    Hang,
    /// All as it was in the beginning.
    Restore,
}
