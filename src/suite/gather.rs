//! Files → [`Library`]: built-in suites and contracts, with those of a folder in their place or beside them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use indexmap::IndexMap;

use super::builtin::{CONTRACTS, FORGERIES, SUITES};
use super::coherence::{self, Placed};
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
    /// The texts with references in each check of a suite.
    pub templates: Vec<Vec<Placed>>,
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
    let (own_suites, own_contracts) = match folder {
        Some(folder) => {
            let below = folder.join("contracts");
            let contracts = below.is_dir().then(|| yaml_files(&below)).transpose()?;
            (yaml_files(folder)?, contracts.unwrap_or_default())
        }
        None => Default::default(),
    };
    let mut mistakes = Vec::new();
    let suites = read_each(SUITES, &own_suites, &mut mistakes);
    let contracts = read_each(CONTRACTS, &own_contracts, &mut mistakes);
    let suites = in_place(suites, |suite: &Suite| suite.suite.clone());
    let contracts = in_place(contracts, |contract: &Contract| contract.contract.clone());
    let forgeries: Vec<Read<Vec<Entry>>> = read_each(FORGERIES, &[], &mut mistakes);
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
    become_a_type(document, decode_strict)
}

fn become_a_type<T>(
    mut document: Document,
    decode: fn(&mut Document) -> Result<T, Vec<Mistake>>,
) -> Result<Read<T>, Vec<Mistake>> {
    let templates = coherence::templates(document.value());
    let value = decode(&mut document)?;
    Ok(Read {
        document,
        value,
        templates,
    })
}

/// Reads built-in files and those of a folder on all cores; what comes of them is in their order.
fn read_each<T>(
    built_in: &[(&str, &str)],
    own: &[(String, Vec<u8>)],
    mistakes: &mut Vec<Mistake>,
) -> Vec<Read<T>>
where
    T: serde::de::DeserializeOwned + schemars::JsonSchema + Send,
{
    let built_in = built_in.iter().map(|(name, text)| (*name, text.as_bytes()));
    let own = own.iter().map(|(name, bytes)| (&**name, &**bytes));
    let files: Vec<(&str, &[u8])> = built_in.chain(own).collect();
    let done = on_all_cores(&files, |(name, bytes)| read_one(name, bytes));
    let mut read = Vec::with_capacity(done.len());
    for one in done {
        match one {
            Ok(one) => read.push(one),
            Err(more) => mistakes.extend(more),
        }
    }
    read
}

/// Those that come later take the place of earlier ones of their name.
pub(super) fn in_place<T>(
    all: impl IntoIterator<Item = Read<T>>,
    name: impl Fn(&T) -> String,
) -> Vec<Read<T>> {
    let named = all.into_iter().map(|read| (name(&read.value), read));
    named.collect::<IndexMap<_, _>>().into_values().collect()
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
    become_a_type(document, decode)
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
