//! Keys as they come in files: PEM, DER, JWK, JWKS.

use aws_lc_rs::encoding::AsBigEndian;
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair};

use super::der::{self, CONTEXT_0, CONTEXT_1, OCTET_STRING, OID, Reader};
use super::jwk::{Jwk, KeyMaterial};
use super::jwks::Jwks;
use super::key::{AlgorithmId, Curve, EcPublic, PrivateKey, PublicKey, RsaPublic, Secret};
use super::key_error::KeyError;
use super::sign::ecdsa_signing;

/// Reads one key or a set of them, whatever the format: PEM (PKCS#8, SEC1, SPKI, PKCS#1, certificate), DER of
/// the same, JWK, JWKS. A set as JWKS may be empty; a PEM file has at least one key.
pub fn import(file: &[u8]) -> Result<Jwks, KeyError> {
    if let Ok(text) = std::str::from_utf8(file) {
        if text.contains("-----BEGIN ") {
            return from_pem(text);
        }
        if text.trim_start().starts_with('{') {
            let members = super::json::parse_object(file)?;
            return if members.contains_key("keys") {
                Jwks::from_members(&members)
            } else {
                Jwk::from_members(&members).map(one)
            };
        }
    }
    from_der(file).map(one)
}

/// As [`import`], for files that must hold exactly one usable key.
pub fn import_one(file: &[u8]) -> Result<Jwk, KeyError> {
    let mut set = import(file)?;
    match (set.keys.len(), set.unusable.len()) {
        (1, 0) => Ok(set.keys.remove(0)),
        (0, 1) => Err(set.unusable.remove(0).reason),
        (usable, unusable) => Err(KeyError::Count {
            found: usable + unusable,
        }),
    }
}

fn one(key: Jwk) -> Jwks {
    Jwks {
        keys: vec![key],
        unusable: Vec::new(),
    }
}

fn from_pem(text: &str) -> Result<Jwks, KeyError> {
    let mut set = Jwks::default();
    for (label, der) in der::unpem(text).ok_or(KeyError::Pem)? {
        let material = match label {
            "PUBLIC KEY" => KeyMaterial::Public(PublicKey::from_spki_der(&der)?),
            "RSA PUBLIC KEY" => KeyMaterial::Public(PublicKey::from_pkcs1_der(&der)?),
            "CERTIFICATE" => KeyMaterial::Public(from_certificate(&der)?),
            "PRIVATE KEY" => KeyMaterial::Private(from_pkcs8(&der)?),
            "ENCRYPTED PRIVATE KEY" => return Err(KeyError::Encrypted),
            "EC PRIVATE KEY" | "RSA PRIVATE KEY" if der.is_empty() => {
                return Err(KeyError::Encrypted);
            }
            "EC PRIVATE KEY" => KeyMaterial::Private(from_sec1(&der, None)?),
            "RSA PRIVATE KEY" => KeyMaterial::Private(from_pkcs1_private(&der)?),
            // OpenSSL writes the curve in a block of its own before a SEC1 key.
            "EC PARAMETERS" => continue,
            other => return Err(KeyError::PemLabel(other.to_owned())),
        };
        set.keys.push(Jwk::bare(material));
    }
    if set.keys.is_empty() {
        return Err(KeyError::Count { found: 0 });
    }
    Ok(set)
}

/// DER says nothing about what it holds, so each form is tried. The refusal is that of the first form whose
/// outline fits.
fn from_der(file: &[u8]) -> Result<Jwk, KeyError> {
    if Reader::new(file).sequence().is_err() {
        return Err(KeyError::UnknownFormat);
    }
    let private = |key: PrivateKey| Jwk::bare(KeyMaterial::Private(key));
    let public = |key: PublicKey| Jwk::bare(KeyMaterial::Public(key));
    let attempts = [
        from_pkcs8(file).map(private),
        from_pkcs1_private(file).map(private),
        from_sec1(file, None).map(private),
        PublicKey::from_spki_der(file).map(public),
        PublicKey::from_pkcs1_der(file).map(public),
        from_certificate(file).map(public),
    ];
    let mut refusal = KeyError::UnknownFormat;
    for attempt in attempts {
        match attempt {
            Ok(key) => return Ok(key),
            Err(KeyError::Der(_) | KeyError::UnknownFormat) => {}
            Err(reason) => refusal = reason,
        }
    }
    Err(refusal)
}

