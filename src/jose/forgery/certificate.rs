//! Certificates of keys that nobody should trust (`x5c`, RFC 7515 §4.1.6).

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, DistinguishedName, DnType, PublicKeyData, SignatureAlgorithm};
use serde_json::Value;

use super::signature;
use crate::jose::{Algorithm, PublicKey, SigningKey, base64url};

/// Members of a header or JWK that are made from a certificate.
pub(super) fn value(name: &str, der: &[u8]) -> Option<Value> {
    let sha = |algorithm| base64url::encode(digest::digest(algorithm, der)).into();
    match name {
        "certificate" => Some(STANDARD.encode(der).into()),
        "x5t" => Some(sha(&digest::SHA1_FOR_LEGACY_USE_ONLY)),
        "x5t#S256" => Some(sha(&digest::SHA256)),
        _ => None,
    }
}

/// The common name of the subject.
pub(super) fn common_name(der: &[u8]) -> Option<String> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    let mut names = certificate.subject().iter_common_name();
    names.next()?.as_str().ok().map(str::to_owned)
}

/// A self-signed certificate with this subject name. `None` for keys that no certificate can hold.
pub(super) fn self_signed(key: &SigningKey, common_name: Option<&str>) -> Option<Vec<u8>> {
    let signer = Signer::of(key)?;
    let mut params = CertificateParams::new(Vec::new()).ok()?;
    params.distinguished_name = DistinguishedName::new();
    let name = common_name.unwrap_or("proofmark");
    params.distinguished_name.push(DnType::CommonName, name);
    Some(params.self_signed(&signer).ok()?.der().to_vec())
}

struct Signer<'k> {
    key: &'k SigningKey,
    algorithm: Algorithm,
    public: Vec<u8>,
    registered: &'static SignatureAlgorithm,
}

impl<'k> Signer<'k> {
    fn of(key: &'k SigningKey) -> Option<Self> {
        let (algorithm, public, registered) = match key.public()? {
            PublicKey::Rsa(_) => (
                Algorithm::RS256,
                key.public()?.pkcs1_der()?,
                &rcgen::PKCS_RSA_SHA256,
            ),
            PublicKey::Ec(ec) => {
                let registered = match key.algorithm() {
                    Algorithm::ES256 => &rcgen::PKCS_ECDSA_P256_SHA256,
                    Algorithm::ES384 => &rcgen::PKCS_ECDSA_P384_SHA384,
                    Algorithm::ES512 => &rcgen::PKCS_ECDSA_P521_SHA512,
                    _ => return None,
                };
                (key.algorithm(), ec.point().to_vec(), registered)
            }
            PublicKey::Ed25519(x) => (Algorithm::EdDSA, x.to_vec(), &rcgen::PKCS_ED25519),
        };
        Some(Self {
            key,
            algorithm,
            public,
            registered,
        })
    }
}

impl PublicKeyData for Signer<'_> {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.registered
    }
}

impl rcgen::SigningKey for Signer<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let octets = self.key.sign(self.algorithm, message);
        let octets = octets.map_err(|_| rcgen::Error::RemoteKeyError)?;
        Ok(match self.key.public() {
            Some(PublicKey::Ec(_)) => signature::der(&octets),
            _ => octets,
        })
    }
}
