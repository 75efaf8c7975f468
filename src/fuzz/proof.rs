use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use jsonwebtoken as theirs;
use serde_json::{Map, Value};

use crate::jose::json::parse_object;
use crate::jose::proof::{Possession, access_token_hash};
use crate::jose::{
    Algorithm, PRIVATE_MEMBERS, SigningKey, StrictJws, base64url, import_one, mint_texts,
};
use crate::reference::Contract;
use crate::reference::dpop::binding::cnf;
use crate::reference::dpop::{Occasion, Place, SKEW, Verifier, WINDOW};
use crate::reference::http::{Body, Fields, Request, Version};

const ORIGIN: &str = "https://api.example:8443";
const PATH: &str = "/v2/users/me";
const TOKEN: &str = "a.bound.token";
const NOW: i64 = 1_800_000_000;
/// In octets; a fuzzer that tries more tries nothing new.
const LONGEST: usize = 64 * 1024;

/// A key, and the texts of a right proof by it, without their last brace.
struct Holder {
    key: SigningKey,
    cnf: Value,
    header: String,
    claims: String,
}

static HOLDER: LazyLock<Holder> = LazyLock::new(|| {
    let pem = include_bytes!("../../fixtures/keys/ec.pkcs8.pem");
    let key = import_one(pem).and_then(SigningKey::new);
    let key = key.expect("the key of the fixtures is sound");
    let (header, claims) = Possession {
        method: "GET",
        url: &format!("{ORIGIN}{PATH}"),
        access_token: Some(TOKEN),
        nonce: None,
        jti: "0123456789abcdef",
        iat: NOW,
    }
    .members(&key);
    let open = |members: Map<String, Value>| {
        let text = Value::Object(members).to_string();
        text.trim_end_matches('}').to_owned()
    };
    // The last member of the header is the key, whose brace goes with the other one.
    let holder = Holder {
        cnf: cnf(&key.jwk().thumbprint().expect("a public half")),
        header: format!("{}}}", open(header)),
        claims: open(claims),
        key,
    };
    let right = holder.signed(b"$}", b"$}");
    assert!(
        is_taken(&right, &[&right], Place::Resource, false),
        "a right proof is refused"
    );
    holder
});

impl Holder {
    /// Well signed; `$` at the start of a text stands for all members of a right one.
    fn signed(&self, header: &[u8], claims: &[u8]) -> Vec<u8> {
        let filled = |text: &[u8], right: &str| match text.strip_prefix(b"$") {
            Some(rest) => [right.as_bytes(), rest].concat(),
            None => text.to_vec(),
        };
        let (header, claims) = (filled(header, &self.header), filled(claims, &self.claims));
        mint_texts(&header, &claims, &self.key, Algorithm::ES256).expect("the key signs")
    }
}

/// The verifier of proofs of possession, from the field line to the last check of RFC 9449 §4.3, beside a second one
/// that is made of other parts. The first octet chooses (bits of its value) what the rest is, and the occasion:
///
/// - `0`: a field line as it is; `1`: header and claims, parted by a NUL, which are well signed (`$` stands for all
///   members of a right one); `2`: edits of a right proof, each a place (two octets) and the octet to put there; `3`:
///   what is appended to a right proof;
/// - `4`: at a token endpoint, without an access token; `8`: where a nonce is demanded.
///
/// Panics where a proof is taken that the second list refuses, where one is refused that it takes and that is spelt
/// strictly, where one is taken twice, beside another one, or by another key than the token's, and where a nonce was
/// guessed.
pub fn proof(octets: &[u8]) {
    let Some((choice, rest)) = octets.split_first() else {
        return;
    };
    let rest = &rest[..rest.len().min(LONGEST)];
    let holder = &*HOLDER;
    let line = match choice % 4 {
        0 => rest.to_vec(),
        1 => {
            let at = rest.iter().position(|octet| *octet == 0);
            let (header, claims) = rest.split_at(at.unwrap_or(rest.len()));
            holder.signed(header, claims.get(1..).unwrap_or_default())
        }
        2 => {
            let mut line = holder.signed(b"$}", b"$}");
            for edit in rest.chunks_exact(3) {
                let at = usize::from(u16::from_be_bytes([edit[0], edit[1]])) % line.len();
                line[at] = edit[2];
            }
            line
        }
        _ => [holder.signed(b"$}", b"$}").as_slice(), rest].concat(),
    };
    let place = match choice & 4 {
        0 => Place::Resource,
        _ => Place::TokenEndpoint,
    };
    let is_taken = is_taken(&line, &[&line], place, choice & 8 != 0);
    if choice & 8 != 0 {
        assert!(!is_taken, "a nonce was guessed");
        return;
    }
    // Field values have no white space at their ends (RFC 9110 §5.5).
    match second_list(line.trim_ascii(), place) {
        Ok(()) => assert!(
            is_taken || !is_strict(line.trim_ascii()),
            "only we refuse it"
        ),
        Err(item) => assert!(!is_taken, "it {item}"),
    }
}

