//! A target file → a [`Target`] with its secrets and roots of trust.

use std::path::Path;

use super::concealed::Concealed;
use super::keys_of_target;
use super::library::Library;
use super::lint::UNSET;
use super::load::{Document, Mistake, decode, escape};
use super::model::TargetFile;
use super::ports_of_target;
use super::secret::Secrets;
use super::target::{Misfit, Target, Which, merge};
use super::{unmeant, vocabulary};
use crate::wire::Roots;

/// Shorter secrets would be found everywhere in what a target sends, and so could not be kept out of the output.
pub const SHORTEST_SECRET: usize = 4;

/// A target, and what is needed to speak to it that no journal may hold.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub target: Target,
    pub secrets: Secrets,
    pub roots: Roots,
}

/// Reads a target file. Mistakes are shown without what could be a secret. `environment` gives the values of `${env:NAME}`; files are found relative to `folder`.
pub fn load(
    name: &str,
    bytes: &[u8],
    folder: &Path,
    library: &Library,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Loaded, Vec<Mistake>> {
    read(name, bytes, folder, library, environment).map_err(concealed)
}

/// Mistakes of one target file, without what could be a secret.
pub(super) fn concealed(mistakes: Vec<Mistake>) -> Vec<Mistake> {
    let shown = mistakes.first().map_or("", |mistake| mistake.file.text());
    let concealed = Concealed::of(shown);
    mistakes
        .into_iter()
        .map(|mistake| concealed.conceal(mistake))
        .collect()
}

fn read(
    name: &str,
    bytes: &[u8],
    folder: &Path,
    library: &Library,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Loaded, Vec<Mistake>> {
    let mut document = Document::read(name, bytes)?;
    let mut file: TargetFile = decode(&mut document)?;
    let mut mistakes = Vec::new();
    for (pointer, url) in [
        ("/url", Some(&mut file.url)),
        ("/plain_url", file.plain_url.as_mut()),
    ] {
        let Some(url) = url else { continue };
        match of_environment(url, environment) {
            Ok(filled) if !filled.contains(UNSET) => *url = filled,
            filled => {
                // Where files are linted, the environment need not be there.
                if let Err(says) = filled {
                    mistakes.push(document.mistake_at(pointer, says));
                }
                // An address, so that the rest of the file is looked at, too.
                let scheme = if pointer == "/url" { "https" } else { "http" };
                *url = format!("{scheme}://unset.invalid");
            }
        }
    }
    let mut secrets = Secrets::default();
    for (secret, text) in &file.secrets {
        let pointer = format!("/secrets/{}", escape(secret));
        match resolve(text, folder, environment) {
            Ok(value) if value.len() < SHORTEST_SECRET => mistakes.push(
                document
                    .mistake_at(&pointer, format!("the secret `{secret}` is shorter than {SHORTEST_SECRET} characters"))
                    .help("so short a text cannot be kept out of the output; leave the secret out if it is not set"),
            ),
            Ok(value) => secrets.insert(secret, value),
            Err(says) => mistakes.push(document.mistake_at(&pointer, says)),
        }
    }
    let roots = match (&file.ca_file, &file.ca_pem) {
        (Some(_), Some(_)) => {
            mistakes.push(document.mistake_at(
                "/ca_file",
                "`ca_file` and `ca_pem` say the same thing; keep one",
            ));
            Roots::default()
        }
        (Some(path), None) => match std::fs::read_to_string(folder.join(path)) {
            Ok(pem) => Roots::only(pem),
            Err(error) => {
                mistakes.push(
                    document.mistake_at("/ca_file", format!("`{path}` cannot be read: {error}")),
                );
                Roots::default()
            }
        },
        (None, Some(pem)) => Roots::only(pem.clone()),
        (None, None) => Roots::default(),
    };
    let Some(contract) = library.contract(&file.contract) else {
        let known: Vec<&str> = library.contracts.keys().map(String::as_str).collect();
        mistakes.push(
            document
                .mistake_at(
                    "/contract",
                    format!("there is no contract `{}`", file.contract),
                )
                .help(format!(
                    "there are `{}`; `http-api` fits an API without a contract of its own",
                    known.join("`, `")
                )),
        );
        return Err(mistakes);
    };
    match merge(&file, contract, &mut secrets) {
        Ok(mut target) => {
            if let Some(issuer) = &mut target.issuer
                && let Some(file) = &mut issuer.file
            {
                *file = folder.join(&*file).to_string_lossy().into_owned();
            }
            if let Some(file) = &mut target.ca_file {
                *file = folder.join(&*file).to_string_lossy().into_owned();
            }
            mistakes.extend(keys_of_target::mistakes(
                &document, &file, &target, &secrets,
            ));
            mistakes.extend(unmeant::mistakes(&document, &file, &target, library));
            mistakes.extend(vocabulary::mistakes(&document, &file, &target, library));
            mistakes.extend(ports_of_target::mistakes(
                &document, &file, &target, &secrets,
            ));
            if !mistakes.is_empty() {
                return Err(mistakes);
            }
            Ok(Loaded {
                target,
                secrets,
                roots,
            })
        }
        Err(misfits) => {
            mistakes.extend(misfits.iter().map(|misfit| place(&document, misfit)));
            Err(mistakes)
        }
    }
}

fn place(document: &Document, misfit: &Misfit) -> Mistake {
    let mistake = match misfit.file {
        Which::Target => document.mistake_at_key(&misfit.pointer, misfit.says.clone()),
        Which::Contract => document.mistake_at("/contract", misfit.says.clone()),
    };
    match &misfit.help {
        Some(help) => mistake.help(help.clone()),
        None => mistake,
    }
}

/// The text with each `${env:NAME}` in it filled. Addresses are no secrets, so they are of the environment alone.
fn of_environment(
    text: &str,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${env:") {
        let (name, behind) = after
            .split_once('}')
            .ok_or("`${env:` without its `}`".to_owned())?;
        let value = environment(name).filter(|value| !value.is_empty());
        let value = value.ok_or_else(|| format!("the environment has no `{name}`"))?;
        filled.push_str(before);
        filled.push_str(&value);
        rest = behind;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// `${env:NAME}`, `${file:PATH}`, or the text itself. Errors never quote the value.
fn resolve(
    text: &str,
    folder: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let inner = text
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'));
    match inner.and_then(|inner| inner.split_once(':')) {
        Some(("env", name)) => environment(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| format!("the environment has no `{name}`")),
        Some(("file", path)) => std::fs::read_to_string(folder.join(path))
            .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
            .map_err(|error| format!("`{path}` cannot be read: {error}")),
        Some((other, _)) => Err(format!(
            "`{other}:` is no source of secrets; there are `env:` and `file:`"
        )),
        None if inner.is_some() => Err("write `${env:NAME}` or `${file:PATH}`".to_owned()),
        None => Ok(text.to_owned()),
    }
}
