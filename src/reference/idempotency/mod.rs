//! Idempotency keys: a request that comes again under its key is carried out once (draft-ietf-httpapi-idempotency-key-header-06).
//!
//! [`key`] reads the header; [`Store`] remembers. Who asks is judged before the store is; so 401, 403 and 429 never get
//! here, nor does a body that breaks the schema. [`Premature`] is what flawed deployments do before it is asked.

mod key;
mod premature;
mod store;

#[cfg(test)]
mod tests;

use super::flaw::Flaw;
pub use key::HEADER;
pub use premature::Premature;
pub use store::{Once, Store};

pub const FLAWS: &[&[Flaw]] = &[key::FLAWS, premature::FLAWS, store::FLAWS];
