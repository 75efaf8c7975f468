//! `FORMAT=PATH`, and what is written there.

use std::path::PathBuf;
use std::str::FromStr;

use super::output::{Fault, Output};
use crate::report::{Paint, View, terminal};
use crate::suite::model::Level;

/// A report that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    format: Format,
    /// `-` is standard output.
    path: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Terminal,
}

impl FromStr for Wish {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (format, path) = text.split_once('=').ok_or("write FORMAT=PATH")?;
        let format = match format {
            "terminal" => Format::Terminal,
            other => return Err(format!("no format `{other}`; there is terminal")),
        };
        Ok(Self {
            format,
            path: PathBuf::from(path),
        })
    }
}

impl Wish {
    pub fn to_stdout(&self) -> bool {
        self.path.as_os_str() == "-"
    }

    /// Writes the report; where several targets are run, the contract's name goes into the file's.
    pub fn write(
        &self,
        view: &View<'_>,
        level: Level,
        contract: Option<&str>,
        out: &Output,
    ) -> Result<(), Fault> {
        let text = match self.format {
            Format::Terminal => terminal(view, level, Paint::Plain),
        };
        if self.to_stdout() {
            out.print(&text);
            return Ok(());
        }
        let path = contract.map_or(self.path.clone(), |contract| {
            super::run::beside(&self.path, contract)
        });
        std::fs::write(&path, text).map_err(|error| Fault::file(path, error))
    }
}
