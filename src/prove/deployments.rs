//! Starts a deployment for each flaw and fires the checks at it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};

use super::matrix::{Cell, Matrix, Row};
use super::reach::Reach;
use crate::journal::Journal;
use crate::judge::Verdict;
use crate::reference::{Contract, Deployment, Settings as Place};
use crate::report::{CheckView, Standing, View};
use crate::run::{Settings, Silent, Stop, run};
use crate::suite::target_file::load;
use crate::suite::{Library, Plan, Wanted, expand};

/// Deployments that are under fire at the same time, of all contracts together. Most of their time is waiting.
const AT_ONCE: usize = 16;
const JOBS: usize = 8;

/// Is told how the matrix grows.
pub trait Beholder: Send + Sync {
    fn done(&self, contract: &str, flaw: Option<&str>);
}

/// One contract, and what to fire at its deployments.
#[derive(Clone, Debug)]
pub struct Target {
    pub contract: Contract,
    /// Ids of the contract's flaws.
    pub flaws: Vec<&'static str>,
}

/// The matrices of these contracts, in their order, for the checks of `wanted`. Unless `exhaustive`, a check is fired
/// only at the flaws that it can meet ([`Reach`]), and at those that it does not name with some of its cases; its other
/// cells are those of the correct deployment.
pub async fn fire(
    targets: &[Target],
    library: &Arc<Library>,
    wanted: &Wanted,
    exhaustive: bool,
    beholder: Arc<dyn Beholder>,
) -> Result<Vec<Matrix>, String> {
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for (at, target) in targets.iter().cloned().enumerate() {
        let (library, wanted) = (library.clone(), wanted.clone());
        let (beholder, permits) = (beholder.clone(), permits.clone());
        tasks.spawn(async move {
            let matrix = matrix(target, &library, &wanted, exhaustive, beholder, permits).await;
            (at, matrix)
        });
    }
    let mut matrices: Vec<Option<Matrix>> = targets.iter().map(|_| None).collect();
    while let Some(joined) = tasks.join_next().await {
        let (at, matrix) = unpanicked(joined);
        matrices[at] = Some(matrix?);
    }
    let mut matrices: Vec<Matrix> = matrices.into_iter().flatten().collect();
    for (target, matrix) in targets.iter().zip(&mut matrices) {
        undecided_again(target.contract, matrix, library).await?;
    }
    Ok(matrices)
}

/// Fires once more, one after the other and with nothing beside it, where a check could not decide on the deployment
/// without flaws or on one with a flaw that it names: what goes by the clock is not always told while many deployments
/// share the processors.
async fn undecided_again(
    contract: Contract,
    matrix: &mut Matrix,
    library: &Library,
) -> Result<(), String> {
    let flawed = matrix.flawed.iter_mut();
    let flawed = flawed.map(|(flaw, row)| (Some(flaw.as_str()), row));
    for (flaw, row) in std::iter::once((None, &mut matrix.correct)).chain(flawed) {
        let names = |id: &str| {
            let check = library.check(id).map(|(_, check)| check);
            flaw.is_none_or(|flaw| check.is_some_and(|check| check.proves(contract.name(), flaw)))
        };
        let undecided = row
            .cells
            .iter()
            .filter(|(id, cell)| cell.standing == Standing::Inconclusive && names(id));
        let checks: Vec<String> = undecided.map(|(id, _)| id.clone()).collect();
        if checks.is_empty() {
            continue;
        }
        let wanted = Wanted {
            checks,
            suites: Vec::new(),
        };
        let fired = fire_at(contract, flaw, library, &wanted, Cases::All).await?;
        row.cells.extend(fired.row.cells);
    }
    Ok(())
}

async fn matrix(
    target: Target,
    library: &Arc<Library>,
    wanted: &Wanted,
    exhaustive: bool,
    beholder: Arc<dyn Beholder>,
    permits: Arc<Semaphore>,
) -> Result<Matrix, String> {
    let Target { contract, flaws } = target;
    let correct = fire_at(contract, None, library, wanted, Cases::All)
        .await?
        .row;
    beholder.done(contract.name(), None);
    let reach = match exhaustive {
        true => None,
        false => Some(Reach::of(contract, library, &correct, &permits).await?),
    };
    let cases = match exhaustive {
        true => Cases::All,
        false => Cases::Some,
    };
    let mut rows: Vec<Row> = flaws.iter().map(|_| Row::default()).collect();
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
                Some(wanted) => fire_at(contract, Some(flaw), &library, wanted, cases)
                    .await
                    .map(|fired| fired.row),
            };
            beholder.done(contract.name(), Some(flaw));
            drop(permit);
            (at, row)
        });
        // A task that is over takes its room until somebody asks for it.
        while let Some(joined) = tasks.try_join_next() {
            let (at, row) = unpanicked(joined);
            rows[at] = row?;
        }
    }
    while let Some(joined) = tasks.join_next().await {
        let (at, row) = unpanicked(joined);
        rows[at] = row?;
    }
    Ok(Matrix {
        contract: contract.name().to_owned(),
        correct,
        flawed: flaws
            .iter()
            .map(|flaw| (*flaw).to_owned())
            .zip(rows)
            .collect(),
    })
}

/// What a task came to; nobody cancels any.
pub(super) fn unpanicked<T>(joined: Result<T, JoinError>) -> T {
    joined.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// How many cases of a check are fired at a flaw that it does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cases {
    All,
    /// [`SAMPLE`] at most.
    Some,
}

/// Cases of a check that is to be left alone by a flaw. A matrix asks the same of many operations, principals and
/// forgeries; whether another subject disturbs it shows in some of them.
const SAMPLE: usize = 3;

/// Leaves of every check that does not name the flaw some cases, evenly taken.
fn thin(plan: &mut Plan, flaw: &str) {
    let mut open: BTreeMap<String, usize> = BTreeMap::new();
    for case in plan.cases.iter().filter(|case| case.skip.is_none()) {
        *open.entry(case.check.clone()).or_default() += 1;
    }
    let contract = plan.target.contract.clone();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let checks = &plan.checks;
    plan.cases.retain(|case| {
        let is_named = checks
            .get(&case.check)
            .is_some_and(|planned| planned.check.proves(&contract, flaw));
        let many = open.get(&case.check).copied().unwrap_or(0);
        if is_named || many <= SAMPLE || case.skip.is_some() {
            return true;
        }
        let at = seen.entry(case.check.clone()).or_default();
        *at += 1;
        // The one that fills up the next part.
        *at * SAMPLE / many > (*at - 1) * SAMPLE / many
    });
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
    cases: Cases,
) -> Result<Fired, String> {
    let chosen: Vec<&str> = flaw.into_iter().collect();
    let flaws = contract
        .catalogue()
        .select(&chosen)
        .map_err(|error| error.to_string())?;
    let deployment = Deployment::start(
        contract,
        flaws.clone(),
        Place::with_limits(contract.short_limits()),
    )
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
    let mut plan = expand(library, loaded.target, &name, wanted);
    if let (Some(flaw), Cases::Some) = (flaw, cases) {
        thin(&mut plan, flaw);
    }
    let plan = Arc::new(plan);
    let journal = Arc::new(Journal::in_memory());
    let settings = Settings {
        jobs: JOBS,
        roots: loaded.roots,
        stop: Stop::default(),
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
    let run = journal.finish().map_err(|error| error.to_string())?;
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
