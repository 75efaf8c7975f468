//! Where text goes, and whether it is coloured.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use clap::ValueEnum;

use super::exit::Exit;
use crate::report::Paint;
use crate::suite::gather::Unloadable;
use crate::suite::load::{Mistake, render};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    Auto,
    Always,
    Never,
}

/// Standard output and error.
pub struct Output {
    pub paint: Paint,
    error_paint: Paint,
    /// Progress is drawn over itself on a terminal, and left out elsewhere.
    pub live: bool,
}

/// Why a command came to nothing.
#[derive(Debug)]
pub enum Fault {
    /// The user's mistakes in files.
    Mistakes(Vec<Mistake>),
    /// The user's mistake in flags, in one sentence.
    Usage(String),
    /// The world's fault, in one sentence.
    World(String),
}

impl Fault {
    pub fn exit(&self) -> Exit {
        match self {
            Fault::Mistakes(_) | Fault::Usage(_) => Exit::Mistake,
            Fault::World(_) => Exit::Undecided,
        }
    }

    pub fn file(path: PathBuf, error: io::Error) -> Self {
        Fault::Usage(format!("{}: {error}", path.display()))
    }
}

impl From<Unloadable> for Fault {
    fn from(unloadable: Unloadable) -> Self {
        match unloadable {
            Unloadable::Mistakes(mistakes) => Fault::Mistakes(mistakes),
            Unloadable::Unreadable { path, error } => Fault::file(path, error),
        }
    }
}

impl Output {
    pub fn new(choice: ColorChoice) -> Self {
        let unset = |name: &str| std::env::var_os(name).is_none_or(|value| value.is_empty());
        let auto = unset("NO_COLOR")
            && unset("CI")
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let paint = |terminal: bool| match choice {
            ColorChoice::Always => Paint::Colour,
            ColorChoice::Never => Paint::Plain,
            ColorChoice::Auto if auto && terminal => Paint::Colour,
            ColorChoice::Auto => Paint::Plain,
        };
        let error_terminal = io::stderr().is_terminal();
        Self {
            paint: paint(io::stdout().is_terminal()),
            error_paint: paint(error_terminal),
            live: error_terminal && unset("CI"),
        }
    }

    /// Writes to standard output. A reader that went away is no fault of the run.
    pub fn print(&self, text: &str) {
        let _ = io::stdout().lock().write_all(text.as_bytes());
        let _ = io::stdout().lock().flush();
    }

    /// Writes a line to standard error.
    pub fn note(&self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    pub fn fault(&self, fault: &Fault) {
        match fault {
            Fault::Mistakes(mistakes) => {
                let _ = write!(
                    io::stderr().lock(),
                    "{}",
                    render(mistakes, self.error_paint == Paint::Colour)
                );
            }
            Fault::Usage(says) | Fault::World(says) => self.note(&format!("error: {says}")),
        }
    }
}
