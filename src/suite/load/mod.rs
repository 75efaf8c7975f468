//! Reading the YAML files that a user writes, and pointing at every mistake in them.
//!
//! [`Document::read`] turns bytes into a plain JSON value and remembers where each part of it was written;
//! [`decode`] turns that value into a type. Neither stops at the first mistake: both hand back all of them, each
//! with its place, one sentence, and what to write instead. [`render`] draws them for a terminal, [`to_json`] lists
//! them for an editor. Checks of meaning that come later (a name that nobody declared) add their own with
//! [`Document::mistake_at`] and its kin.
//!
//! `yaml` runs the parser and `syntax` translates its complaints, `scalar` says what a word means, `tree` keeps the
//! places. `decode` asks serde and then the schema; `field_check` and `value_check` explain what the schema refuses,
//! `union_choice` which of several shapes was meant; `wording` says how things are called.

mod anchors;
mod branch;
mod decode;
mod document;
mod field_check;
mod mistake;
mod render;
mod scalar;
mod schema;
mod span;
mod syntax;
mod tree;
mod union_choice;
mod value_check;
mod wording;
mod yaml;

#[cfg(test)]
mod tests;

pub use decode::{decode, decode_strict};
pub use document::{Document, MAX_FILE_BYTES};
pub use mistake::{Also, Mistake, to_json};
pub use render::{MAX_SHOWN, render};
pub use span::{Position, Source, Span};
pub(super) use tree::{escape, push_token};
pub(super) use wording::nearest;
