//! The strict reader of signed tokens in compact serialisation (RFC 7515 §7.1).

use serde_json::{Map, Value};

use super::base64url;
use super::error::{MAX_TOKEN, Part, TokenError};
use super::header::Header;
use super::json;

/// A signed token that is well formed in every respect that can be seen without a key. The signature is
/// *not* checked: [`super::VerifyingKey::verify`] does that. The signature may be empty and `alg` may be `none`
/// (RFC 7515 appendix A.5); the verifier refuses those.
///
/// `Debug` shows lengths only.
#[derive(Clone, PartialEq)]
pub struct StrictJws {
    token: Vec<u8>,
    header_end: usize,
    payload_end: usize,
    header: Header,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl StrictJws {
    /// Reads at most [`MAX_TOKEN`] octets. What this accepts, [`StrictJws::encode`] gives back.
    pub fn parse(token: &[u8]) -> Result<Self, TokenError> {
        let dots = dots::<2>(token)?;
        let [header_end, payload_end] = dots;
        let header = decode(Part::Header, &token[..header_end])?;
        let header = Header::parse(&header)?;
        Ok(Self {
            header_end,
            payload_end,
            header,
            payload: decode(Part::Payload, &token[header_end + 1..payload_end])?,
            signature: decode(Part::Signature, &token[payload_end + 1..])?,
            token: token.to_vec(),
        })
    }

    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The header as it was written.
    pub fn header_text(&self) -> String {
        let octets = base64url::decode(&self.token[..self.header_end]).expect("decoded before");
        String::from_utf8(octets).expect("read as JSON before")
    }

    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// What the signature is made over: header and payload as encoded, and the dot between them.
    pub fn signing_input(&self) -> &[u8] {
        &self.token[..self.payload_end]
    }

    /// The payload as a JWT claims set (RFC 7519 §7.2): a JSON object, read strictly.
    pub fn claims(&self) -> Result<Map<String, Value>, TokenError> {
        json::parse_object(&self.payload).map_err(|reason| TokenError::Json {
            part: Part::Payload,
            reason,
        })
    }

    /// Encodes the contents anew; equal to the octets that were read.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.token.len());
        base64url::encode_into(self.header_text().as_bytes(), &mut out);
        out.push(b'.');
        base64url::encode_into(&self.payload, &mut out);
        out.push(b'.');
        base64url::encode_into(&self.signature, &mut out);
        out
    }
}

impl std::fmt::Debug for StrictJws {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let length = self.token.len();
        write!(f, "StrictJws({length} octets, alg {:?})", self.header.alg())
    }
}

/// The positions of exactly `N` dots.
pub(super) fn dots<const N: usize>(token: &[u8]) -> Result<[usize; N], TokenError> {
    if token.len() > MAX_TOKEN {
        return Err(TokenError::TooLong {
            length: token.len(),
        });
    }
    let mut at = [0; N];
    let mut found = 0;
    for (index, _) in token.iter().enumerate().filter(|(_, o)| **o == b'.') {
        if found < N {
            at[found] = index;
        }
        found += 1;
    }
    if found == N {
        Ok(at)
    } else {
        Err(TokenError::Segments {
            found: found + 1,
            wanted: N + 1,
        })
    }
}

pub(super) fn decode(part: Part, segment: &[u8]) -> Result<Vec<u8>, TokenError> {
    base64url::decode(segment).map_err(|reason| TokenError::Base64 { part, reason })
}

#[cfg(test)]
mod tests {
    use super::super::base64url::Base64Error;
    use super::super::compact::{Compact, Segment};
    use super::super::error::CritFault;
    use super::super::json::JsonError;
    use super::*;
    use proptest::prelude::*;

    fn read(header: &str) -> Result<StrictJws, TokenError> {
        StrictJws::parse(&Compact::signed(header, b"{}", b"s").to_bytes())
    }

    #[test]
    fn header_faults_have_names() {
        assert!(read(r#"{"alg":"none"}"#).is_ok());
        assert_eq!(
            read(r#"{"typ":"JWT"}"#),
            Err(TokenError::MissingParameter { name: "alg" })
        );
        assert_eq!(
            read(r#"{"alg":["none"]}"#),
            Err(TokenError::ParameterType {
                name: "alg",
                wanted: "a string"
            })
        );
        assert_eq!(
            read("[]"),
            Err(TokenError::Json {
                part: Part::Header,
                reason: JsonError::NotAnObject
            })
        );
        let crit = |fault| Err(TokenError::Crit { fault });
        assert_eq!(read(r#"{"alg":"x","crit":[]}"#), crit(CritFault::Empty));
        assert_eq!(
            read(r#"{"alg":"x","crit":["y"]}"#),
            crit(CritFault::Absent("y".into()))
        );
        assert_eq!(
            read(r#"{"alg":"x","crit":["alg"]}"#),
            crit(CritFault::Registered("alg".into()))
        );
        assert_eq!(
            read(r#"{"alg":"x","y":1,"crit":["y","y"]}"#),
            crit(CritFault::Twice("y".into()))
        );
    }

    #[test]
    fn bounds_and_form() {
        assert_eq!(
            StrictJws::parse(&vec![b'.'; MAX_TOKEN + 1]),
            Err(TokenError::TooLong {
                length: MAX_TOKEN + 1
            })
        );
        assert_eq!(
            StrictJws::parse(&vec![b'.'; MAX_TOKEN]),
            Err(TokenError::Segments {
                found: MAX_TOKEN + 1,
                wanted: 3
            })
        );
        assert_eq!(
            StrictJws::parse(b"e30.e30.AB=="),
            Err(TokenError::MissingParameter { name: "alg" })
        );
        let mut padded = Compact::signed(br#"{"alg":"x"}"#, b"{}", b"s");
        padded.segments_mut()[2] = Segment::raw(*b"cw==");
        assert_eq!(
            StrictJws::parse(&padded.to_bytes()),
            Err(TokenError::Base64 {
                part: Part::Signature,
                reason: Base64Error::Padding { at: 2 }
            })
        );
        let payload = Compact::signed(br#"{"alg":"x"}"#, br#"{"a":1,"a":2}"#, b"s");
        let token = StrictJws::parse(&payload.to_bytes()).unwrap();
        assert!(matches!(
            token.claims(),
            Err(TokenError::Json {
                part: Part::Payload,
                reason: JsonError::DuplicateMember { .. }
            })
        ));
    }

    proptest! {
        #[test]
        fn what_is_accepted_re_encodes_to_the_same_octets(
            header in r#"\{"alg":"[a-zA-Z0-9\\u]{0,6}"( ,"x":[0-9]{1,3})?\}"#,
            payload: Vec<u8>,
            signature: Vec<u8>,
            flips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..2),
        ) {
            let mut token = Compact::signed(header, payload, signature).to_bytes();
            for (at, octet) in flips {
                let at = at.index(token.len());
                token[at] = octet;
            }
            if let Ok(read) = StrictJws::parse(&token) {
                prop_assert_eq!(read.encode(), token);
            }
        }
    }
}
