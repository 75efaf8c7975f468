//! Encrypted tokens made by somebody who should not be believed (RFC 7516).

use std::io::Write as _;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rand;
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, Pkcs1PublicEncryptingKey,
    PublicEncryptingKey,
};
use serde_json::{Map, Value};

use super::forge::Unforgeable;
use super::material::Material;
use super::model::{Jwe, JweContent};
use super::needs::Need;
use super::template::Resolver;
use crate::jose::{PublicKey, base64url};

const MAX_ZEROS: u32 = 10 << 20;

/// Encrypts `token`, or what `jwe` names instead.
pub(super) fn wrap(
    token: Vec<u8>,
    jwe: &Jwe,
    material: &Material<'_>,
    resolver: &Resolver<'_>,
) -> Result<Vec<u8>, Unforgeable> {
    let library = |_| Unforgeable::Encryption;
    let mut header = Map::new();
    header.insert("alg".into(), jwe.alg.clone().into());
    header.insert("enc".into(), "A256GCM".into());
    let content = match jwe.content {
        JweContent::Token => {
            header.insert("cty".into(), "JWT".into());
            token
        }
        JweContent::Claims => material.claims.clone(),
        JweContent::Zeros(octets) if octets > MAX_ZEROS => return Err(Unforgeable::TooLong),
        JweContent::Zeros(octets) => vec![0; octets as usize],
    };
    for (name, value) in &jwe.header {
        header.insert(name.clone(), resolver.value(value)?);
    }
    let mut content = if jwe.zip {
        header.insert("zip".into(), "DEF".into());
        deflate(&content)
    } else {
        content
    };
    let mut key = [0; 32];
    if jwe.alg != "dir" {
        rand::fill(&mut key).map_err(library)?;
    }
    let encrypted_key = encrypt_key(&jwe.alg, &key, material)?;
    let mut iv = [0; 12];
    rand::fill(&mut iv).map_err(library)?;
    let protected = base64url::encode(Value::Object(header).to_string());
    let aead = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).map_err(library)?);
    let tag = aead
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(iv),
            Aad::from(protected.as_bytes()),
            &mut content,
        )
        .map_err(library)?;
    let mut out = protected.into_bytes();
    for part in [encrypted_key.as_slice(), &iv, &content, tag.as_ref()] {
        out.push(b'.');
        base64url::encode_into(part, &mut out);
    }
    Ok(out)
}

fn encrypt_key(alg: &str, key: &[u8], material: &Material<'_>) -> Result<Vec<u8>, Unforgeable> {
    let library = |_| Unforgeable::Encryption;
    match alg {
        "dir" | "ECDH-ES" => return Ok(Vec::new()),
        "RSA-OAEP" | "RSA-OAEP-256" | "RSA1_5" => {}
        _ => {
            // As long as a wrapped key of 32 octets is (RFC 3394).
            let mut octets = vec![0; 40];
            rand::fill(&mut octets).map_err(library)?;
            return Ok(octets);
        }
    }
    let public = material.target.and_then(|target| target.jwk.public());
    let Some(public @ PublicKey::Rsa(_)) = public else {
        return Err(Unforgeable::Needs(Need::RsaPublicKey));
    };
    let public =
        PublicEncryptingKey::from_der(&public.spki_der()).map_err(|_| Unforgeable::Encryption)?;
    let mut out = vec![0; public.key_size_bytes()];
    if alg == "RSA1_5" {
        let public = Pkcs1PublicEncryptingKey::new(public).map_err(library)?;
        public.encrypt(key, &mut out).map_err(library)?;
    } else {
        let hash = if alg == "RSA-OAEP" {
            &OAEP_SHA1_MGF1SHA1
        } else {
            &OAEP_SHA256_MGF1SHA256
        };
        let public = OaepPublicEncryptingKey::new(public).map_err(library)?;
        public.encrypt(hash, key, &mut out, None).map_err(library)?;
    }
    Ok(out)
}

fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    let written = encoder.write_all(content).and_then(|()| encoder.finish());
    written.expect("writing to memory does not fail")
}
