//! Bodies of the in-process fuzz targets. Each takes any octets, does the same for the same octets, and panics where a
//! law is broken: that is the finding. `fuzz/` calls them under a fuzzer, `tests/fuzz_seeds.rs` over the stored seeds.

mod files;
mod keys;
mod proof;
mod tokens;
mod verifier;

pub use files::{suite, target};
pub use keys::jwks;
pub use proof::proof;
pub use tokens::strict_jws;
pub use verifier::verifier;

/// A fuzz target: its name, which is that of its folder of seeds, and its body.
pub type Body = (&'static str, fn(&[u8]));

/// All of them.
pub const BODIES: [Body; 6] = [
    ("strict_jws", strict_jws),
    ("verifier", verifier),
    ("proof", proof),
    ("jwks", jwks),
    ("suite", suite),
    ("target", target),
];
