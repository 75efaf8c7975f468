//! `proofmark lint`: all mistakes of suites, contracts and target files.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;

use super::columns::Format;
use super::exit::Exit;
use super::output::{Fault, Output};
use crate::suite::gather::read_all;
use crate::suite::lint::{Linted, lint};
use crate::suite::load::{MAX_FILE_BYTES, to_json};

#[derive(Debug, Args)]
pub struct Lint {
    /// Suites, contracts and target files, `-` for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// json: a list of the mistakes on standard output, empty where there are none
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

impl Lint {
    pub fn execute(self, suites: Option<&Path>, out: &Output) -> Result<Exit, Fault> {
        let files = self
            .files
            .iter()
            .map(|path| open(path))
            .collect::<Result<Vec<Linted>, Fault>>()?;
        let mistakes = lint(&files, read_all(suites)?);
        match self.format {
            Format::Json => {
                out.print(&format!("{:#}\n", to_json(&mistakes)));
                Ok(if mistakes.is_empty() {
                    Exit::Conforms
                } else {
                    Exit::Mistake
                })
            }
            Format::Text if mistakes.is_empty() => {
                let noun = if files.len() == 1 { "file" } else { "files" };
                out.print(&format!("{} {noun}, no mistakes\n", files.len()));
                Ok(Exit::Conforms)
            }
            Format::Text => Err(Fault::Mistakes(mistakes)),
        }
    }
}

fn open(path: &Path) -> Result<Linted, Fault> {
    let most = MAX_FILE_BYTES as u64 + 1;
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin()
            .take(most)
            .read_to_end(&mut bytes)
            .map_err(|error| Fault::Usage(format!("standard input: {error}")))?;
        return Ok(Linted {
            name: "<stdin>".to_owned(),
            bytes,
            folder: PathBuf::from("."),
        });
    }
    std::fs::File::open(path)
        .and_then(|file| file.take(most).read_to_end(&mut bytes))
        .map_err(|error| Fault::file(path.to_owned(), error))?;
    Ok(Linted {
        name: path.display().to_string(),
        bytes,
        folder: path
            .parent()
            .map_or_else(|| PathBuf::from("."), Path::to_owned),
    })
}
