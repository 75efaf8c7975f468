//! Keys of the kinds that sign tokens: their numbers, and every spelling in which a public key is handed about.

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256K1_SHA256_FIXED, ECDSA_P384_SHA384_FIXED,
    ECDSA_P521_SHA512_FIXED, EcdsaVerificationAlgorithm, ParsedPublicKey,
};
use serde_json::{Map, Value};

use super::base64url;
use super::der::{self, BIT_STRING, NULL, OID, Reader, SEQUENCE};
use super::key_error::KeyError;

const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// Curves of RFC 7518 §6.2.1.1 and RFC 8812 §3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Curve {
    P256,
    P384,
    P521,
    Secp256k1,
}

impl Curve {
    const ALL: [Self; 4] = [Self::P256, Self::P384, Self::P521, Self::Secp256k1];

    /// The value of `crv`.
    pub fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
            Self::Secp256k1 => "secp256k1",
        }
    }

    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.name() == name)
    }

    /// Octets of a coordinate, and of a private key.
    pub fn octets(self) -> usize {
        match self {
            Self::P256 | Self::Secp256k1 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// The order of the group, big-endian, [`Curve::octets`] long.
    pub fn order(self) -> &'static [u8] {
        match self {
            Self::P256 => &P256_ORDER,
            Self::P384 => &P384_ORDER,
            Self::P521 => &P521_ORDER,
            Self::Secp256k1 => &SECP256K1_ORDER,
        }
    }

    fn oid(self) -> &'static [u8] {
        match self {
            Self::P256 => &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
            Self::P384 => &[0x2b, 0x81, 0x04, 0x00, 0x22],
            Self::P521 => &[0x2b, 0x81, 0x04, 0x00, 0x23],
            Self::Secp256k1 => &[0x2b, 0x81, 0x04, 0x00, 0x0a],
        }
    }

    pub(super) fn of_oid(oid: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.oid() == oid)
    }

    pub(super) fn fixed(self) -> &'static EcdsaVerificationAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_FIXED,
            Self::P384 => &ECDSA_P384_SHA384_FIXED,
            Self::P521 => &ECDSA_P521_SHA512_FIXED,
            Self::Secp256k1 => &ECDSA_P256K1_SHA256_FIXED,
        }
    }
}

/// A point of a curve, checked to be on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EcPublic {
    curve: Curve,
    /// `0x04 ‖ x ‖ y`.
    point: Vec<u8>,
}

impl EcPublic {
    /// Takes an uncompressed point; refuses with [`KeyError::Point`] what is not on the curve.
    pub fn new(curve: Curve, point: &[u8]) -> Result<Self, KeyError> {
        let uncompressed = point.len() == 1 + 2 * curve.octets() && point[0] == 4;
        if !uncompressed || ParsedPublicKey::new(curve.fixed(), point).is_err() {
            return Err(KeyError::Point {
                curve: curve.name(),
            });
        }
        Ok(Self {
            curve,
            point: point.to_vec(),
        })
    }

    pub fn curve(&self) -> Curve {
        self.curve
    }

    /// `0x04 ‖ x ‖ y` (SEC 1 §2.3.3).
    pub fn point(&self) -> &[u8] {
        &self.point
    }

    pub fn x(&self) -> &[u8] {
        &self.point[1..=self.curve.octets()]
    }

    pub fn y(&self) -> &[u8] {
        &self.point[1 + self.curve.octets()..]
    }
}

/// Modulus and exponent, big-endian without leading zeros, of any size up to [`RsaPublic::MAX_OCTETS`]: whether
/// it is sound is said by [`super::Weakness`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RsaPublic {
    n: Vec<u8>,
    e: Vec<u8>,
}

impl RsaPublic {
    /// Of each number; twice what any library verifies with.
    pub const MAX_OCTETS: usize = 2048;

    /// Refuses longer numbers with [`KeyError::TooLarge`].
    pub fn new(n: Vec<u8>, e: Vec<u8>) -> Result<Self, KeyError> {
        match n.len().max(e.len()) {
            0..=Self::MAX_OCTETS => Ok(Self { n, e }),
            octets => Err(KeyError::TooLarge { octets }),
        }
    }

