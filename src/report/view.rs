//! A run, arranged for reports: checks in the order of the plan, each with its cases.

use schemars::JsonSchema;
use serde::Serialize;

use crate::journal::{Doubt, RunRecord};
use crate::judge::Verdict;
use crate::suite::model::Level;
use crate::suite::plan::{Case, PlannedCheck};

/// Everything that a report shows.
pub struct View<'a> {
    pub run: &'a RunRecord,
    pub checks: Vec<CheckView<'a>>,
}

/// One check with all of its cases.
pub struct CheckView<'a> {
    pub id: &'a str,
    pub planned: &'a PlannedCheck,
    pub cases: Vec<CaseView<'a>>,
}

/// One case and its verdict.
pub struct CaseView<'a> {
    pub case: &'a Case,
    pub verdict: Verdict,
}

/// A verdict without its particulars. Ordered by how much it wants attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    Skipped,
    Pass,
    Inconclusive,
    Fail,
}

impl Standing {
    pub fn word(self) -> &'static str {
        match self {
            Standing::Skipped => "skipped",
            Standing::Pass => "pass",
            Standing::Inconclusive => "inconclusive",
            Standing::Fail => "fail",
        }
    }
}

/// How many there are of each; they add up to `total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct Counts {
    pub total: usize,
    pub pass: usize,
    pub fail: usize,
    pub inconclusive: usize,
    pub skipped: usize,
}

impl Counts {
    fn add(&mut self, standing: Standing) {
        self.total += 1;
        match standing {
            Standing::Pass => self.pass += 1,
            Standing::Fail => self.fail += 1,
            Standing::Inconclusive => self.inconclusive += 1,
            Standing::Skipped => self.skipped += 1,
        }
    }
}

/// What a run says about its target, at and above a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Conformity {
    Conforms,
    Fails,
    /// Nothing failed, and something that had to be judged could not be.
    Undecided,
}

impl<'a> View<'a> {
    pub fn of(run: &'a RunRecord) -> Self {
        let mut checks: Vec<CheckView<'a>> = Vec::new();
        for case in &run.head.plan.cases {
            let Some((id, planned)) = run.head.plan.checks.get_key_value(&case.check) else {
                continue;
            };
            let view = CaseView {
                case,
                verdict: verdict_of(run, case),
            };
            match checks.last_mut() {
                Some(last) if last.id == id => last.cases.push(view),
                _ => checks.push(CheckView {
                    id,
                    planned,
                    cases: vec![view],
                }),
            }
        }
        Self { run, checks }
    }

    pub fn check_counts(&self) -> Counts {
        let mut counts = Counts::default();
        self.checks
            .iter()
            .for_each(|check| counts.add(check.standing()));
        counts
    }

    pub fn case_counts(&self) -> Counts {
        let mut counts = Counts::default();
        self.checks
            .iter()
            .flat_map(|check| &check.cases)
            .for_each(|case| counts.add(case.standing()));
        counts
    }

    /// The answer to "does it conform?", looking at findings and doubts of `level` and above.
    pub fn conformity(&self, level: Level) -> Conformity {
        let all = || {
            self.checks
                .iter()
                .flat_map(|check| check.cases.iter().map(move |case| (check, case)))
        };
        if all().any(|(_, case)| matches!(&case.verdict, Verdict::Fail { level: broken, .. } if *broken >= level)) {
            return Conformity::Fails;
        }
        let undecided = all().any(|(check, case)| {
            check.planned.level >= level && matches!(case.verdict, Verdict::Inconclusive { .. })
        });
        let nothing_judged = !all()
            .any(|(_, case)| matches!(case.verdict, Verdict::Pass { .. } | Verdict::Fail { .. }));
        if undecided || nothing_judged {
            Conformity::Undecided
        } else {
            Conformity::Conforms
        }
    }
}

impl CheckView<'_> {
    /// The worst of its cases; skipped only where all are.
    pub fn standing(&self) -> Standing {
        self.cases
            .iter()
            .map(CaseView::standing)
            .max()
            .unwrap_or(Standing::Skipped)
    }
}

impl CaseView<'_> {
    pub fn standing(&self) -> Standing {
        match self.verdict {
            Verdict::Pass { .. } => Standing::Pass,
            Verdict::Fail { .. } => Standing::Fail,
            Verdict::Inconclusive { .. } => Standing::Inconclusive,
            Verdict::Skipped { .. } => Standing::Skipped,
        }
    }
}

fn verdict_of(run: &RunRecord, case: &Case) -> Verdict {
    match (run.verdicts.get(&case.id), &case.skip) {
        (Some(verdict), _) => verdict.clone(),
        (None, Some(skip)) => Verdict::Skipped {
            why: skip.reason,
            says: skip.says.clone(),
        },
        (None, None) => Verdict::Inconclusive {
            why: Doubt::Harness,
            says: "the run ended before this was reached".to_owned(),
            exchanges: Vec::new(),
        },
    }
}