/// What the verifier says of the lines. A proof that is taken is tried once more in each way that must fail.
fn is_taken(line: &[u8], lines: &[&[u8]], place: Place, demands_nonce: bool) -> bool {
    let verifier = Verifier::new(ORIGIN.to_owned());
    let flaws = Contract::Pers.catalogue().select::<&str>([]);
    let flaws = flaws.expect("no flaw is known");
    let is_resource = place == Place::Resource;
    let judge = |verifier: &Verifier, lines: &[&[u8]], bound_to: &Value| {
        let request = request(lines);
        let occasion = Occasion {
            request: &request,
            place,
            token: is_resource.then_some(TOKEN),
            cnf: is_resource.then_some(bound_to),
            demands_nonce,
            is_use: true,
            now: NOW as f64,
        };
        verifier.judge(&occasion, &flaws).is_ok()
    };
    let Some(holder) = LazyLock::get(&HOLDER) else {
        // The first proof of all, by which the holder is tried itself.
        let bound_to = named_in(line).map(|thumbprint| cnf(&thumbprint));
        return judge(&verifier, lines, &bound_to.unwrap_or_default());
    };
    let is_taken = judge(&verifier, lines, &holder.cnf);
    if is_taken {
        assert!(!judge(&verifier, lines, &holder.cnf), "it is taken twice");
        let other = Verifier::new(ORIGIN.to_owned());
        assert!(
            !judge(&other, &[line, line], &holder.cnf),
            "two are taken for one"
        );
        let stranger = cnf(&base64url::encode([7; 32]));
        assert!(
            !is_resource || !judge(&other, lines, &stranger),
            "any key does"
        );
        assert!(judge(&other, lines, &holder.cnf), "it is taken by luck");
    }
    is_taken
}

fn request(lines: &[&[u8]]) -> Request {
    let mut fields = Fields::default();
    for line in lines {
        fields.push("DPoP", line);
    }
    Request {
        method: "GET".to_owned(),
        target: format!("{PATH}?page=2"),
        authority: "api.example:8443".to_owned(),
        version: Version::Http11,
        fields,
        body: Body::Bytes(Vec::new()),
        encrypted: true,
        peer: crate::reference::http::NOWHERE,
        node: crate::reference::http::Node::default(),
    }
}

/// Whether our strictness has nothing to find fault with: names that stand twice, numbers and depths over our bounds, and
/// addresses that are equal without being the same.
fn is_strict(line: &[u8]) -> bool {
    let Ok(jws) = StrictJws::parse(line) else {
        return false;
    };
    let Ok(claims) = parse_object(jws.payload()) else {
        return false;
    };
    let members = jws.header().members();
    claims.get("htu").and_then(Value::as_str) == Some(&format!("{ORIGIN}{PATH}"))
        && !members.contains_key("b64")
}

