//! `proofmark token crack`: whether a token is signed with a secret that others try first.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde_json::json;

use super::input::{self, MAX_WORDS};
use super::visible;
use crate::cli::columns::Format;
use crate::cli::exit::Exit;
use crate::cli::output::{Fault, Output};
use crate::jose::StrictJws;
use crate::jose::weak_secret::{Spelling, guess, lines, well_known};

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 no secret was found, 1 one was, 2 a mistake in flags or files"
)]
pub struct Crack {
    /// File of secrets to try besides the built-in ones, one a line
    #[arg(long, value_name = "FILE")]
    wordlist: Option<PathBuf>,
    /// File with the token, or with a line `Authorization: Bearer …`; `-` for standard input
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

impl Crack {
    pub fn execute(self, out: &Output) -> Result<Exit, Fault> {
        input::one_standard_input(&[self.wordlist.as_deref(), Some(&self.file)])?;
        let token = input::token(&self.file)?;
        let name = input::name(&self.file);
        let fault = |says: String| Fault::Usage(format!("{name}: {}", visible(&says)));
        let token = StrictJws::parse(&token).map_err(|error| fault(error.to_string()))?;
        let words = match &self.wordlist {
            Some(path) => input::read(path, MAX_WORDS)?,
            None => Vec::new(),
        };
        let mut candidates: Vec<&[u8]> = well_known().map(str::as_bytes).collect();
        let built_in = candidates.len();
        if self.wordlist.is_some() {
            candidates.extend(lines(&words));
        }
        let began = Instant::now();
        let trial = guess(&token, &candidates).map_err(|error| fault(error.to_string()))?;
        let rate = trial.tries as f64 / began.elapsed().as_secs_f64().max(1e-6);
        // The built-in list is no secret; what stands in the user's own is said by its place.
        let found = trial.guessed.map(|guessed| {
            let place = match candidates.get(guessed.index).copied() {
                Some(b"") => "the empty text".to_owned(),
                Some(word) if guessed.index < built_in => {
                    format!(
                        "`{}`, from the built-in list",
                        String::from_utf8_lossy(word)
                    )
                }
                word => {
                    let word = word.unwrap_or_default();
                    let line = line_of(&words, word);
                    let list = self.wordlist.as_deref().map(input::name);
                    format!("line {line} of {}", list.unwrap_or_default())
                }
            };
            match guessed.spelling {
                Spelling::Plain => place,
                Spelling::Decoded => format!("{place}, decoded from base64"),
            }
        });
        out.print(&match (self.format, &found) {
            (Format::Json, found) => {
                let value = json!({
                    "found": found.is_some(),
                    "secret": found,
                    "tries": trial.tries,
                    "tries_per_second": rate.round(),
                });
                format!("{value:#}\n")
            }
            (Format::Text, Some(found)) => {
                format!(
                    "found: the secret is {found}\n{}\n",
                    speed(trial.tries, rate)
                )
            }
            (Format::Text, None) => {
                format!(
                    "not found: the secret is none of those tried\n{}\n",
                    speed(trial.tries, rate)
                )
            }
        });
        Ok(match found {
            Some(_) => Exit::Fails,
            None => Exit::Conforms,
        })
    }
}

fn speed(tries: u64, rate: f64) -> String {
    format!("{tries} tries, {rate:.0} a second")
}

/// From 1.
fn line_of(words: &[u8], word: &[u8]) -> usize {
    let mut lines = words.split(|octet| *octet == b'\n');
    let found = lines.position(|line| line.strip_suffix(b"\r").unwrap_or(line) == word);
    found.map_or(0, |at| at + 1)
}
