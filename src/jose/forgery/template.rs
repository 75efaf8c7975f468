//! `${…}` in forgeries.
//!
//! A placeholder is a sum and then filters: `${now-3600}`, `${now+leeway+60.5}`, `${claims.iss|upper}`,
//! `${access_token|sha256|base64url}`. Names are letters, digits, `_`, `.` and `#`. `$${` stands for `${`.
//!
//! Known besides the caller's own names: `now`, `random` (128 bits, 22 characters), `random_number` (52 bits, exact
//! as a double), `header.NAME` and `claims.NAME` (values of the valid token; `claims.cnf.jkt` for one inside), and those of [`super::Material`]: `stranger.jwk`,
//! `stranger.private_jwk`, `stranger.jwks`, `stranger.kid`, `stranger.certificate`, `stranger.x5t`,
//! `stranger.x5t#S256`, and the same with `target.` (but `private_jwk`); `own.private_jwk` where the signing key is
//! a throw-away one.
//!
//! Filters: `json` (JSON text of the value; first only), `upper`, `lower`, `fullwidth`, `text` (a number as text), `first:N` (characters), `drop_last:N`, `http` (the
//! scheme `https` becomes `http`), `slashes_encoded` (but the first), `last_encoded` (the last character, in percent-encoding), `sha256`, `sha512`, `hex`, `base64`, `base64url`.

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use base64::Engine as _;
use serde_json::{Number, Value};

use crate::jose::base64url;

/// What placeholders stand for. `Debug` shows names only, since values may be secrets.
///
/// The catalogue uses, where they are known: `issuer`, `issuer_host`, `audience`, `max_life` (seconds), `scope` and
/// `admin` (one that gives rights, and a subject that has them), `deleted_subject`, `other_issuer`, `other_kid`,
/// `listener` (an origin of ours), `listener_host`, `static_path` and `static_text` (a file that the target serves),
/// `word` and `secret` (HMAC secrets to try, and one that was found); for proofs `scheme`, `host`, `path`, `jti`, `proof_window` and `proof_skew`
/// (seconds), `access_token`, `other_access_token`, `with_scheme` (scheme and access token), `other_nonce`.
#[derive(Clone)]
pub struct Env {
    now: i64,
    values: BTreeMap<String, Value>,
}

/// Why a placeholder has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error("`{0}` has no value")]
    NoValue(String),
    #[error("`${{{0}` is not closed")]
    NotClosed(String),
    #[error("`{0}` is not a name or a number")]
    Term(String),
    #[error("`{0}` is not a number, so it cannot be added or taken away")]
    NotANumber(String),
    #[error("there is no filter `{0}`")]
    Filter(String),
    #[error("`{0}` gives octets that are not text; end with a filter such as `base64url`")]
    NotText(String),
}

impl Env {
    /// `now` in seconds since 1970. `leeway` is 60 until it is set.
    pub fn new(now: i64) -> Self {
        Self {
            now,
            values: BTreeMap::from([("leeway".to_owned(), 60.into())]),
        }
    }

    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.values.insert(name.into(), value.into());
    }

    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.set(name, value);
        self
    }

    pub fn now(&self) -> i64 {
        self.now
    }

    /// Replaces the placeholders in every text of the value, member names not included. Names are those of this
    /// environment, `now` and `random`; there is no token, so names of its parts have no value.
    pub fn fill(&self, value: &Value) -> Result<Value, TemplateError> {
        let nothing = |_: &str| None;
        Resolver {
            env: self,
            material: &nothing,
        }
        .value(value)
    }
}

impl std::fmt::Debug for Env {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&String> = self.values.keys().collect();
        write!(f, "Env(now {}, {names:?})", self.now)
    }
}

/// Resolves names: the caller's first, then those of the material.
pub(super) struct Resolver<'e> {
    pub env: &'e Env,
    pub material: &'e dyn Fn(&str) -> Option<Value>,
}

/// The names in a text, for [`super::Forgery::needs`].
pub(super) fn names(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut note = |inner: &str| {
        let sum = inner.split('|').next().unwrap_or_default();
        for term in sum.split(['+', '-']) {
            if !term.is_empty() && term.parse::<f64>().is_err() {
                found.push(term.to_owned());
            }
        }
        Ok(Value::Null)
    };
    // A text with an unclosed placeholder has no names; it is refused when it is resolved.
    let _ = scan(text, &mut note);
    found
}

