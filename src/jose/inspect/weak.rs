//! What makes a token weak although it may be well formed.

use serde::Serialize;
use serde_json::{Map, Value};

use super::time::{seconds, span_in_words};
use super::{Form, Inspection, Payload};
use crate::jose::{Algorithm, KeyType};

/// Something that whoever issues such tokens should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WeakPoint {
    pub says: String,
    /// Document and section, or the number of a CVE.
    pub source: &'static str,
}

/// Seconds; longer lives are worth a remark.
const LONG_LIFE: i64 = 86_400;
/// Seconds since 1970 above this are most likely milliseconds.
const MILLISECONDS: i64 = 100_000_000_000;
/// Parameters by which a token names the key that is to verify it.
const KEY_POINTERS: [&str; 4] = ["jku", "jwk", "x5u", "x5c"];
/// Parts of claim names whose values a bearer should not read.
const PRIVATE_CLAIMS: [&str; 6] = [
    "password",
    "passwd",
    "secret",
    "private_key",
    "credit_card",
    "ssn",
];

pub(super) fn points(seen: &Inspection, signature: Option<&[u8]>, now: i64) -> Vec<WeakPoint> {
    let mut points = Points(Vec::new());
    let Some(header) = &seen.header else {
        return points.0;
    };
    match seen.form {
        Form::Jwe => points.encryption(header),
        Form::Jws | Form::Json => points.algorithm(header, signature),
    }
    points.header(header);
    if let Some(Payload::Claims(claims)) = &seen.payload {
        points.claims(claims, now);
    }
    for fault in seen.embedded_key.iter().flat_map(|key| &key.faults) {
        points.add(format!("the embedded key: {fault}"), "RFC 7517 §9.2");
    }
    points.0
}

struct Points(Vec<WeakPoint>);

impl Points {
    fn add(&mut self, says: impl Into<String>, source: &'static str) {
        let says = says.into();
        self.0.push(WeakPoint { says, source });
    }

    fn algorithm(&mut self, header: &Map<String, Value>, signature: Option<&[u8]>) {
        let Some(alg) = header.get("alg").and_then(Value::as_str) else {
            return;
        };
        let signature = signature.unwrap_or_default();
        if alg.trim().eq_ignore_ascii_case("none") {
            return self.add("it is not signed: `alg` is `none`", "RFC 8725 §3.2");
        }
        if signature.is_empty() {
            self.add("there is no signature", "RFC 7515 §5.2");
        }
        let Some(algorithm) = Algorithm::of_name(alg) else {
            return self.add(
                "`alg` is no registered signature algorithm",
                "RFC 7518 §3.1",
            );
        };
        let (length, wanted) = match algorithm.key_type() {
            KeyType::Secret => {
                self.add(
                    "everybody who can verify it can also sign; `proofmark token crack` tries well-known secrets",
                    "RFC 8725 §3.5",
                );
                (
                    signature.len(),
                    algorithm.hash_octets()..=algorithm.hash_octets(),
                )
            }
            KeyType::Rsa => (signature.len(), 256..=1024),
            KeyType::Ec(curve) => (signature.len(), 2 * curve.octets()..=2 * curve.octets()),
            KeyType::Ed25519 => (signature.len(), 64..=64),
        };
        if length != 0 && !wanted.contains(&length) {
            let der = matches!(algorithm.key_type(), KeyType::Ec(_))
                && signature.first() == Some(&0x30)
                && signature
                    .get(1)
                    .is_some_and(|&l| usize::from(l) + 2 == length);
            self.add(
                match der {
                    true => format!("the signature is DER, where {algorithm} has `R || S`"),
                    false if *wanted.start() == 256 => {
                        format!("a signature of {length} octets is that of an RSA key below 2048 or above 8192 bits")
                    }
                    false => format!(
                        "a signature of {length} octets, where {algorithm} has {}",
                        wanted.start()
                    ),
                },
                "RFC 7518 §3",
            );
        } else if let KeyType::Ec(curve) = algorithm.key_type()
            && length != 0
            && signature
                .chunks(curve.octets())
                .any(|half| half.iter().all(|octet| *octet == 0))
        {
            self.add(
                "half of the signature is zero, which some verifiers take for any message",
                "CVE-2022-21449",
            );
        }
    }

    fn encryption(&mut self, header: &Map<String, Value>) {
        match header.get("alg").and_then(Value::as_str) {
            Some("RSA1_5") => self.add(
                "RSA1_5 can be decrypted by whoever learns of bad padding",
                "RFC 8725 §3.2",
            ),
            Some(alg) if alg.starts_with("PBES2") => {
                let count = header.get("p2c").and_then(Value::as_u64).unwrap_or(0);
                if !(1000..=1_000_000).contains(&count) {
                    self.add(
                        format!(
                            "`p2c` is {count}: too few rounds, or enough to keep a verifier busy"
                        ),
                        "RFC 7518 §4.8.1.2",
                    );
                }
            }
            _ => {}
        }
        if header.contains_key("zip") {
            self.add("compressed before it was encrypted: lengths tell of contents, and a bomb may be inside", "RFC 8725 §3.6");
        }
    }

