//! Tokens and proofs: read strictly, mint, verify, forge. Pure: no network, no files, no clock.
//!
//! - [`Compact`] holds any octet string; [`StrictJws`] and [`StrictJwe`] read only what is well formed.

pub mod base64url;
mod compact;
mod error;
mod header;
pub mod json;
mod jwe;
mod jws;

pub use compact::{Compact, Segment};
pub use error::{CritFault, MAX_TOKEN, Part, TokenError};
pub use header::Header;
pub use jwe::StrictJwe;
pub use jws::StrictJws;
