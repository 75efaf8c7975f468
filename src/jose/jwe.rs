//! Five-part encrypted tokens (RFC 7516 §7.1), as far as handing them on goes: nothing is decrypted here.

use super::base64url;
use super::error::{Part, TokenError};
use super::header::Header;
use super::jws::{decode, dots};

/// An encrypted token whose header can be read and whose segments are canonical base64url.
#[derive(Clone, PartialEq)]
pub struct StrictJwe {
    header_text: Vec<u8>,
    header: Header,
    pub encrypted_key: Vec<u8>,
    pub initialization_vector: Vec<u8>,
    pub ciphertext: Vec<u8>,
    pub authentication_tag: Vec<u8>,
}

impl StrictJwe {
    /// Reads at most [`super::MAX_TOKEN`] octets; `alg` and `enc` must be there.
    pub fn parse(token: &[u8]) -> Result<Self, TokenError> {
        let [a, b, c, d] = dots::<4>(token)?;
        let header_text = decode(Part::Header, &token[..a])?;
        let header = Header::parse(&header_text)?;
        if !header.members().contains_key("enc") {
            return Err(TokenError::MissingParameter { name: "enc" });
        }
        Ok(Self {
            header_text,
            header,
            encrypted_key: decode(Part::EncryptedKey, &token[a + 1..b])?,
            initialization_vector: decode(Part::InitializationVector, &token[b + 1..c])?,
            ciphertext: decode(Part::Ciphertext, &token[c + 1..d])?,
            authentication_tag: decode(Part::AuthenticationTag, &token[d + 1..])?,
        })
    }

    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Equal to the octets that were read.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        base64url::encode_into(&self.header_text, &mut out);
        for part in [
            &self.encrypted_key,
            &self.initialization_vector,
            &self.ciphertext,
            &self.authentication_tag,
        ] {
            out.push(b'.');
            base64url::encode_into(part, &mut out);
        }
        out
    }
}

impl std::fmt::Debug for StrictJwe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let length = self.ciphertext.len();
        write!(
            f,
            "StrictJwe({length} octets of ciphertext, alg {:?})",
            self.header.alg()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_through_unchanged() {
        let token = b"eyJhbGciOiJkaXIiLCAiZW5jIjoiQTI1NkdDTSJ9..AAAA.Zm9v.YmFy";
        let jwe = StrictJwe::parse(token).unwrap();
        assert_eq!(
            (jwe.header().alg(), jwe.encode().as_slice()),
            ("dir", &token[..])
        );
        assert_eq!(
            StrictJwe::parse(b"e30.e30.e30"),
            Err(TokenError::Segments {
                found: 3,
                wanted: 5
            })
        );
        assert_eq!(
            StrictJwe::parse(b"eyJhbGciOiJkaXIifQ...."),
            Err(TokenError::MissingParameter { name: "enc" })
        );
    }
}
