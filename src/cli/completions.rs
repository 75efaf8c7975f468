//! `proofmark completions`: a script that completes commands and flags in a shell.

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::Arguments;
use super::exit::Exit;
use super::output::{Fault, Output};

#[derive(Debug, Args)]
pub struct Completions {
    shell: Shell,
}

impl Completions {
    pub fn execute(self, out: &Output) -> Result<Exit, Fault> {
        let mut script = Vec::new();
        generate(
            self.shell,
            &mut Arguments::command(),
            "proofmark",
            &mut script,
        );
        out.print(&String::from_utf8_lossy(&script));
        Ok(Exit::Conforms)
    }
}