    /// The modulus.
    pub fn n(&self) -> &[u8] {
        &self.n
    }

    /// The exponent.
    pub fn e(&self) -> &[u8] {
        &self.e
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKey {
    Ec(EcPublic),
    Rsa(RsaPublic),
    Ed25519([u8; 32]),
}

impl PublicKey {
    /// SubjectPublicKeyInfo (RFC 5280 §4.1).
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        let mut file = Reader::new(der);
        let mut spki = file.sequence()?;
        file.end()?;
        let algorithm = AlgorithmId::read(&mut spki)?;
        let bits = spki.bits()?;
        spki.end()?;
        match algorithm {
            AlgorithmId::Ec(curve) => EcPublic::new(curve, bits).map(Self::Ec),
            AlgorithmId::Rsa => Self::from_pkcs1_der(bits),
            AlgorithmId::Ed25519 => bits
                .try_into()
                .map(Self::Ed25519)
                .map_err(|_| KeyError::Point { curve: "Ed25519" }),
        }
    }

    /// RSAPublicKey (RFC 8017 appendix A.1.1).
    pub fn from_pkcs1_der(der: &[u8]) -> Result<Self, KeyError> {
        let mut file = Reader::new(der);
        let mut key = file.sequence()?;
        file.end()?;
        let (n, e) = (key.uint()?.to_vec(), key.uint()?.to_vec());
        key.end()?;
        RsaPublic::new(n, e).map(Self::Rsa)
    }

    pub fn spki_der(&self) -> Vec<u8> {
        let (parameters, bits) = match self {
            Self::Ec(key) => (
                [
                    der::element(OID, &[EC_PUBLIC_KEY]),
                    der::element(OID, &[key.curve.oid()]),
                ]
                .concat(),
                key.point.clone(),
            ),
            Self::Rsa(key) => (
                [
                    der::element(OID, &[RSA_ENCRYPTION]),
                    der::element(NULL, &[]),
                ]
                .concat(),
                pkcs1(key),
            ),
            Self::Ed25519(x) => (der::element(OID, &[ED25519]), x.to_vec()),
        };
        der::element(
            SEQUENCE,
            &[
                &der::element(SEQUENCE, &[&parameters]),
                &der::element(BIT_STRING, &[&[0], &bits]),
            ],
        )
    }

    /// With LF line ends and a final LF.
    pub fn spki_pem(&self) -> String {
        der::pem("PUBLIC KEY", &self.spki_der())
    }

    /// RSA only.
    pub fn pkcs1_der(&self) -> Option<Vec<u8>> {
        match self {
            Self::Rsa(key) => Some(pkcs1(key)),
            _ => None,
        }
    }

    /// RSA only.
    pub fn pkcs1_pem(&self) -> Option<String> {
        Some(der::pem("RSA PUBLIC KEY", &self.pkcs1_der()?))
    }

    /// The required members of the JWK, in lexicographic order (RFC 7638 §3.2, RFC 8037 appendix A.3).
    pub fn jwk_members(&self) -> Map<String, Value> {
        let pairs = match self {
            Self::Ec(key) => vec![
                ("crv", key.curve.name().to_owned()),
                ("kty", "EC".to_owned()),
                ("x", base64url::encode(key.x())),
                ("y", base64url::encode(key.y())),
            ],
            Self::Rsa(key) => vec![
                ("e", base64url::encode(&key.e)),
                ("kty", "RSA".to_owned()),
                ("n", base64url::encode(&key.n)),
            ],
            Self::Ed25519(x) => vec![
                ("crv", "Ed25519".to_owned()),
                ("kty", "OKP".to_owned()),
                ("x", base64url::encode(x)),
            ],
        };
        let named = pairs
            .into_iter()
            .map(|(name, text)| (name.to_owned(), text.into()));
        named.collect()
    }
}

fn pkcs1(key: &RsaPublic) -> Vec<u8> {
    der::element(SEQUENCE, &[&der::uint(&key.n), &der::uint(&key.e)])
}

/// AlgorithmIdentifier of the keys we know.
pub(super) enum AlgorithmId {
    Ec(Curve),
    Rsa,
    Ed25519,
}

impl AlgorithmId {
    pub(super) fn read(outer: &mut Reader<'_>) -> Result<Self, KeyError> {
        let mut id = outer.sequence()?;
        let oid = id.element(OID, "an OBJECT IDENTIFIER")?;
        let found = if oid == EC_PUBLIC_KEY {
            let curve = id.element(OID, "the OBJECT IDENTIFIER of a named curve")?;
            Self::Ec(Curve::of_oid(curve).ok_or_else(|| KeyError::UnknownOid(hex::encode(curve)))?)
        } else if oid == RSA_ENCRYPTION {
            if id.next_is(NULL) {
                id.element(NULL, "NULL")?;
            }
            Self::Rsa
        } else if oid == ED25519 {
            Self::Ed25519
        } else {
            return Err(KeyError::UnknownOid(hex::encode(oid)));
        };
        id.end()?;
        Ok(found)
    }
}

/// Octets that must not be seen. Compared in constant time, never printed.
#[derive(Clone)]
pub struct Secret(Box<[u8]>);

impl Secret {
    pub fn new(octets: impl Into<Vec<u8>>) -> Self {
        Self(octets.into().into_boxed_slice())
    }

