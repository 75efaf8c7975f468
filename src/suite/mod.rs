//! What suites, contracts and target files say: model, loading, and expansion into a plan.

mod builtin;
mod coherence;
mod concealed;
mod expand;
pub mod forging;
pub mod gather;
mod keys_of_target;
mod library;
pub mod lint;
mod literal;
pub mod load;
mod made;
pub mod model;
pub mod narrate;
pub mod narrate_matrix;
mod narrate_poll;
mod narrate_race;
mod pattern;
pub mod plan;
mod ports_of_target;
pub mod rate_limits;
mod secret;
mod target;
pub mod target_file;
pub mod template;
mod unmeant;
mod vocabulary;
mod words;

pub use expand::{MAX_CASES_PER_CHECK, Wanted, expand};
pub use library::{Applies, Library, SELECTION};
pub use pattern::matches as pattern_matches;
pub use plan::Plan;
pub use secret::Secrets;
pub use target::{Misfit, Target, Which, merge};
pub use words::Words;
