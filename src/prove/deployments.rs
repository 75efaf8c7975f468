//! Starts a deployment for each flaw and fires the checks at it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::matrix::{Cell, Matrix, Row};
use crate::journal::{Journal, RunRecord};
use crate::judge::Verdict;
use crate::reference::{Contract, Deployment, Settings as Place};
use crate::report::{CheckView, View};
use crate::run::{Settings, Silent, run};
use crate::suite::target_file::load;
use crate::suite::{Library, Wanted, expand};

/// Deployments that are under fire at the same time. Most of their time is waiting.
const AT_ONCE: usize = 6;
const JOBS: usize = 8;

/// Is told how the matrix grows.
pub trait Beholder: Send + Sync {
    fn done(&self, contract: &str, flaw: Option<&str>);
}

/// The matrix of one contract, for the flaws that `wanted_flaw` picks and the checks of `wanted`.
pub async fn fire(
    contract: Contract,
    library: &Arc<Library>,
    wanted: &Wanted,
    wanted_flaw: impl Fn(&str) -> bool,
    beholder: Arc<dyn Beholder>,
) -> Result<Matrix, String> {
    let flaws: Vec<Option<&'static str>> = std::iter::once(None)
        .chain(
            contract
                .catalogue()
                .flaws()
                .iter()
                .map(|flaw| flaw.id)
                .filter(|id| wanted_flaw(id))
                .map(Some),
        )
        .collect();
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for (at, flaw) in flaws.iter().copied().enumerate() {
        let Ok(permit) = permits.clone().acquire_owned().await else {
            break;
        };
        let (library, wanted, beholder) = (library.clone(), wanted.clone(), beholder.clone());
        tasks.spawn(async move {
            let row = row(contract, flaw, &library, &wanted).await;
            beholder.done(contract.name(), flaw);
            drop(permit);
            (at, row)
        });
    }
    let mut rows: Vec<Option<Row>> = flaws.iter().map(|_| None).collect();
    while let Some(joined) = tasks.join_next().await {
        match joined {
            Ok((at, row)) => rows[at] = Some(row?),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    let mut rows = rows.into_iter().map(Option::unwrap_or_default);
    Ok(Matrix {
        contract: contract.name().to_owned(),
        correct: rows.next().unwrap_or_default(),
        flawed: flaws
            .iter()
            .skip(1)
            .flatten()
            .map(|flaw| (*flaw).to_owned())
            .zip(rows)
            .collect(),
    })
}

async fn row(
    contract: Contract,
    flaw: Option<&str>,
    library: &Library,
    wanted: &Wanted,
) -> Result<Row, String> {
    let chosen: Vec<&str> = flaw.into_iter().collect();
    let flaws = contract
        .catalogue()
        .select(&chosen)
        .map_err(|error| error.to_string())?;
    let deployment =
        Deployment::start(contract, flaws, Place::default()).map_err(|error| error.to_string())?;
    let text = deployment.target_file();
    let loaded = load(
        "target file",
        text.as_bytes(),
        Path::new("."),
        library,
        &|_| None,
    )
    .map_err(|mistakes| crate::suite::load::render(&mistakes, false))?;
    let name = loaded.target.contract.clone();
    let plan = Arc::new(expand(library, loaded.target, &name, wanted));
    let journal = Arc::new(Journal::in_memory());
    let settings = Settings {
        jobs: JOBS,
        roots: loaded.roots,
        stop: Arc::new(AtomicBool::new(false)),
    };
    run(
        &plan,
        loaded.secrets,
        &settings,
        journal.clone(),
        Arc::new(Silent),
    )
    .await
    .map_err(|error| error.to_string())?;
    let run = RunRecord::from_records(journal.take_records()).map_err(|error| error.to_string())?;
    let cells = View::of(&run)
        .checks
        .iter()
        .map(|check| (check.id.to_owned(), cell(check)))
        .collect();
    Ok(Row { cells })
}

fn cell(check: &CheckView<'_>) -> Cell {
    let standing = check.standing();
    let says = check
        .cases
        .iter()
        .find(|case| case.standing() == standing)
        .map(|case| {
            let says = match &case.verdict {
                Verdict::Fail { findings, .. } => {
                    let worst = findings.worst();
                    format!("expected {}; {}", worst.expected, worst.observed)
                }
                Verdict::Inconclusive { says, .. } | Verdict::Skipped { says, .. } => says.clone(),
                Verdict::Pass { .. } => return String::new(),
            };
            format!("{}: {says}", case.case.id)
        })
        .unwrap_or_default();
    Cell { standing, says }
}
