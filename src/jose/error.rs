//! Why a token is refused before any key is looked at.

use super::base64url::Base64Error;
use super::json::JsonError;

/// The longest token that a reader looks at, in octets.
pub const MAX_TOKEN: usize = 1 << 20;

/// The parts of a compact token, JWS (RFC 7515 §7.1) and JWE (RFC 7516 §7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    Header,
    Payload,
    Signature,
    EncryptedKey,
    InitializationVector,
    Ciphertext,
    AuthenticationTag,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Payload => "payload",
            Self::Signature => "signature",
            Self::EncryptedKey => "encrypted key",
            Self::InitializationVector => "initialization vector",
            Self::Ciphertext => "ciphertext",
            Self::AuthenticationTag => "authentication tag",
        })
    }
}

/// Why an octet string is not a token. Carries positions and names, never token content but member names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("{length} octets are more than the {MAX_TOKEN} that are read")]
    TooLong { length: usize },
    #[error("{found} where {wanted} segments are wanted (RFC 7515 §7.1, RFC 7516 §7.1)")]
    Segments { found: usize, wanted: usize },
    #[error("{part}: {reason}")]
    Base64 { part: Part, reason: Base64Error },
    #[error("{part}: {reason}")]
    Json { part: Part, reason: JsonError },
    #[error("header has no `{name}`")]
    MissingParameter { name: &'static str },
    #[error("header parameter `{name}` is not {wanted}")]
    ParameterType {
        name: &'static str,
        wanted: &'static str,
    },
    #[error("`crit` {fault} (RFC 7515 §4.1.11)")]
    Crit { fault: CritFault },
}

/// What is wrong with a `crit` that breaks the rules for producers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CritFault {
    #[error("is an empty list")]
    Empty,
    #[error("names `{0}` twice")]
    Twice(String),
    #[error("names `{0}`, which the header does not have")]
    Absent(String),
    #[error("names `{0}`, which every implementation must understand anyway")]
    Registered(String),
}
