//! Passwords: kept as PBKDF2-HMAC-SHA-256 hashes, and compared in the same time whether the account exists or not.

use std::num::NonZeroU32;
use std::sync::OnceLock;
use std::time::Duration;

use aws_lc_rs::pbkdf2;

use super::flaw::{Flaw, FlawSet, flaw};
use super::gap::pause;
use super::secret::random_hex;

pub const FLAWS: &[Flaw] = &[
    flaw(
        "unknown-account-told",
        "Says that there is no such account, rather than that the login failed.",
        "OWASP ASVS 2.2",
    ),
    flaw(
        "unknown-account-unhashed",
        "Hashes the password, which takes forty milliseconds more, only where there is such an account.",
        "CWE-208",
    ),
];

/// Of deployments that have an account with a password beyond what bcrypt looks at.
pub const LONG_FLAWS: &[Flaw] = &[flaw(
    "password-cut-at-72",
    "Looks at the first 72 octets of a password alone.",
    "CWE-916",
)];

/// Octets that bcrypt looks at.
const CUT_AT: usize = 72;

/// What the flaw of that name takes for a hash.
const COSTLY: Duration = Duration::from_millis(40);

/// Few, since nobody guesses passwords that are random and live as long as the process, and a proof makes tens of
/// thousands of logins.
const ROUNDS: NonZeroU32 = NonZeroU32::new(500).expect("not zero");
/// Passwords that a process makes.
const SEEDED: usize = 5;
/// The number of the account whose password has more octets than bcrypt looks at.
pub const LONG: usize = 4;

/// A password and its hash; both made once in a process, since hashing is slow on purpose.
pub struct Password {
    clear: String,
    salt: [u8; 16],
    hash: OnceLock<[u8; 32]>,
}

/// The password of the account with this number.
pub fn seeded(number: usize) -> &'static Password {
    static PASSWORDS: [OnceLock<Password>; SEEDED] = [const { OnceLock::new() }; SEEDED];
    PASSWORDS[number % SEEDED].get_or_init(|| Password {
        clear: match number % SEEDED {
            LONG => format!("{}{}", random_hex(), random_hex()),
            _ => random_hex(),
        },
        salt: rand::random(),
        hash: OnceLock::new(),
    })
}

impl Password {
    /// For the secrets of a target file; the deployment itself looks at the hash only.
    pub fn clear(&self) -> &str {
        &self.clear
    }

    /// Whether it is the same as far as bcrypt looks.
    fn begins_alike(&self, candidate: &str) -> bool {
        let cut = |text: &str| text.as_bytes().get(..CUT_AT).map(<[u8]>::to_vec);
        cut(&self.clear).is_some_and(|own| cut(candidate) == Some(own))
    }

    fn matches(&self, candidate: &str) -> bool {
        let hash = self.hash.get_or_init(|| {
            let mut hash = [0; 32];
            pbkdf2::derive(
                pbkdf2::PBKDF2_HMAC_SHA256,
                ROUNDS,
                &self.salt,
                self.clear.as_bytes(),
                &mut hash,
            );
            hash
        });
        pbkdf2::verify(
            pbkdf2::PBKDF2_HMAC_SHA256,
            ROUNDS,
            &self.salt,
            candidate.as_bytes(),
            hash,
        )
        .is_ok()
    }
}

/// Whether the candidate is the password of the account; a missing account costs as much as a wrong password.
pub fn verify(account: Option<&Password>, candidate: &str, flaws: &FlawSet) -> bool {
    let is_hashed_alike = !flaws.has("unknown-account-unhashed");
    match account {
        Some(password) => {
            if !is_hashed_alike {
                pause(COSTLY);
            }
            let is_cut = flaws.has_if_declared("password-cut-at-72");
            match is_cut && password.begins_alike(candidate) {
                true => password.matches(password.clear()),
                false => password.matches(candidate),
            }
        }
        None => {
            if is_hashed_alike {
                let _ = seeded(0).matches(candidate);
            }
            false
        }
    }
}
