//! The strict verifier: the key decides the algorithm, and nothing in the token can change that.

use std::collections::HashSet;
use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, VerificationAlgorithm,
};

use super::algorithm::{Algorithm, KeyType};
use super::jwk::{Jwk, KeyMaterial};
use super::jwks::Jwks;
use super::jws::StrictJws;
use super::key::PublicKey;
use super::key_error::Weakness;

/// A key that passed every rule for verifying, and the one algorithm that it verifies.
pub struct VerifyingKey {
    kid: Option<String>,
    algorithm: Algorithm,
    /// Octets of a signature; `None` where every length is compared anyway.
    signature_octets: Option<usize>,
    ready: Ready,
}

enum Ready {
    Public(ParsedPublicKey),
    Hmac(Box<hmac::Key>),
}

/// Why a key that can be read must not verify signatures.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnfitKey {
    #[error(transparent)]
    Weak(#[from] Weakness),
    #[error("`alg` of the key is `{alg}`, which is no signature algorithm for keys of its type")]
    Algorithm { alg: String },
    #[error("the key is for {key}, not for {wanted}")]
    OtherAlgorithm { key: Algorithm, wanted: Algorithm },
    #[error("neither the key nor the caller says which algorithm it is for (RFC 8725 §3.1)")]
    Undecided,
    #[error("`use` of the key is `{0}`, not `sig` (RFC 7517 §4.2)")]
    Use(String),
    #[error("`key_ops` of the key lacks `verify` (RFC 7517 §4.3)")]
    Operations,
    #[error("the cryptographic library refuses the key")]
    Library,
}

/// Why a set of keys must not verify signatures.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnfitSet {
    #[error("two keys have the kid `{0}`")]
    DuplicateKid(String),
    #[error("secrets and public keys are mixed, which invites algorithm confusion (RFC 8725 §2.1)")]
    MixedSymmetry,
}

/// Why a well-formed token is not authentic. Names what the header says, and nothing else of the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the token is unsecured (`alg` is `none`)")]
    Unsecured,
    #[error("`alg` is `{0}`, which is no registered signature algorithm")]
    UnknownAlgorithm(String),
    #[error("`alg` is {header}, the key is for {key}")]
    OtherAlgorithm { header: Algorithm, key: Algorithm },
    #[error("`crit` demands `{0}`, which is not understood (RFC 7515 §4.1.11)")]
    Critical(String),
    #[error("`b64` is there; tokens are always encoded (RFC 7797 §7, RFC 7519 §7.2)")]
    Unencoded,
    #[error("no key has the kid `{0}`")]
    UnknownKid(String),
    #[error("the token names no kid, and there is more than one key")]
    NoKid,
    #[error("there is no usable key")]
    NoKey,
    #[error("there is no signature")]
    NoSignature,
    #[error("the signature has {found} octets where {wanted} are wanted")]
    SignatureLength { found: usize, wanted: usize },
    #[error("the signature does not fit")]
    Signature,
}

impl VerifyingKey {
    /// The algorithm is `alg` of the key, or what the type of the key leaves no choice in, or `wanted`; all that
    /// is said must agree. `use` and `key_ops`, where there, must allow verifying, and the key must have no
    /// [`Weakness`].
    pub fn new(jwk: &Jwk, wanted: Option<Algorithm>) -> Result<Self, UnfitKey> {
        if let Some(usage) = jwk.usage.as_deref().filter(|usage| *usage != "sig") {
            return Err(UnfitKey::Use(usage.to_owned()));
        }
        let allows = |operations: &Vec<String>| operations.iter().any(|op| op == "verify");
        if !jwk.key_ops.as_ref().is_none_or(allows) {
            return Err(UnfitKey::Operations);
        }
        let public = jwk.public();
        let key_type = public.as_ref().map_or(KeyType::Secret, PublicKey::key_type);
        let said = match &jwk.alg {
            None => Algorithm::of_key_type(key_type),
            Some(alg) => Some(
                Algorithm::of_name(alg)
                    .filter(|algorithm| algorithm.key_type() == key_type)
                    .ok_or_else(|| UnfitKey::Algorithm { alg: alg.clone() })?,
            ),
        };
        let algorithm = match (said, wanted) {
            (Some(key), Some(wanted)) if key != wanted => {
                return Err(UnfitKey::OtherAlgorithm { key, wanted });
            }
            (None, Some(wanted)) if wanted.key_type() != key_type => {
                return Err(UnfitKey::Algorithm {
                    alg: wanted.name().to_owned(),
                });
            }
            (said, wanted) => said.or(wanted).ok_or(UnfitKey::Undecided)?,
        };
        if let Some(weakness) = jwk.weaknesses(Some(algorithm)).into_iter().next() {
            return Err(weakness.into());
        }
        let (octets, signature_octets) = match (&public, &jwk.material) {
            (Some(PublicKey::Ec(key)), _) => (key.point().to_vec(), Some(2 * key.curve().octets())),
            (Some(PublicKey::Rsa(key)), _) => {
                (PublicKey::Rsa(key.clone()).spki_der(), Some(key.n().len()))
            }
            (Some(PublicKey::Ed25519(x)), _) => (x.to_vec(), Some(64)),
            (None, KeyMaterial::Secret(secret)) => {
                let key = hmac::Key::new(hmac_algorithm(algorithm), secret.expose());
                return Ok(Self {
                    kid: jwk.kid.clone(),
                    algorithm,
                    signature_octets: Some(algorithm.hash_octets()),
                    ready: Ready::Hmac(Box::new(key)),
                });
            }
            (None, _) => return Err(UnfitKey::Library),
        };
        let parsed = ParsedPublicKey::new(verification(algorithm), octets);
        Ok(Self {
            kid: jwk.kid.clone(),
            algorithm,
            signature_octets,
            ready: Ready::Public(parsed.map_err(|_| UnfitKey::Library)?),
        })
    }

    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Checks header and signature, not claims. `jwk`, `jku`, `x5c` and their like in the header are not even
    /// looked at; a `kid` that is not the key's is refused.
    pub fn verify(&self, jws: &StrictJws) -> Result<(), Refusal> {
        let header = jws.header();
        match Algorithm::of_name(header.alg()) {
            Some(algorithm) if algorithm == self.algorithm => {}
            Some(algorithm) => {
                return Err(Refusal::OtherAlgorithm {
                    header: algorithm,
                    key: self.algorithm,
                });
            }
            None if header.alg().eq_ignore_ascii_case("none") => return Err(Refusal::Unsecured),
            None => return Err(Refusal::UnknownAlgorithm(header.alg().to_owned())),
        }
        if let (Some(own), Some(named)) = (self.kid(), header.kid())
            && own != named
        {
            return Err(Refusal::UnknownKid(named.to_owned()));
        }
        if header.members().contains_key("b64") {
            return Err(Refusal::Unencoded);
        }
        if let Some(name) = header.crit().next() {
            return Err(Refusal::Critical(name.to_owned()));
        }
        self.verify_octets(jws.signing_input(), jws.signature())
    }

