//! `proofmark prove`: the matrix of flaws and checks.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::exit::Exit;
use super::output::{Fault, Output};
use super::source::{contract, known_checks};
use crate::prove::{Beholder, Matrix, Surprise, Target, compare, fire};
use crate::reference::Contract;
use crate::report::Standing;
use crate::suite::gather::library;
use crate::suite::{Wanted, pattern_matches};

#[derive(Debug, Args)]
pub struct Prove {
    /// Only this contract's deployment
    #[arg(long, value_name = "CONTRACT")]
    contract: Option<String>,
    /// Only these checks, `*` for any characters, or those of a selection, @NAME
    #[arg(long = "check", value_name = "PATTERN", value_delimiter = ',')]
    checks: Vec<String>,
    /// Only these flaws, `*` for any characters
    #[arg(long = "flaw", value_name = "PATTERN")]
    flaws: Vec<String>,
    /// Fire every check with all its cases at every flaw, also where the check never comes by it
    #[arg(long)]
    exhaustive: bool,
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Prove {
    pub fn execute(self, suites: Option<&Path>, out: &Output) -> Result<Exit, Fault> {
        let library = Arc::new(library(suites)?);
        let contracts = match &self.contract {
            Some(name) => vec![contract(name)?],
            None => Contract::ALL.to_vec(),
        };
        known_checks(&library, &self.checks)?;
        for pattern in &self.flaws {
            let mut all = contracts.iter().flat_map(|c| c.catalogue().flaws());
            if !all.any(|flaw| pattern_matches(pattern, flaw.id)) {
                return Err(Fault::Usage(format!("no flaw matches `{pattern}`")));
            }
        }
        let wanted = Wanted {
            checks: self.checks.clone(),
            suites: Vec::new(),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Fault::World(format!("no runtime: {error}")))?;
        let picked = |flaw: &str| {
            self.flaws.is_empty() || self.flaws.iter().any(|p| pattern_matches(p, flaw))
        };
        let targets: Vec<Target> = contracts
            .into_iter()
            .map(|contract| {
                let flaws = contract.catalogue().flaws();
                let flaws = flaws.iter().map(|flaw| flaw.id).filter(|id| picked(id));
                Target {
                    contract,
                    flaws: flaws.collect(),
                }
            })
            .collect();
        let total = targets.iter().map(|target| 1 + target.flaws.len()).sum();
        let progress = Arc::new(Progress::new(out.live, total));
        let matrices = runtime
            .block_on(fire(
                &targets,
                &library,
                &wanted,
                self.exhaustive,
                progress.clone(),
            ))
            .map_err(Fault::World)?;
        progress.0.finish_and_clear();
        let flaws: BTreeSet<String> = Contract::ALL
            .iter()
            .flat_map(|c| c.catalogue().flaws().iter().map(move |flaw| (c, flaw)))
            .flat_map(|(c, flaw)| [flaw.id.to_owned(), format!("{}/{}", c.name(), flaw.id)])
            .collect();
        let patterns = library.asked(&self.checks);
        let whole = self.contract.is_none() && self.checks.is_empty() && self.flaws.is_empty();
        let mut surprises = compare(&matrices, &library, &flaws, whole);
        // A flaw that nobody has is told of the checks that were asked for.
        surprises.retain(|surprise| match surprise {
            Surprise::UnknownFlaw { check, .. } => {
                patterns.is_empty() || patterns.iter().any(|p| pattern_matches(p, check))
            }
            _ => true,
        });
        match self.format {
            Format::Text => out.print(&text(&matrices, &surprises, whole)),
            Format::Json => {
                let value = serde_json::json!({
                    "prove": 1,
                    "matrices": matrices,
                    "surprises": surprises,
                });
                out.print(&format!("{value:#}\n"));
            }
        }
        Ok(if surprises.is_empty() {
            Exit::Conforms
        } else {
            Exit::Fails
        })
    }
}

/// With `whole`, flaws that no check saw are listed, too.
fn text(matrices: &[Matrix], surprises: &[Surprise], whole: bool) -> String {
    let mut out = String::new();
    for matrix in matrices {
        let failing = |row: &crate::prove::Row| -> Vec<String> {
            matrix
                .cells(row)
                .filter(|(_, cell)| cell.standing == Standing::Fail)
                .map(|(id, _)| id.clone())
                .collect()
        };
        out.push_str(&format!("{}\n", matrix.contract));
        for (flaw, row) in &matrix.flawed {
            let failed = failing(row);
            if failed.is_empty() && !whole {
                continue;
            }
            let word = if failed.is_empty() {
                "caught by nothing".to_owned()
            } else {
                failed.join(" ")
            };
            out.push_str(&format!("  {flaw:40} {word}\n"));
        }
        let count = |standing| {
            matrix
                .correct
                .cells
                .values()
                .filter(|cell| cell.standing == standing)
                .count()
        };
        out.push_str(&format!(
            "  without a flaw: {} checks, {} pass, {} fail, {} inconclusive, {} skipped\n\n",
            matrix.correct.cells.len(),
            count(Standing::Pass),
            count(Standing::Fail),
            count(Standing::Inconclusive),
            count(Standing::Skipped),
        ));
    }
    for surprise in surprises {
        out.push_str(&format!("surprise: {}\n", surprise.sentence()));
    }
    let flaws: usize = matrices.iter().map(|matrix| matrix.flawed.len()).sum();
    let cells: usize = matrices
        .iter()
        .map(|matrix| matrix.flawed.len() * matrix.correct.cells.len())
        .sum();
    let fired: usize = matrices.iter().map(Matrix::fired).sum();
    let some = |count: usize, noun: &str| match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    };
    out.push_str(&format!(
        "{}, {} (a check at a flaw), {fired} of them fired, {}{}\n",
        some(flaws, "flaw"),
        some(cells, "cell"),
        some(surprises.len(), "surprise"),
        match surprises.is_empty() {
            true => "",
            false => " (what contradicts what the checks and flaws declare)",
        }
    ));
    out
}

struct Progress(ProgressBar);

impl Progress {
    fn new(live: bool, total: usize) -> Self {
        let target = if live {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(total as u64), target);
        bar.set_style(
            ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        Self(bar)
    }
}

impl Beholder for Progress {
    fn done(&self, contract: &str, flaw: Option<&str>) {
        self.0
            .set_message(format!("{contract} {}", flaw.unwrap_or("without a flaw")));
        self.0.inc(1);
    }
}
