//! `proofmark docs`, for those who work on Proofmark: the generated files in `docs/`, written or compared.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::exit::Exit;
use super::output::{Fault, Output};
use super::schema::Subject;
use crate::report::{Explanation, catalogue, words_page};
use crate::suite::Library;
use crate::suite::gather::library;

#[derive(Debug, Args)]
pub struct Docs {
    /// Write the files; without it they are compared, and one that differs is a mistake
    #[arg(long)]
    write: bool,
    /// The repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    root: PathBuf,
}

/// Every generated file: its path in the repository, and its text.
pub fn pages(library: &Library) -> Vec<(String, String)> {
    let schemas = Subject::value_variants().iter().map(|subject| {
        (
            format!("docs/schema/{}.json", subject.word()),
            subject.schema(),
        )
    });
    let checks = (
        "docs/checks.md".to_owned(),
        catalogue(&Explanation::all(library)),
    );
    let words = ("docs/words.md".to_owned(), words_page(library));
    schemas.chain([checks, words]).collect()
}

impl Docs {
    pub fn execute(self, out: &Output) -> Result<Exit, Fault> {
        if !self.root.join("docs/schema").is_dir() {
            return Err(Fault::Usage(format!(
                "{} is no checkout of Proofmark, whose `docs/` this is about; name one with `--root`",
                self.root.display()
            )));
        }
        let mut stale = Vec::new();
        for (name, text) in pages(&library(None)?) {
            let path = self.root.join(&name);
            if std::fs::read_to_string(&path).is_ok_and(|found| found == text) {
                continue;
            }
            if !self.write {
                stale.push(name);
                continue;
            }
            let unwritable = |error| Fault::file(path.clone(), error);
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).map_err(unwritable)?;
            }
            std::fs::write(&path, text).map_err(unwritable)?;
            out.note(&format!("written: {name}"));
        }
        if stale.is_empty() {
            return Ok(Exit::Conforms);
        }
        Err(Fault::Usage(format!(
            "{} are not as they would be generated; run `cargo run -- docs --write`",
            stale.join(", ")
        )))
    }
}
