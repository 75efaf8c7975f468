//! What a forgery file says.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A change to a valid token. The steps are taken in the order of the fields: header and claims are patched,
/// the payload is formed, what will be signed is written down, the token is signed, the signature octets are
/// edited, the token is encoded.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Forgery {
    #[serde(skip_serializing_if = "Patch::is_empty")]
    pub header: Patch,
    #[serde(skip_serializing_if = "Patch::is_empty")]
    pub claims: Patch,
    /// What is signed in place of the claims.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Payload>,
    /// How header and payload are written before they are signed: the signature is over the change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub input: Vec<Encode>,
    /// Who signs; the issuer, unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign: Option<Signer>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signature: Vec<SignatureEdit>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub encode: Vec<Encode>,
}

impl Forgery {
    /// Whether it is a valid token in all but its claims, and those are other JSON values: such a one can be asked of
    /// an issuer that signs given claims.
    pub fn is_of_claims(&self) -> bool {
        let of_issuer = matches!(self.sign, None | Some(Signer::Issuer));
        let as_issued = self.header.is_empty()
            && self.payload.is_none()
            && self.input.is_empty()
            && self.signature.is_empty()
            && self.encode.is_empty();
        of_issuer && as_issued && !self.claims.is_empty() && self.claims.raw.is_empty()
    }

    /// Both changes in one: patches are taken one after the other, other steps of `more` are added or win.
    pub fn and(&self, more: &Self) -> Self {
        let joined = |first: &Patch, second: &Patch| {
            let mut patch = first.clone();
            patch.rename.extend(second.rename.clone());
            patch.remove.extend(second.remove.clone());
            patch.set.extend(second.set.clone());
            patch.replace.extend(second.replace.clone());
            patch.raw.extend(second.raw.clone());
            patch
        };
        Self {
            header: joined(&self.header, &more.header),
            claims: joined(&self.claims, &more.claims),
            payload: more.payload.clone().or_else(|| self.payload.clone()),
            input: [&self.input[..], &more.input].concat(),
            sign: more.sign.clone().or_else(|| self.sign.clone()),
            signature: [&self.signature[..], &more.signature].concat(),
            encode: [&self.encode[..], &more.encode].concat(),
        }
    }
}

/// A change to a JSON object, made on its text: what is not named stays as it is, octet for octet. First the
/// members are renamed, then removed, then set, then replaced, then the text is edited.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Patch {
    /// Old name to new name.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub rename: IndexMap<String, String>,
    /// Names of members that go.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
    /// Members that get this value, in their place if they are there, else at the end. A name that begins with
    /// `/` is a JSON Pointer into a member (RFC 6901). Values may hold `${…}` placeholders; a text that is one
    /// placeholder takes the type of what it stands for.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub set: IndexMap<String, Value>,
    /// The same for members that must be there: without them, the forgery cannot be made of this token.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub replace: IndexMap<String, Value>,
    /// Edits of the text, for what no JSON library writes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub raw: Vec<TextEdit>,
}

impl Patch {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the member of this name is removed or gets a value; edits of the text are not looked at.
    pub fn names(&self, member: &str) -> bool {
        self.remove.iter().any(|name| name == member)
            || self.set.contains_key(member)
            || self.replace.contains_key(member)
    }
}

/// An edit of JSON text. `member` names the last one of that name in the outermost object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum TextEdit {
    /// Inserts text in front of a member's name.
    Before { member: String, insert: Text },
    /// Inserts text behind a member's value.
    After { member: String, insert: Text },
    /// Replaces the text of a member's value.
    Value { member: String, text: Text },
    /// Inserts text in front of the closing brace.
    Close { insert: Text },
    /// Replaces the whole text.
    Whole(Text),
    /// Inserts octets, given in hexadecimal, in front of the closing quote of a member's text.
    Octets { member: String, hex: String },
    /// Puts octets, given in hexadecimal, in front of the whole text.
    Prepend(String),
    /// Writes the whole text in another encoding than UTF-8.
    Charset(Charset),
}

/// Text, or text that is too long to be written down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Text {
    /// May hold `${…}` placeholders.
    Plain(String),
    Repeated(Repeated),
}

/// `start`, `repeat` × `times`, `middle`, `back` × `times`, `end`. In `repeat`, `${n}` counts from 0. At most
/// 1 MiB in all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Repeated {
    #[serde(default)]
    pub start: String,
    pub repeat: String,
    pub times: u32,
    #[serde(default)]
    pub middle: String,
    #[serde(default)]
    pub back: String,
    #[serde(default)]
    pub end: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Charset {
    Utf16Le,
    Utf16Be,
}

/// What stands between header and signature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Payload {
    /// The claims text without base64url (RFC 7797).
    Unencoded,
    /// Nothing.
    Empty,
    /// Another forged token, as in a nested JWT (RFC 7519 §7.1).
    Token(Box<Forgery>),
    Text(Text),
}

