//! Signing, for whoever has the key.

use std::fmt;

use aws_lc_rs::encoding::{AsBigEndian, AsDer};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P256K1_SHA256_FIXED_SIGNING,
    ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384,
    RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};

use super::algorithm::{Algorithm, KeyType};
use super::jwk::{Jwk, KeyMaterial};
use super::key::{Curve, EcPublic, PrivateKey, PublicKey, Secret};
use super::key_error::KeyError;

/// A private key or secret ready for use. Weak keys are welcome here: forging needs them.
///
/// `Debug` shows the kind of key and its `kid`.
pub struct SigningKey {
    jwk: Jwk,
    algorithm: Algorithm,
    ready: Ready,
}

enum Ready {
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
    /// One for each of HS256, HS384 and HS512, so that none is set up anew for each token.
    Hmac(Box<[hmac::Key; 3]>),
}

/// The key is not for this algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    #[error("the key cannot sign {0}")]
    Algorithm(Algorithm),
    #[error("the cryptographic library failed to sign {0}")]
    Library(Algorithm),
}

impl SigningKey {
    /// The key's own algorithm is its `alg`, else that of its type, else RS256 or HS256. Refuses public keys
    /// ([`KeyError::Missing`]) and halves that do not belong together ([`KeyError::Inconsistent`]).
    pub fn new(jwk: Jwk) -> Result<Self, KeyError> {
        let no = |_| KeyError::Inconsistent;
        let (ready, key_type) = match &jwk.material {
            KeyMaterial::Public(PublicKey::Ec(_) | PublicKey::Rsa(_) | PublicKey::Ed25519(_)) => {
                return Err(KeyError::Missing("d"));
            }
            KeyMaterial::Private(PrivateKey::Ec { public, d }) => {
                let pair = EcdsaKeyPair::from_private_key_and_public_key(
                    ecdsa_signing(public.curve()),
                    d.expose(),
                    public.point(),
                );
                (Ready::Ecdsa(pair.map_err(no)?), KeyType::Ec(public.curve()))
            }
            KeyMaterial::Private(PrivateKey::Rsa { pkcs1, .. }) => {
                let pair = RsaKeyPair::from_der(pkcs1.expose()).map_err(no)?;
                (Ready::Rsa(pair), KeyType::Rsa)
            }
            KeyMaterial::Private(PrivateKey::Ed25519 { public, seed }) => {
                let pair = Ed25519KeyPair::from_seed_and_public_key(seed.expose(), public);
                (Ready::Ed25519(pair.map_err(no)?), KeyType::Ed25519)
            }
            KeyMaterial::Secret(secret) => (Ready::Hmac(hmac_keys(secret)), KeyType::Secret),
        };
        let said = jwk.alg.as_deref().and_then(Algorithm::of_name);
        let algorithm = said
            .filter(|algorithm| algorithm.key_type() == key_type)
            .or(Algorithm::of_key_type(key_type))
            .unwrap_or(match key_type {
                KeyType::Rsa => Algorithm::RS256,
                _ => Algorithm::HS256,
            });
        Ok(Self {
            jwk,
            algorithm,
            ready,
        })
    }

    /// A secret of any length, even none.
    pub fn secret(octets: impl Into<Vec<u8>>, algorithm: Algorithm) -> Self {
        let secret = Secret::new(octets);
        let ready = Ready::Hmac(hmac_keys(&secret));
        let mut jwk = Jwk::bare(KeyMaterial::Secret(secret));
        jwk.alg = Some(algorithm.name().to_owned());
        Self {
            jwk,
            algorithm,
            ready,
        }
    }

