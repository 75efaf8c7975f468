//! Files → [`Library`]: built-in suites and contracts, with those of a folder in their place or beside them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use indexmap::IndexMap;

use super::builtin::{CONTRACTS, FORGERIES, SUITES};
use super::coherence;
use super::library::Library;
use super::load::{Document, Mistake, decode, decode_strict};
use super::model::{Contract, Suite};
use crate::jose::forgery::Entry;

/// What cannot be loaded.
#[derive(Debug)]
pub enum Unloadable {
    /// Mistakes in files, all of them.
    Mistakes(Vec<Mistake>),
    /// A file or folder that cannot be read.
    Unreadable {
        path: PathBuf,
        error: std::io::Error,
    },
}

/// One file, with its document for mistakes that show later.
pub struct Read<T> {
    pub document: Document,
    pub value: T,
}

/// The catalogue of forgeries, by the id of the entry.
pub type Forgeries = IndexMap<String, Entry>;

/// Suites and contracts, each with its document, and the catalogue.
pub type Reads = (Vec<Read<Suite>>, Vec<Read<Contract>>, Forgeries);

/// Loads the library; `folder` holds suites (`*.yaml`) and contracts (`contracts/*.yaml`), which stand in for built-in
/// ones of the same name.
pub fn library(folder: Option<&Path>) -> Result<Library, Unloadable> {
    let (suites, contracts, forgeries) = read_all(folder)?;
    let mistakes = coherence::mistakes(&suites, &contracts);
    if !mistakes.is_empty() {
        return Err(Unloadable::Mistakes(mistakes));
    }
    Ok(assemble(suites, contracts, forgeries))
}

/// The same, not yet looked at together.
pub fn read_all(folder: Option<&Path>) -> Result<Reads, Unloadable> {
    let mut mistakes = Vec::new();
    let mut suites = read_each(SUITES, &mut mistakes);
    let mut contracts = read_each(CONTRACTS, &mut mistakes);
    let forgeries: Vec<Read<Vec<Entry>>> = read_each(FORGERIES, &mut mistakes);
    if let Some(folder) = folder {
        let own = read_each(&yaml_files(folder)?, &mut mistakes);
        replace(&mut suites, own, |suite: &Suite| suite.suite.clone());
        let below = folder.join("contracts");
        if below.is_dir() {
            let own = read_each(&yaml_files(&below)?, &mut mistakes);
            replace(&mut contracts, own, |contract: &Contract| {
                contract.contract.clone()
            });
        }
    }
    let forgeries = forgeries
        .into_iter()
        .flat_map(|read| read.value)
        .map(|entry| (entry.id.clone(), entry))
        .collect();
    if mistakes.is_empty() {
        Ok((suites, contracts, forgeries))
    } else {
        Err(Unloadable::Mistakes(mistakes))
    }
}

pub(super) fn assemble(
    suites: Vec<Read<Suite>>,
    contracts: Vec<Read<Contract>>,
    forgeries: Forgeries,
) -> Library {
    let suites = suites
        .into_iter()
        .map(|read| (read.value.suite.clone(), read.value));
    let contracts = contracts
        .into_iter()
        .map(|read| (read.value.contract.clone(), read.value));
    Library::new(suites.collect(), contracts.collect(), forgeries)
}

/// Reads one file and checks it as far as it goes by itself; schema included.
pub fn read_strict<T>(name: &str, bytes: &[u8]) -> Result<Read<T>, Vec<Mistake>>
where
    T: serde::de::DeserializeOwned + schemars::JsonSchema,
{
    let document = Document::read(name, bytes)?;
    let value = decode_strict(&document)?;
    Ok(Read { document, value })
}

/// Reads files on all cores; what comes of them is in their order.
fn read_each<T, N, B>(files: &[(N, B)], mistakes: &mut Vec<Mistake>) -> Vec<Read<T>>
where
    T: serde::de::DeserializeOwned + schemars::JsonSchema + Send,
    N: AsRef<str> + Sync,
    B: AsRef<[u8]> + Sync,
{
    let done = on_all_cores(files, |(name, bytes)| {
        read_one(name.as_ref(), bytes.as_ref())
    });
    let mut read = Vec::with_capacity(done.len());
    for one in done {
        match one {
            Ok(one) => read.push(one),
            Err(more) => mistakes.extend(more),
        }
    }
    read
}

/// What comes of each item, in their order.
pub(super) fn on_all_cores<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else {
                return done;
            };
            done.push((at, work(item)));
        }
    };
    let workers =
        std::thread::available_parallelism().map_or(1, |cores| cores.get().min(items.len()));
    let mut done = std::thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            match other.join() {
                Ok(more) => done.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, one)| one).collect()
}

fn read_one<T>(name: &str, bytes: &[u8]) -> Result<Read<T>, Vec<Mistake>>
where
    T: serde::de::DeserializeOwned + schemars::JsonSchema,
{
    let document = Document::read(name, bytes)?;
    let value = decode(&document)?;
    Ok(Read { document, value })
}

pub(super) fn replace<T>(all: &mut Vec<Read<T>>, own: Vec<Read<T>>, name: impl Fn(&T) -> String) {
    for read in own {
        let own_name = name(&read.value);
        match all.iter_mut().find(|known| name(&known.value) == own_name) {
            Some(known) => *known = read,
            None => all.push(read),
        }
    }
}

fn yaml_files(folder: &Path) -> Result<Vec<(String, Vec<u8>)>, Unloadable> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        |error| Unloadable::Unreadable { path, error }
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml")
        {
            paths.push(path);
        }
    }
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let bytes = std::fs::read(&path).map_err(unreadable(&path))?;
            Ok((path.display().to_string(), bytes))
        })
        .collect()
}