impl Resolver<'_> {
    /// Replaces every placeholder in every text of the value, member names included not.
    pub fn value(&self, value: &Value) -> Result<Value, TemplateError> {
        Ok(match value {
            Value::String(text) => scan(text, &mut |inner| self.placeholder(inner))?,
            Value::Array(list) => Value::Array(
                list.iter()
                    .map(|v| self.value(v))
                    .collect::<Result<_, _>>()?,
            ),
            Value::Object(members) => Value::Object(
                members
                    .iter()
                    .map(|(name, v)| Ok((name.clone(), self.value(v)?)))
                    .collect::<Result<_, _>>()?,
            ),
            other => other.clone(),
        })
    }

    pub fn text(&self, text: &str) -> Result<String, TemplateError> {
        Ok(as_text(&scan(text, &mut |inner| self.placeholder(inner))?))
    }

    fn placeholder(&self, inner: &str) -> Result<Value, TemplateError> {
        let mut parts = inner.split('|');
        let value = self.sum(parts.next().unwrap_or_default())?;
        let mut filters = parts.peekable();
        if filters.peek().is_none() {
            return Ok(value);
        }
        let mut octets = if filters.next_if_eq(&"json").is_some() {
            value.to_string().into_bytes()
        } else {
            as_text(&value).into_bytes()
        };
        for filter in filters {
            octets = apply(filter, octets)?;
        }
        let text = String::from_utf8(octets);
        text.map(Value::String)
            .map_err(|_| TemplateError::NotText(inner.to_owned()))
    }

    fn sum(&self, text: &str) -> Result<Value, TemplateError> {
        let Some(operator) = text.find(['+', '-']) else {
            return self.term(text);
        };
        let mut total = number(text, &self.term(&text[..operator])?)?;
        let mut rest = &text[operator..];
        while let Some(sign) = rest.chars().next() {
            let end = rest[1..].find(['+', '-']).map_or(rest.len(), |at| at + 1);
            let term = number(&rest[1..end], &self.term(&rest[1..end])?)?;
            total = if sign == '-' {
                total - term
            } else {
                total + term
            };
            rest = &rest[end..];
        }
        // Below 2^53 a whole f64 is the integer itself.
        let whole = total.fract() == 0.0 && total.abs() < 9e15;
        let number = if whole {
            Some(Number::from(total as i64))
        } else {
            Number::from_f64(total)
        };
        number
            .map(Value::Number)
            .ok_or_else(|| TemplateError::NotANumber(text.to_owned()))
    }

    fn term(&self, name: &str) -> Result<Value, TemplateError> {
        if let Ok(number) = name.parse::<f64>() {
            let number = Number::from_f64(number);
            return number
                .map(Value::Number)
                .ok_or_else(|| TemplateError::Term(name.to_owned()));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '#');
        if name.is_empty() || !name.chars().all(allowed) {
            return Err(TemplateError::Term(name.to_owned()));
        }
        match name {
            "now" => return Ok(self.env.now.into()),
            "random" => return Ok(base64url::encode(random::<16>(name)?).into()),
            "random_number" => {
                let bits = u64::from_be_bytes(random::<8>(name)?);
                return Ok((bits >> 12).into());
            }
            _ => {}
        }
        let own = self.env.values.get(name).cloned();
        own.or_else(|| (self.material)(name))
            .ok_or_else(|| TemplateError::NoValue(name.to_owned()))
    }
}

fn random<const N: usize>(name: &str) -> Result<[u8; N], TemplateError> {
    let mut octets = [0; N];
    aws_lc_rs::rand::fill(&mut octets).map_err(|_| TemplateError::NoValue(name.to_owned()))?;
    Ok(octets)
}

/// Finds the placeholders of a text; the result keeps its type if the text is one placeholder only.
fn scan(
    text: &str,
    resolve: &mut dyn FnMut(&str) -> Result<Value, TemplateError>,
) -> Result<Value, TemplateError> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        if rest[..at].ends_with('$') {
            out.push_str(&rest[..at - 1]);
            out.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        let inner = &rest[at + 2..];
        let end = inner
            .find('}')
            .ok_or_else(|| TemplateError::NotClosed(inner.chars().take(20).collect()))?;
        let value = resolve(&inner[..end])?;
        if at == 0 && out.is_empty() && end + 1 == inner.len() {
            return Ok(value);
        }
        out.push_str(&rest[..at]);
        out.push_str(&as_text(&value));
        rest = &inner[end + 1..];
    }
    out.push_str(rest);
    Ok(Value::String(out))
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// NFKC makes an ASCII character of it again.
fn fullwidth(character: char) -> char {
    match character {
        '!'..='~' => char::from_u32(u32::from(character) + 0xfee0).unwrap_or(character),
        other => other,
    }
}

fn number(name: &str, value: &Value) -> Result<f64, TemplateError> {
    value
        .as_f64()
        .ok_or_else(|| TemplateError::NotANumber(name.to_owned()))
}

