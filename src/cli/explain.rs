//! `proofmark explain`: everything about one check.

use std::path::Path;

use clap::Args;

use super::columns::Format;
use super::exit::Exit;
use super::output::{Fault, Output};
use crate::report::{Explanation, page};
use crate::suite::Library;
use crate::suite::gather::library;

#[derive(Debug, Args)]
pub struct Explain {
    /// Id of the check
    id: String,
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

impl Explain {
    pub fn execute(self, suites: Option<&Path>, out: &Output) -> Result<Exit, Fault> {
        let library = library(suites)?;
        let explanation = Explanation::of(&library, &self.id)
            .or_else(|| Explanation::of(&library, &self.id.to_ascii_uppercase()))
            .ok_or_else(|| unknown(&library, &self.id))?;
        out.print(&match self.format {
            Format::Text => page(&explanation, out.paint),
            Format::Json => {
                let value = serde_json::to_value(&explanation)
                    .map_err(|error| Fault::World(error.to_string()))?;
                format!("{value:#}\n")
            }
        });
        Ok(Exit::Conforms)
    }
}

fn unknown(library: &Library, id: &str) -> Fault {
    let upper = id.to_ascii_uppercase();
    let nearest = library
        .checks()
        .map(|(_, check)| (strsim::jaro_winkler(&upper, &check.id), &check.id))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let shown: String = id.chars().take(80).collect();
    Fault::Usage(match nearest {
        Some((_, id)) => format!("there is no check {shown:?}; did you mean {id}?"),
        None => format!("there is no check {shown:?}; `proofmark list` shows all"),
    })
}
