//! What an API credential is: its secret, who knows it, and for how long it is good.

use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::access::{Caller, Scope};
use crate::reference::flaw::{Flaw, FlawSet, flaw};
use crate::reference::gap::pause;
use crate::reference::http::{Holds, Response};
use crate::reference::secret::{Hashed, random_hex, random_id};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "secret-half-shown",
        "Shows the first twenty characters of the secret for people to know it by.",
        "good practice",
    ),
    flaw(
        "secret-without-prefix",
        "Makes secrets that do not begin with sk_.",
        "Percus API Security, API credentials",
    ),
    flaw(
        "secret-of-32-bits",
        "Makes secrets of eight hexadecimal digits.",
        "OWASP ASVS",
    ),
    flaw(
        "secret-repeated",
        "Derives the secret from the label, so that those of one label are alike.",
        "OWASP ASVS",
    ),
    flaw(
        "secret-begins-with-time",
        "Begins secrets with the nanoseconds since 1970.",
        "OWASP ASVS",
    ),
    flaw(
        "publishable-key-taken-for-secret",
        "Takes the publishable key in place of the secret.",
        "Percus API Security, API credentials",
    ),
    flaw(
        "secret-unchecked",
        "Takes any secret that goes with a key.",
        "Percus API Security, API credentials",
    ),
    flaw(
        "secret-case-folded",
        "Compares secrets without regard to case.",
        "good practice",
    ),
    flaw(
        "secret-compared-by-beginning",
        "Takes whatever begins with the secret.",
        "good practice",
    ),
    flaw(
        "secret-matched-as-pattern",
        "Looks secrets up with LIKE.",
        "CWE-943",
    ),
    flaw(
        "revocation-ignored",
        "Takes credentials that were revoked.",
        "Percus API Security, API credentials",
    ),
    flaw(
        "revocation-takes-5s",
        "Takes a credential for another five seconds after it was revoked.",
        "Percus API Security, API credentials",
    ),
    flaw(
        "credential-expiry-unchecked",
        "Takes credentials that ran out.",
        "good practice",
    ),
    flaw(
        "old-secret-lives-on",
        "Takes the old secret of a credential that was rotated.",
        "good practice",
    ),
    flaw(
        "overlap-without-end",
        "Takes the old secret of a credential for good that was rotated with an overlap.",
        "good practice",
    ),
    flaw(
        "secret-compared-byte-by-byte",
        "Compares secrets octet by octet, a millisecond for each, up to the first that differs.",
        "CWE-208",
    ),
];

/// What the flaw of that name waits for.
const FIVE_SECONDS: Duration = Duration::from_secs(5);

/// A secret: its hash, and for flaws alone what it was.
#[derive(Clone, Debug)]
pub struct Secret {
    hash: Hashed,
    pub clear: String,
}

impl Secret {
    /// Whether both are the same.
    pub fn is(&self, other: &Self) -> bool {
        self.hash == other.hash
    }

