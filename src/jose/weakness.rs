//! Size rules for keys (RFC 7518 §3.2, §3.3) and the fingerprint of ROCA.

use super::key::RsaPublic;
use super::key_error::Weakness;

/// Everything wrong with this RSA key, the worst first.
pub(super) fn of_rsa(key: &RsaPublic) -> Vec<Weakness> {
    let mut found = Vec::new();
    let bits = match key.n().first() {
        Some(first) => key.n().len() * 8 - first.leading_zeros() as usize,
        None => 0,
    };
    if bits < 2048 {
        found.push(Weakness::RsaTooSmall { bits });
    } else if bits > 8192 {
        found.push(Weakness::RsaTooLarge { bits });
    }
    let exponent = key.e().iter().try_fold(0_u32, |value, &octet| {
        Some(value.checked_mul(256)? + u32::from(octet))
    });
    if !exponent.is_some_and(|e| e >= 3 && e % 2 == 1) {
        found.push(Weakness::RsaExponent);
    }
    if key.n().last().is_none_or(|last| last % 2 == 0) {
        found.push(Weakness::RsaEven);
    } else if bits <= 8192 && has_roca_fingerprint(key.n()) {
        found.push(Weakness::Roca);
    }
    found
}

/// Primes of the faulty library have the form k·M + (65537^a mod M), so the modulus is a power of 65537 modulo
/// every small prime (Nemec et al., CCS 2017, §2.4). A sound modulus passes all of these by a chance of 2^-27.
fn has_roca_fingerprint(n: &[u8]) -> bool {
    const PRIMES: [u32; 38] = [
        3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89,
        97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
    ];
    PRIMES.iter().all(|&prime| {
        let rest = n
            .iter()
            .fold(0, |rest, &octet| (rest * 256 + u32::from(octet)) % prime);
        let mut power = 1;
        (0..prime).any(|_| {
            let hit = power == rest;
            power = power * 65537 % prime;
            hit
        })
    })
}
