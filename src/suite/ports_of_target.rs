//! The ports of ours that a target file opens, looked at when the file is read: what cannot be opened, or what the
//! target could never trust, is a mistake before anything is sent.

use super::lint::UNSET;
use super::load::{Document, Mistake};
use super::model::{IssuerTerms, TargetFile};
use super::secret::Secrets;
use super::target::Target;
use super::template::fill_text;
use crate::jose::{Algorithm, KeyType};
use crate::wire::server_tls;

/// A mistake for each member of `issuer` and `listener` that cannot be meant, at the place in the target file that it
/// came from. Sentences never quote a key.
pub(super) fn mistakes(
    document: &Document,
    file: &TargetFile,
    target: &Target,
    secrets: &Secrets,
) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    if let Some(own) = &file.issuer {
        match &target.issuer {
            None => mistakes.push(
                document
                    .mistake_at_key(
                        "/issuer",
                        "the target cannot get at the keys of this issuer",
                    )
                    .help("say where to `listen`, or to which `file` the key set is written"),
            ),
            Some(issuer) => {
                let place = Place { document, own };
                mistakes.extend(place.all(issuer, target, secrets));
            }
        }
    }
    if let Some(listener) = &file.listener {
        mistakes.extend(
            address(&listener.listen).map(|says| document.mistake_at("/listener/listen", says)),
        );
        let url = listener.url.as_deref();
        mistakes.extend(
            url.and_then(address_of_http)
                .map(|says| document.mistake_at("/listener/url", says)),
        );
    }
    mistakes
}

struct Place<'p> {
    document: &'p Document,
    own: &'p IssuerTerms,
}

impl Place<'_> {
    fn all(&self, issuer: &IssuerTerms, target: &Target, secrets: &Secrets) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        if let Some(listen) = &issuer.listen {
            let says = address(listen).or_else(|| {
                // Before the port is open nobody could say what `iss` is.
                (listen.ends_with(":0") && issuer.url.is_none())
                    .then(|| "the target cannot be told a port that is any free one".to_owned())
            });
            mistakes.extend(says.map(|says| self.mistake("listen", says)));
        }
        let url = issuer.url.as_deref().and_then(address_of_http);
        mistakes.extend(url.map(|says| self.mistake("url", says)));
        if let Some(name) = &issuer.algorithm {
            mistakes.extend(self.algorithm(name));
        }
        mistakes.extend(self.tls(issuer, secrets));
        for kind in &issuer.kinds {
            if !target.credentials.contains_key(kind) {
                let known: Vec<&str> = target.credentials.keys().map(String::as_str).collect();
                let says = format!(
                    "contract `{}` has no kind of credential `{kind}`",
                    target.contract
                );
                let help = format!("its kinds are `{}`", known.join("`, `"));
                mistakes.push(self.mistake("kinds", says).help(help));
            }
        }
        if issuer.kinds.is_empty() {
            let says = "this issuer issues no kind of credential";
            let help = "name them under `kinds`, as in `kinds: [token]`";
            mistakes.push(self.mistake("kinds", says).help(help));
        }
        mistakes
    }

    fn algorithm(&self, name: &str) -> Option<Mistake> {
        let is_pair = |one: &Algorithm| one.key_type() != KeyType::Secret;
        if Algorithm::of_name(name).filter(is_pair).is_some() {
            return None;
        }
        let pairs = Algorithm::ALL.iter().filter(|one| is_pair(one));
        let names: Vec<&str> = pairs.map(|one| one.name()).collect();
        let says = format!("`{name}` is no JWS algorithm with a key pair");
        let help = format!("there are {}", names.join(", "));
        Some(self.mistake("algorithm", says).help(help))
    }

    fn tls(&self, issuer: &IssuerTerms, secrets: &Secrets) -> Option<Mistake> {
        let (member, other) = match (&issuer.certificate, &issuer.key) {
            (Some(certificate), Some(key)) => {
                // A name without a value is said where names are looked up.
                let certificate = fill_text(certificate, secrets).ok()?;
                let key = fill_text(key, secrets).ok()?;
                if certificate.contains(UNSET) || key.contains(UNSET) {
                    return None;
                }
                let says = server_tls(&certificate, &key).err()?;
                let member = match says.starts_with("`key`") {
                    true => "key",
                    false => "certificate",
                };
                return Some(self.mistake(member, says));
            }
            (None, None) => return None,
            (Some(_), None) => ("certificate", "key"),
            (None, Some(_)) => ("key", "certificate"),
        };
        let says = format!("`{member}` needs a `{other}` beside it");
        Some(self.mistake(member, says))
    }

    /// At the member, where the target file gives it; else at its `issuer`, to which the contract adds it.
    fn mistake(&self, member: &str, says: impl Into<String>) -> Mistake {
        let given = match member {
            "listen" => self.own.listen.is_some(),
            "url" => self.own.url.is_some(),
            "algorithm" => self.own.algorithm.is_some(),
            "certificate" => self.own.certificate.is_some(),
            "key" => self.own.key.is_some(),
            _ => !self.own.kinds.is_empty(),
        };
        match given {
            true => self.document.mistake_at(&format!("/issuer/{member}"), says),
            false => self.document.mistake_at_key("/issuer", says),
        }
    }
}

/// What is wrong with an address to listen on. Names of hosts are looked up when the port is opened.
fn address(listen: &str) -> Option<String> {
    let is_sound = listen
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    (!is_sound).then(|| format!("`{listen}` is no address and port, such as `127.0.0.1:8701`"))
}

/// What is wrong with an address for targets to call.
fn address_of_http(text: &str) -> Option<String> {
    let is_sound = url::Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    (!is_sound).then(|| format!("`{text}` is no address such as `https://issuer.example:8701`"))
}
