//! The key of a proof and what it signed (RFC 9449 §4.3 items 4 to 7).

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey};
use serde_json::{Map, Value};

use super::read::Read;
use super::{ALGORITHMS, Fault, Proof};
use crate::jose::{
    Algorithm, Curve, Jwk, KeyType, PRIVATE_MEMBERS, PublicKey, SigningKey, VerifyingKey,
    base64url, private_members,
};
use crate::reference::fetch;
use crate::reference::flaw::{Flaw, FlawSet, flaw};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "dpop-typ-unchecked",
        "Takes signed tokens of any kind for proofs.",
        "RFC 9449 §4.3 item 4",
    ),
    flaw(
        "dpop-alg-none-accepted",
        "Takes unsecured proofs.",
        "RFC 9449 §4.3 item 5",
    ),
    flaw(
        "dpop-none-known-in-lower-case-only",
        "Takes unsecured proofs whose alg is spelt in another case.",
        "RFC 9449 §4.3 item 5",
    ),
    flaw(
        "dpop-secret-in-proof-trusted",
        "Verifies an HMAC with the secret that the proof brings.",
        "RFC 9449 §11.6",
    ),
    flaw(
        "dpop-public-key-taken-for-secret",
        "Verifies an HMAC with the public key for its secret.",
        "RFC 9449 §11.6",
    ),
    flaw(
        "dpop-any-algorithm-accepted",
        "Takes every asymmetric algorithm that its library knows.",
        "RFC 9449 §4.3 item 5",
    ),
    flaw(
        "dpop-algorithm-chosen-by-key",
        "Verifies by the kind of the key, whatever alg says.",
        "RFC 9449 §4.3 item 6",
    ),
    flaw(
        "dpop-signature-unchecked",
        "Reads a proof without verifying its signature.",
        "RFC 9449 §4.3 item 6",
    ),
    flaw(
        "dpop-empty-signature-accepted",
        "Takes a proof with an empty signature for one that needs none.",
        "RFC 9449 §4.3 item 6",
    ),
    flaw(
        "dpop-ecdsa-zero-accepted",
        "Does not look whether r and s of a proof are in range.",
        "RFC 7518 §3.4",
    ),
    flaw(
        "dpop-ecdsa-der-accepted",
        "Takes ECDSA signatures of proofs in DER, too.",
        "RFC 7518 §3.4",
    ),
    flaw(
        "dpop-signature-tail-ignored",
        "Passes over octets behind the signature of a proof.",
        "RFC 7518 §3.4",
    ),
    flaw(
        "dpop-private-key-accepted",
        "Takes a proof that gives its private key away.",
        "RFC 9449 §4.3 item 7",
    ),
    flaw(
        "dpop-key-remembered",
        "Takes the key that the token was bound to where a proof brings none.",
        "RFC 9449 §4.3 item 3",
    ),
    flaw(
        "dpop-typ-spelling-crashes",
        "Answers 500 to a proof whose typ is the right one in another spelling.",
        "RFC 7515 §4.1.9",
    ),
    flaw(
        "dpop-jku-fetched",
        "Fetches the key of a proof from the address that the proof gives.",
        "RFC 8725 §3.10",
    ),
];

/// Item 4. The value is compared as it is: what other spellings mean is nowhere said.
pub fn is_proof(read: &Read, flaws: &FlawSet) -> Result<(), Fault> {
    if read.text("typ") == Some("dpop+jwt") || flaws.has("dpop-typ-unchecked") {
        return Ok(());
    }
    let is_spelling = |typ: &str| typ.to_ascii_lowercase().ends_with("dpop+jwt");
    if read.text("typ").is_some_and(is_spelling) && flaws.has("dpop-typ-spelling-crashes") {
        return Err(Fault::Crash);
    }
    Err(Fault::Check("is not of the type dpop+jwt"))
}

/// The key, after it has verified the signature; as received but for private members. `kept` is what a flawed
/// deployment remembers.
pub fn proven(
    read: &Read,
    kept: Option<Map<String, Value>>,
    flaws: &FlawSet,
) -> Result<Map<String, Value>, Fault> {
    let mut key = match read.header.get("jwk") {
        Some(Value::Object(members)) => members.clone(),
        _ => elsewhere(read, kept, flaws).ok_or(Fault::Check("brings no key"))?,
    };
    let alg = read.text("alg").unwrap_or_default();
    let named = Algorithm::of_name(alg);
    if let Some(algorithm) = named
        && is_mac(algorithm)
        && key.get("kty").is_some_and(|kty| kty == "oct")
        && flaws.has("dpop-secret-in-proof-trusted")
    {
        let secret = key.get("k").and_then(Value::as_str).unwrap_or_default();
        let secret = base64url::decode(secret).unwrap_or_default();
        return match fits_secret(&secret, algorithm, read) {
            true => Ok(key),
            false => Err(SIGNATURE),
        };
    }
    if !private_members(&key).is_empty() {
        if !flaws.has("dpop-private-key-accepted") {
            return Err(Fault::Check("gives a private key away"));
        }
        key.retain(|name, _| !PRIVATE_MEMBERS.contains(&name.as_str()));
    }
    let jwk = Jwk::from_members(&key).map_err(|_| Fault::Check("brings a key that is none"))?;
    let allowed = named.filter(|algorithm| {
        ALGORITHMS.contains(algorithm)
            || (!is_mac(*algorithm) && flaws.has("dpop-any-algorithm-accepted"))
    });
    let is_signed = match allowed {
        Some(algorithm) => fits(&jwk, algorithm, read) || is_taken(&jwk, algorithm, read, flaws),
        None => is_taken_unsecured(alg, read, flaws) || is_taken_with_mac(&jwk, named, read, flaws),
    };
    if is_signed || is_taken_by_key(&jwk, named, read, flaws) {
        return Ok(key);
    }
    Err(match allowed {
        Some(_) => SIGNATURE,
        None => Fault::Check("has an algorithm that is not taken"),
    })
}

