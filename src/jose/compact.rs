//! Tokens as they are on the wire: segments between dots, whatever octets they hold.

use std::fmt;

use super::base64url::{self, Base64Error};

/// One octet string between two dots.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Segment(Vec<u8>);

impl Segment {
    /// These octets as they are. A dot in them becomes a segment border once the token is written.
    pub fn raw(octets: impl Into<Vec<u8>>) -> Self {
        Self(octets.into())
    }

    /// The canonical base64url of `content`.
    pub fn encode(content: impl AsRef<[u8]>) -> Self {
        Self(base64url::encode(content).into_bytes())
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn octets_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }

    /// The content, if this is the canonical base64url of one.
    pub fn decode(&self) -> Result<Vec<u8>, Base64Error> {
        base64url::decode(&self.0)
    }
}

/// A token or what claims to be one: at least one segment. Every octet string is one of these and comes back
/// unchanged from [`Compact::to_bytes`]; nothing is decoded, nothing is refused.
///
/// `Debug` shows the lengths only, since a token is a secret.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Compact {
    segments: Vec<Segment>,
}

impl Compact {
    /// Splits at each dot.
    pub fn split(token: &[u8]) -> Self {
        Self {
            segments: token
                .split(|&octet| octet == b'.')
                .map(Segment::raw)
                .collect(),
        }
    }

    /// A signed token from its three contents, each encoded canonically.
    pub fn signed(
        header: impl AsRef<[u8]>,
        payload: impl AsRef<[u8]>,
        signature: impl AsRef<[u8]>,
    ) -> Self {
        Self {
            segments: vec![
                Segment::encode(header),
                Segment::encode(payload),
                Segment::encode(signature),
            ],
        }
    }

    /// A token of these segments; no segments at all is the empty token, which has one empty segment.
    pub fn of(segments: Vec<Segment>) -> Self {
        if segments.is_empty() {
            Self::split(b"")
        } else {
            Self { segments }
        }
    }

    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// For edits. Removing all of them leaves the empty token.
    pub fn segments_mut(&mut self) -> &mut Vec<Segment> {
        &mut self.segments
    }

    /// The octets, with a dot between each two segments.
    pub fn to_bytes(&self) -> Vec<u8> {
        let length: usize = self.segments.iter().map(|s| s.0.len() + 1).sum();
        let mut out = Vec::with_capacity(length);
        for (index, segment) in self.segments.iter().enumerate() {
            if index > 0 {
                out.push(b'.');
            }
            out.extend_from_slice(&segment.0);
        }
        out
    }
}

impl fmt::Debug for Compact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lengths: Vec<usize> = self.segments.iter().map(|s| s.0.len()).collect();
        write!(f, "Compact(segments of {lengths:?} octets)")
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Segment({} octets)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_octet_string_comes_back(token in proptest::collection::vec(prop_oneof![Just(b'.'), any::<u8>()], 0..60)) {
            let compact = Compact::split(&token);
            prop_assert_eq!(compact.segments().len(), token.iter().filter(|&&o| o == b'.').count() + 1);
            prop_assert_eq!(compact.to_bytes(), token);
        }
    }

    #[test]
    fn nothing_of_a_token_is_in_its_debug_text() {
        let token = Compact::signed(b"{\"alg\":\"none\"}", b"{}", b"sig");
        assert_eq!(
            format!("{token:?} {:?}", token.segments()[0]),
            "Compact(segments of [19, 3, 4] octets) Segment(19 octets)"
        );
        assert_eq!(Compact::of(Vec::new()).to_bytes(), b"");
    }
}
