//! `proofmark list`: the checks.

use std::path::Path;

use clap::Args;
use serde_json::json;

use super::columns::{Format, columns};
use super::exit::Exit;
use super::output::{Fault, Output};
use super::run::AskedLevel;
use super::source::known_selections;
use crate::suite::gather::library;
use crate::suite::model::{Check, Level};
use crate::suite::{Applies, Library, SELECTION, pattern_matches};

#[derive(Debug, Args)]
pub struct List {
    /// Only checks whose id matches, `*` for any characters, or those of a selection, @NAME
    #[arg(long = "check", value_name = "PATTERN", value_delimiter = ',')]
    checks: Vec<String>,
    /// Only checks of this suite
    #[arg(long = "suite", value_name = "NAME")]
    suites: Vec<String>,
    /// Only checks of this contract, at its levels
    #[arg(long, value_name = "NAME")]
    contract: Option<String>,
    /// Only checks of this level and above
    #[arg(long, value_name = "LEVEL")]
    level: Option<AskedLevel>,
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

impl List {
    pub fn execute(self, suites: Option<&Path>, out: &Output) -> Result<Exit, Fault> {
        let library = library(suites)?;
        let contract = match &self.contract {
            None => None,
            Some(name) => Some(library.contract(name).ok_or_else(|| {
                let all: Vec<&str> = library.contracts.keys().map(String::as_str).collect();
                Fault::Usage(format!(
                    "there is no contract `{name}`; there are {}",
                    all.join(", ")
                ))
            })?),
        };
        let level = |check: &Check| match contract {
            None => Some(check.level.by_default()),
            Some(contract) => match contract.applies(check) {
                Applies::At(level) => Some(level),
                Applies::Excluded(_) | Applies::Not => None,
            },
        };
        known_selections(&library, &self.checks)?;
        let patterns = library.asked(&self.checks);
        let lowest = self.level.map_or(Level::Advice, Level::from);
        let chosen: Vec<(&str, &Check, Level)> = library
            .checks()
            .filter(|(suite, check)| wanted(&self.suites, suite) && wanted(&patterns, &check.id))
            .filter_map(|(suite, check)| Some((suite, check.as_ref(), level(check)?)))
            .filter(|(_, _, level)| *level >= lowest)
            .collect();
        if chosen.is_empty() {
            return Err(nothing(&library, &self.suites));
        }
        out.print(&match self.format {
            Format::Text => {
                let is_all = self.checks.is_empty() && self.suites.is_empty();
                let selections = if is_all {
                    selections(&library, out)
                } else {
                    String::new()
                };
                text(&chosen, out) + &selections
            }
            Format::Json => {
                let all: Vec<_> = chosen
                    .iter()
                    .map(|(suite, check, level)| {
                        json!({
                            "id": check.id,
                            "suite": suite,
                            "level": level,
                            "title": check.title,
                            "source": check.source,
                            "proved_by": check.proved_by,
                            "selections": selections_with(&library, &check.id),
                        })
                    })
                    .collect();
                format!("{:#}\n", serde_json::Value::from(all))
            }
        });
        Ok(Exit::Conforms)
    }
}

fn wanted(patterns: &[String], name: &str) -> bool {
    patterns.is_empty()
        || patterns
            .iter()
            .any(|pattern| pattern_matches(pattern, name))
}

fn text(chosen: &[(&str, &Check, Level)], out: &Output) -> String {
    let rows: Vec<[String; 4]> = chosen
        .iter()
        .map(|(suite, check, level)| {
            [
                check.id.clone(),
                level.word().to_owned(),
                (*suite).to_owned(),
                check.title.clone(),
            ]
        })
        .collect();
    let table = columns(["CHECK", "LEVEL", "SUITE", "PROMISE"], &rows, out.paint);
    let noun = if rows.len() == 1 { "check" } else { "checks" };
    format!("{table}\n{} {noun}\n", rows.len())
}

fn selections_with<'a>(library: &'a Library, id: &str) -> Vec<&'a String> {
    library
        .selections()
        .filter(|(_, selection)| selection.checks.iter().any(|member| member == id))
        .map(|(name, _)| name)
        .collect()
}

/// The selections below the checks; nothing where there are none.
fn selections(library: &Library, out: &Output) -> String {
    let rows: Vec<[String; 3]> = library
        .selections()
        .map(|(name, selection)| {
            [
                format!("{SELECTION}{name}"),
                selection.checks.len().to_string(),
                selection.title.clone(),
            ]
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let table = columns(["SELECTION", "CHECKS", "WHAT FOR"], &rows, out.paint);
    format!("\n{table}\nrun one with `--check @NAME`\n")
}

fn nothing(library: &Library, suites: &[String]) -> Fault {
    let all: Vec<&str> = library
        .suites
        .values()
        .filter(|suite| !suite.checks.is_empty())
        .map(|suite| suite.suite.as_str())
        .collect();
    Fault::Usage(match suites {
        [] => "no check is like that; without filters, `proofmark list` shows all".to_owned(),
        _ => format!(
            "no check is like that; suites with checks are {}",
            all.join(", ")
        ),
    })
}
