//! All mistakes of files, whatever kind each is: syntax, schema, meaning. Nothing is sent.

use std::collections::HashSet;
use std::path::Path;

use super::coherence;
use super::gather::{Read, Reads, assemble, in_place, read_strict};
use super::library::Library;
use super::load::{Document, Mistake};
use super::model::{Contract, Suite, TargetFile};
use super::target_file;

/// A file to be linted.
pub struct Linted {
    /// As it is to be shown.
    pub name: String,
    pub bytes: Vec<u8>,
    /// Where the files are that it names.
    pub folder: std::path::PathBuf,
}

/// Stands for a secret that is not set here; what it is does not matter to whether a file is right.
pub(super) const UNSET: &str = "not set where the file was linted";

/// All mistakes of all files. Suites and contracts among them stand in for those of `known` of the same name,
/// and all are looked at together; what is wrong in `known` alone is left unsaid. Secrets from the environment need not
/// be set.
pub fn lint(files: &[Linted], known: Reads) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let (mut suites, mut contracts) = (Vec::new(), Vec::new());
    let mut targets = Vec::new();
    for file in files {
        let (name, bytes) = (&file.name, &file.bytes);
        match kind(file) {
            Ok(Kind::Suite) => keep(read_strict(name, bytes), &mut suites, &mut mistakes),
            Ok(Kind::Contract) => keep(read_strict(name, bytes), &mut contracts, &mut mistakes),
            Ok(Kind::Target) => match read_strict::<TargetFile>(name, bytes) {
                Ok(_) => targets.push(file),
                Err(more) => mistakes.extend(target_file::concealed(more)),
            },
            // What nobody can read may be a target file, with secrets in it.
            Err(more) if is_openly_none(bytes) => mistakes.extend(more),
            Err(more) => mistakes.extend(target_file::concealed(more)),
        }
    }
    let suite_name = |suite: &Suite| suite.suite.clone();
    let contract_name = |contract: &Contract| contract.contract.clone();
    twice(&suites, "suite", suite_name, &mut mistakes);
    twice(&contracts, "contract", contract_name, &mut mistakes);
    let linted: HashSet<String> = suites
        .iter()
        .map(|read| &read.document)
        .chain(contracts.iter().map(|read| &read.document))
        .map(|document| document.source().name().to_owned())
        .collect();
    let (known_suites, known_contracts, forgeries) = known;
    let all_suites = in_place(known_suites.into_iter().chain(suites), suite_name);
    let all_contracts = in_place(known_contracts.into_iter().chain(contracts), contract_name);
    mistakes.extend(
        coherence::mistakes(&all_suites, &all_contracts)
            .into_iter()
            .filter(|mistake| linted.contains(mistake.file.name())),
    );
    let library = assemble(all_suites, all_contracts, forgeries);
    for file in targets {
        mistakes.extend(misfits(file, &library));
    }
    mistakes
}

#[derive(Clone, Copy)]
enum Kind {
    Suite,
    Contract,
    Target,
}

/// By the key that names it: a file has one of the three.
fn kind(file: &Linted) -> Result<Kind, Vec<Mistake>> {
    let document = Document::read(&file.name, &file.bytes)?;
    let keys = document.value().as_object();
    let found = keys
        .into_iter()
        .flat_map(serde_json::Map::keys)
        .find_map(|key| match key.as_str() {
            "suite" => Some(Kind::Suite),
            "target" => Some(Kind::Target),
            "contract" if keys.is_some_and(|all| !all.contains_key("target")) => {
                Some(Kind::Contract)
            }
            _ => None,
        });
    found.ok_or_else(|| {
        vec![
            document
                .mistake_at_key("", "this is no suite, contract or target file")
                .help("it begins with `suite: NAME`, `contract: NAME` or `target: NAME`"),
        ]
    })
}

/// Whether a file that does not parse says in a line of its own that it is a suite or a contract.
fn is_openly_none(bytes: &[u8]) -> bool {
    let has = |key: &[u8]| {
        bytes
            .split(|octet| *octet == b'\n')
            .any(|line| line.starts_with(key))
    };
    !has(b"target:") && (has(b"suite:") || has(b"contract:"))
}

fn keep<T>(
    read: Result<Read<T>, Vec<Mistake>>,
    into: &mut Vec<Read<T>>,
    mistakes: &mut Vec<Mistake>,
) {
    match read {
        Ok(read) => into.push(read),
        Err(more) => mistakes.extend(more),
    }
}

fn twice<T>(all: &[Read<T>], kind: &str, name: impl Fn(&T) -> String, mistakes: &mut Vec<Mistake>) {
    for (at, read) in all.iter().enumerate() {
        let own = name(&read.value);
        if let Some(other) = all[..at].iter().find(|other| name(&other.value) == own) {
            let pointer = format!("/{kind}");
            mistakes.push(
                read.document
                    .mistake_at(&pointer, format!("two files are the {kind} `{own}`"))
                    .also(&other.document, &pointer, "the other one"),
            );
        }
    }
}

fn misfits(file: &Linted, library: &Library) -> Vec<Mistake> {
    let environment = |name: &str| {
        std::env::var(name)
            .ok()
            .filter(|value| !value.is_empty())
            .or_else(|| Some(UNSET.to_owned()))
    };
    let folder: &Path = &file.folder;
    match target_file::load(&file.name, &file.bytes, folder, library, &environment) {
        Ok(_) => Vec::new(),
        Err(mistakes) => mistakes,
    }
}
