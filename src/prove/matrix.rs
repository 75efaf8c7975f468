//! What each check said to each flaw, against what `proved_by` says it should. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::report::Standing;
use crate::suite::Library;

/// One contract's deployment under each of its flaws.
#[derive(Debug, Clone, Serialize)]
pub struct Matrix {
    pub contract: String,
    /// Without a flaw.
    pub correct: Row,
    /// By flaw, in the order of the catalogue: the checks that were fired at it. The others never come by the flaw, so
    /// they say what they say in `correct`.
    pub flawed: Vec<(String, Row)>,
}

impl Matrix {
    /// What every check says under a flaw, fired or not.
    pub fn cells<'m>(&'m self, row: &'m Row) -> impl Iterator<Item = (&'m String, &'m Cell)> {
        let correct = self.correct.cells.iter();
        correct.map(|(id, cell)| (id, row.cells.get(id).unwrap_or(cell)))
    }

    /// How many cells were fired.
    pub fn fired(&self) -> usize {
        self.flawed.iter().map(|(_, row)| row.cells.len()).sum()
    }
}

/// What every check said to one deployment.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Row {
    /// By check id.
    pub cells: BTreeMap<String, Cell>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cell {
    pub standing: Standing,
    /// The worst case and what it says.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub says: String,
}

/// Something that is not as the suites say it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "surprise", rename_all = "kebab-case")]
pub enum Surprise {
    /// A check fails on a correct deployment.
    FalseAlarm {
        contract: String,
        check: String,
        says: String,
    },
    /// A check cannot decide on a correct deployment.
    Undecided {
        contract: String,
        check: String,
        says: String,
    },
    /// No check fails under a flaw.
    Uncaught { contract: String, flaw: String },
    /// A check that names a flaw does not fail under it.
    Missed {
        contract: String,
        flaw: String,
        check: String,
        says: String,
    },
    /// A check fails under a flaw that it does not name.
    CrossTalk {
        contract: String,
        flaw: String,
        check: String,
        says: String,
    },
    /// No flaw of any deployment makes a check fail.
    Unproved { check: String },
    /// A check names a flaw that no deployment has.
    UnknownFlaw { check: String, flaw: String },
}

impl Surprise {
    /// One line for the reader.
    pub fn sentence(&self) -> String {
        match self {
            Surprise::FalseAlarm {
                contract,
                check,
                says,
            } => format!("{contract}: {check} fails without any flaw: {says}"),
            Surprise::Undecided {
                contract,
                check,
                says,
            } => {
                format!("{contract}: {check} is inconclusive without any flaw: {says}")
            }
            Surprise::Uncaught { contract, flaw } => {
                format!("{contract}: no check fails with {flaw}")
            }
            Surprise::Missed {
                contract,
                flaw,
                check,
                says,
            } => {
                format!("{contract}: {check} names {flaw} and does not fail with it: {says}")
            }
            Surprise::CrossTalk {
                contract,
                flaw,
                check,
                says,
            } => {
                format!("{contract}: {check} fails with {flaw}, which it does not name: {says}")
            }
            Surprise::Unproved { check } => format!("{check}: no flaw makes it fail"),
            Surprise::UnknownFlaw { check, flaw } => {
                format!("{check} names {flaw}, and no deployment has such a flaw")
            }
        }
    }
}

/// Every surprise in the matrices. `flaws` are all that `proved_by` may name: the ids of the flaws of all deployments, alone and behind their contract; `whole` says that every check
/// was fired at every deployment, so that what did not happen did not happen anywhere.
pub fn compare(
    matrices: &[Matrix],
    library: &Library,
    flaws: &BTreeSet<String>,
    whole: bool,
) -> Vec<Surprise> {
    let mut surprises = Vec::new();
    let mut proved: BTreeSet<&str> = BTreeSet::new();
    for matrix in matrices {
        let contract = || matrix.contract.clone();
        for (check, cell) in &matrix.correct.cells {
            let (check, says) = (check.clone(), cell.says.clone());
            match cell.standing {
                Standing::Fail => surprises.push(Surprise::FalseAlarm {
                    contract: contract(),
                    check,
                    says,
                }),
                Standing::Inconclusive => surprises.push(Surprise::Undecided {
                    contract: contract(),
                    check,
                    says,
                }),
                Standing::Pass | Standing::Skipped => {}
            }
        }
        for (flaw, row) in &matrix.flawed {
            let mut caught = false;
            for (id, cell) in matrix.cells(row) {
                let Some((_, check)) = library.check(id) else {
                    continue;
                };
                let named = check.proves(&matrix.contract, flaw);
                let failed = cell.standing == Standing::Fail;
                caught |= failed;
                let says = || cell.says.clone();
                match (named, failed) {
                    (true, true) => drop(proved.insert(&check.id)),
                    (false, true) => surprises.push(Surprise::CrossTalk {
                        contract: contract(),
                        flaw: flaw.clone(),
                        check: id.clone(),
                        says: says(),
                    }),
                    (true, false) if cell.standing != Standing::Skipped => {
                        surprises.push(Surprise::Missed {
                            contract: contract(),
                            flaw: flaw.clone(),
                            check: id.clone(),
                            says: says(),
                        })
                    }
                    _ => {}
                }
            }
            if !caught && whole {
                surprises.push(Surprise::Uncaught {
                    contract: contract(),
                    flaw: flaw.clone(),
                });
            }
        }
    }
    for (_, check) in library.checks() {
        for proof in &check.proved_by {
            if !flaws.contains(&proof.to_string()) {
                surprises.push(Surprise::UnknownFlaw {
                    check: check.id.clone(),
                    flaw: proof.to_string(),
                });
            }
        }
        if whole && !proved.contains(check.id.as_str()) {
            surprises.push(Surprise::Unproved {
                check: check.id.clone(),
            });
        }
    }
    surprises
}
