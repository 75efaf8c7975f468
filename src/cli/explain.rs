//! `proofmark explain`: everything about one check.

use std::path::Path;

use clap::Args;

use super::columns::Format;
use super::exit::Exit;
use super::output::{Fault, Output};
use crate::report::{Explanation, page};
use crate::suite::gather::library;
use crate::suite::{Library, pattern_matches};

/// Ids that are named where one was not found.
const SHOWN_IDS: usize = 5;

#[derive(Debug, Args)]
pub struct Explain {
    /// Id of the check, or a pattern of ids, `*` for any characters
    id: String,
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

impl Explain {
    pub fn execute(self, suites: Option<&Path>, out: &Output) -> Result<Exit, Fault> {
        let library = library(suites)?;
        if self.id.contains('*') {
            return self.all(&library, out);
        }
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

    /// One page below the other, or a list of them in JSON.
    fn all(&self, library: &Library, out: &Output) -> Result<Exit, Fault> {
        let found: Vec<Explanation> = library
            .checks()
            .filter(|(_, check)| pattern_matches(&self.id, &check.id))
            .filter_map(|(_, check)| Explanation::of(library, &check.id))
            .collect();
        if found.is_empty() {
            return Err(unknown(library, &self.id));
        }
        out.print(&match self.format {
            Format::Text => {
                let pages: Vec<String> = found.iter().map(|one| page(one, out.paint)).collect();
                pages.join("\n")
            }
            Format::Json => {
                let value = serde_json::to_value(&found)
                    .map_err(|error| Fault::World(error.to_string()))?;
                format!("{value:#}\n")
            }
        });
        Ok(Exit::Conforms)
    }
}

fn unknown(library: &Library, id: &str) -> Fault {
    let upper = id.to_ascii_uppercase();
    let begin: Vec<&str> = library
        .checks()
        .map(|(_, check)| check.id.as_str())
        .filter(|known| !upper.is_empty() && known.starts_with(&format!("{upper}-")))
        .collect();
    if !begin.is_empty() {
        let shown = begin.iter().take(SHOWN_IDS).copied().collect::<Vec<_>>();
        let more = match begin.len().saturating_sub(SHOWN_IDS) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        return Fault::Usage(format!(
            "there is no check {id:?}, but {}{more}; `proofmark explain '{upper}-*'` explains all",
            shown.join(", ")
        ));
    }
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