    /// The octets themselves: for signing, never for showing.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// A private key with its public half. Whether the two belong together is checked by
/// [`super::SigningKey::new`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrivateKey {
    /// `d` has [`Curve::octets`] octets.
    Ec {
        public: EcPublic,
        d: Secret,
    },
    /// RSAPrivateKey (RFC 8017 appendix A.1.2), two primes.
    Rsa {
        public: RsaPublic,
        pkcs1: Secret,
    },
    Ed25519 {
        public: [u8; 32],
        seed: Secret,
    },
}

impl PrivateKey {
    pub fn public(&self) -> PublicKey {
        match self {
            Self::Ec { public, .. } => PublicKey::Ec(public.clone()),
            Self::Rsa { public, .. } => PublicKey::Rsa(public.clone()),
            Self::Ed25519 { public, .. } => PublicKey::Ed25519(*public),
        }
    }

    /// Public and private members of the JWK (RFC 7518 §6). For forgeries that give a throw-away private key
    /// away; no other caller has a reason to.
    pub fn private_jwk_members(&self) -> Map<String, Value> {
        let mut members = self.public().jwk_members();
        match self {
            Self::Ec { d: secret, .. } | Self::Ed25519 { seed: secret, .. } => {
                members.insert("d".into(), base64url::encode(secret.expose()).into());
            }
            Self::Rsa { pkcs1, .. } => {
                let mut numbers = Reader::new(pkcs1.expose()).sequence();
                for name in ["", "n", "e", "d", "p", "q", "dp", "dq", "qi"] {
                    let number = numbers.as_mut().ok().and_then(|n| n.uint().ok());
                    if let (Some(number), false) = (number, matches!(name, "" | "n" | "e")) {
                        members.insert(name.into(), base64url::encode(number).into());
                    }
                }
            }
        }
        members
    }
}

const P256_ORDER: [u8; 32] = *b"\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\
    \xbc\xe6\xfa\xad\xa7\x17\x9e\x84\xf3\xb9\xca\xc2\xfc\x63\x25\x51";
const P384_ORDER: [u8; 48] = *b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\
    \xff\xff\xff\xff\xff\xff\xff\xff\xc7\x63\x4d\x81\xf4\x37\x2d\xdf\x58\x1a\x0d\xb2\x48\xb0\xa7\x7a\
    \xec\xec\x19\x6a\xcc\xc5\x29\x73";
const P521_ORDER: [u8; 66] = *b"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\
    \xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfa\x51\x86\x87\x83\xbf\x2f\
    \x96\x6b\x7f\xcc\x01\x48\xf7\x09\xa5\xd0\x3b\xb5\xc9\xb8\x89\x9c\x47\xae\xbb\x6f\xb7\x1e\x91\x38\
    \x64\x09";
const SECP256K1_ORDER: [u8; 32] =
    *b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe\
    \xba\xae\xdc\xe6\xaf\x48\xa0\x3b\xbf\xd2\x5e\x8c\xd0\x36\x41\x41";
