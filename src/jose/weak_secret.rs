//! HMAC secrets that anybody tries first, tried against a captured token without asking anybody (RFC 8725 §2.2).

use std::collections::HashSet;
use std::num::NonZero;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::algorithm::{Algorithm, KeyType};
use super::jws::StrictJws;
use super::sign::mac;

/// One secret a line: those of documentation, tutorials and frameworks, and the commonest passwords.
const WELL_KNOWN: &str = include_str!("weak_secrets.txt");

/// Candidates that one thread takes at a time: enough that taking them costs nothing, few enough that all threads
/// end soon after one has found the secret.
const PORTION: usize = 256;

/// The built-in list. None of it is secret.
pub fn well_known() -> impl Iterator<Item = &'static str> {
    // The empty secret is what a missing setting becomes.
    std::iter::once("").chain(WELL_KNOWN.lines())
}

/// How a token may have been signed with a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// The octets themselves.
    Plain,
    /// What they are the base64 or base64url of, as some libraries take their secrets.
    Decoded,
}

/// A candidate that is the secret: its index in what was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guessed {
    pub index: usize,
    pub spelling: Spelling,
}

/// What came of trying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trial {
    pub guessed: Option<Guessed>,
    /// Signatures that were computed; decoded spellings count on their own.
    pub tries: u64,
}

/// Why nothing was tried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotHmac {
    #[error("`alg` is {0}, and only HS256, HS384 and HS512 are signed with a secret")]
    Algorithm(Algorithm),
    #[error("`alg` is `{0}`, which is no registered signature algorithm")]
    Unknown(String),
    #[error("the signature has {found} octets where {algorithm} has {wanted}")]
    SignatureLength {
        algorithm: Algorithm,
        found: usize,
        wanted: usize,
    },
}

/// Tries each candidate, on all cores where there are many. Of several that fit, which can only be spellings of one
/// secret, some one is reported.
pub fn guess(token: &StrictJws, candidates: &[&[u8]]) -> Result<Trial, NotHmac> {
    let alg = token.header().alg();
    let algorithm = Algorithm::of_name(alg).ok_or_else(|| NotHmac::Unknown(alg.to_owned()))?;
    if algorithm.key_type() != KeyType::Secret {
        return Err(NotHmac::Algorithm(algorithm));
    }
    let (found, wanted) = (token.signature().len(), algorithm.hash_octets());
    if found != wanted {
        return Err(NotHmac::SignatureLength {
            algorithm,
            found,
            wanted,
        });
    }
    let fits = |secret: &[u8]| {
        let tag = mac(algorithm, secret, token.signing_input());
        verify_slices_are_equal(tag.as_ref(), token.signature()).is_ok()
    };
    let (next, hit, tries) = (
        AtomicUsize::new(0),
        AtomicUsize::new(usize::MAX),
        AtomicU64::new(0),
    );
    let work = || {
        while hit.load(Ordering::Relaxed) == usize::MAX {
            let start = next.fetch_add(PORTION, Ordering::Relaxed);
            let Some(portion) = candidates.get(start..) else {
                break;
            };
            let mut count = 0;
            for (offset, candidate) in portion.iter().take(PORTION).enumerate() {
                count += 1;
                let spelling = if fits(candidate) {
                    Some(Spelling::Plain)
                } else {
                    decoded(candidate).and_then(|octets| {
                        count += 1;
                        fits(&octets).then_some(Spelling::Decoded)
                    })
                };
                if let Some(spelling) = spelling {
                    let decoded = usize::from(spelling == Spelling::Decoded);
                    hit.store((start + offset) << 1 | decoded, Ordering::Relaxed);
                    break;
                }
            }
            tries.fetch_add(count, Ordering::Relaxed);
        }
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = cores.min(candidates.len().div_ceil(PORTION));
    if threads <= 1 {
        work();
    } else {
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(work);
            }
        });
    }
    let guessed = match hit.into_inner() {
        usize::MAX => None,
        hit => Some(Guessed {
            index: hit >> 1,
            spelling: match hit & 1 {
                0 => Spelling::Plain,
                _ => Spelling::Decoded,
            },
        }),
    };
    Ok(Trial {
        guessed,
        tries: tries.into_inner(),
    })
}

/// The built-in list against a token; `None` where the token is not signed with a secret.
pub fn is_well_known(token: &[u8]) -> Option<bool> {
    let token = StrictJws::parse(token).ok()?;
    let candidates: Vec<&[u8]> = well_known().map(str::as_bytes).collect();
    let trial = guess(&token, &candidates).ok()?;
    Some(trial.guessed.is_some())
}

/// The lines of a list of secrets, each once, without the line ends; lines need not be text.
pub fn lines(list: &[u8]) -> Vec<&[u8]> {
    let mut seen = HashSet::new();
    list.split(|octet| *octet == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| seen.insert(*line))
        .collect()
}

fn decoded(candidate: &[u8]) -> Option<Vec<u8>> {
    // Shorter texts decode to next to nothing, which is tried as itself.
    if candidate.len() < 8 {
        return None;
    }
    STANDARD
        .decode(candidate)
        .or_else(|_| URL_SAFE_NO_PAD.decode(candidate))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{SigningKey, mint_texts};

    fn token(secret: &[u8], algorithm: Algorithm) -> StrictJws {
        let key = SigningKey::secret(secret, algorithm);
        let header = format!(r#"{{"alg":"{algorithm}"}}"#);
        let token = mint_texts(header.as_bytes(), b"{}", &key, algorithm).unwrap();
        StrictJws::parse(&token).unwrap()
    }

    #[test]
    fn the_list_is_long_has_each_secret_once_and_no_odd_line() {
        let all: Vec<&str> = well_known().collect();
        assert!(all.len() > 500, "{}", all.len());
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert!(all.iter().all(|secret| secret.trim() == *secret));
    }

    #[test]
    fn secrets_are_found_wherever_they_stand_and_however_they_are_spelt() {
        let numbers: Vec<String> = (0..3000).map(|n| format!("number {n}")).collect();
        let mut candidates: Vec<&[u8]> = numbers.iter().map(String::as_bytes).collect();
        candidates.push(b"aGVsbG8gd29ybGQ=");
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            for (secret, index, spelling) in [
                (&b"number 0"[..], 0, Spelling::Plain),
                (b"number 2999", 2999, Spelling::Plain),
                (b"aGVsbG8gd29ybGQ=", 3000, Spelling::Plain),
                (b"hello world", 3000, Spelling::Decoded),
            ] {
                let trial = guess(&token(secret, algorithm), &candidates).unwrap();
                assert_eq!(trial.guessed, Some(Guessed { index, spelling }));
            }
            let trial = guess(&token(b"another", algorithm), &candidates).unwrap();
            assert_eq!((trial.guessed, trial.tries), (None, 3002));
        }
    }

    #[test]
    fn only_hmac_tokens_are_tried() {
        let key = SigningKey::generate(Algorithm::EdDSA).unwrap();
        let other = mint_texts(br#"{"alg":"EdDSA"}"#, b"{}", &key, Algorithm::EdDSA).unwrap();
        assert_eq!(is_well_known(&other), None);
        let hmac = |secret: &[u8]| {
            let key = SigningKey::secret(secret, Algorithm::HS256);
            mint_texts(br#"{"alg":"HS256"}"#, b"{}", &key, Algorithm::HS256).unwrap()
        };
        assert_eq!(is_well_known(&hmac(b"")), Some(true));
        assert_eq!(is_well_known(&hmac(b"changeme")), Some(true));
        assert_eq!(is_well_known(&hmac(&[7; 32])), Some(false));
    }
}
