//! `proofmark token verify`: whether a token is good.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};

use super::key::{self, KeyFile};
use super::{input, now, visible};
use crate::cli::columns::Format;
use crate::cli::exit::Exit;
use crate::cli::output::{Fault, Output};
use crate::jose::inspect::span_in_words;
use crate::jose::{Algorithm, Refusal, StrictJws, UnfitKey, VerifyingKey, VerifyingKeys};

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 the token is good, 1 it is not, 2 a mistake in flags or files"
)]
pub struct Verify {
    /// Public key, key set, certificate or secret: PEM, DER, JWK or JWKS
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The algorithm of a key that does not say it, such as an RSA key in PEM or a secret
    #[arg(long, value_name = "ALG", value_parser = key::algorithm)]
    algorithm: Option<Algorithm>,
    /// What `iss` must be
    #[arg(long, value_name = "TEXT")]
    issuer: Option<String>,
    /// What `aud` must be, or have among others
    #[arg(long, value_name = "TEXT")]
    audience: Option<String>,
    /// What `typ` of the header must be
    #[arg(long = "type", value_name = "TYP")]
    typ: Option<String>,
    /// Seconds that clocks may differ
    #[arg(long, value_name = "S", default_value = "0")]
    leeway: u32,
    /// File with the token, or with a line `Authorization: Bearer …`; `-` for standard input
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// A key that stands alone needs no name; of several, the token's `kid` chooses.
enum Keys {
    One(VerifyingKey),
    Set(VerifyingKeys),
}

impl Keys {
    fn verify(&self, jws: &StrictJws) -> Result<&VerifyingKey, Refusal> {
        match self {
            Keys::One(key) => key.verify(jws).map(|()| key),
            Keys::Set(keys) => keys.verify(jws),
        }
    }
}

/// What was found of a token.
struct Judgement {
    algorithm: Option<Algorithm>,
    kid: Option<String>,
    /// None for a good token.
    reasons: Vec<String>,
    claims: Map<String, Value>,
}

impl Verify {
    pub fn execute(self, out: &Output) -> Result<Exit, Fault> {
        input::one_standard_input(&[Some(&self.key), Some(&self.file)])?;
        let keys = self.keys()?;
        let token = input::token(&self.file)?;
        let judgement = self.judge(&token, &keys, now());
        let unasked: Vec<&str> = [("iss", &self.issuer), ("aud", &self.audience)]
            .into_iter()
            .filter(|(claim, wanted)| wanted.is_none() && judgement.claims.contains_key(*claim))
            .map(|(claim, _)| claim)
            .collect();
        let good = judgement.reasons.is_empty();
        out.print(&match self.format {
            Format::Json => {
                let value = json!({
                    "good": good,
                    "reasons": judgement.reasons,
                    "algorithm": judgement.algorithm.map(Algorithm::name),
                    "kid": judgement.kid,
                    "not_compared": unasked,
                });
                format!("{value:#}\n")
            }
            Format::Text if good => {
                let mut words = String::from("good");
                if let Some(algorithm) = judgement.algorithm {
                    words.push_str(&format!(": {algorithm}"));
                }
                if let Some(kid) = &judgement.kid {
                    words.push_str(&format!(", kid {}", visible(kid)));
                }
                words.push_str(&match number(&judgement.claims, "exp") {
                    Ok(Some(exp)) => {
                        format!(
                            ", expires in {}",
                            span_in_words((exp - now() as f64) as i64)
                        )
                    }
                    _ => ", never expires".to_owned(),
                });
                if !unasked.is_empty() {
                    words.push_str(&format!("; not compared: {}", unasked.join(", ")));
                }
                words + "\n"
            }
            Format::Text => {
                let reasons = judgement.reasons.iter();
                reasons
                    .map(|reason| format!("not good: {}\n", visible(reason)))
                    .collect()
            }
        });
        Ok(if good { Exit::Conforms } else { Exit::Fails })
    }

