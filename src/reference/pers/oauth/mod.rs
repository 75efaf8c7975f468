//! What an authorization server does besides exchanging proofs for tokens: it describes itself (RFC 8414), says what a
//! token is worth (RFC 7662), and gives codes for redirects, which clients may push ahead (RFC 6749 §4.1, RFC 9126).

mod authorization;
mod form;
mod introspection;
mod metadata;

use super::Pers;
use crate::reference::dispatch::Route;
use crate::reference::flaw::Flaw;

pub use authorization::Asked;
pub use metadata::PATH as METADATA_PATH;

pub const FLAWS: &[&[Flaw]] = &[authorization::FLAWS, introspection::FLAWS, metadata::FLAWS];

pub const ROUTES: &[&[Route<Pers>]] = &[
    authorization::ROUTES,
    introspection::ROUTES,
    metadata::ROUTES,
];
