//! What a forgery cannot be made without.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::model::{
    Encode, Forgery, HmacKey, Patch, Payload, SignatureEdit, Signer, Spelling, Text, TextEdit,
};
use super::template;
use crate::jose::{Algorithm, KeyType};

/// Written as a word: `minting-key`; the caller's values as `value:NAME`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Need {
    /// A captured valid token, or the minting key and valid contents.
    Token,
    /// A second valid token, or the minting key.
    AnotherToken,
    /// A key that the target trusts.
    MintingKey,
    /// The minting key must be RSA.
    RsaMintingKey,
    /// The public key of the issuer.
    PublicKey,
    RsaPublicKey,
    EcPublicKey,
    /// A certificate of the issuer's key.
    Certificate,
    /// The valid token must be signed with ECDSA.
    EcdsaKey,
    /// A value of the environment.
    Value(String),
}

impl Need {
    const WORDS: [(Self, &'static str); 9] = [
        (Self::Token, "token"),
        (Self::AnotherToken, "another-token"),
        (Self::MintingKey, "minting-key"),
        (Self::RsaMintingKey, "rsa-minting-key"),
        (Self::PublicKey, "public-key"),
        (Self::RsaPublicKey, "rsa-public-key"),
        (Self::EcPublicKey, "ec-public-key"),
        (Self::Certificate, "certificate"),
        (Self::EcdsaKey, "ecdsa-key"),
    ];

    /// What a key must be, or have, to be spelt like that.
    pub(super) fn of(spelling: Spelling) -> Self {
        match spelling {
            Spelling::Pkcs1Pem
            | Spelling::Pkcs1PemNoFinalNewline
            | Spelling::Pkcs1Der
            | Spelling::Modulus => Self::RsaPublicKey,
            Spelling::Point | Spelling::Coordinates => Self::EcPublicKey,
            Spelling::CertificatePem | Spelling::CertificateDer | Spelling::CertificateBase64 => {
                Self::Certificate
            }
            _ => Self::PublicKey,
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, Self::WORDS.iter().find(|(need, _)| need == self)) {
            (Self::Value(name), _) => write!(f, "value:{name}"),
            (_, Some((_, word))) => f.write_str(word),
            (_, None) => unreachable!("WORDS has every need without a value"),
        }
    }
}

impl From<Need> for String {
    fn from(need: Need) -> Self {
        need.to_string()
    }
}

impl TryFrom<String> for Need {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        if let Some(name) = word.strip_prefix("value:") {
            return Ok(Self::Value(name.to_owned()));
        }
        let known = Self::WORDS.into_iter().find(|(_, known)| *known == word);
        known
            .map(|(need, _)| need)
            .ok_or(format!("unknown need `{word}`"))
    }
}

impl schemars::JsonSchema for Need {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Need".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let words: Vec<&str> = Self::WORDS.iter().map(|(_, word)| *word).collect();
        schemars::json_schema!({
            "anyOf": [{"enum": words}, {"type": "string", "pattern": "^value:[A-Za-z0-9_.#]+$"}]
        })
    }
}

impl Forgery {
    /// What has to be had before this can be made. [`Need::Token`] is always among them.
    pub fn needs(&self) -> BTreeSet<Need> {
        let mut needs = BTreeSet::from([Need::Token]);
        self.header.note(&mut needs);
        self.claims.note(&mut needs);
        match &self.payload {
            Some(Payload::Token(inner)) => needs.extend(inner.needs()),
            Some(Payload::Text(text)) => text.note(&mut needs),
            Some(Payload::Unencoded | Payload::Empty) | None => {}
        }
        match &self.sign {
            None | Some(Signer::Issuer) => {
                needs.insert(Need::MintingKey);
            }
            Some(Signer::IssuerAs(name)) => {
                needs.insert(Need::MintingKey);
                if Algorithm::of_name(name).map(Algorithm::key_type) == Some(KeyType::Rsa) {
                    needs.insert(Need::RsaMintingKey);
                }
            }
            Some(Signer::Another) => {
                needs.insert(Need::AnotherToken);
            }
            Some(Signer::Degenerate { .. }) => {
                needs.insert(Need::EcdsaKey);
            }
            Some(Signer::Hmac { key }) => key.note(&mut needs),
            Some(
                Signer::Stranger
                | Signer::StrangerAs(_)
                | Signer::Nobody
                | Signer::Keep
                | Signer::Random,
            ) => {}
        }
        for edit in &self.signature {
            if matches!(
                edit,
                SignatureEdit::Der | SignatureEdit::WidenEach | SignatureEdit::HighS
            ) {
                needs.insert(Need::EcdsaKey);
            }
        }
        for step in self.input.iter().chain(&self.encode) {
            if let Encode::Jwe(jwe) = step {
                jwe.header
                    .values()
                    .for_each(|value| note_value(value, &mut needs));
                if jwe.alg.starts_with("RSA") {
                    needs.insert(Need::RsaPublicKey);
                }
            }
        }
        needs
    }
}

impl Patch {
    fn note(&self, needs: &mut BTreeSet<Need>) {
        let values = self.set.values().chain(self.replace.values());
        values.for_each(|value| note_value(value, needs));
        for edit in &self.raw {
            match edit {
                TextEdit::Before { insert, .. }
                | TextEdit::After { insert, .. }
                | TextEdit::Close { insert } => insert.note(needs),
                TextEdit::Value { text, .. } | TextEdit::Whole(text) => text.note(needs),
                TextEdit::Octets { .. } | TextEdit::Prepend(_) | TextEdit::Charset(_) => {}
            }
        }
    }
}

impl Text {
    fn note(&self, needs: &mut BTreeSet<Need>) {
        match self {
            Self::Plain(text) => note_text(text, needs),
            Self::Repeated(r) => [&r.start, &r.middle, &r.end]
                .into_iter()
                .for_each(|text| note_text(text, needs)),
        }
    }
}

impl HmacKey {
    fn note(&self, needs: &mut BTreeSet<Need>) {
        let need = match self {
            Self::Text(text) => return note_text(text, needs),
            Self::Hex(_) => return,
            Self::PublicKey(spelling) => Need::of(*spelling),
        };
        needs.insert(need);
    }
}

fn note_value(value: &Value, needs: &mut BTreeSet<Need>) {
    match value {
        Value::String(text) => note_text(text, needs),
        Value::Array(list) => list.iter().for_each(|value| note_value(value, needs)),
        Value::Object(members) => members.values().for_each(|value| note_value(value, needs)),
        _ => {}
    }
}

fn note_text(text: &str, needs: &mut BTreeSet<Need>) {
    for name in template::names(text) {
        let need = match name.split_once('.') {
            Some(("target", "certificate" | "x5t" | "x5t#S256")) => Need::Certificate,
            Some(("target", _)) => Need::PublicKey,
            Some(("own", _)) => Need::MintingKey,
            Some(("header" | "claims" | "stranger", _)) => continue,
            _ if matches!(
                name.as_str(),
                "now" | "random" | "random_number" | "leeway" | "n"
            ) =>
            {
                continue;
            }
            _ => Need::Value(name),
        };
        needs.insert(need);
    }
}
