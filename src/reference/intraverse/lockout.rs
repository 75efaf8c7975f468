//! Accounts that are locked for a while after a number of wrong passwords.

use std::time::{Duration, Instant};

use crate::reference::flaw::{Flaw, FlawSet, flaw};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "lockout-missing",
        "Locks no account, however many passwords are tried.",
        "OWASP ASVS 2.2.1",
    ),
    flaw(
        "lockout-for-ever",
        "Never unlocks an account again.",
        "OWASP ASVS 2.2.1",
    ),
];

/// Wrong passwords in a row after which an account is locked.
pub const TRIES: u32 = 3;

#[derive(Debug, Default)]
pub struct Lock {
    /// Whether the account is ever locked.
    pub is_fitted: bool,
    failures: u32,
    since: Option<Instant>,
}

impl Lock {
    /// Whether a login with a right or wrong password opens the account, which is noted.
    pub fn lets_in(
        &mut self,
        is_right: bool,
        now: Instant,
        lasts: Duration,
        flaws: &FlawSet,
    ) -> bool {
        if !self.is_fitted || flaws.has("lockout-missing") {
            return is_right;
        }
        if let Some(since) = self.since {
            if now < since + lasts || flaws.has("lockout-for-ever") {
                return false;
            }
            *self = Self {
                is_fitted: true,
                ..Self::default()
            };
        }
        self.failures = if is_right { 0 } else { self.failures + 1 };
        if self.failures >= TRIES {
            self.since = Some(now);
        }
        is_right
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::Contract;

    #[test]
    fn three_wrong_ones_in_a_row_lock_it_for_a_while() {
        let none: [&str; 0] = [];
        let flaws = Contract::Intraverse
            .catalogue()
            .select(none)
            .expect("no names");
        let begun = Instant::now();
        let mut lock = Lock {
            is_fitted: true,
            ..Lock::default()
        };
        let mut login = |is_right, at_ms| {
            let now = begun + Duration::from_millis(at_ms);
            lock.lets_in(is_right, now, Duration::from_secs(2), &flaws)
        };
        assert!(!login(false, 0) && !login(false, 1));
        assert!(login(true, 2), "two are not enough");
        assert!(!login(false, 3) && !login(false, 4) && !login(false, 5));
        assert!(!login(true, 6));
        assert!(!login(true, 2004), "the tries in between put nothing off");
        assert!(login(true, 2005));
        assert!(!login(false, 2006));
        assert!(login(true, 2007), "it counts anew");
    }
}
