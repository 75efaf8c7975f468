//! A public key as octets, in each of the ways that somebody may have it lying about as "the key".

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::material::TargetKey;
use super::model::Spelling;
use crate::jose::der::pem;
use crate::jose::{Curve, PublicKey, canonical_json};

/// `None` where the key has no such spelling.
pub(super) fn spell(target: &TargetKey, spelling: Spelling) -> Option<Vec<u8>> {
    let key = target.jwk.public()?;
    let certificate = target.certificate.as_ref();
    let stripped = |pem: String| pem.trim_end().as_bytes().to_vec();
    Some(match spelling {
        Spelling::SpkiPem => key.spki_pem().into_bytes(),
        Spelling::SpkiPemNoFinalNewline => stripped(key.spki_pem()),
        Spelling::SpkiPemCrlf => key.spki_pem().replace('\n', "\r\n").into_bytes(),
        Spelling::SpkiPemOneLine => STANDARD.encode(key.spki_der()).into_bytes(),
        Spelling::SpkiDer => key.spki_der(),
        Spelling::Pkcs1Pem => key.pkcs1_pem()?.into_bytes(),
        Spelling::Pkcs1PemNoFinalNewline => stripped(key.pkcs1_pem()?),
        Spelling::Pkcs1Der => key.pkcs1_der()?,
        Spelling::CertificatePem => pem("CERTIFICATE", certificate?).into_bytes(),
        Spelling::CertificateDer => certificate?.clone(),
        Spelling::CertificateBase64 => STANDARD.encode(certificate?).into_bytes(),
        Spelling::Openssh => openssh(&key)?.into_bytes(),
        Spelling::Jwk => match &target.published {
            Some(text) => text.clone().into_bytes(),
            None => Value::Object(target.members()?).to_string().into_bytes(),
        },
        Spelling::JwkMinified => Value::Object(target.members()?).to_string().into_bytes(),
        Spelling::JwkCanonical => canonical_json(&key).into_bytes(),
        Spelling::Jwks => match &target.document {
            Some(document) => document.clone(),
            None => serde_json::json!({ "keys": [target.members()?] })
                .to_string()
                .into_bytes(),
        },
        Spelling::Modulus => match key {
            PublicKey::Rsa(rsa) => rsa.n().to_vec(),
            _ => return None,
        },
        Spelling::Point => match key {
            PublicKey::Ec(ec) => ec.point().to_vec(),
            _ => return None,
        },
        Spelling::Coordinates => match key {
            PublicKey::Ec(ec) => ec.point()[1..].to_vec(),
            PublicKey::Ed25519(x) => x.to_vec(),
            PublicKey::Rsa(_) => return None,
        },
        Spelling::NumberText => {
            let members = key.jwk_members();
            let number = members.get("n").or(members.get("x"))?;
            number.as_str()?.as_bytes().to_vec()
        }
    })
}

fn openssh(key: &PublicKey) -> Option<String> {
    let text = |octets: &[u8]| [&(octets.len() as u32).to_be_bytes()[..], octets].concat();
    let number = |magnitude: &[u8]| match magnitude.first() {
        Some(0x80..) => text(&[&[0], magnitude].concat()),
        _ => text(magnitude),
    };
    let (name, rest) = match key {
        PublicKey::Rsa(rsa) => ("ssh-rsa", [number(rsa.e()), number(rsa.n())].concat()),
        PublicKey::Ed25519(x) => ("ssh-ed25519", text(x)),
        PublicKey::Ec(ec) => {
            let (name, curve) = match ec.curve() {
                Curve::P256 => ("ecdsa-sha2-nistp256", "nistp256"),
                Curve::P384 => ("ecdsa-sha2-nistp384", "nistp384"),
                Curve::P521 => ("ecdsa-sha2-nistp521", "nistp521"),
                Curve::Secp256k1 => return None,
            };
            (name, [text(curve.as_bytes()), text(ec.point())].concat())
        }
    };
    let blob = [text(name.as_bytes()), rest].concat();
    Some(format!("{name} {}", STANDARD.encode(blob)))
}
