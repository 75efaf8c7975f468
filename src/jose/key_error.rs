//! Why a key is refused, and what makes a readable key too weak to trust.

use super::base64url::Base64Error;
use super::der::DerError;
use super::json::JsonError;

/// Why octets are not a key. No message holds key material.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("not a JWK: {0}")]
    Json(#[from] JsonError),
    #[error("{0}")]
    Der(#[from] DerError),
    #[error("the JWK has no `{0}`")]
    Missing(&'static str),
    #[error("JWK member `{name}` is not {wanted}")]
    Type {
        name: &'static str,
        wanted: &'static str,
    },
    #[error("JWK member `{name}`: {reason}")]
    Base64 {
        name: &'static str,
        reason: Base64Error,
    },
    #[error("JWK member `{name}` has {found} octets where the key type has {wanted} (RFC 7518 §6)")]
    Length {
        name: &'static str,
        found: usize,
        wanted: usize,
    },
    #[error("JWK member `{0}` begins with zero octets (RFC 7518 §2)")]
    LeadingZeros(&'static str),
    #[error("key type `{0}` is none of EC, RSA, OKP, oct")]
    UnknownType(String),
    #[error("curve `{0}` is none of P-256, P-384, P-521, secp256k1, Ed25519")]
    UnknownCurve(String),
    #[error("the point is not on the curve {curve}")]
    Point { curve: &'static str },
    #[error("`use` and `key_ops` contradict each other (RFC 7517 §4.3)")]
    UseAgainstOperations,
    #[error("an RSA number of {octets} octets is longer than any that is worked with")]
    TooLarge { octets: usize },
    #[error("an RSA key of more than two primes is not supported")]
    MultiPrime,
    #[error("the private and the public half do not belong together, or the key is out of bounds")]
    Inconsistent,
    #[error("object identifier {0} (hexadecimal DER) names no key that signs tokens")]
    UnknownOid(String),
    #[error("the PEM armour is broken")]
    Pem,
    #[error("PEM block `{0}` holds no key")]
    PemLabel(String),
    #[error("the key is encrypted; decrypt it first, for example with `openssl pkey`")]
    Encrypted,
    #[error("{found} keys, where one is wanted")]
    Count { found: usize },
    #[error(
        "no key format that is known: PEM (PKCS#8, SEC1, SPKI, PKCS#1, certificate), DER of the same, JWK, JWKS"
    )]
    UnknownFormat,
}

/// Why a key that can be read must not be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    #[error("an RSA modulus of {bits} bits is below 2048 (RFC 7518 §3.3)")]
    RsaTooSmall { bits: usize },
    #[error("an RSA modulus of {bits} bits is above 8192")]
    RsaTooLarge { bits: usize },
    #[error("the RSA modulus is even")]
    RsaEven,
    #[error("the RSA exponent is even, below 3, or longer than 32 bits")]
    RsaExponent,
    #[error("the RSA modulus has the fingerprint of CVE-2017-15361 (ROCA)")]
    Roca,
    #[error("a secret of {octets} octets is shorter than the {wanted} of the hash (RFC 7518 §3.2)")]
    SecretTooShort { octets: usize, wanted: usize },
}
