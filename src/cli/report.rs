//! `proofmark report`, and `--report FORMAT=PATH`: what is written, and where.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use super::exit::Exit;
use super::output::{Fault, Output};
use super::run::AskedLevel;
use crate::journal::{RunRecord, read};
use crate::report::{Conformity, Detail, Paint, View, json, junit, terminal};
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
    Json,
    Junit,
}

const FORMATS: [(&str, Format); 3] = [
    ("terminal", Format::Terminal),
    ("json", Format::Json),
    ("junit", Format::Junit),
];

impl FromStr for Wish {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all: Vec<&str> = FORMATS.iter().map(|(name, _)| *name).collect();
        let (name, path) = text
            .split_once('=')
            .filter(|(_, path)| !path.is_empty())
            .ok_or_else(|| {
                format!(
                    "write FORMAT=PATH; the formats are {}, and `-` is standard output",
                    all.join(", ")
                )
            })?;
        let (_, format) = FORMATS
            .iter()
            .find(|(known, _)| *known == name)
            .ok_or_else(|| format!("there is no format `{name}`; there are {}", all.join(", ")))?;
        Ok(Self {
            format: *format,
            path: PathBuf::from(path),
        })
    }
}

impl Wish {
    pub fn to_stdout(&self) -> bool {
        self.path.as_os_str() == "-"
    }

    /// Refuses a path in a folder that is not there, before anything is sent for a report that nobody will see.
    pub fn can_be_written(&self) -> Result<(), Fault> {
        let folder = self
            .path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        match folder {
            Some(folder) if !folder.is_dir() => Err(Fault::Usage(format!(
                "{}: there is no folder {}",
                self.path.display(),
                folder.display()
            ))),
            _ => Ok(()),
        }
    }

    /// Writes the report; where several targets are run, the contract's name goes into the file's.
    pub fn write(
        &self,
        view: &View<'_>,
        level: Level,
        detail: Detail,
        contract: Option<&str>,
        out: &Output,
    ) -> Result<(), Fault> {
        let paint = if self.to_stdout() {
            out.paint
        } else {
            Paint::Plain
        };
        let text = match self.format {
            Format::Terminal => terminal(view, level, paint, detail),
            Format::Json => json(view, level),
            Format::Junit => junit(view, level),
        };
        self.put(&text, contract, out)
    }

    pub fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    pub fn format_name(&self) -> &'static str {
        let named = FORMATS.iter().find(|(_, format)| *format == self.format);
        named.map_or("terminal", |(name, _)| *name)
    }

    /// Puts a text where the report was wished for.
    pub fn put(&self, text: &str, contract: Option<&str>, out: &Output) -> Result<(), Fault> {
        if self.to_stdout() {
            out.print(text);
            return Ok(());
        }
        let path = contract.map_or(self.path.clone(), |contract| {
            super::run::beside(&self.path, contract)
        });
        std::fs::write(&path, text)
            .map_err(|error| Fault::Unwritten(format!("{}: {error}", path.display())))
    }
}

/// Exits as the run did: 0, 1 or 3.
#[derive(Debug, Args)]
pub struct Report {
    /// Journal of a run, `-` for standard input
    journal: PathBuf,
    /// Write a report: terminal=PATH, json=PATH, junit=PATH; `-` for standard output. Without it, terminal=-
    #[arg(long = "report", value_name = "FORMAT=PATH")]
    reports: Vec<Wish>,
    /// Lowest level whose failures count for the exit code
    #[arg(long, value_name = "LEVEL", default_value = "must")]
    level: AskedLevel,
    /// Name every check that was skipped or could not be judged
    #[arg(long, short)]
    verbose: bool,
}

impl Report {
    pub fn execute(self, out: &Output) -> Result<Exit, Fault> {
        let named = |error: &dyn std::fmt::Display| {
            let name = match self.journal.as_os_str() == "-" {
                true => "standard input".to_owned(),
                false => self.journal.display().to_string(),
            };
            Fault::Usage(format!("{name}: {error}"))
        };
        let (records, cut) = if self.journal.as_os_str() == "-" {
            read(io::stdin().lock()).map_err(|error| named(&error))?
        } else {
            let file = File::open(&self.journal).map_err(|error| named(&error))?;
            read(BufReader::new(file)).map_err(|error| named(&error))?
        };
        let mut run = RunRecord::from_records(records).map_err(|error| named(&error))?;
        run.cut = cut;
        let view = View::of(&run);
        let level = Level::from(self.level);
        let detail = Detail::asked(self.verbose);
        if cut {
            out.note("the journal has a line that was cut short; what it said is left out");
        }
        if self.reports.is_empty() {
            out.print(&terminal(&view, level, out.paint, detail));
        }
        for wish in &self.reports {
            wish.write(&view, level, detail, None, out)?;
        }
        Ok(match view.conformity(level) {
            Conformity::Conforms => Exit::Conforms,
            Conformity::Fails => Exit::Fails,
            Conformity::Undecided => Exit::Undecided,
        })
    }
}