    fn header(&mut self, header: &Map<String, Value>) {
        for name in KEY_POINTERS {
            if header.contains_key(name) {
                self.add(
                    format!("it names the key to verify it with itself: `{name}`"),
                    "RFC 8725 §3.10",
                );
            }
        }
        match header.get("kid") {
            Some(Value::String(kid)) => {
                let path = kid.contains(['/', '\\']) || kid.contains("..");
                if path || kid.contains(['\'', '"', ';', '|', '`', '$', '{', '\0', '\n']) {
                    self.add(
                        "`kid` looks like a path, a query or a command",
                        "RFC 8725 §3.10",
                    );
                }
            }
            Some(_) => self.add("`kid` is no text", "RFC 7515 §4.1.4"),
            None => {}
        }
        if let Some(crit) = header.get("crit") {
            self.add(
                format!("recipients that do not understand {crit} must refuse it"),
                "RFC 7515 §4.1.11",
            );
        }
        if header.contains_key("b64") {
            self.add("`b64` has no place in a JWT", "RFC 7797 §7");
        }
        if !header.contains_key("typ") {
            self.add(
                "without `typ`, it may pass for a token of another kind",
                "RFC 8725 §3.11",
            );
        }
    }

    fn claims(&mut self, claims: &Map<String, Value>, now: i64) {
        let time = |name: &str| claims.get(name).and_then(seconds);
        for name in ["exp", "nbf", "iat"] {
            match claims.get(name) {
                Some(Value::Number(_)) | None => {}
                Some(_) => self.add(format!("`{name}` is no number"), "RFC 7519 §2"),
            }
            if time(name).is_some_and(|seconds| seconds > MILLISECONDS) {
                self.add(
                    format!("`{name}` looks like milliseconds; seconds are meant"),
                    "RFC 7519 §2",
                );
            }
        }
        match (time("exp"), time("iat").or(time("nbf"))) {
            (None, _) => self.add("it never expires", "RFC 7519 §4.1.4"),
            (Some(exp), from) => {
                let life = exp.saturating_sub(from.unwrap_or(now));
                if life > LONG_LIFE {
                    self.add(
                        format!("it lives for {}", span_in_words(life)),
                        "RFC 8725 §3.10",
                    );
                }
            }
        }
        if time("iat").is_some_and(|iat| iat > now.saturating_add(60)) {
            self.add("it was issued in the future", "RFC 7519 §4.1.6");
        }
        for (name, says) in [
            (
                "aud",
                "without `aud`, every service that trusts the issuer takes it",
            ),
            ("iss", "without `iss`, nothing says whose keys are meant"),
        ] {
            if !claims.contains_key(name) {
                self.add(
                    says,
                    if name == "aud" {
                        "RFC 8725 §3.9"
                    } else {
                        "RFC 8725 §3.8"
                    },
                );
            }
        }
        for name in claims.keys() {
            let lower = name.to_ascii_lowercase();
            if PRIVATE_CLAIMS.iter().any(|word| lower.contains(word)) {
                self.add(
                    format!("everybody who holds it reads `{name}`"),
                    "RFC 7519 §12",
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::inspect;
    use crate::jose::Compact;

    fn says(header: &str, claims: &str, signature: &[u8]) -> String {
        let token = Compact::signed(header, claims, signature).to_bytes();
        let points = inspect(&token, 1_000_000).weak_points;
        points.into_iter().map(|point| point.says + "\n").collect()
    }

    #[test]
    fn each_weakness_is_said() {
        const SOUND: &str = r#"{"iss":"i","aud":"a","iat":999990,"exp":1000300}"#;
        let es = r#"{"alg":"ES256","typ":"JWT"}"#;
        assert_eq!(says(es, SOUND, &[1; 64]), "");
        for (header, claims, signature, part) in [
            (
                r#"{"alg":"nOnE","typ":"JWT"}"#,
                SOUND,
                &[][..],
                "not signed",
            ),
            (es, SOUND, &[], "no signature"),
            (es, SOUND, &[1; 63], "63 octets, where ES256 has 64"),
            (es, SOUND, &[0; 64], "half of the signature is zero"),
            (es, SOUND, b"\x30\x03\x02\x01\x01", "DER"),
            (
                r#"{"alg":"RS256","typ":"JWT"}"#,
                SOUND,
                &[1; 128],
                "RSA key below 2048",
            ),
            (r#"{"alg":"HS256","typ":"JWT"}"#, SOUND, &[1; 32], "crack"),
            (r#"{"alg":"ES256"}"#, SOUND, &[1; 64], "another kind"),
            (
                r#"{"alg":"ES256","typ":"JWT","kid":"../a"}"#,
                SOUND,
                &[1; 64],
                "path",
            ),
            (
                r#"{"alg":"ES256","typ":"JWT","jku":"https://a"}"#,
                SOUND,
                &[1; 64],
                "`jku`",
            ),
            (es, r#"{"iss":"i","aud":"a"}"#, &[1; 64], "never expires"),
            (
                es,
                r#"{"iss":"i","aud":"a","exp":1800000000000}"#,
                &[1; 64],
                "milliseconds",
            ),
            (
                es,
                r#"{"iss":"i","exp":1000300}"#,
                &[1; 64],
                "without `aud`",
            ),
            (
                es,
                r#"{"iss":"i","aud":"a","exp":1000300,"Password":"x"}"#,
                &[1; 64],
                "reads `Password`",
            ),
            (
                r#"{"alg":"ES256","typ":"JWT","jwk":{"kty":"oct","k":"AA"}}"#,
                SOUND,
                &[1; 64],
                "private members away: k",
            ),
        ] {
            let says = says(header, claims, signature);
            assert!(says.contains(part), "{header} {claims}: {says}");
        }
    }
}