    pub fn of(clear: String) -> Self {
        Self {
            hash: Hashed::of(&clear),
            clear,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Credential {
    pub id: String,
    pub project: String,
    /// `pk_…`; no secret.
    pub key: String,
    pub label: String,
    pub may_write: bool,
    pub secret: Secret,
    /// Those before it, for a flaw.
    pub former: Vec<Secret>,
    /// One before it that stays good until then.
    pub fading: Option<(Secret, Instant)>,
    /// Others that are good beside it, for a flaw.
    pub twins: Vec<Secret>,
    pub revoked: Option<Instant>,
    pub expires: Option<Instant>,
    /// It is good from there alone.
    pub address: Option<IpAddr>,
    /// A role that the maker wrote into the body, for a flaw.
    pub raised: bool,
}

impl Credential {
    pub fn seeded(project: &str) -> (Self, String) {
        let secret = format!("sk_{}", random_hex());
        let credential = Self {
            id: random_id(),
            project: project.to_owned(),
            key: format!("pk_{}", random_id()),
            label: format!("canary-{}", random_id()),
            may_write: true,
            secret: Secret::of(secret.clone()),
            former: Vec::new(),
            fading: None,
            twins: Vec::new(),
            revoked: None,
            expires: None,
            address: None,
            raised: false,
        };
        (credential, secret)
    }

    /// The same, revoked.
    pub fn revoked(project: &str) -> (Self, String) {
        let (mut credential, secret) = Self::seeded(project);
        // Long ago, so that no flaw takes it for fresh.
        let now = Instant::now();
        credential.revoked = Some(now.checked_sub(2 * FIVE_SECONDS).unwrap_or(now));
        (credential, secret)
    }

    pub fn caller(&self) -> Caller {
        Caller {
            id: self.id.clone(),
            credential: self.id.clone(),
            scope: Scope::Projects(vec![self.project.clone()]),
        }
    }

    pub fn may_write(&self) -> bool {
        self.may_write
    }

    /// Whether a flawed deployment gave it the role of a person.
    pub fn is_raised(&self) -> bool {
        self.raised
    }

    pub fn is_good(&self, now: Instant, flaws: &FlawSet) -> bool {
        let is_revoked = self.revoked.is_some_and(|since| {
            let is_fresh = now.saturating_duration_since(since) < FIVE_SECONDS;
            let is_waived =
                flaws.has("revocation-ignored") || (is_fresh && flaws.has("revocation-takes-5s"));
            !is_waived
        });
        let has_expired =
            self.expires.is_some_and(|end| now >= end) && !flaws.has("credential-expiry-unchecked");
        !is_revoked && !has_expired
    }

    fn shown(&self) -> Value {
        json!({
            "id": self.id,
            "key": self.key,
            "label": self.label,
            "access": if self.may_write { "write" } else { "read" },
            "status": if self.revoked.is_some() { "revoked" } else { "active" },
        })
    }

    /// As the answer to an operation, with the secret where a flaw shows it there.
    pub fn shown_in(&self, flaws: &FlawSet, flaw: &str) -> Value {
        let mut shown = self.shown();
        if flaws.has(flaw) {
            shown["secret"] = Value::from(self.secret.clear.as_str());
        }
        if flaws.has("secret-half-shown") {
            let hint: String = self.secret.clear.chars().take(20).collect();
            shown["hint"] = Value::from(hint);
        }
        shown
    }

    /// Once, as the answer that gives the secret away.
    pub fn given(&self, status: u16) -> Response {
        let mut shown = self.shown();
        shown["secret"] = Value::from(self.secret.clear.as_str());
        Response::json(status, &shown).holds(Holds::Secret)
    }
}

/// Whether the text is the secret of the credential: as long as it is, every character of it.
pub fn is_secret_of(known: &Credential, sent: &str, flaws: &FlawSet) -> bool {
    let is_one_of = |secret: &Secret| {
        let clear = secret.clear.as_str();
        secret.hash == Hashed::of(sent)
            || (sent.eq_ignore_ascii_case(clear) && flaws.has("secret-case-folded"))
            || (sent.starts_with(clear) && flaws.has("secret-compared-by-beginning"))
            || (is_like(clear, sent) && flaws.has("secret-matched-as-pattern"))
    };
    let is_fading = |(secret, end): &(Secret, Instant)| {
        is_one_of(secret) && (Instant::now() < *end || flaws.has("overlap-without-end"))
    };
    is_one_of(&known.secret)
        || known.fading.as_ref().is_some_and(is_fading)
        || known.twins.iter().any(is_one_of)
        || (known.former.iter().any(is_one_of) && flaws.has("old-secret-lives-on"))
        || (sent == known.key && flaws.has("publishable-key-taken-for-secret"))
        || flaws.has("secret-unchecked")
}

/// What a comparison octet by octet takes for a wrong secret, for a flaw.
pub fn linger(known: &Credential, sent: &str, flaws: &FlawSet) {
    if flaws.has("secret-compared-byte-by-byte") {
        let pairs = known.secret.clear.bytes().zip(sent.bytes());
        let alike = pairs.take_while(|(own, other)| own == other).count();
        pause(Duration::from_millis(alike as u64));
    }
}

/// `LIKE` of SQL, as far as `%` at the end and `_` go.
fn is_like(text: &str, pattern: &str) -> bool {
    let (pattern, is_open) = match pattern.strip_suffix('%') {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    let fits = text
        .chars()
        .zip(pattern.chars())
        .all(|(c, p)| p == '_' || p == c);
    fits && (text.len() == pattern.len() || (is_open && text.len() > pattern.len()))
}

/// SHA-256 in hex, for secrets that flawed deployments derive.
pub fn hashed(text: &str) -> String {
    hex::encode(digest(&SHA256, text.as_bytes()))
}

/// A new secret, in the form that the contract names.
pub fn new_secret(label: &str, flaws: &FlawSet) -> String {
    let text = match () {
        () if flaws.has("secret-of-32-bits") => random_id().chars().take(8).collect(),
        () if flaws.has("secret-repeated") => hashed(label),
        () if flaws.has("secret-begins-with-time") => {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            let nanoseconds = since.map_or(0, |since| since.as_nanos());
            format!("{nanoseconds:016x}{}", random_hex())
        }
        () => random_hex(),
    };
    let prefix = match flaws.has("secret-without-prefix") {
        true => "",
        false => "sk_",
    };
    format!("{prefix}{text}")
}
