//! `proofmark token mint`: a valid token.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};

use super::input::{self, MAX_FILE, pair};
use super::key::{self, KeyFile};
use super::{now, visible};
use crate::cli::columns::Format;
use crate::cli::exit::Exit;
use crate::cli::output::{Fault, Output};
use crate::jose::forgery::Env;
use crate::jose::{Algorithm, json, json_mistake_place, mint};

#[derive(Debug, Args)]
#[command(
    after_help = "In claims, `${now}`, `${now+600}`, `${random}` and the names of --set stand for values.\n\nExit codes: 0 it was made, 2 a mistake in flags or files"
)]
pub struct Mint {
    /// Private key or secret: PEM, DER, JWK, or a JWKS of one key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// JSON object; `-` for standard input
    #[arg(long, value_name = "FILE")]
    claims: PathBuf,
    /// Algorithm to sign by, where the key leaves a choice; what a secret needs
    #[arg(long, value_name = "ALG", value_parser = key::algorithm)]
    algorithm: Option<Algorithm>,
    /// Member of the header; the value is JSON, or else text
    #[arg(long = "header", value_name = "NAME=VALUE")]
    headers: Vec<String>,
    /// `kid` of the header, in place of the key's own
    #[arg(long, value_name = "TEXT")]
    kid: Option<String>,
    /// Seconds to live: sets `exp`, and `iat` where the claims have none
    #[arg(long, value_name = "S")]
    ttl: Option<i64>,
    /// A name that `${NAME}` in the claims stands for; the value is JSON, or else text
    #[arg(long = "set", value_name = "NAME=VALUE")]
    values: Vec<String>,
    /// json: the token with its header and claims
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

impl Mint {
    pub fn execute(self, out: &Output) -> Result<Exit, Fault> {
        input::one_standard_input(&[Some(&self.key), Some(&self.claims)])?;
        let key = KeyFile::open(&self.key)?.signing(self.algorithm)?;
        let now = now();
        let claims = self.claims(now)?;
        let mut header = Map::new();
        header.insert("alg".to_owned(), key.algorithm().name().into());
        header.insert("typ".to_owned(), "JWT".into());
        if let Some(kid) = self.kid.as_deref().or(key.kid()) {
            header.insert("kid".to_owned(), kid.into());
        }
        for text in &self.headers {
            let (name, value) = pair(text)?;
            header.insert(name, value);
        }
        let token =
            mint(&header, &claims, &key).map_err(|error| Fault::Usage(error.to_string()))?;
        let token = String::from_utf8(token).map_err(|error| Fault::World(error.to_string()))?;
        out.print(&match self.format {
            Format::Text => format!("{token}\n"),
            Format::Json => {
                let value = json!({ "token": token, "header": header, "claims": claims });
                format!("{value:#}\n")
            }
        });
        Ok(Exit::Conforms)
    }

    fn claims(&self, now: i64) -> Result<Map<String, Value>, Fault> {
        let octets = input::read(&self.claims, MAX_FILE)?;
        let name = input::name(&self.claims);
        let claims = json::parse_object(&octets).map_err(|error| {
            let place = json_mistake_place(&octets, &error);
            let place = place.map_or(String::new(), |(line, column)| format!(":{line}:{column}"));
            Fault::Usage(format!("{name}{place}: {}", visible(&error.to_string())))
        })?;
        let mut env = Env::new(now);
        for text in &self.values {
            let (name, value) = pair(text)?;
            env.set(name, value);
        }
        let filled = env
            .fill(&Value::Object(claims))
            .map_err(|error| Fault::Usage(format!("{name}: {}", visible(&error.to_string()))))?;
        let Value::Object(mut claims) = filled else {
            unreachable!("filling keeps an object an object")
        };
        if let Some(ttl) = self.ttl {
            claims.entry("iat").or_insert_with(|| now.into());
            claims.insert("exp".to_owned(), now.saturating_add(ttl).into());
        }
        Ok(claims)
    }
}