    /// A fresh key for this algorithm; its `alg` says so, and an asymmetric one has its thumbprint as `kid`.
    /// RSA keys have 2048 bits and take a tenth of a second or more to find.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let no = |_| KeyError::Inconsistent;
        let material = match algorithm.key_type() {
            KeyType::Secret => {
                let mut octets = vec![0; algorithm.hash_octets()];
                aws_lc_rs::rand::fill(&mut octets).map_err(no)?;
                KeyMaterial::Secret(Secret::new(octets))
            }
            KeyType::Rsa => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(no)?;
                let der =
                    AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).map_err(no)?;
                super::key_file::import_one(der.as_ref())?.material
            }
            KeyType::Ec(curve) => {
                let pair = EcdsaKeyPair::generate(ecdsa_signing(curve)).map_err(no)?;
                KeyMaterial::Private(PrivateKey::Ec {
                    public: EcPublic::new(curve, pair.public_key().as_ref())?,
                    d: Secret::new(pair.private_key().as_be_bytes().map_err(no)?.as_ref()),
                })
            }
            KeyType::Ed25519 => {
                let mut seed = [0; 32];
                aws_lc_rs::rand::fill(&mut seed).map_err(no)?;
                let pair = Ed25519KeyPair::from_seed_unchecked(&seed);
                let pair = pair.map_err(|_| KeyError::Inconsistent)?;
                let public = pair.public_key().as_ref().try_into();
                KeyMaterial::Private(PrivateKey::Ed25519 {
                    public: public.map_err(|_| KeyError::Inconsistent)?,
                    seed: Secret::new(seed),
                })
            }
        };
        let mut jwk = Jwk::bare(material);
        jwk.alg = Some(algorithm.name().to_owned());
        jwk.usage = Some("sig".to_owned());
        jwk.kid = jwk.thumbprint();
        Self::new(jwk)
    }

    /// The algorithm to use where nothing else is said.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    pub fn kid(&self) -> Option<&str> {
        self.jwk.kid.as_deref()
    }

    /// `None` for a secret.
    pub fn public(&self) -> Option<PublicKey> {
        self.jwk.public()
    }

    /// Whether the key is of the kind that `algorithm` takes; `alg` of the JWK is not asked.
    pub fn can(&self, algorithm: Algorithm) -> bool {
        let own = match &self.ready {
            Ready::Ecdsa(_) | Ready::Ed25519(_) => return algorithm == self.algorithm,
            Ready::Rsa(_) => KeyType::Rsa,
            Ready::Hmac(_) => KeyType::Secret,
        };
        algorithm.key_type() == own
    }

    /// The signature octets over `input`: ECDSA as fixed-width `R ‖ S` (RFC 7518 §3.4).
    pub fn sign(&self, algorithm: Algorithm, input: &[u8]) -> Result<Vec<u8>, SignError> {
        self.sign_with(algorithm, input, <[u8]>::to_vec)
    }

    /// As [`SigningKey::sign`], but hands the octets to `take` where they are: the library's own signature
    /// type is too large to be moved about for each token.
    pub fn sign_with<R>(
        &self,
        algorithm: Algorithm,
        input: &[u8],
        take: impl FnOnce(&[u8]) -> R,
    ) -> Result<R, SignError> {
        let failed = |_| SignError::Library(algorithm);
        match &self.ready {
            _ if !self.can(algorithm) => Err(SignError::Algorithm(algorithm)),
            Ready::Hmac(keys) => {
                let key = &keys[algorithm.hash_octets() / 16 - 2];
                let mut tag = [0; 64];
                hmac::sign_to_buffer(key, input, &mut tag[..algorithm.hash_octets()])
                    .map(|tag| take(tag))
                    .map_err(failed)
            }
            Ready::Ecdsa(pair) => pair
                .sign(&SystemRandom::new(), input)
                .map(|signature| take(signature.as_ref()))
                .map_err(failed),
            Ready::Ed25519(pair) => pair
                .try_sign(input)
                .map(|signature| take(signature.as_ref()))
                .map_err(failed),
            Ready::Rsa(pair) => {
                let mut octets = vec![0; pair.public_modulus_len()];
                pair.sign(
                    rsa_encoding(algorithm),
                    &SystemRandom::new(),
                    input,
                    &mut octets,
                )
                .map_err(failed)?;
                Ok(take(&octets))
            }
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, kid {:?})", self.algorithm, self.kid())
    }
}

fn hmac_keys(secret: &Secret) -> Box<[hmac::Key; 3]> {
    Box::new(
        [hmac::HMAC_SHA256, hmac::HMAC_SHA384, hmac::HMAC_SHA512]
            .map(|algorithm| hmac::Key::new(algorithm, secret.expose())),
    )
}

pub(super) fn ecdsa_signing(curve: Curve) -> &'static EcdsaSigningAlgorithm {
    match curve {
        Curve::P256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
        Curve::P384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
        Curve::P521 => &ECDSA_P521_SHA512_FIXED_SIGNING,
        Curve::Secp256k1 => &ECDSA_P256K1_SHA256_FIXED_SIGNING,
    }
}

fn rsa_encoding(algorithm: Algorithm) -> &'static dyn RsaEncoding {
    match algorithm {
        Algorithm::RS384 => &RSA_PKCS1_SHA384,
        Algorithm::RS512 => &RSA_PKCS1_SHA512,
        Algorithm::PS256 => &RSA_PSS_SHA256,
        Algorithm::PS384 => &RSA_PSS_SHA384,
        Algorithm::PS512 => &RSA_PSS_SHA512,
        _ => &RSA_PKCS1_SHA256,
    }
}

/// The HMAC of `input` under a secret that is used once. `algorithm` is HS256, HS384 or HS512.
pub(super) fn mac(algorithm: Algorithm, secret: &[u8], input: &[u8]) -> hmac::Tag {
    let algorithm = match algorithm {
        Algorithm::HS384 => hmac::HMAC_SHA384,
        Algorithm::HS512 => hmac::HMAC_SHA512,
        _ => hmac::HMAC_SHA256,
    };
    hmac::sign(&hmac::Key::new(algorithm, secret), input)
}
