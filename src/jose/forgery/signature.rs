//! Signature octets out of shape.

use super::forge::Unforgeable;
use super::model::{Scalar, SignatureEdit};
use super::needs::Need;
use super::patch::unhex;
use crate::jose::Curve;
use crate::jose::der::{self, SEQUENCE};

/// `curve` is that of the valid token's algorithm, if it is ECDSA.
pub(super) fn edit(
    signature: &mut Vec<u8>,
    edit: &SignatureEdit,
    curve: Option<Curve>,
) -> Result<(), Unforgeable> {
    let nothing = || Unforgeable::NothingToChange("the signature is too short for that");
    let ecdsa = || match curve {
        Some(curve) if signature.len() == 2 * curve.octets() => Ok(curve),
        _ => Err(Unforgeable::Needs(Need::EcdsaKey)),
    };
    match edit {
        SignatureEdit::FlipBit => *signature.first_mut().ok_or_else(nothing)? ^= 1,
        SignatureEdit::Keep(octets) if *octets >= signature.len() => return Err(nothing()),
        SignatureEdit::Keep(octets) => signature.truncate(*octets),
        SignatureEdit::Cut(octets) => {
            let rest = signature.len().checked_sub(*octets).ok_or_else(nothing)?;
            signature.truncate(rest);
        }
        SignatureEdit::Append(hex) => signature.extend(unhex(hex)?),
        SignatureEdit::ZeroAfter(octets) => {
            signature.get_mut(*octets..).ok_or_else(nothing)?.fill(0);
        }
        SignatureEdit::Der => {
            ecdsa()?;
            *signature = der(signature);
        }
        SignatureEdit::WidenEach => {
            let width = ecdsa()?.octets();
            signature.insert(width, 0);
            signature.insert(0, 0);
        }
        SignatureEdit::HighS => {
            let curve = ecdsa()?;
            let s = &mut signature[curve.octets()..];
            let twin = subtract(curve.order(), s);
            s.copy_from_slice(&twin);
        }
    }
    Ok(())
}

/// Ecdsa-Sig-Value (RFC 3279 §2.2.3) of a fixed-width signature.
pub(super) fn der(fixed: &[u8]) -> Vec<u8> {
    let (r, s) = fixed.split_at(fixed.len() / 2);
    der::element(SEQUENCE, &[&der::uint(r), &der::uint(s)])
}

pub(super) fn degenerate(curve: Curve, r: Scalar, s: Scalar) -> Vec<u8> {
    [number(curve, r), number(curve, s)].concat()
}

fn number(curve: Curve, scalar: Scalar) -> Vec<u8> {
    let mut one = vec![0; curve.octets()];
    one[curve.octets() - 1] = 1;
    match scalar {
        Scalar::Zero => vec![0; curve.octets()],
        Scalar::One => one,
        Scalar::Order => curve.order().to_vec(),
        Scalar::OrderMinusOne => subtract(curve.order(), &one),
    }
}

/// `a − b` of equally long big-endian numbers, modulo 2^(8·length).
fn subtract(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut borrow = 0;
    let mut out: Vec<u8> = a
        .iter()
        .zip(b)
        .rev()
        .map(|(&a, &b)| {
            let difference = i16::from(a) - i16::from(b) - borrow;
            borrow = i16::from(difference < 0);
            difference.rem_euclid(256) as u8
        })
        .collect();
    out.reverse();
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{Algorithm, SigningKey, VerifyingKey};

    #[test]
    fn the_twin_with_the_other_s_is_valid_too() {
        for (algorithm, curve) in [
            (Algorithm::ES256, Curve::P256),
            (Algorithm::ES384, Curve::P384),
            (Algorithm::ES512, Curve::P521),
            (Algorithm::ES256K, Curve::Secp256k1),
        ] {
            let key = SigningKey::generate(algorithm).unwrap();
            let signature = key.sign(algorithm, b"m").unwrap();
            let mut twin = signature.clone();
            edit(&mut twin, &SignatureEdit::HighS, Some(curve)).unwrap();
            assert_ne!(twin, signature);
            let verifying = VerifyingKey::new(key.jwk(), None).unwrap();
            assert_eq!(verifying.verify_octets(b"m", &twin), Ok(()), "{algorithm}");
        }
    }

    #[test]
    fn der_is_what_the_p256_crate_calls_der() {
        let key = SigningKey::generate(Algorithm::ES256).unwrap();
        for _ in 0..20 {
            let fixed = key.sign(Algorithm::ES256, b"m").unwrap();
            let theirs = p256::ecdsa::Signature::from_slice(&fixed).unwrap().to_der();
            assert_eq!(der(&fixed), theirs.as_bytes());
        }
    }

    #[test]
    fn what_cannot_be_edited_is_refused() {
        let mut short = vec![1];
        assert!(edit(&mut short, &SignatureEdit::Cut(2), None).is_err());
        assert!(edit(&mut short, &SignatureEdit::Keep(1), None).is_err());
        assert!(edit(&mut short, &SignatureEdit::ZeroAfter(2), None).is_err());
        assert_eq!(
            edit(&mut short, &SignatureEdit::Der, Some(Curve::P256)),
            Err(Unforgeable::Needs(Need::EcdsaKey))
        );
        assert!(edit(&mut Vec::new(), &SignatureEdit::FlipBit, None).is_err());
    }
}
