//! What `--target` names: a file, or a reference deployment that we start ourselves.

use std::io::Read;
use std::path::Path;

use super::output::Fault;
use crate::reference::{Contract, Deployment, FlawSet, Limit, Settings};
use crate::suite::target_file::{Loaded, load};
use crate::suite::{Library, SELECTION, pattern_matches};

/// A target ready to be tested, and the deployment behind it where it is ours.
pub struct Source {
    pub loaded: Loaded,
    /// Kept while the target is tested; it ends when this is dropped.
    _deployment: Option<Deployment>,
}

/// Word that stands for the reference deployments in `--target`.
const REFERENCE: &str = "reference";

/// The targets that the flags ask for: one file, one reference deployment, or all of them. A deployment that is asked for by
/// name has the limits that its contract names; where all are, theirs are small, as in `prove`, so that nobody waits for
/// windows of minutes.
pub fn open(
    target: Option<&str>,
    flaws: &[String],
    library: &Library,
) -> Result<Vec<Source>, Fault> {
    match target {
        None | Some(REFERENCE) => Contract::ALL
            .iter()
            .map(|contract| start(*contract, flaws, contract.short_limits(), library))
            .collect(),
        Some(name) => match name.strip_prefix("reference:") {
            Some(name) => {
                let contract = contract(name)?;
                Ok(vec![start(contract, flaws, contract.limits(), library)?])
            }
            None if !flaws.is_empty() => Err(Fault::Usage(
                "`--flaw` is for reference deployments; add `--target reference:CONTRACT`"
                    .to_owned(),
            )),
            None => Ok(vec![Source {
                loaded: file(name, library)?,
                _deployment: None,
            }]),
        },
    }
}

pub fn contract(name: &str) -> Result<Contract, Fault> {
    Contract::named(name).ok_or_else(|| {
        let all: Vec<&str> = Contract::ALL
            .iter()
            .map(|contract| contract.name())
            .collect();
        Fault::Usage(format!(
            "there is no reference deployment `{name}`; there are {}",
            all.join(", ")
        ))
    })
}

/// Starts a reference deployment with the flaws that it knows; a flaw that no deployment knows is a mistake.
fn start(
    contract: Contract,
    flaws: &[String],
    limits: Vec<Limit>,
    library: &Library,
) -> Result<Source, Fault> {
    let mine: Vec<&String> = flaws
        .iter()
        .filter(|flaw| contract.catalogue().find(flaw).is_some())
        .collect();
    if let Some(unknown) = flaws.iter().find(|flaw| {
        !Contract::ALL
            .iter()
            .any(|contract| contract.catalogue().find(flaw).is_some())
    }) {
        let error = contract
            .catalogue()
            .select([unknown.as_str()])
            .map(drop)
            .map_err(|error| error.to_string());
        return Err(Fault::Usage(
            error
                .err()
                .unwrap_or_else(|| format!("there is no flaw `{unknown}`")),
        ));
    }
    let flaws = contract
        .catalogue()
        .select(&mine)
        .map_err(|error| Fault::Usage(error.to_string()))?;
    let (loaded, deployment) = deploy(contract, flaws, library, Settings::with_limits(limits))?;
    Ok(Source {
        loaded,
        _deployment: Some(deployment),
    })
}

/// Starts a deployment and loads the target file that it writes for itself.
pub fn deploy(
    contract: Contract,
    flaws: FlawSet,
    library: &Library,
    settings: Settings,
) -> Result<(Loaded, Deployment), Fault> {
    let deployment = Deployment::start(contract, flaws, settings).map_err(|error| {
        Fault::World(format!("the reference deployment does not start: {error}"))
    })?;
    let text = deployment.target_file();
    let loaded = load(
        &format!("target file of reference:{}", contract.name()),
        text.as_bytes(),
        Path::new("."),
        library,
        &|_| None,
    )
    .map_err(Fault::Mistakes)?;
    Ok((loaded, deployment))
}

fn file(name: &str, library: &Library) -> Result<Loaded, Fault> {
    let environment = |name: &str| std::env::var(name).ok();
    if name == "-" {
        let mut bytes = Vec::new();
        std::io::stdin()
            .take(crate::suite::load::MAX_FILE_BYTES as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| Fault::Usage(format!("standard input: {error}")))?;
        return load("<stdin>", &bytes, Path::new("."), library, &environment)
            .map_err(Fault::Mistakes);
    }
    let path = Path::new(name);
    let bytes = std::fs::read(path).map_err(|error| Fault::file(path.to_owned(), error))?;
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    load(name, &bytes, folder, library, &environment).map_err(Fault::Mistakes)
}

/// Patterns that match nothing, and selections that are not there, are mistakes: a run of nothing would conform to
/// everything.
pub fn known_checks(library: &Library, patterns: &[String]) -> Result<(), Fault> {
    known_selections(library, patterns)?;
    let is_known = |pattern: &String| {
        let mut all = library.checks();
        all.any(|(_, check)| pattern_matches(pattern, &check.id))
    };
    match library.asked(patterns).iter().find(|one| !is_known(one)) {
        None => Ok(()),
        Some(pattern) => Err(Fault::Usage(format!(
            "no check matches `{pattern}`; `proofmark list` shows all"
        ))),
    }
}

/// The selections alone.
pub fn known_selections(library: &Library, patterns: &[String]) -> Result<(), Fault> {
    let asked = library.asked(patterns);
    let Some(unknown) = asked.iter().find(|one| one.starts_with(SELECTION)) else {
        return Ok(());
    };
    let all: Vec<String> = library
        .selections()
        .map(|(name, _)| format!("{SELECTION}{name}"))
        .collect();
    Err(Fault::Usage(match all.is_empty() {
        true => format!("there is no selection `{unknown}`, nor any other"),
        false => format!(
            "there is no selection `{unknown}`; there are {}",
            all.join(", ")
        ),
    }))
}
