//! From the text of a token to its parts.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

use crate::jose::base64url::{self, Base64Error};
use crate::jose::json::{self, JsonError};
use crate::jose::{Part, StrictJws, TokenError};
use crate::reference::flaw::{Flaw, FlawSet, flaw};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "first-three-segments-taken",
        "Takes the first three segments of a token and ignores the others.",
        "RFC 7519 §7.2",
    ),
    flaw(
        "json-serialisation-read",
        "Takes a token in JSON serialisation, too, if it is encoded as one word.",
        "RFC 7519 §3",
    ),
    flaw(
        "nested-token-unverified",
        "Believes the token inside a token without verifying it.",
        "RFC 8725 §3.3",
    ),
    flaw(
        "base64-alphabets-mixed",
        "Takes the characters of base64 for those of base64url.",
        "RFC 7515 §2",
    ),
    flaw(
        "base64-tail-unchecked",
        "Takes padding, and bits that encode nothing, at the end of a segment.",
        "RFC 4648 §3.5",
    ),
    flaw(
        "first-duplicate-wins",
        "Lets the first of two members of one name count.",
        "RFC 7519 §4",
    ),
    flaw(
        "invalid-utf8-mended",
        "Puts a replacement for octets that are no UTF-8.",
        "RFC 7519 §7.2",
    ),
    flaw(
        "payload-charset-guessed",
        "Reads a payload in UTF-16, too.",
        "RFC 7519 §7.2",
    ),
];

pub struct Token {
    pub header: Map<String, Value>,
    /// What the signature is over.
    pub input: Vec<u8>,
    pub payload: Vec<u8>,
    pub signature: Vec<u8>,
}

impl Token {
    pub fn text(&self, name: &str) -> Option<&str> {
        self.header.get(name).and_then(Value::as_str)
    }
}

impl From<StrictJws> for Token {
    fn from(jws: StrictJws) -> Self {
        Self {
            header: jws.header().members().clone(),
            input: jws.signing_input().to_vec(),
            payload: jws.payload().to_vec(),
            signature: jws.signature().to_vec(),
        }
    }
}

pub fn read(text: &str, flaws: &FlawSet) -> Option<Token> {
    match StrictJws::parse(text.as_bytes()) {
        Ok(jws) => Some(jws.into()),
        Err(error) => forgiven(text, &error, flaws),
    }
}

/// What a flawed reader makes of a text that a strict one refuses for this reason.
fn forgiven(text: &str, reason: &TokenError, flaws: &FlawSet) -> Option<Token> {
    let strict = |text: String| StrictJws::parse(text.as_bytes()).ok().map(Token::from);
    match reason {
        TokenError::Segments { .. } if flaws.has("first-three-segments-taken") => {
            strict(text.split('.').take(3).collect::<Vec<_>>().join("."))
        }
        TokenError::Segments { .. } if flaws.has("json-serialisation-read") => {
            let members = json::parse_object(&base64url::decode(text).ok()?).ok()?;
            let part = |name: &str| members.get(name).and_then(Value::as_str);
            strict(format!(
                "{}.{}.{}",
                part("protected")?,
                part("payload")?,
                part("signature")?
            ))
        }
        // Who does not verify the signature does not decode it.
        TokenError::Base64 {
            part: Part::Signature,
            ..
        } if flaws.has("token-signature-unchecked") => {
            let (input, signature) = text.rsplit_once('.')?;
            let decoded = strict(format!("{input}.AAAA"))?;
            Some(Token {
                signature: signature.as_bytes().to_vec(),
                ..decoded
            })
        }
        TokenError::Base64 {
            reason: Base64Error::StandardAlphabet { .. },
            ..
        } if flaws.has("base64-alphabets-mixed") => {
            strict(text.replace('+', "-").replace('/', "_"))
        }
        TokenError::Base64 {
            part: Part::Signature,
            reason: Base64Error::Padding { .. } | Base64Error::TrailingBits,
        } if flaws.has("base64-tail-unchecked") => {
            let (input, signature) = text.rsplit_once('.')?;
            let forgiving = GeneralPurposeConfig::new()
                .with_decode_allow_trailing_bits(true)
                .with_decode_padding_mode(DecodePaddingMode::Indifferent);
            let engine = GeneralPurpose::new(&URL_SAFE, forgiving);
            let octets = engine.decode(signature).ok()?;
            strict(format!("{input}.{}", base64url::encode(octets)))
        }
        TokenError::Json {
            part: Part::Header,
            reason: JsonError::DuplicateMember { .. },
        } if flaws.has("first-duplicate-wins") => loose(text, flaws),
        TokenError::Crit { .. } | TokenError::ParameterType { name: "crit", .. }
            if flaws.has("crit-ignored") =>
        {
            loose(text, flaws)
        }
        TokenError::ParameterType { name: "typ", .. } if flaws.has("typ-unchecked") => {
            loose(text, flaws)
        }
        _ => None,
    }
}

