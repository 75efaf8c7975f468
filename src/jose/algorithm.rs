//! Signature algorithms by their registered names (RFC 7518 §3.1, RFC 8037 §3.1, RFC 8812 §3.2).

use std::fmt;

use super::key::{Curve, PublicKey};

#[allow(clippy::upper_case_acronyms, reason = "the registered names")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    HS256,
    HS384,
    HS512,
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    ES512,
    ES256K,
    EdDSA,
}

/// What an algorithm needs for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyType {
    Secret,
    Rsa,
    Ec(Curve),
    Ed25519,
}

impl Algorithm {
    pub const ALL: [Self; 14] = [
        Self::HS256,
        Self::HS384,
        Self::HS512,
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::ES512,
        Self::ES256K,
        Self::EdDSA,
    ];

    /// Exact and case-sensitive (RFC 7515 §4.1.1). `none` is not an algorithm.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::HS256 => "HS256",
            Self::HS384 => "HS384",
            Self::HS512 => "HS512",
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::ES512 => "ES512",
            Self::ES256K => "ES256K",
            Self::EdDSA => "EdDSA",
        }
    }

    pub fn key_type(self) -> KeyType {
        match self {
            Self::HS256 | Self::HS384 | Self::HS512 => KeyType::Secret,
            Self::RS256 | Self::RS384 | Self::RS512 => KeyType::Rsa,
            Self::PS256 | Self::PS384 | Self::PS512 => KeyType::Rsa,
            Self::ES256 => KeyType::Ec(Curve::P256),
            Self::ES384 => KeyType::Ec(Curve::P384),
            Self::ES512 => KeyType::Ec(Curve::P521),
            Self::ES256K => KeyType::Ec(Curve::Secp256k1),
            Self::EdDSA => KeyType::Ed25519,
        }
    }

    /// Octets of the hash, which are the fewest that a secret must have (RFC 7518 §3.2).
    pub fn hash_octets(self) -> usize {
        match self {
            Self::HS256 | Self::RS256 | Self::PS256 | Self::ES256 | Self::ES256K => 32,
            Self::HS384 | Self::RS384 | Self::PS384 | Self::ES384 => 48,
            Self::HS512 | Self::RS512 | Self::PS512 | Self::ES512 | Self::EdDSA => 64,
        }
    }

    /// The one algorithm that a key of this type can be for; `None` for RSA keys and secrets, which several
    /// algorithms share.
    pub fn of_key_type(key_type: KeyType) -> Option<Self> {
        match key_type {
            KeyType::Secret | KeyType::Rsa => None,
            KeyType::Ec(Curve::P256) => Some(Self::ES256),
            KeyType::Ec(Curve::P384) => Some(Self::ES384),
            KeyType::Ec(Curve::P521) => Some(Self::ES512),
            KeyType::Ec(Curve::Secp256k1) => Some(Self::ES256K),
            KeyType::Ed25519 => Some(Self::EdDSA),
        }
    }
}

impl PublicKey {
    pub fn key_type(&self) -> KeyType {
        match self {
            Self::Ec(key) => KeyType::Ec(key.curve()),
            Self::Rsa(_) => KeyType::Rsa,
            Self::Ed25519(_) => KeyType::Ed25519,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
