//! The time that tokens and proofs speak of.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970 (NumericDate, RFC 7519 §2); 0 on a machine whose clock stands before that.
pub fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs() as i64)
}