/// Without the rules for header parameters.
fn loose(text: &str, flaws: &FlawSet) -> Option<Token> {
    let parts = Parts::of(text)?;
    Some(Token {
        header: object(&parts.header, flaws)?,
        input: parts.input,
        payload: parts.payload,
        signature: parts.signature,
    })
}

/// The octets of a compact JWS, of which nothing is looked at.
pub struct Parts {
    pub header: Vec<u8>,
    pub payload: Vec<u8>,
    pub signature: Vec<u8>,
    /// What the signature is over.
    pub input: Vec<u8>,
}

impl Parts {
    /// `None` for anything but three segments of base64url.
    pub fn of(text: &str) -> Option<Self> {
        let mut segments = text.split('.');
        let [Some(header), Some(payload), Some(signature), None] =
            [(); 4].map(|()| segments.next())
        else {
            return None;
        };
        Some(Self {
            header: base64url::decode(header).ok()?,
            payload: base64url::decode(payload).ok()?,
            signature: base64url::decode(signature).ok()?,
            input: format!("{header}.{payload}").into_bytes(),
        })
    }
}

/// A JSON object in which the first of several members of one name counts.
pub fn first_members(octets: &[u8]) -> Option<Map<String, Value>> {
    let text = std::str::from_utf8(octets).ok()?;
    let mut first = Map::new();
    for member in json::members(text).ok()? {
        if !first.contains_key(&member.name) {
            let value = json::parse(text[member.value_span].as_bytes()).ok()?;
            first.insert(member.name, value);
        }
    }
    Some(first)
}

/// A JSON object, read strictly but for the flaws.
pub fn object(octets: &[u8], flaws: &FlawSet) -> Option<Map<String, Value>> {
    match json::parse_object(octets) {
        Ok(members) => Some(members),
        Err(JsonError::DuplicateMember { .. }) if flaws.has("first-duplicate-wins") => {
            first_members(octets)
        }
        Err(JsonError::InvalidUtf8 { .. }) if flaws.has("invalid-utf8-mended") => {
            json::parse_object(String::from_utf8_lossy(octets).as_bytes()).ok()
        }
        Err(_) if flaws.has("payload-charset-guessed") => {
            let units = |of: fn([u8; 2]) -> u16| -> Vec<u16> {
                octets
                    .chunks_exact(2)
                    .map(|pair| of([pair[0], pair[1]]))
                    .collect()
            };
            [units(u16::from_le_bytes), units(u16::from_be_bytes)]
                .iter()
                .filter_map(|units| String::from_utf16(units).ok())
                .find_map(|text| json::parse_object(text.as_bytes()).ok())
        }
        Err(_) => None,
    }
}

/// The claims of a token inside the token, for a deployment that believes them.
pub fn nested(outer: &Token, flaws: &FlawSet) -> Option<Vec<u8>> {
    if outer.text("cty") != Some("JWT") || !flaws.has("nested-token-unverified") {
        return None;
    }
    StrictJws::parse(&outer.payload)
        .ok()
        .map(|inner| inner.payload().to_vec())
}
