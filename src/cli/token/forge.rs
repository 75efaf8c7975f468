//! `proofmark token forge`: forged tokens out of a valid one.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::input::{self, pair};
use super::key::{self, KeyFile};
use super::list::{self, Named};
use super::{now, visible};
use crate::cli::columns::Format;
use crate::cli::exit::Exit;
use crate::cli::output::{Fault, Output};
use crate::jose::forgery::{Env, Material, Strangers, TargetKey, forge};
use crate::jose::{Algorithm, SigningKey, StrictJws, base64url, from_certificate, import};
use crate::suite::Library;
use crate::suite::gather::library;

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 all were made, 2 a mistake in flags or files, 3 some could not be made; the reason is on \
                        standard error"
)]
pub struct Forge {
    /// Forgeries by name; an entry stands for all its variants, `*` for any characters
    #[arg(value_name = "PATTERN", required_unless_present = "list")]
    patterns: Vec<String>,
    /// Shows what there is, with what each tries and needs
    #[arg(long)]
    list: bool,
    /// Valid token to start from, `-` for standard input
    #[arg(long, value_name = "FILE", required_unless_present = "list")]
    token: Option<PathBuf>,
    /// Public key, key set or certificate that the target verifies with
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
    /// Private key or secret that the target trusts
    #[arg(long, value_name = "FILE")]
    minting_key: Option<PathBuf>,
    /// Algorithm of the minting key, where that is a secret
    #[arg(long, value_name = "ALG", value_parser = key::algorithm)]
    algorithm: Option<Algorithm>,
    /// Another valid token, of any subject
    #[arg(long, value_name = "FILE")]
    another: Option<PathBuf>,
    /// A value that forgeries refer to, such as `admin`; JSON, or else text
    #[arg(long = "set", value_name = "NAME=VALUE")]
    values: Vec<String>,
    /// text: one token a line
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

impl Forge {
    pub fn execute(self, suites: Option<&Path>, out: &Output) -> Result<Exit, Fault> {
        let library = library(suites)?;
        let chosen = list::chosen(&library, &self.patterns);
        if chosen.is_empty() {
            return Err(nothing(&library, &self.patterns));
        }
        if self.list {
            out.print(&list::text(&chosen, self.format, out));
            return Ok(Exit::Conforms);
        }
        let files = [
            self.token.as_deref(),
            self.public_key.as_deref(),
            self.minting_key.as_deref(),
            self.another.as_deref(),
        ];
        input::one_standard_input(&files)?;
        let mut made = Vec::with_capacity(chosen.len());
        let mut all = true;
        for (named, token) in chosen.iter().zip(self.forge_all(&chosen)?) {
            let token = token.and_then(|token| match self.format {
                Format::Text => one_line(token),
                Format::Json => Ok(token),
            });
            all &= token.is_ok();
            match (self.format, token) {
                (Format::Json, token) => made.push(as_json(named, token)),
                (Format::Text, Ok(token)) => {
                    out.print(&String::from_utf8_lossy(&token));
                    out.print("\n");
                }
                (Format::Text, Err(says)) => out.note(&format!("{}: {}", named.id, visible(&says))),
            }
        }
        if self.format == Format::Json {
            out.print(&format!("{:#}\n", Value::from(made)));
        }
        Ok(if all { Exit::Conforms } else { Exit::Undecided })
    }