/// RFC 9449 §4.3, item by item, with serde_json, url and jsonwebtoken: `Err` tells which does not hold.
fn second_list(line: &[u8], place: Place) -> Result<(), &'static str> {
    let text = std::str::from_utf8(line).map_err(|_| "is no text")?;
    let parts: Vec<&str> = text.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        return Err("has not three parts");
    };
    let read = |part: &str| -> Option<Map<String, Value>> {
        serde_json::from_slice(&base64url::decode(part).ok()?).ok()
    };
    let header = read(header).ok_or("has no header")?;
    let claims = read(payload).ok_or("has no claims")?;
    let said = |members: &Map<String, Value>, name: &str| {
        members.get(name).and_then(Value::as_str).map(str::to_owned)
    };
    if said(&header, "typ").as_deref() != Some("dpop+jwt") {
        return Err("has another typ");
    }
    if header.contains_key("crit") {
        return Err("has an extension");
    }
    let jwk = header.get("jwk").and_then(Value::as_object);
    let jwk = jwk.ok_or("has no jwk")?;
    if PRIVATE_MEMBERS.iter().any(|name| jwk.contains_key(*name)) {
        return Err("has a private key");
    }
    let algorithm = match said(&header, "alg").as_deref() {
        Some("ES256") => theirs::Algorithm::ES256,
        Some("ES384") => theirs::Algorithm::ES384,
        Some("EdDSA") => theirs::Algorithm::EdDSA,
        Some("PS256") => theirs::Algorithm::PS256,
        _ => return Err("has an algorithm that is not taken"),
    };
    let material = |name: &str| said(jwk, name).unwrap_or_default();
    let key = match material("kty").as_str() {
        "EC" => theirs::DecodingKey::from_ec_components(&material("x"), &material("y")),
        "OKP" => theirs::DecodingKey::from_ed_components(&material("x")),
        "RSA" => theirs::DecodingKey::from_rsa_components(&material("n"), &material("e")),
        _ => return Err("has a key of no kind"),
    };
    let (input, _) = text.rsplit_once('.').ok_or("has no signature")?;
    let key = key.map_err(|_| "has a key that is none")?;
    let verified = theirs::crypto::verify(signature, input.as_bytes(), &key, algorithm);
    if !verified.unwrap_or(false) {
        return Err("is not signed by its key");
    }
    if said(&claims, "jti").is_none_or(|jti| jti.is_empty()) {
        return Err("has no jti");
    }
    if said(&claims, "htm").as_deref() != Some("GET") {
        return Err("is for another method");
    }
    let htu = said(&claims, "htu").and_then(|htu| url::Url::parse(&htu).ok());
    let own = url::Url::parse(&format!("{ORIGIN}{PATH}")).map_err(|_| "is for no address")?;
    let is_same = htu.is_some_and(|htu| {
        let decoded = |url: &url::Url| percent(url.path());
        htu.origin() == own.origin()
            && decoded(&htu) == decoded(&own)
            && htu.username().is_empty()
            && htu.password().is_none()
    });
    if !is_same {
        return Err("is for another address");
    }
    let number = |name: &str| claims.get(name).map(Value::as_f64);
    let iat = number("iat").flatten().ok_or("has no time")?;
    let now = NOW as f64;
    if iat < now - WINDOW || iat > now + SKEW {
        return Err("is of another time");
    }
    let is_over = |end: Option<f64>| end.is_none_or(|end| end + SKEW < now);
    let is_early = |from: Option<f64>| from.is_none_or(|from| from > now + SKEW);
    if number("exp").is_some_and(is_over) || number("nbf").is_some_and(is_early) {
        return Err("says that it is not good");
    }
    if place == Place::TokenEndpoint {
        return Ok(());
    }
    if said(&claims, "ath") != Some(access_token_hash(TOKEN)) {
        return Err("is for another token");
    }
    let thumbprint = named_in(line).ok_or("has a key without a name")?;
    match cnf(&thumbprint) == HOLDER.cnf {
        true => Ok(()),
        false => Err("is by another key"),
    }
}

/// The thumbprint of the key in a proof (RFC 7638 §3), out of its members alone.
fn named_in(line: &[u8]) -> Option<String> {
    let header = line.split(|octet| *octet == b'.').next()?;
    let header = base64url::decode(std::str::from_utf8(header).ok()?).ok()?;
    let header: Map<String, Value> = serde_json::from_slice(&header).ok()?;
    let jwk = header.get("jwk")?.as_object()?;
    let names: &[&str] = match jwk.get("kty")?.as_str()? {
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        "RSA" => &["e", "kty", "n"],
        _ => return None,
    };
    let mut members = Vec::new();
    for name in names {
        members.push(format!("\"{name}\":{}", jwk.get(*name)?));
    }
    let text = format!("{{{}}}", members.join(","));
    Some(base64url::encode(digest(&SHA256, text.as_bytes())))
}

/// Percent-decoded throughout: what differs then differs in any case.
fn percent(path: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *first == b'%');
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(octet) => {
                out.push(octet);
                rest = &after[2..];
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    out
}
