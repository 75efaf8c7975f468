//! A verifier that can be made to forgive one thing. It shares no code with the strict reader and verifier but
//! the checking of signatures itself, and reads leniently so that every refusal is a decision of its own.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use proofmark::jose::{Algorithm, Jwk, KeyType, PublicKey, SigningKey, from_certificate};
use serde_json::Value;

use super::deployment::*;
use super::lenient::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgives {
    Nothing,
    Unsecured,
    NoSignature,
    AnySignature,
    /// No signature is verified, so it makes no difference which claims are checked.
    AnySignatureAndClaims,
    AnySignatureAndHeader,
    SignatureForm,
    StrangersKey,
    PublicKeyAsSecret,
    OtherAlgorithmOfKey,
    AlgSpelling,
    KnownSecret,
    Kid,
    KeyOfIssuer,
    EmbeddedKey,
    EmbeddedCertificate,
    FetchedKey,
    Crit,
    B64,
    Typ,
    Exp,
    Nbf,
    Life,
    Iat,
    Iss,
    Aud,
    Sub,
    SubNormalised,
    ClaimSpelling,
    ScopeSubstring,
    ScopeForm,
    Json,
    Nested,
    Encrypted,
    Padding,
    Alphabet,
    TrailingBits,
    ForeignCharacters,
    Segments,
    Payload,
    Charset,
    Duplicates,
}

use Forgives::*;

/// What the token lets its bearer do.
#[derive(Debug, PartialEq, Eq)]
pub struct Access {
    pub admin: bool,
}

pub struct Forgiving<'d> {
    pub deployment: &'d Deployment,
    pub forgives: Forgives,
}

struct Opened {
    header: Members,
    payload: Vec<u8>,
    signature: Vec<u8>,
    signed: Vec<u8>,
}