fn apply(filter: &str, octets: Vec<u8>) -> Result<Vec<u8>, TemplateError> {
    let unknown = || TemplateError::Filter(filter.to_owned());
    let (name, count) = match filter.split_once(':') {
        Some((name, count)) => (name, Some(count.parse::<usize>().map_err(|_| unknown())?)),
        None => (filter, None),
    };
    let text = |f: fn(&str) -> String| match std::str::from_utf8(&octets) {
        Ok(text) => Ok(f(text).into_bytes()),
        Err(_) => Err(TemplateError::NotText(filter.to_owned())),
    };
    Ok(match (name, count) {
        ("text", None) => octets,
        ("upper", None) => text(str::to_uppercase)?,
        ("lower", None) => text(str::to_lowercase)?,
        ("fullwidth", None) => text(|text| text.chars().map(fullwidth).collect())?,
        ("slashes_encoded", None) => text(|text| match text.split_at_checked(1) {
            Some((first, rest)) => format!("{first}{}", rest.replace('/', "%2F")),
            None => String::new(),
        })?,
        ("last_encoded", None) => text(|text| match text.char_indices().next_back() {
            Some((at, last)) if last.is_ascii() => {
                format!("{}%{:02X}", &text[..at], u32::from(last))
            }
            _ => text.to_owned(),
        })?,
        ("http", None) => text(|text| text.replacen("https:", "http:", 1))?,
        ("first", Some(count)) => octets[..count.min(octets.len())].to_vec(),
        ("drop_last", Some(count)) => octets[..octets.len().saturating_sub(count)].to_vec(),
        ("sha256", None) => digest::digest(&digest::SHA256, &octets).as_ref().to_vec(),
        ("sha512", None) => digest::digest(&digest::SHA512, &octets).as_ref().to_vec(),
        ("hex", None) => hex::encode(octets).into_bytes(),
        ("base64", None) => base64::engine::general_purpose::STANDARD
            .encode(octets)
            .into_bytes(),
        ("base64url", None) => base64url::encode(octets).into_bytes(),
        _ => return Err(unknown()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn resolve(value: Value) -> Result<Value, TemplateError> {
        let env = Env::new(1_700_000_000).with("issuer", "https://Issuer.example");
        let resolver = Resolver {
            env: &env,
            material: &|name| (name == "claims.aud").then(|| json!(["a", "b"])),
        };
        resolver.value(&value)
    }

    #[test]
    fn sums_types_and_filters() {
        assert_eq!(resolve(json!("${now}")), Ok(json!(1_700_000_000)));
        assert_eq!(resolve(json!("${now-3600}")), Ok(json!(1_699_996_400)));
        assert_eq!(
            resolve(json!("${now+leeway+0.5}")),
            Ok(json!(1_700_000_060.5))
        );
        assert_eq!(resolve(json!("${now|text}")), Ok(json!("1700000000")));
        assert_eq!(resolve(json!("at ${now}")), Ok(json!("at 1700000000")));
        assert_eq!(resolve(json!("${claims.aud}")), Ok(json!(["a", "b"])));
        assert_eq!(
            resolve(json!({"u": ["${issuer|upper}/", 1]})),
            Ok(json!({"u": ["HTTPS://ISSUER.EXAMPLE/", 1]}))
        );
        assert_eq!(
            resolve(json!("${issuer|http|first:8}")),
            Ok(json!("http://I"))
        );
        assert_eq!(
            resolve(json!("${issuer|sha256|base64url}"))
                .unwrap()
                .as_str()
                .unwrap()
                .len(),
            43
        );
        assert_eq!(resolve(json!("$${7*7} $")), Ok(json!("${7*7} $")));
        assert_ne!(resolve(json!("${random}")), resolve(json!("${random}")));
    }

    #[test]
    fn faults_are_named() {
        let fault = |text: &str| resolve(json!(text)).unwrap_err();
        assert_eq!(fault("${who}"), TemplateError::NoValue("who".into()));
        assert_eq!(fault("a ${now"), TemplateError::NotClosed("now".into()));
        assert_eq!(fault("${}"), TemplateError::Term(String::new()));
        assert_eq!(
            fault("${issuer+1}"),
            TemplateError::NotANumber("issuer+1".into())
        );
        assert_eq!(fault("${now|loud}"), TemplateError::Filter("loud".into()));
        assert_eq!(
            fault("${now|sha256}"),
            TemplateError::NotText("now|sha256".into())
        );
    }

    #[test]
    fn names_are_found_without_values() {
        assert_eq!(
            names("${now-leeway-5} $${no} ${listener|upper}/x"),
            ["now", "leeway", "listener"]
        );
    }
}