/// Who makes the signature, over header and payload as changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Signer {
    /// The key that the target trusts, with the algorithm that the changed header names if the key can do that,
    /// else with its own.
    Issuer,
    /// The key that the target trusts, with this algorithm.
    IssuerAs(String),
    /// A key that the target has never seen, with the algorithm that the changed header names, else with that
    /// of the valid token.
    Stranger,
    /// A key that the target has never seen, for this algorithm.
    StrangerAs(String),
    /// The signature is empty.
    Nobody,
    /// The signature of the valid token stays.
    Keep,
    /// The signature of another valid token.
    Another,
    /// Random octets, as many as the valid signature has.
    Random,
    /// An HMAC with a key that an attacker can know; HS256, HS384 or HS512 as the changed header says, else
    /// HS256.
    Hmac { key: HmacKey },
    /// ECDSA numbers that no signing yields, of the width that the valid token's curve has.
    Degenerate { r: Scalar, s: Scalar },
}

/// What an attacker may guess an HMAC key to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum HmacKey {
    /// The public key in one of its spellings.
    PublicKey(Spelling),
    /// May hold `${…}` placeholders, and may be empty.
    Text(String),
    /// Octets in hexadecimal.
    Hex(String),
}

/// How a public key can be written down. RSA only where PKCS#1 or the modulus is named, EC only where the point
/// is; certificates only where the target has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Spelling {
    SpkiPem,
    SpkiPemNoFinalNewline,
    SpkiPemCrlf,
    SpkiPemOneLine,
    SpkiDer,
    #[serde(rename = "pkcs1-pem")]
    Pkcs1Pem,
    #[serde(rename = "pkcs1-pem-no-final-newline")]
    Pkcs1PemNoFinalNewline,
    #[serde(rename = "pkcs1-der")]
    Pkcs1Der,
    CertificatePem,
    CertificateDer,
    /// The text of an `x5c` element.
    CertificateBase64,
    /// One line of an `authorized_keys` file (RFC 4253 §6.6, RFC 5656 §3.1, RFC 8709 §4), without comment and
    /// line end.
    Openssh,
    /// As published, else as we would publish it.
    Jwk,
    /// All published members without white space.
    JwkMinified,
    /// The text that RFC 7638 hashes.
    JwkCanonical,
    /// The octets of the key set document.
    Jwks,
    /// The modulus without leading zero.
    Modulus,
    /// `04 ‖ x ‖ y`.
    Point,
    /// `x ‖ y`; the 32 octets of an Ed25519 key.
    Coordinates,
    /// `n` or `x` of the JWK as base64url text.
    NumberText,
}

/// A number modulo the order n of the curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Scalar {
    #[serde(rename = "0")]
    Zero,
    #[serde(rename = "1")]
    One,
    #[serde(rename = "n")]
    Order,
    #[serde(rename = "n-1")]
    OrderMinusOne,
}

/// A change to the signature octets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum SignatureEdit {
    /// The lowest bit of the first octet.
    FlipBit,
    /// Only so many octets stay.
    Keep(usize),
    /// So many octets go from the end.
    Cut(usize),
    /// Octets in hexadecimal are added at the end.
    Append(String),
    /// So many octets stay, the others become zero.
    ZeroAfter(usize),
    /// ECDSA as ASN.1 (X9.62) instead of fixed width.
    Der,
    /// One zero octet in front of each of r and s.
    WidenEach,
    /// s becomes n − s: the other valid signature of the same message.
    HighS,
}

/// The parts of a signed token that an encoding step works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Segments {
    Header,
    Payload,
    Signature,
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    Start,
    Middle,
    End,
}

/// A change to how the signed token is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Encode {
    /// `=` until the length is a multiple of four; one `=` where it already is.
    Padding(Segments),
    /// `+` and `/` for `-` and `_`. Unforgeable where the segments hold neither.
    StandardAlphabet(Segments),
    /// Sets an unused bit of the last character. Unforgeable where there is none.
    TrailingBits(Segments),
    /// Inserts text into one segment.
    Insert {
        segment: Segments,
        at: Place,
        text: String,
    },
    /// Takes a segment away, and a dot with it.
    Drop(Segments),
    /// Makes a segment empty.
    Empty(Segments),
    /// A dot and one more segment with this text.
    AppendSegment(String),
    /// One more segment with this text, and a dot.
    PrependSegment(String),
    /// Text behind the whole token.
    Append(String),
    /// Text in front of the whole token.
    Prepend(String),
    /// So many octets go from the end.
    Cut(usize),
    /// The second half goes.
    CutHalf,
    /// The token, this text, the token again.
    Twice(String),
    /// JSON serialisation (RFC 7515 §7.2).
    Json(JsonForm),
    /// The whole in base64url once more.
    Base64url,
    /// Wraps the whole into an encrypted token.
    Jwe(Jwe),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JsonForm {
    General,
    Flattened,
    /// General, with a second signature that is wrong.
    GoodThenBad,
    /// General, with a wrong signature in front.
    BadThenGood,
}

/// An encrypted token (RFC 7516), content encrypted with A256GCM.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Jwe {
    /// `RSA-OAEP`, `RSA-OAEP-256` and `RSA1_5` encrypt to the target's public key. `dir` uses 32 zero octets as
    /// key. Any other name stands in the header alone, with a random content key that nobody is told.
    pub alg: String,
    /// More header members.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub header: IndexMap<String, Value>,
    /// Compresses the content (`zip` is `DEF`, RFC 7516 §4.1.3).
    #[serde(default)]
    pub zip: bool,
    #[serde(default)]
    pub content: JweContent,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum JweContent {
    /// The token as made so far; `cty` is `JWT`.
    #[default]
    Token,
    /// The claims alone, unsigned.
    Claims,
    /// So many zero octets, at most 10 MiB.
    Zeros(u32),
}
