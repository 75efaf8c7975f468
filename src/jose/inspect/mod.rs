//! What a token, or what claims to be one, says about itself: as much as can be read, strict or not.
//!
//! Nothing is verified here, and nothing is refused: each fault that the strict reader would refuse the token for
//! is a [`Finding`], each thing that makes a sound token weak a [`WeakPoint`]. Pure: the clock is the caller's.

mod lenient;
mod time;
mod weak;

use serde::Serialize;
use serde_json::{Map, Value};

use super::error::{MAX_TOKEN, Part, TokenError};
use super::header::Header;
use super::json::{self, JsonError};
use super::{Compact, Jwk};

pub use time::{TimeClaim, span_in_words};
pub use weak::WeakPoint;

/// What the octets look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// Three segments, or another number that no other form has (RFC 7515 §7.1).
    Jws,
    /// Five segments (RFC 7516 §7.1). Nothing is decrypted.
    Jwe,
    /// The JSON serialisation (RFC 7515 §7.2), of which the first signature is shown.
    Json,
}

/// Something that the strict reader refuses, and where.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// The part it is in, where it is in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    pub says: String,
    #[serde(skip)]
    pub reason: TokenError,
}

/// What a segment after the header holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Payload {
    /// A JSON object; of members that are there twice, the last.
    Claims(Map<String, Value>),
    /// Text of another kind: other JSON, or a nested token.
    Text(String),
    /// No text; how many octets.
    Octets(usize),
}

/// A public key that the header carries.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EmbeddedKey {
    /// RFC 7638 with SHA-256; none where the member is no sound public key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumbprint: Option<String>,
    /// Why the member is no key, or a weak one.
    pub faults: Vec<String>,
}

/// Everything that can be said about a token without a key. Holds the contents of the token but never its signature,
/// without which they open nothing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inspection {
    pub form: Form,
    /// Of the token as it was given.
    pub octets: usize,
    /// Octets of each segment as written.
    pub segments: Vec<usize>,
    /// None where the first segment holds no JSON object, however leniently it is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<Map<String, Value>>,
    /// None for encrypted tokens and where there is no second segment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Payload>,
    /// Octets of the signature; none where there is no third segment, and for encrypted tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature_octets: Option<usize>,
    /// The key in `jwk`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embedded_key: Option<EmbeddedKey>,
    pub times: Vec<TimeClaim>,
    /// Whether the strict reader takes it. A token whose payload is no claims set is still taken (RFC 7515).
    pub strict: bool,
    /// In the order of the parts.
    pub findings: Vec<Finding>,
    pub weak_points: Vec<WeakPoint>,
}

/// Looks at a token; `now` in seconds since 1970. Of more than [`MAX_TOKEN`] octets only the length is looked at.
pub fn inspect(token: &[u8], now: i64) -> Inspection {
    let mut seen = Inspection {
        form: Form::Jws,
        octets: token.len(),
        segments: Vec::new(),
        header: None,
        payload: None,
        signature_octets: None,
        embedded_key: None,
        times: Vec::new(),
        strict: false,
        findings: Vec::new(),
        weak_points: Vec::new(),
    };
    if token.len() > MAX_TOKEN {
        let length = token.len();
        seen.note(None, TokenError::TooLong { length });
        return seen;
    }
    let compact = match lenient::json_serialisation(token) {
        Some(compact) => {
            seen.form = Form::Json;
            compact
        }
        None => Compact::split(token),
    };
    let segments = compact.segments();
    let (found, wanted) = match segments.len() {
        5 => {
            seen.form = Form::Jwe;
            (5, 5)
        }
        found => (found, 3),
    };
    if seen.form == Form::Json || found != wanted {
        let found = if seen.form == Form::Json { 1 } else { found };
        seen.note(None, TokenError::Segments { found, wanted });
    }
    // Whoever sends a million dots is not shown a million zeros.
    seen.segments = segments
        .iter()
        .take(16)
        .map(|segment| segment.as_bytes().len())
        .collect();
    let parts: &[Part] = match seen.form {
        Form::Jwe => &[
            Part::Header,
            Part::EncryptedKey,
            Part::InitializationVector,
            Part::Ciphertext,
            Part::AuthenticationTag,
        ],
        _ => &[Part::Header, Part::Payload, Part::Signature],
    };
    let mut signature = None;
    for (part, segment) in parts.iter().zip(segments) {
        let octets = segment.decode().unwrap_or_else(|reason| {
            let part = *part;
            seen.note(Some(part), TokenError::Base64 { part, reason });
            lenient::decode(segment.as_bytes())
        });
        match part {
            Part::Header => seen.read_header(&octets),
            Part::Payload => seen.read_payload(&octets),
            Part::Signature => {
                seen.signature_octets = Some(octets.len());
                signature = Some(octets);
            }
            _ => {}
        }
    }
    seen.strict = match seen.form {
        Form::Jws => super::StrictJws::parse(token).is_ok(),
        Form::Jwe => super::StrictJwe::parse(token).is_ok(),
        Form::Json => false,
    };
    if let Some(Payload::Claims(claims)) = &seen.payload {
        seen.times = time::of(claims, now);
    }
    seen.embedded_key = seen.header.as_ref().and_then(embedded_key);
    seen.weak_points = weak::points(&seen, signature.as_deref(), now);
    seen
}

impl Inspection {
    fn note(&mut self, part: Option<Part>, reason: TokenError) {
        if self.findings.iter().any(|known| known.reason == reason) {
            return;
        }
        self.findings.push(Finding {
            part: part.map(|part| part.to_string()),
            says: reason.to_string(),
            reason,
        });
    }