const SIGNATURE: Fault = Fault::Check("has a signature that does not fit its key");

/// What a key is called: its RFC 7638 thumbprint, and the digest of the text that came.
pub fn named(key: &Map<String, Value>) -> Proof {
    let hash = |text: String| base64url::encode(digest(&SHA256, text.as_bytes()));
    let as_received = hash(Value::Object(key.clone()).to_string());
    let thumbprint = Jwk::from_members(key).ok().and_then(|jwk| jwk.thumbprint());
    Proof {
        // Only the flaw with secrets comes without: RFC 7638 §3.2.
        thumbprint: thumbprint.unwrap_or_else(|| {
            let k = key.get("k").cloned().unwrap_or_default();
            hash(format!(r#"{{"k":{k},"kty":"oct"}}"#))
        }),
        as_received,
    }
}

/// Where a flawed deployment gets a key from.
fn elsewhere(
    read: &Read,
    kept: Option<Map<String, Value>>,
    flaws: &FlawSet,
) -> Option<Map<String, Value>> {
    if let Some(jku) = read.text("jku")
        && flaws.has("dpop-jku-fetched")
    {
        // Our own side speaks no TLS.
        let rest = jku.split_once("//").map_or(jku, |(_, rest)| rest);
        let document = fetch::get(&format!("http://{rest}"))?;
        let set: Value = serde_json::from_slice(&document).ok()?;
        return set["keys"][0].as_object().cloned();
    }
    kept.filter(|_| flaws.has("dpop-key-remembered"))
}

fn is_mac(algorithm: Algorithm) -> bool {
    algorithm.key_type() == KeyType::Secret
}

fn fits(jwk: &Jwk, algorithm: Algorithm, read: &Read) -> bool {
    VerifyingKey::new(jwk, Some(algorithm))
        .is_ok_and(|key| key.verify_octets(&read.input, &read.signature).is_ok())
}

fn fits_secret(secret: &[u8], algorithm: Algorithm, read: &Read) -> bool {
    SigningKey::secret(secret, algorithm)
        .sign(algorithm, &read.input)
        .is_ok_and(|tag| tag == read.signature)
}

/// A signature of the right algorithm that does not fit.
fn is_taken(jwk: &Jwk, algorithm: Algorithm, read: &Read, flaws: &FlawSet) -> bool {
    let Some(public) = jwk.public() else {
        return false;
    };
    if algorithm.key_type() != public.key_type() {
        return false;
    }
    let found = &read.signature;
    if found.is_empty() {
        return flaws.has("dpop-empty-signature-accepted");
    }
    if let PublicKey::Ec(key) = &public {
        let wanted = 2 * key.curve().octets();
        let is_zero = found.len() == wanted
            && found
                .chunks(wanted / 2)
                .all(|half| half.iter().all(|octet| *octet == 0) || half == key.curve().order());
        if is_zero && flaws.has("dpop-ecdsa-zero-accepted") {
            return true;
        }
        let is_der = found.first() == Some(&0x30) && found.len() != wanted;
        if is_der
            && key.curve() == Curve::P256
            && flaws.has("dpop-ecdsa-der-accepted")
            && ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.point())
                .is_ok_and(|key| key.verify_sig(&read.input, found).is_ok())
        {
            return true;
        }
        let begins_right = || {
            VerifyingKey::new(jwk, Some(algorithm))
                .is_ok_and(|key| key.verify_octets(&read.input, &found[..wanted]).is_ok())
        };
        if found.len() > wanted && flaws.has("dpop-signature-tail-ignored") && begins_right() {
            return true;
        }
    }
    flaws.has("dpop-signature-unchecked")
}

fn is_taken_unsecured(alg: &str, read: &Read, flaws: &FlawSet) -> bool {
    match alg {
        "none" => read.signature.is_empty() && flaws.has("dpop-alg-none-accepted"),
        _ => alg.eq_ignore_ascii_case("none") && flaws.has("dpop-none-known-in-lower-case-only"),
    }
}

fn is_taken_with_mac(jwk: &Jwk, named: Option<Algorithm>, read: &Read, flaws: &FlawSet) -> bool {
    let (Some(algorithm), Some(public)) = (named.filter(|named| is_mac(*named)), jwk.public())
    else {
        return false;
    };
    if !flaws.has("dpop-public-key-taken-for-secret") {
        return false;
    }
    let spellings = [
        public.spki_pem().into_bytes(),
        public.spki_der(),
        Value::Object(public.jwk_members()).to_string().into_bytes(),
    ];
    spellings
        .iter()
        .any(|secret| fits_secret(secret, algorithm, read))
}

/// The algorithm is not one for the key, or none at all.
fn is_taken_by_key(jwk: &Jwk, named: Option<Algorithm>, read: &Read, flaws: &FlawSet) -> bool {
    let Some(kind) = jwk.public().map(|public| public.key_type()) else {
        return false;
    };
    if named.is_some_and(|named| named.key_type() == kind || is_mac(named))
        || !flaws.has("dpop-algorithm-chosen-by-key")
    {
        return false;
    }
    let of_rsa = [Algorithm::PS256, Algorithm::RS256];
    match Algorithm::of_key_type(kind) {
        Some(algorithm) => fits(jwk, algorithm, read),
        None => of_rsa
            .into_iter()
            .any(|algorithm| fits(jwk, algorithm, read)),
    }
}
