//! Tokens and proofs: read strictly, mint, verify, forge. Pure: no network, no files, no clock.
//!
//! - [`Compact`] holds any octet string; [`StrictJws`] and [`StrictJwe`] read only what is well formed.
//! - [`Jwk`], [`Jwks`] and [`import`] read keys; [`PublicKey`] writes them in every spelling.
//! - [`mint()`] makes valid tokens, [`forgery`] all the others.
//! - [`inspect`] says what a token says about itself, sound or not; [`weak_secret`] guesses HMAC secrets.
//! - [`SigningKey`] signs, weak keys included; [`VerifyingKey`] and [`VerifyingKeys`] verify, strictly.

mod algorithm;
pub mod base64url;
mod compact;
mod der;
mod error;
pub mod forgery;
mod header;
pub mod inspect;
pub mod json;
mod jwe;
mod jwk;
mod jwks;
mod jws;
mod key;
mod key_error;
mod key_file;
mod key_place;
mod mint;
pub mod proof;
mod sign;
mod thumbprint;
mod verify;
pub mod weak_secret;
mod weakness;

pub use algorithm::{Algorithm, KeyType};
pub use compact::{Compact, Segment};
pub use error::{CritFault, MAX_TOKEN, Part, TokenError};
pub use header::Header;
pub use jwe::StrictJwe;
pub use jwk::{Jwk, KeyMaterial, PRIVATE_MEMBERS, private_members};
pub use jwks::{Jwks, Unusable};
pub use jws::StrictJws;
pub use key::{Curve, EcPublic, PrivateKey, PublicKey, RsaPublic, Secret};
pub use key_error::{KeyError, Weakness};
pub use key_file::{from_certificate, import, import_one};
pub use key_place::{KEY_FORMATS, json_mistake_place, mistake_place};
use mint::sign_onto;
pub use mint::{mint, mint_texts};
pub use sign::{SignError, SigningKey};
pub use thumbprint::{canonical_json, thumbprint};
pub use verify::{Refusal, UnfitKey, UnfitSet, VerifyingKey, VerifyingKeys};