impl Forgiving<'_> {
    fn forgives(&self, what: Forgives) -> bool {
        self.forgives == what
    }

    /// `check` holds, or its failing is forgiven.
    fn demand(&self, check: bool, what: Forgives) -> Result<(), Forgives> {
        if check || self.forgives(what) {
            Ok(())
        } else {
            Err(what)
        }
    }

    /// The first thing that was not forgiven, if any.
    pub fn accept(&self, token: &[u8]) -> Result<Access, Forgives> {
        let token = String::from_utf8_lossy(token).into_owned();
        if self.forgives(Encrypted) && token.split('.').count() == 5 {
            return self.accept_encrypted(&token);
        }
        let mut refusal = Nothing;
        for token in self.readings(&token)? {
            match self.open(&token).and_then(|opened| self.judge(opened)) {
                Ok(access) => return Ok(access),
                Err(what) => refusal = what,
            }
        }
        Err(refusal)
    }

    /// The compact tokens that a text may be taken for.
    fn readings(&self, token: &str) -> Result<Vec<String>, Forgives> {
        if self.forgives(Json) {
            let text = decode_url(token).unwrap_or_else(|| token.as_bytes().to_vec());
            let json: Value = serde_json::from_slice(&text).map_err(|_| Json)?;
            let compact = |signature: &Value| {
                let part = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let parts = [
                    &signature["protected"],
                    &json["payload"],
                    &signature["signature"],
                ];
                parts.map(part).join(".")
            };
            return Ok(match json["signatures"].as_array() {
                Some(signatures) => signatures.iter().map(compact).collect(),
                None => vec![compact(&json)],
            });
        }
        let mut parts: Vec<&str> = token.split('.').collect();
        if self.forgives(Segments) {
            let first = token.split([' ', ',']).next().unwrap_or_default();
            parts = first.split('.').collect();
            if parts.first() == Some(&"") {
                parts.remove(0);
            }
            parts.truncate(3);
        }
        if self.forgives(B64) && parts.len() > 3 {
            return Ok(vec![token.to_owned()]);
        }
        if self.forgives(NoSignature) || self.forgives(Unsecured) {
            parts.truncate(3);
            parts.resize(3, "");
        }
        if parts.len() == 3 {
            Ok(vec![parts.join(".")])
        } else {
            Err(Segments)
        }
    }

    fn open(&self, token: &str) -> Result<Opened, Forgives> {
        let (header, rest) = token.split_once('.').ok_or(Segments)?;
        let (payload, signature) = rest.rsplit_once('.').ok_or(Segments)?;
        let signature_matters = ![
            AnySignature,
            AnySignatureAndClaims,
            AnySignatureAndHeader,
            NoSignature,
            Unsecured,
        ]
        .contains(&self.forgives);
        Ok(Opened {
            header: self.members(&self.decode(header)?)?,
            payload: match self.decode(payload) {
                Err(_) if self.forgives(B64) => payload.as_bytes().to_vec(),
                decoded => decoded?,
            },
            signature: match self.decode(signature) {
                Err(_) if !signature_matters => Vec::new(),
                decoded => decoded?,
            },
            signed: format!("{header}.{payload}").into_bytes(),
        })
    }

    fn decode(&self, segment: &str) -> Result<Vec<u8>, Forgives> {
        let mut text = segment.to_owned();
        for (what, found) in [
            (Padding, text.contains('=')),
            (Alphabet, text.contains(['+', '/'])),
            (ForeignCharacters, text.chars().any(|c| !is_base64(c))),
        ] {
            self.demand(!found, what)?;
        }
        if self.forgives(ForeignCharacters) {
            text = text.replace("%0a", "");
        }
        text.retain(|c| is_base64(c) && c != '=');
        let text = text.replace('+', "-").replace('/', "_");
        let strict = decode_url(&text);
        self.demand(strict.is_some(), TrailingBits)?;
        let config = GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::RequireNone);
        let lenient = GeneralPurpose::new(&URL_SAFE, config);
        lenient.decode(text).map_err(|_| TrailingBits)
    }

    fn members(&self, text: &[u8]) -> Result<Members, Forgives> {
        let mut text = text.to_vec();
        if self.forgives(Charset) {
            text = guess_charset(text);
        }
        let text = std::str::from_utf8(&text).map_err(|_| Charset)?;
        if text.starts_with('\u{feff}') {
            return Err(Charset);
        }
        // Odd numbers are for the checks of claims to judge.
        let text = text
            .replace("1e400", "1e300")
            .replace(":Infinity", ":1e300");
        let spans = proofmark::jose::json::members(&text).map_err(|_| Payload)?;
        let members = spans.into_iter().map(|member| {
            let value = serde_json::from_str(&text[member.value_span]).map_err(|_| Payload)?;
            Ok((member.name, value))
        });
        let members: Members = members.collect::<Result<_, _>>()?;
        let mut names: Vec<&String> = members.iter().map(|(name, _)| name).collect();
        names.sort();
        names.dedup();
        self.demand(names.len() == members.len(), Duplicates)?;
        Ok(members)
    }

    fn judge(&self, opened: Opened) -> Result<Access, Forgives> {
        if self.forgives(Nested)
            && let Ok(inner) = std::str::from_utf8(&opened.payload)
            && inner.split('.').count() == 3
        {
            let inner = Forgiving {
                forgives: Unsecured,
                ..*self
            };
            return inner.accept(&opened.payload);
        }
        let header = last(&opened.header);
        self.check_header(&header)?;
        let claims = match self.members(&opened.payload) {
            Err(_) if self.forgives(Payload) => {
                self.check_signature(&opened, &header, &BTreeMap::new())?;
                return Ok(Access { admin: false });
            }
            claims => claims?,
        };
        let rulings = if self.forgives(Duplicates) {
            vec![first(&claims), last(&claims)]
        } else {
            vec![last(&claims)]
        };
        self.check_signature(&opened, &header, &rulings[0])?;
        let mut refusal = Nothing;
        for claims in rulings {
            match self.check_claims(&claims) {
                Ok(access) => return Ok(access),
                Err(what) => refusal = what,
            }
        }
        Err(refusal)
    }

    fn check_header(&self, header: &BTreeMap<&str, &Value>) -> Result<(), Forgives> {
        if self.forgives(AnySignatureAndHeader) {
            return Ok(());
        }
        let odd = |name: &str, is: fn(&Value) -> bool| header.get(name).is_some_and(|v| !is(v));
        self.demand(
            !odd("jwk", Value::is_object)
                && !odd("jku", Value::is_string)
                && !odd("x5c", Value::is_array),
            AnySignatureAndHeader,
        )?;
        self.demand(!header.contains_key("crit") || self.forgives(B64), Crit)?;
        self.demand(!header.contains_key("b64"), B64)?;
        let typ = header.get("typ").and_then(|typ| typ.as_str());
        self.demand(typ == Some("at+jwt"), Typ)
    }

    fn check_signature(
        &self,
        opened: &Opened,
        header: &BTreeMap<&str, &Value>,
        claims: &BTreeMap<&str, &Value>,
    ) -> Result<(), Forgives> {
        let Opened {
            signed, signature, ..
        } = opened;
        let fits = |key: &SigningKey, algorithm| fits(key.jwk(), algorithm, signed, signature);
        let algs: Vec<&Value> = opened
            .header
            .iter()
            .filter(|(n, _)| n == "alg")
            .map(|(_, v)| v)
            .collect();
        let named = header.get("alg").and_then(|alg| alg.as_str());
        let known = named.and_then(Algorithm::of_name);
        let certificates = || -> Vec<PublicKey> {
            let chain = header.get("x5c").and_then(|x5c| x5c.as_array());
            let texts = chain.into_iter().flatten().filter_map(Value::as_str);
            let engine = base64::engine::general_purpose::STANDARD;
            let ders = texts.filter_map(|text| engine.decode(text).ok());
            // A thumbprint, where there is one, chooses.
            let chosen = ders.filter(|der| {
                let fits =
                    |name: &str, print: String| header.get(name).is_none_or(|said| **said == print);
                fits("x5t", sha1(der)) && fits("x5t#S256", sha256(der))
            });
            chosen
                .filter_map(|der| from_certificate(&der).ok())
                .collect()
        };
        let held = match self.forgives {
            AnySignature | AnySignatureAndClaims | AnySignatureAndHeader => true,
            NoSignature => signature.len() < 2,
            Unsecured => algs.first().is_none_or(|alg| is_none(alg)),
            KnownSecret => {
                const WORDS: [&str; 14] = [
                    "",
                    "\0",
                    "\n",
                    "secret",
                    "changeme",
                    "password",
                    "your-256-bit-secret",
                    "key",
                    "letmein",
                    "cracked",
                    "null",
                    "undefined",
                    "k",
                    "1",
                ];
                let words = WORDS.iter().map(|word| word.as_bytes());
                let mut words = words.chain([STATIC_TEXT.as_bytes()]);
                words.any(|word| hmac_fits(Algorithm::HS256, word, signed, signature))
            }
            PublicKeyAsSecret => {
                let algorithm = known.filter(|a| a.key_type() == KeyType::Secret);
                let algorithm = algorithm.unwrap_or(Algorithm::HS256);
                let mut spellings = spellings(self.deployment).into_iter();
                spellings.any(|key| hmac_fits(algorithm, &key, signed, signature))
            }
            StrangersKey => {
                let mut strangers = Algorithm::ALL
                    .into_iter()
                    .map(|a| (strangers().key(a).unwrap(), a));
                strangers.any(|(key, algorithm)| fits(key, algorithm))
            }
            FetchedKey => {
                // Whatever is fetched, the stranger's set is what comes back.
                let asked = header.contains_key("jku") || header.contains_key("x5u");
                let key = known.and_then(|a| strangers().key(a).ok().map(|key| (key, a)));
                asked && key.is_some_and(|(key, algorithm)| fits(key, algorithm))
            }
            EmbeddedKey => {
                let jwk = header.get("jwk").and_then(|jwk| jwk.as_object());
                let jwk = jwk.and_then(|jwk| Jwk::from_members(jwk).ok());
                let (jwk, algorithm) = (jwk.ok_or(EmbeddedKey)?, known.ok_or(EmbeddedKey)?);
                self::fits(&jwk, algorithm, signed, signature)
            }
            EmbeddedCertificate => {
                let algorithm = known.ok_or(EmbeddedCertificate)?;
                certificates().into_iter().any(|key| {
                    let jwk = Jwk::bare(proofmark::jose::KeyMaterial::Public(key));
                    self::fits(&jwk, algorithm, signed, signature)
                })
            }
            OtherAlgorithmOfKey => {
                let key = &self.deployment.key;
                Algorithm::ALL
                    .into_iter()
                    .any(|a| key.can(a) && fits(key, a))
            }
            SignatureForm => {
                let algorithm = self.deployment.algorithm();
                let fixed = normal_form(algorithm, signature).ok_or(SignatureForm)?;
                self::fits(self.deployment.key.jwk(), algorithm, signed, &fixed)
            }
            _ => return self.check_with_known_key(opened, header, claims, &algs),
        };
        if held { Ok(()) } else { Err(AnySignature) }
    }

    /// Two issuers with a key each; kid and iss must both lead to it.
    fn check_with_known_key(
        &self,
        opened: &Opened,
        header: &BTreeMap<&str, &Value>,
        claims: &BTreeMap<&str, &Value>,
        algs: &[&Value],
    ) -> Result<(), Forgives> {
        let own = self.deployment.algorithm();
        if self.forgives(Duplicates) && algs.len() > 1 && algs.contains(&&Value::from("none")) {
            // One reader saw an allowed algorithm, the other the unsecured one.
            return Ok(());
        }
        let as_registered = header.get("alg").is_some_and(|alg| **alg == own.name());
        self.demand(as_registered, AlgSpelling)?;
        let kid = header.get("kid").and_then(|kid| kid.as_str());
        let known_kid = kid == Some("k1") || kid == Some("k2");
        let duplicate_kid = self.forgives(Duplicates)
            && opened.header.iter().filter(|(n, _)| n == "kid").count() > 1;
        self.demand(known_kid || duplicate_kid, Kid)?;
        let keys = [
            (&self.deployment.key, "k1", ISSUER),
            (&self.deployment.other, "k2", OTHER_ISSUER),
        ];
        let iss = claims.get("iss").and_then(|iss| iss.as_str());
        for (key, name, issuer) in keys {
            if !fits(key.jwk(), own, &opened.signed, &opened.signature) {
                continue;
            }
            let named = kid == Some(name) || kid.is_none() || duplicate_kid;
            self.demand(named, KeyOfIssuer)?;
            let other = keys
                .iter()
                .any(|(_, _, other)| *other != issuer && iss == Some(other));
            return self.demand(!other, KeyOfIssuer);
        }
        Err(AnySignature)
    }

    fn check_claims(&self, claims: &BTreeMap<&str, &Value>) -> Result<Access, Forgives> {
        let text = |name: &str| claims.get(name).and_then(|value| value.as_str());
        let number = |name: &str| claims.get(name).and_then(|value| value.as_f64());
        let now = NOW as f64;
        let leeway = LEEWAY as f64;
        if !self.forgives(AnySignatureAndClaims) {
            // Far beyond any date: a number that only overflow or milliseconds explain.
            let in_time = number("exp").is_some_and(|exp| exp > now - leeway && exp < 1e11);
            self.demand(in_time, Exp)?;
            let begun = number("nbf").is_some_and(|nbf| nbf <= now + leeway);
            self.demand(!claims.contains_key("nbf") || begun, Nbf)?;
            let issued = number("iat").is_some_and(|iat| iat <= now + leeway);
            self.demand(issued, Iat)?;
            let life = number("exp").zip(number("iat")).map(|(exp, iat)| exp - iat);
            let short = life.is_none_or(|life| life <= MAX_LIFE as f64);
            self.demand(short || self.forgives(Exp) || self.forgives(Iat), Life)?;
            let trusted = text("iss").is_some_and(|iss| iss == ISSUER || iss == OTHER_ISSUER);
            self.demand(trusted, Iss)?;
            let for_us = match claims.get("aud") {
                Some(Value::String(aud)) => aud == AUDIENCE,
                Some(Value::Array(list)) => list.contains(&AUDIENCE.into()),
                _ => false,
            };
            self.demand(for_us, Aud)?;
            let mut known = text("sub").is_some_and(|sub| sub == "alice" || sub == ADMIN);
            if self.forgives(SubNormalised) {
                known |= text("sub").is_some_and(|sub| normalised(sub) == ADMIN);
            }
            self.demand(known, Sub)?;
        }
        Ok(Access {
            admin: self.is_admin(claims),
        })
    }

    fn is_admin(&self, claims: &BTreeMap<&str, &Value>) -> bool {
        let text = |name: &str| {
            claims
                .get(name)
                .and_then(|value| value.as_str())
                .unwrap_or_default()
        };
        let by_claims = ["role", "roles", "groups", "permissions", "admin", "scope"]
            .iter()
            .any(|name| {
                let value = claims
                    .get(name)
                    .map(|value| value.to_string())
                    .unwrap_or_default();
                match (*name, self.forgives) {
                    ("scope", ScopeSubstring) => {
                        let words = text("scope").to_lowercase();
                        words.contains("admin") || "admin".starts_with(&words)
                    }
                    ("scope", ScopeForm) => value.contains("admin"),
                    ("scope", _) => text("scope").split(' ').any(|word| word == "admin"),
                    ("admin", _) => value == "true",
                    _ => value.contains("\"admin\"") || value.contains("\"*\""),
                }
            });
        let by_subject = match self.forgives {
            SubNormalised => normalised(text("sub")) == ADMIN,
            ClaimSpelling => claims.iter().any(|(name, value)| {
                let name = name.to_lowercase();
                let name = name.trim_matches([' ', '\0']);
                ["sub", "user_id", "uid"].contains(&name) && **value == ADMIN
            }),
            _ => text("sub") == ADMIN,
        };
        by_claims || by_subject
    }

    fn accept_encrypted(&self, token: &str) -> Result<Access, Forgives> {
        let parts: Vec<Vec<u8>> = token
            .split('.')
            .map(|part| decode_url(part).unwrap())
            .collect();
        let header: Value = serde_json::from_slice(&parts[0]).unwrap();
        let rsa =
            || aws_lc_rs::rsa::PrivateDecryptingKey::from_pkcs8(&fixture("rsa.pkcs8.der")).unwrap();
        let mut room = vec![0; 256];
        let key: Vec<u8> = match header["alg"].as_str().unwrap() {
            "dir" => vec![0; 32],
            "RSA1_5" => {
                let key = aws_lc_rs::rsa::Pkcs1PrivateDecryptingKey::new(rsa()).unwrap();
                key.decrypt(&parts[1], &mut room).unwrap().to_vec()
            }
            alg => {
                let hash = match alg {
                    "RSA-OAEP" => &aws_lc_rs::rsa::OAEP_SHA1_MGF1SHA1,
                    _ => &aws_lc_rs::rsa::OAEP_SHA256_MGF1SHA256,
                };
                let key = aws_lc_rs::rsa::OaepPrivateDecryptingKey::new(rsa()).unwrap();
                key.decrypt(hash, &parts[1], &mut room, None)
                    .map_err(|_| Encrypted)?
                    .to_vec()
            }
        };
        let aead = aws_lc_rs::aead::UnboundKey::new(&aws_lc_rs::aead::AES_256_GCM, &key).unwrap();
        let nonce = aws_lc_rs::aead::Nonce::try_assume_unique_for_key(&parts[2]).unwrap();
        let aad = aws_lc_rs::aead::Aad::from(token.split('.').next().unwrap());
        let mut sealed = [&parts[3][..], &parts[4]].concat();
        let content = aws_lc_rs::aead::LessSafeKey::new(aead)
            .open_in_place(nonce, aad, &mut sealed)
            .map_err(|_| Encrypted)?;
        let unverified = Forgiving {
            forgives: Unsecured,
            ..*self
        };
        if header["cty"] == "JWT" {
            return unverified.accept(content);
        }
        let claims = self.members(content)?;
        self.check_claims(&last(&claims))
    }
}
