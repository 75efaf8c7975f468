//! The keys in a target file, read when the file is: a key that is none is a mistake before anything is sent.

use std::fmt::Display;

use super::lint::UNSET;
use super::load::{Document, Mistake, escape};
use super::model::{MintingKey, TargetFile};
use super::secret::Secrets;
use super::target::Target;
use super::template::{Found, Scope, fill_text};
use crate::jose::{
    Algorithm, KEY_FORMATS, KeyError, KeyType, SigningKey, import, import_one, mistake_place,
};

/// A mistake for each `public_key` and `minting_key` that does not parse, at the place in the target file that it came
/// from. Sentences never quote a key, not even a public one.
pub(super) fn mistakes(
    document: &Document,
    file: &TargetFile,
    target: &Target,
    secrets: &Secrets,
) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for (kind, terms) in &target.tokens {
        let place = Place {
            document,
            file,
            kind,
            secrets,
        };
        if let Some(text) = &terms.public_key {
            mistakes.extend(place.public(text));
        }
        if let Some(minting) = &terms.minting_key {
            mistakes.extend(place.minting(minting));
        }
    }
    mistakes
}

struct Place<'p> {
    document: &'p Document,
    file: &'p TargetFile,
    kind: &'p str,
    secrets: &'p Secrets,
}

impl Place<'_> {
    fn public(&self, template: &str) -> Option<Mistake> {
        let text = self.text(template)?;
        let mistake = |says: String| {
            self.mistake("public_key", template, says)
                .help(format!("keys are read from {KEY_FORMATS}"))
        };
        match import(text.as_bytes()) {
            Err(error) => Some(mistake(place_in_key("public_key", &text, &error))),
            Ok(set) if set.keys.iter().all(|key| key.public().is_none()) => {
                let odd = set.unusable.first();
                let why = odd.map_or(String::new(), |key| format!(": {}", key.reason));
                Some(mistake(format!("`public_key` holds no public key{why}")))
            }
            Ok(_) => None,
        }
    }

    fn minting(&self, minting: &MintingKey) -> Option<Mistake> {
        const MEMBER: &str = "minting_key/key";
        let algorithm = match &minting.algorithm {
            None => None,
            Some(name) => match Algorithm::of_name(name) {
                Some(algorithm) => Some(algorithm),
                None => {
                    let all: Vec<&str> = Algorithm::ALL.iter().map(|one| one.name()).collect();
                    let says = format!("`{name}` is no JWS algorithm");
                    let mistake = self.mistake("minting_key/algorithm", "", says);
                    return Some(mistake.help(format!("there are {}", all.join(", "))));
                }
            },
        };
        let text = self.text(&minting.key)?;
        let hmac = algorithm.is_some_and(|algorithm| algorithm.key_type() == KeyType::Secret);
        let mistake = |says: String| self.mistake(MEMBER, &minting.key, says);
        let key = match import_one(text.as_bytes()) {
            Ok(jwk) => SigningKey::new(jwk),
            // The octets of a secret, then.
            Err(KeyError::UnknownFormat) if hmac => return None,
            Err(error) => {
                let says = place_in_key("minting_key", &text, &error);
                let mistake = mistake(says).help(format!("keys are read from {KEY_FORMATS}"));
                return Some(match error {
                    KeyError::UnknownFormat => mistake.help(
                        "for the octets of an HMAC secret, add `algorithm: HS256`, HS384 or HS512",
                    ),
                    _ => mistake,
                });
            }
        };
        match (key, algorithm) {
            (Err(KeyError::Missing("d")), _) => Some(
                mistake("`minting_key` holds a public key, which signs nothing".to_owned())
                    .help("give the private key, or move this one to `public_key`"),
            ),
            (Err(error), _) => Some(mistake(format!("`minting_key` cannot sign: {error}"))),
            (Ok(key), Some(algorithm)) if !key.can(algorithm) => {
                let own = key.algorithm();
                let says = format!("the key is for {own}, and cannot sign {algorithm}");
                Some(self.mistake("minting_key/algorithm", "", says))
            }
            (Ok(_), _) => None,
        }
    }

    /// None where there is nothing to look at: a name without a value is said where names are looked up.
    fn text(&self, template: &str) -> Option<String> {
        let text = fill_text(template, self).ok()?;
        (!text.contains(UNSET)).then_some(text)
    }

    /// At the secret that the template names, where the file gives its value; else at the member of `tokens`; else,
    /// where all of it is the contract's, at the name of the contract.
    fn mistake(&self, member: &str, template: &str, says: impl Display) -> Mistake {
        let named = self
            .file
            .secrets
            .keys()
            .find(|name| template.contains(&format!("${{secret.{name}}}")));
        let says = format!("{says} (tokens of kind `{}`)", self.kind);
        match named {
            Some(name) => self
                .document
                .mistake_at(&format!("/secrets/{}", escape(name)), says),
            None if self.file.tokens.contains_key(self.kind) => {
                let pointer = format!("/tokens/{}/{member}", escape(self.kind));
                self.document.mistake_at(&pointer, says)
            }
            None => self.document.mistake_at("/contract", says),
        }
    }
}

impl Scope for Place<'_> {
    fn find(&self, path: &[&str]) -> Option<Found> {
        let ["secret", rest @ ..] = path else {
            return None;
        };
        let value = self.secrets.get(&rest.join("."))?;
        Some(Found::Literal(value.into()))
    }
}

fn place_in_key(member: &str, text: &str, error: &KeyError) -> String {
    // The first line of a key in place is seldom the first of the file, so its lines are named as the key's own.
    match mistake_place(text.as_bytes(), error) {
        Some((line, column)) if line > 1 || column > 1 => {
            format!("`{member}` does not parse: {error} (line {line}, column {column} of the key)")
        }
        _ => format!("`{member}` does not parse: {error}"),
    }
}
