//! Reports of recorded journals, the commands that show what there is, and the laws that hold the registry together.

mod commands;
mod formats;
mod hostile;
mod laws;
mod shipped;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use proofmark::journal::{RunRecord, read};
use proofmark::suite::Library;
use proofmark::suite::gather::library;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A run with one verdict of each kind; see `fixtures/journals/README.md`.
const DEMO: &str = include_str!("../../fixtures/journals/demo.jsonl");

fn record(journal: &str) -> RunRecord {
    let (records, cut) = read(journal.as_bytes()).expect("the journal reads");
    assert!(!cut, "the journal has a line that was cut short");
    RunRecord::from_records(records).expect("the journal has a head")
}

fn builtin() -> Library {
    library(None).expect("the built-in suites load")
}

/// The real binary, in the repository, without colours and whatever else the environment may bring.
fn proofmark(arguments: &[&str]) -> Output {
    command(arguments).output().expect("the binary starts")
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_proofmark"));
    command
        .args(arguments)
        .current_dir(root())
        .env_clear()
        .env("NO_COLOR", "1");
    command
}

/// Standard output, standard error and exit code, as one text for a snapshot.
fn shown(output: &Output) -> String {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let mut text = out.into_owned();
    if !err.is_empty() {
        text.push_str("--- stderr\n");
        text.push_str(&err);
    }
    text.push_str(&format!(
        "--- exit {}\n",
        output.status.code().unwrap_or(-1)
    ));
    text
}

/// Files of a folder whose name ends so, in order; none where there is no folder.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.expect("the folder can be listed").path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    all.sort();
    all
}
