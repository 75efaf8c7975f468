//! `proofmark flaws`: what the reference deployments can be made to do wrong.

use std::path::Path;

use clap::Args;
use serde_json::json;

use super::columns::{Format, columns};
use super::exit::Exit;
use super::output::{Fault, Output};
use super::source::contract;
use crate::reference::Contract;
use crate::suite::gather::library;

/// Checks that a row names, so that rows fit on a screen; JSON has them all.
const SHOWN_CHECKS: usize = 2;

#[derive(Debug, Args)]
pub struct Flaws {
    /// Only those of this contract's deployment
    contract: Option<String>,
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

impl Flaws {
    pub fn execute(self, suites: Option<&Path>, out: &Output) -> Result<Exit, Fault> {
        let library = library(suites)?;
        let contracts = match &self.contract {
            Some(name) => vec![contract(name.strip_prefix("reference:").unwrap_or(name))?],
            None => Contract::ALL.to_vec(),
        };
        let proves = |contract: &str, flaw: &str| -> Vec<&str> {
            library
                .checks()
                .filter(|(_, check)| check.proves(contract, flaw))
                .map(|(_, check)| check.id.as_str())
                .collect()
        };
        let all = contracts.iter().flat_map(|contract| {
            let flaws = contract.catalogue().flaws();
            flaws.iter().map(move |flaw| (contract.name(), *flaw))
        });
        out.print(&match self.format {
            Format::Json => {
                let all: Vec<_> = all
                    .map(|(contract, flaw)| {
                        json!({
                            "id": flaw.id,
                            "contract": contract,
                            "says": flaw.says,
                            "source": flaw.source,
                            "proves": proves(contract, flaw.id),
                        })
                    })
                    .collect();
                format!("{:#}\n", serde_json::Value::from(all))
            }
            Format::Text => {
                let rows: Vec<[String; 5]> = all
                    .map(|(contract, flaw)| {
                        let checks = match proves(contract, flaw.id).as_slice() {
                            [] => "-".to_owned(),
                            few if few.len() <= SHOWN_CHECKS => few.join(" "),
                            many => {
                                let (shown, more) = many.split_at(SHOWN_CHECKS);
                                format!("{} and {} more", shown.join(" "), more.len())
                            }
                        };
                        [
                            contract.to_owned(),
                            flaw.id.to_owned(),
                            checks,
                            flaw.source.to_owned(),
                            flaw.says.to_owned(),
                        ]
                    })
                    .collect();
                let heading = ["CONTRACT", "FLAW", "FAILS", "SOURCE", "WHAT IT DOES"];
                format!(
                    "{}\n{} flaws\n",
                    columns(heading, &rows, out.paint),
                    rows.len()
                )
            }
        });
        Ok(Exit::Conforms)
    }
}