    fn read_header(&mut self, octets: &[u8]) {
        if let Err(reason) = Header::parse(octets) {
            self.note(Some(Part::Header), reason);
        }
        self.note_duplicates(Part::Header, octets);
        self.header = lenient::object(octets);
        let encrypted = self.form == Form::Jwe;
        let lacks_enc = |header: &Map<String, Value>| !header.contains_key("enc");
        if encrypted && self.header.as_ref().is_some_and(lacks_enc) {
            self.note(
                Some(Part::Header),
                TokenError::MissingParameter { name: "enc" },
            );
        }
    }

    fn read_payload(&mut self, octets: &[u8]) {
        if let Err(reason) = json::parse_object(octets) {
            let part = Part::Payload;
            self.note(Some(part), TokenError::Json { part, reason });
        }
        self.note_duplicates(Part::Payload, octets);
        self.payload = Some(
            match (lenient::object(octets), std::str::from_utf8(octets)) {
                (Some(claims), _) => Payload::Claims(claims),
                (None, Ok(text)) => Payload::Text(text.to_owned()),
                (None, Err(_)) => Payload::Octets(octets.len()),
            },
        );
    }

    /// The strict reader stops at the first.
    fn note_duplicates(&mut self, part: Part, octets: &[u8]) {
        let members = std::str::from_utf8(octets).ok().map(json::members);
        let Some(Ok(members)) = members else { return };
        let mut names = std::collections::HashSet::new();
        for member in members.into_iter().take(1000) {
            if names.contains(&member.name) {
                let reason = JsonError::DuplicateMember {
                    at: member.name_span.start,
                    name: member.name,
                };
                self.note(Some(part), TokenError::Json { part, reason });
            } else {
                names.insert(member.name);
            }
        }
    }
}

fn embedded_key(header: &Map<String, Value>) -> Option<EmbeddedKey> {
    let members = match header.get("jwk")? {
        Value::Object(members) => members,
        _ => {
            return Some(EmbeddedKey {
                thumbprint: None,
                faults: vec!["it is no object".to_owned()],
            });
        }
    };
    let mut faults = Vec::new();
    let private = super::private_members(members);
    if !private.is_empty() {
        faults.push(format!(
            "it gives private members away: {}",
            private.join(", ")
        ));
    }
    let thumbprint = match Jwk::from_members(members) {
        Ok(key) => {
            faults.extend(key.weaknesses(None).iter().map(ToString::to_string));
            key.thumbprint()
        }
        Err(error) => {
            faults.push(error.to_string());
            None
        }
    };
    Some(EmbeddedKey { thumbprint, faults })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::Segment;
    use proptest::prelude::*;

    const NOW: i64 = 1_800_000_000;

    fn says(token: &[u8]) -> Vec<String> {
        let seen = inspect(token, NOW);
        seen.findings
            .into_iter()
            .map(|finding| finding.says)
            .collect()
    }

    #[test]
    fn a_broken_token_is_read_as_far_as_it_goes() {
        let mut token = Compact::signed(
            br#"{"alg":"HS256","alg":"none","typ":5}"#,
            br#"{"sub":"a","sub":"b","exp":1}"#,
            [0; 32],
        );
        token.segments_mut()[1].octets_mut().extend(b"==");
        token.segments_mut().push(Segment::raw(*b"more"));
        let seen = inspect(&token.to_bytes(), NOW);
        assert!(!seen.strict);
        assert_eq!(seen.header.as_ref().unwrap()["alg"], "none");
        let Some(Payload::Claims(claims)) = &seen.payload else {
            panic!("{:?}", seen.payload)
        };
        assert_eq!(claims["sub"], "b");
        let says = says(&token.to_bytes()).join("\n");
        for part in [
            "4 where 3 segments",
            "`alg` at octet",
            "padding",
            "`sub` at octet",
        ] {
            assert!(says.contains(part), "{part}: {says}");
        }
    }

    #[test]
    fn what_the_strict_reader_takes_has_no_finding() {
        let token = Compact::signed(br#"{"alg":"ES256"}"#, br#"{"sub":"a"}"#, [1; 64]);
        let seen = inspect(&token.to_bytes(), NOW);
        assert!(seen.strict && seen.findings.is_empty(), "{seen:?}");
        assert_eq!(seen.signature_octets, Some(64));
    }

    #[test]
    fn encrypted_tokens_and_json_show_their_header() {
        let jwe = inspect(
            b"eyJhbGciOiJkaXIiLCAiZW5jIjoiQTI1NkdDTSJ9..AAAA.Zm9v.YmFy",
            NOW,
        );
        assert_eq!(
            (jwe.form, &jwe.header.unwrap()["enc"], jwe.payload),
            (Form::Jwe, &"A256GCM".into(), None)
        );
        let json = inspect(
            br#"{"payload":"e30","signatures":[{"protected":"eyJhbGciOiJub25lIn0","signature":""}]}"#,
            NOW,
        );
        assert_eq!(
            (json.form, &json.header.unwrap()["alg"]),
            (Form::Json, &"none".into())
        );
    }

    proptest! {
        #[test]
        fn any_octets_are_inspected_and_strictness_has_a_reason(
            token in proptest::collection::vec(prop_oneof![Just(b'.'), Just(b'{'), any::<u8>()], 0..80)
        ) {
            let seen = inspect(&token, NOW);
            prop_assert_eq!(seen.strict, StrictTwice(&token).both());
            prop_assert!(seen.strict || !seen.findings.is_empty());
        }
    }

    struct StrictTwice<'t>(&'t [u8]);

    impl StrictTwice<'_> {
        fn both(&self) -> bool {
            crate::jose::StrictJws::parse(self.0).is_ok()
                || crate::jose::StrictJwe::parse(self.0).is_ok()
        }
    }
}
