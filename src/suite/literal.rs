//! Credentials that somebody wrote into the target file itself: they become secrets, and the plan refers to them.

use serde_json::Value;

use super::model::{Body, HeaderChange, OperationSpec, SourceSpec};
use super::secret::Secrets;
use super::target_file::SHORTEST_SECRET;

/// Words that the name of a member has when its value opens something.
const TELLING: &[&str] = &[
    "token",
    "secret",
    "password",
    "passphrase",
    "proof",
    "key",
    "code",
    "pin",
    "otp",
    "credential",
    "assertion",
    "hash",
    "signature",
];
/// The same where a name is that of ordinary data more often than not: in what operations send.
const TELLING_IN_OPERATIONS: &[&str] = &[
    "token",
    "secret",
    "password",
    "passphrase",
    "authorization",
    "cookie",
    "api-key",
    "api_key",
    "apikey",
];
/// A literal of this length is taken for a secret whatever its name.
const LONG_LITERAL: usize = 20;

fn tells(words: &[&str], name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    words.iter().any(|word| lower.contains(word))
}

/// Moves the literals of a credential's source to the secrets, under names that begin with `name`.
pub(super) fn of_source(spec: &mut SourceSpec, name: &str, secrets: &mut Secrets) {
    match spec {
        SourceSpec::Oauth2(oauth2) => lift(
            &mut oauth2.client_secret,
            &format!("{name}.client_secret"),
            secrets,
        ),
        SourceSpec::Exchange(exchange) => {
            let is_secret =
                |member: &str, text: &str| tells(TELLING, member) || text.len() >= LONG_LITERAL;
            members(&mut exchange.body, "", name, &is_secret, secrets);
        }
        SourceSpec::Command(words) => of_command(words, name, secrets),
        SourceSpec::Issue(_) => {}
    }
}

/// `--token=abc`, `--token abc`, and whatever is long and no path.
fn of_command(words: &mut [String], name: &str, secrets: &mut Secrets) {
    let mut option = String::new();
    for (at, word) in words.iter_mut().enumerate().skip(1) {
        let secret = format!("{name}.word{at}");
        let telling = option.starts_with('-') && tells(TELLING, &option);
        option.clone_from(word);
        match word.split_once('=') {
            Some((left, right)) if tells(TELLING, left) => {
                let (left, mut right) = (left.to_owned(), right.to_owned());
                lift(&mut right, &secret, secrets);
                *word = format!("{left}={right}");
            }
            _ if word.starts_with('-') => {}
            _ if telling || (word.len() >= LONG_LITERAL && !word.contains('/')) => {
                lift(word, &secret, secrets);
            }
            _ => {}
        }
    }
}

/// The same for the headers and bodies that an operation of the target file sends.
pub(super) fn of_operation(spec: &mut OperationSpec, name: &str, secrets: &mut Secrets) {
    for (header, change) in &mut spec.headers {
        if !tells(TELLING_IN_OPERATIONS, header) {
            continue;
        }
        let values = match change {
            HeaderChange::Line(value) => std::slice::from_mut(value),
            HeaderChange::Lines(values) => values.as_mut_slice(),
            HeaderChange::Absent(()) => continue,
        };
        for (at, value) in values.iter_mut().enumerate() {
            lift(value, &format!("{name}.{header}{at}"), secrets);
        }
    }
    let is_secret = |member: &str, _: &str| tells(TELLING_IN_OPERATIONS, member);
    match &mut spec.body {
        Some(Body::Json(value)) => members(value, "", name, &is_secret, secrets),
        Some(Body::Form(form)) => {
            for (member, text) in form {
                if is_secret(member, text) {
                    lift(text, &format!("{name}.{member}"), secrets);
                }
            }
        }
        _ => {}
    }
}

fn members(
    value: &mut Value,
    member: &str,
    name: &str,
    is_secret: &dyn Fn(&str, &str) -> bool,
    secrets: &mut Secrets,
) {
    match value {
        Value::String(text) if is_secret(member, text) => {
            lift(text, &format!("{name}.{member}"), secrets);
        }
        Value::Array(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                members(item, &format!("{member}{at}"), name, is_secret, secrets);
            }
        }
        Value::Object(inner) => {
            for (member, value) in inner {
                members(value, member, name, is_secret, secrets);
            }
        }
        _ => {}
    }
}

/// Moves one text to the secrets. Templates stay: what they name is a secret already.
pub(super) fn lift(text: &mut String, name: &str, secrets: &mut Secrets) {
    if text.contains("${") || text.len() < SHORTEST_SECRET {
        return;
    }
    secrets.insert(name, std::mem::take(text));
    *text = format!("${{secret.{name}}}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lifted(words: &[&str]) -> Vec<String> {
        let mut words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        of_command(&mut words, "user.token", &mut Secrets::default());
        words
    }

    #[test]
    fn what_opens_something_leaves_a_command() {
        assert_eq!(
            lifted(&[
                "vault",
                "read",
                "--token",
                "hvs.abcdef",
                "--field=value",
                "secret/path"
            ]),
            [
                "vault",
                "read",
                "--token",
                "${secret.user.token.word3}",
                "--field=value",
                "secret/path"
            ]
        );
        assert_eq!(
            lifted(&["get", "--password=hunter2", "-v"]),
            ["get", "--password=${secret.user.token.word1}", "-v"]
        );
        assert_eq!(
            lifted(&["sh", "-c", "/usr/local/bin/print-the-token-of staging"]),
            ["sh", "-c", "/usr/local/bin/print-the-token-of staging"]
        );
    }
}
