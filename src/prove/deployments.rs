//! Starts a deployment for each flaw and fires the checks at it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::matrix::{Cell, Matrix, Row};
use super::reach::Reach;
use crate::journal::{Journal, RunRecord};
use crate::judge::Verdict;
use crate::reference::{Contract, Deployment, Settings as Place};
use crate::report::{CheckView, View};
use crate::run::{Settings, Silent, run};
use crate::suite::target_file::load;
use crate::suite::{Library, Wanted, expand};

/// Deployments that are under fire at the same time. Most of their time is waiting.
pub(super) const AT_ONCE: usize = 6;
const JOBS: usize = 8;

/// Is told how the matrix grows.
pub trait Beholder: Send + Sync {
    fn done(&self, contract: &str, flaw: Option<&str>);
}

/// The matrix of one contract, for the flaws that `wanted_flaw` picks and the checks of `wanted`. Unless `exhaustive`,
/// a check is fired only at the flaws that it can meet ([`Reach`]); its other cells are those of the correct deployment.
pub async fn fire(
    contract: Contract,
    library: &Arc<Library>,
    wanted: &Wanted,
    wanted_flaw: impl Fn(&str) -> bool,
    exhaustive: bool,
    beholder: Arc<dyn Beholder>,
) -> Result<Matrix, String> {
    let correct = fire_at(contract, None, library, wanted).await?.row;
    beholder.done(contract.name(), None);
    let reach = match exhaustive {
        true => None,
        false => Some(Reach::of(contract, library, &correct).await?),
    };
    let flaws: Vec<&'static str> = contract
        .catalogue()
        .flaws()
        .iter()
        .map(|flaw| flaw.id)
        .filter(|id| wanted_flaw(id))
        .collect();
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for (at, flaw) in flaws.iter().copied().enumerate() {
        let Ok(permit) = permits.clone().acquire_owned().await else {
            break;
        };
        let (library, beholder) = (library.clone(), beholder.clone());
        let wanted = match &reach {
            None => Some(wanted.clone()),
            Some(reach) => Some(reach.checks(flaw))
                .filter(|checks| !checks.is_empty())
                .map(|checks| Wanted {
                    checks,
                    suites: Vec::new(),
                }),
        };
        tasks.spawn(async move {
            let row = match &wanted {
                None => Ok(Row::default()),
                Some(wanted) => fire_at(contract, Some(flaw), &library, wanted)
                    .await
                    .map(|fired| fired.row),
            };
            beholder.done(contract.name(), Some(flaw));
            drop(permit);
            (at, row)
        });
    }
    let mut rows: Vec<Row> = flaws.iter().map(|_| Row::default()).collect();
    while let Some(joined) = tasks.join_next().await {
        match joined {
            Ok((at, row)) => rows[at] = row?,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    let fired = rows.iter().map(|row| row.cells.len()).sum();
    for row in &mut rows {
        for (id, cell) in &correct.cells {
            row.cells.entry(id.clone()).or_insert_with(|| cell.clone());
        }
    }
    Ok(Matrix {
        contract: contract.name().to_owned(),
        correct,
        fired,
        flawed: flaws
            .iter()
            .map(|flaw| (*flaw).to_owned())
            .zip(rows)
            .collect(),
    })
}

/// What came of firing at one deployment.
pub(super) struct Fired {
    pub(super) row: Row,
    /// The flaws that the deployment was asked for, on or off.
    pub(super) asked: BTreeSet<String>,
}

pub(super) async fn fire_at(
    contract: Contract,
    flaw: Option<&str>,
    library: &Library,
    wanted: &Wanted,
) -> Result<Fired, String> {
    let chosen: Vec<&str> = flaw.into_iter().collect();
    let flaws = contract
        .catalogue()
        .select(&chosen)
        .map_err(|error| error.to_string())?;
    let deployment = Deployment::start(contract, flaws.clone(), Place::default())
        .map_err(|error| error.to_string())?;
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
    Ok(Fired {
        row: Row { cells },
        asked: flaws.asked(),
    })
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
