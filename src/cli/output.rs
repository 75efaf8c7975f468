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
    /// Whether something that was printed did not arrive.
    lost: std::sync::OnceLock<io::Error>,
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
    /// What was found cannot be written, in one sentence.
    Unwritten(String),
}

impl Fault {
    pub fn exit(&self) -> Exit {
        match self {
            Fault::Mistakes(_) | Fault::Usage(_) => Exit::Mistake,
            Fault::World(_) => Exit::Undecided,
            Fault::Unwritten(_) => Exit::Unwritten,
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
            lost: std::sync::OnceLock::new(),
            live: error_terminal && unset("CI"),
        }
    }

    /// Writes to standard output. A reader that went away is no fault of the run; any other trouble is told in the end.
    pub fn print(&self, text: &str) {
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(text.as_bytes());
        if let Err(error) = written.and_then(|()| stdout.flush())
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            let _ = self.lost.set(error);
        }
    }

    /// Whether all that was printed arrived; what did not is told.
    pub fn has_arrived(&self) -> bool {
        match self.lost.get() {
            None => true,
            Some(error) => {
                self.note(&format!("error: standard output: {error}"));
                false
            }
        }
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
            Fault::Usage(says) | Fault::World(says) | Fault::Unwritten(says) => {
                self.note(&format!("error: {says}"))
            }
        }
    }
}