    /// The signature alone.
    pub fn verify_octets(&self, input: &[u8], signature: &[u8]) -> Result<(), Refusal> {
        match self.signature_octets {
            _ if signature.is_empty() => return Err(Refusal::NoSignature),
            Some(wanted) if wanted != signature.len() => {
                return Err(Refusal::SignatureLength {
                    found: signature.len(),
                    wanted,
                });
            }
            _ => {}
        }
        let verified = match &self.ready {
            Ready::Public(key) => key.verify_sig(input, signature),
            Ready::Hmac(key) => hmac::verify(key, input, signature),
        };
        verified.map_err(|_| Refusal::Signature)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({}, kid {:?})", self.algorithm, self.kid)
    }
}

/// Keys of which the token's `kid` chooses one.
#[derive(Debug)]
pub struct VerifyingKeys {
    keys: Vec<VerifyingKey>,
    /// Index in [`Jwks::keys`] and why the key is not used.
    pub unfit: Vec<(usize, UnfitKey)>,
}

impl VerifyingKeys {
    /// Unfit keys are left out; a set that is ambiguous is refused as a whole.
    pub fn new(set: &Jwks) -> Result<Self, UnfitSet> {
        let mut kids = HashSet::new();
        let usable = set.keys.iter().filter_map(|key| key.kid.as_ref());
        let unusable = set.unusable.iter().filter_map(|key| key.kid.as_ref());
        for kid in usable.chain(unusable) {
            if !kids.insert(kid) {
                return Err(UnfitSet::DuplicateKid(kid.clone()));
            }
        }
        let secret = |key: &&Jwk| matches!(key.material, KeyMaterial::Secret(_));
        let secrets = set.keys.iter().filter(secret).count();
        if secrets != 0 && secrets != set.keys.len() {
            return Err(UnfitSet::MixedSymmetry);
        }
        let mut fit = Self {
            keys: Vec::new(),
            unfit: Vec::new(),
        };
        for (index, key) in set.keys.iter().enumerate() {
            match VerifyingKey::new(key, None) {
                Ok(key) => fit.keys.push(key),
                Err(reason) => fit.unfit.push((index, reason)),
            }
        }
        Ok(fit)
    }

    /// As [`VerifyingKey::verify`], with the key that `kid` names; without `kid` there must be one key only.
    pub fn verify(&self, jws: &StrictJws) -> Result<&VerifyingKey, Refusal> {
        let key = match (jws.header().kid(), self.keys.as_slice()) {
            (_, []) => return Err(Refusal::NoKey),
            (None, [only]) => only,
            (None, _) => return Err(Refusal::NoKid),
            (Some(kid), keys) => keys
                .iter()
                .find(|key| key.kid() == Some(kid))
                .ok_or_else(|| Refusal::UnknownKid(kid.to_owned()))?,
        };
        key.verify(jws).map(|()| key)
    }
}

fn hmac_algorithm(algorithm: Algorithm) -> hmac::Algorithm {
    match algorithm {
        Algorithm::HS384 => hmac::HMAC_SHA384,
        Algorithm::HS512 => hmac::HMAC_SHA512,
        _ => hmac::HMAC_SHA256,
    }
}

fn verification(algorithm: Algorithm) -> &'static dyn VerificationAlgorithm {
    match algorithm {
        Algorithm::RS256 => &RSA_PKCS1_2048_8192_SHA256,
        Algorithm::RS384 => &RSA_PKCS1_2048_8192_SHA384,
        Algorithm::RS512 => &RSA_PKCS1_2048_8192_SHA512,
        Algorithm::PS256 => &RSA_PSS_2048_8192_SHA256,
        Algorithm::PS384 => &RSA_PSS_2048_8192_SHA384,
        Algorithm::PS512 => &RSA_PSS_2048_8192_SHA512,
        Algorithm::EdDSA => &ED25519,
        other => match other.key_type() {
            KeyType::Ec(curve) => curve.fixed(),
            _ => unreachable!("secrets are verified with HMAC"),
        },
    }
}
