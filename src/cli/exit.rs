//! What the exit code says. Constant; scripts depend on them.

use std::process::ExitCode;

/// Exit codes, each with its sentence in `--help`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Conforms = 0,
    Fails = 1,
    Mistake = 2,
    Undecided = 3,
    Unwritten = 4,
    Interrupted = 130,
}

pub const HELP: &str = "Exit codes:
    0  conforms: nothing at or above the asked level failed
    1  at least one check at or above the asked level failed
    2  a mistake in flags or files; nothing was sent
    3  nothing failed, but something that had to be judged could not be
    4  what was found could not be written
  130  interrupted; everything so far is in the journal";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}