/// The subject's key of an X.509 certificate, which is not verified in any way.
pub fn from_certificate(der: &[u8]) -> Result<PublicKey, KeyError> {
    let (_, certificate) =
        x509_parser::parse_x509_certificate(der).map_err(|_| KeyError::UnknownFormat)?;
    PublicKey::from_spki_der(certificate.public_key().raw)
}

/// PrivateKeyInfo or OneAsymmetricKey (RFC 5958 §2).
fn from_pkcs8(der: &[u8]) -> Result<PrivateKey, KeyError> {
    let mut file = Reader::new(der);
    let mut info = file.sequence()?;
    file.end()?;
    info.uint()?;
    let algorithm = AlgorithmId::read(&mut info)?;
    let key = info.element(OCTET_STRING, "an OCTET STRING with the private key")?;
    match algorithm {
        AlgorithmId::Ec(curve) => from_sec1(key, Some(curve)),
        AlgorithmId::Rsa => from_pkcs1_private(key),
        AlgorithmId::Ed25519 => {
            let mut inner = Reader::new(key);
            let seed = inner.element(OCTET_STRING, "an OCTET STRING with the seed")?;
            inner.end()?;
            if seed.len() != 32 {
                return Err(KeyError::Inconsistent);
            }
            let pair =
                Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::Inconsistent)?;
            let public = pair.public_key().as_ref().try_into();
            Ok(PrivateKey::Ed25519 {
                public: public.map_err(|_| KeyError::Inconsistent)?,
                seed: Secret::new(seed),
            })
        }
    }
}

/// ECPrivateKey (RFC 5915 §3). The curve must be said by one of the two places that can say it.
fn from_sec1(der: &[u8], outer: Option<Curve>) -> Result<PrivateKey, KeyError> {
    let mut file = Reader::new(der);
    let mut key = file.sequence()?;
    file.end()?;
    if key.uint()? != [1] {
        return Err(KeyError::UnknownFormat);
    }
    key.element(OCTET_STRING, "an OCTET STRING with the private key")?;
    let mut curve = outer;
    if key.next_is(CONTEXT_0) {
        let mut parameters = Reader::new(key.element(CONTEXT_0, "the curve")?);
        let oid = parameters.element(OID, "the OBJECT IDENTIFIER of a named curve")?;
        let said = Curve::of_oid(oid).ok_or_else(|| KeyError::UnknownOid(hex::encode(oid)))?;
        if outer.is_some_and(|outer| outer != said) {
            return Err(KeyError::Inconsistent);
        }
        curve = Some(said);
    }
    if key.next_is(CONTEXT_1) {
        key.element(CONTEXT_1, "the public key")?;
    }
    key.end()?;
    let curve = curve.ok_or(KeyError::UnknownFormat)?;
    let pair = EcdsaKeyPair::from_private_key_der(ecdsa_signing(curve), der)
        .map_err(|_| KeyError::Inconsistent)?;
    let d = pair.private_key().as_be_bytes();
    Ok(PrivateKey::Ec {
        public: EcPublic::new(curve, pair.public_key().as_ref())?,
        d: Secret::new(d.map_err(|_| KeyError::Inconsistent)?.as_ref()),
    })
}

/// RSAPrivateKey (RFC 8017 appendix A.1.2) of two primes.
fn from_pkcs1_private(der: &[u8]) -> Result<PrivateKey, KeyError> {
    let mut file = Reader::new(der);
    let mut key = file.sequence()?;
    file.end()?;
    match key.uint()? {
        [] => {}
        [1] => return Err(KeyError::MultiPrime),
        _ => return Err(KeyError::UnknownFormat),
    }
    let (n, e) = (key.uint()?.to_vec(), key.uint()?.to_vec());
    for _ in ["d", "p", "q", "dp", "dq", "qi"] {
        key.uint()?;
    }
    key.end()?;
    Ok(PrivateKey::Rsa {
        public: RsaPublic::new(n, e)?,
        pkcs1: Secret::new(der),
    })
}
