//! Rate limits: how many requests a caller may send, and how he is told (RFC 6585 §4;
//! draft-ietf-httpapi-ratelimit-headers-10).
//!
//! [`Limit`] is data; [`Bucket`] counts for one caller, purely over the time that it is given; [`Limiter`] keeps the
//! buckets and writes the answers. `dispatch` asks it: limits by address before anybody is known, the others after.

mod bucket;
mod failures;
mod flaws;
mod limit;
mod limiter;
mod source;
mod told;

#[cfg(test)]
mod tests;

pub use flaws::{
    BATCH_FLAWS, BUCKET_FLAWS, FLAWS, KIND_FLAWS, LEGACY_FLAWS, LOGIN_FLAWS, NAMED_FLAWS,
    PROBLEM_FLAWS, USER_FLAWS, WAIT_FLAWS, is_of_limits,
};
pub use limit::{Covers, Kind, Limit, Per};
pub use limiter::{Counted, Limiter, Payer, Told};