    /// One result for each of `chosen`, in order.
    fn forge_all(&self, chosen: &[Named<'_>]) -> Result<Vec<Result<Vec<u8>, String>>, Fault> {
        let path = self.token.as_deref().unwrap_or(Path::new("-"));
        let token = input::token(path)?;
        let no_token = |path: &Path, error: crate::jose::TokenError| {
            let says = visible(&error.to_string());
            Fault::Usage(format!(
                "{}: no signed token to start from: {says}",
                input::name(path)
            ))
        };
        let strangers = Strangers::new();
        let mut material =
            Material::captured(&token, &strangers).map_err(|error| no_token(path, error))?;
        let minting: Option<SigningKey> = match &self.minting_key {
            Some(path) => Some(KeyFile::open(path)?.signing(self.algorithm)?),
            None => None,
        };
        let public = match &self.public_key {
            Some(path) => Some(target_key(&KeyFile::open(path)?, &token, path)?),
            // Whoever can sign knows the public half too.
            None => minting
                .as_ref()
                .and_then(|key| key.jwk().public_members())
                .map(|members| json!({ "keys": [members] }).to_string())
                .and_then(|document| TargetKey::of_set(document.as_bytes(), None).ok()?),
        };
        if let Some(key) = &minting {
            material = material.with_issuer(key);
        }
        if let Some(key) = &public {
            material = material.with_target(key);
        }
        if let Some(path) = &self.another {
            let another = input::token(path)?;
            material = material
                .with_another(&another)
                .map_err(|error| no_token(path, error))?;
        }
        let mut env = Env::new(now());
        for text in &self.values {
            let (name, value) = pair(text)?;
            env.set(name, value);
        }
        Ok(chosen
            .iter()
            .map(|named| forge(&named.change, &material, &env).map_err(|error| error.to_string()))
            .collect())
    }
}

/// The key that the token names, else the first; with the certificate, if the file is one.
fn target_key(file: &KeyFile, token: &[u8], path: &Path) -> Result<TargetKey, Fault> {
    let set = import(file.octets()).map_err(|error| file.fault(&error))?;
    // A published document is kept as it is: some forgeries use its very text.
    let published = crate::jose::Jwks::parse(file.octets()).is_ok();
    let document = match published {
        true => file.octets().to_vec(),
        false => set.public_document().to_string().into_bytes(),
    };
    let kid = StrictJws::parse(token)
        .ok()
        .and_then(|jws| jws.header().kid().map(str::to_owned));
    let found =
        |kid: Option<&str>| TargetKey::of_set(&document, kid).map_err(|error| file.fault(&error));
    let mut key = match found(kid.as_deref())? {
        Some(key) => key,
        None => found(None)?.ok_or_else(|| {
            Fault::Usage(format!("{}: there is no public key", input::name(path)))
        })?,
    };
    if key.certificate.is_none() {
        key.certificate = certificate(file.octets());
    }
    Ok(key)
}

/// The DER of the first certificate in a file.
fn certificate(file: &[u8]) -> Option<Vec<u8>> {
    use base64::Engine as _;
    if from_certificate(file).is_ok() {
        return Some(file.to_vec());
    }
    let text = std::str::from_utf8(file).ok()?;
    let (_, rest) = text.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END")?;
    let body: String = body.split_ascii_whitespace().collect();
    let engine = base64::engine::general_purpose::STANDARD;
    engine.decode(body).ok()
}

fn one_line(token: Vec<u8>) -> Result<Vec<u8>, String> {
    if token.contains(&b'\n') {
        return Err("the token holds a line break; ask for `--format json`".to_owned());
    }
    match String::from_utf8(token) {
        Ok(text) => Ok(text.into_bytes()),
        Err(_) => Err("the token is no text; ask for `--format json`".to_owned()),
    }
}

fn as_json(named: &Named<'_>, token: Result<Vec<u8>, String>) -> Value {
    let mut value = json!({
        "id": named.id,
        "tries": named.entry.tries,
        "source": named.entry.source,
    });
    match token.map(String::from_utf8) {
        Ok(Ok(text)) => value["token"] = text.into(),
        Ok(Err(octets)) => value["token_base64url"] = base64url::encode(octets.as_bytes()).into(),
        Err(says) => value["not_made"] = says.into(),
    }
    value
}

fn nothing(library: &Library, patterns: &[String]) -> Fault {
    let asked = patterns.first().map_or("", String::as_str);
    let nearest = library
        .forgeries
        .keys()
        .map(|id| (strsim::jaro_winkler(asked, id), id))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let asked: String = visible(asked).chars().take(80).collect();
    Fault::Usage(match nearest {
        Some((_, id)) => format!("there is no forgery `{asked}`; did you mean `{id}`?"),
        None => format!("there is no forgery `{asked}`; `proofmark token forge --list` shows all"),
    })
}