    fn keys(&self) -> Result<Keys, Fault> {
        let set = KeyFile::open(&self.key)?.set(self.algorithm)?;
        let name = input::name(&self.key);
        let fault = |says: String| Fault::Usage(format!("{name}: {}", visible(&says)));
        let unfit = |reason: &UnfitKey| match reason {
            UnfitKey::Undecided => fault(format!("{reason}; say `--algorithm`")),
            reason => fault(reason.to_string()),
        };
        if let ([key], []) = (set.keys.as_slice(), set.unusable.as_slice()) {
            let key = VerifyingKey::new(key, self.algorithm);
            return key.map(Keys::One).map_err(|reason| unfit(&reason));
        }
        let keys = VerifyingKeys::new(&set).map_err(|error| fault(error.to_string()))?;
        // Where no key is left, the reason is what helps; odd ones among others are passed over (RFC 7517 §5).
        match (keys.unfit.first(), set.unusable.first()) {
            _ if keys.unfit.len() < set.keys.len() => Ok(Keys::Set(keys)),
            (Some((_, reason)), _) => Err(unfit(reason)),
            (None, Some(unusable)) => Err(fault(unusable.reason.to_string())),
            (None, None) => Err(fault("the set has no key".to_owned())),
        }
    }

    fn judge(&self, token: &[u8], keys: &Keys, now: i64) -> Judgement {
        let mut judgement = Judgement {
            algorithm: None,
            kid: None,
            reasons: Vec::new(),
            claims: Map::new(),
        };
        let jws = match StrictJws::parse(token) {
            Ok(jws) => jws,
            Err(error) => {
                judgement.reasons.push(error.to_string());
                return judgement;
            }
        };
        match keys.verify(&jws) {
            Ok(key) => {
                judgement.algorithm = Some(key.algorithm());
                judgement.kid = key.kid().map(str::to_owned);
            }
            Err(refusal) => {
                judgement.reasons.push(refusal.to_string());
                return judgement;
            }
        }
        if let Some(wanted) = &self.typ
            && jws.header().typ() != Some(wanted)
        {
            judgement.reasons.push(match jws.header().typ() {
                Some(typ) => format!("`typ` is `{typ}`, not `{wanted}`"),
                None => format!("there is no `typ`; `{wanted}` is wanted"),
            });
        }
        match jws.claims() {
            Ok(claims) => {
                judgement.reasons.extend(self.claim_faults(&claims, now));
                judgement.claims = claims;
            }
            Err(error) => judgement.reasons.push(error.to_string()),
        }
        judgement
    }

    /// RFC 7519 §4.1.
    fn claim_faults(&self, claims: &Map<String, Value>, now: i64) -> Vec<String> {
        let mut faults = Vec::new();
        let leeway = f64::from(self.leeway);
        let now = now as f64;
        // Seconds by which a claim is out of its bounds; `exp` itself is too late already (§4.1.4).
        for (claim, says) in [
            ("exp", "it expired {} ago"),
            ("nbf", "it is good only in {}"),
            ("iat", "it was issued {} in the future"),
        ] {
            let value = match number(claims, claim) {
                Ok(Some(value)) => value,
                Ok(None) => continue,
                Err(says) => {
                    faults.push(says);
                    continue;
                }
            };
            let (span, out) = match claim {
                "exp" => (now - value, now - value >= leeway),
                _ => (value - now, value - now > leeway),
            };
            if out {
                faults.push(says.replace("{}", &span_in_words(span as i64)));
            }
        }
        if let Some(wanted) = &self.issuer {
            match claims.get("iss") {
                Some(Value::String(iss)) if iss == wanted => {}
                Some(iss) => faults.push(format!("`iss` is {iss}, not `{wanted}`")),
                None => faults.push(format!("there is no `iss`; `{wanted}` is wanted")),
            }
        }
        if let Some(wanted) = &self.audience {
            let is = |value: &Value| value.as_str() == Some(wanted);
            match claims.get("aud") {
                Some(Value::Array(all)) if all.iter().any(is) => {}
                Some(aud) if is(aud) => {}
                Some(aud) => faults.push(format!("`aud` is {aud}, without `{wanted}`")),
                None => faults.push(format!("there is no `aud`; `{wanted}` is wanted")),
            }
        }
        faults
    }
}

/// A NumericDate (RFC 7519 §2).
fn number(claims: &Map<String, Value>, name: &str) -> Result<Option<f64>, String> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::Number(number)) => Ok(number.as_f64()),
        Some(_) => Err(format!("`{name}` is no number")),
    }
}
