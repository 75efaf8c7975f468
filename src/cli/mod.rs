//! The commands. One file each; this one takes the arguments apart. Nothing below this room prints.

mod dry_run;
mod exit;
mod output;
mod prove;
mod report;
mod run;
mod serve;
mod source;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use exit::Exit;

/// Proves, with evidence, whether a deployed HTTP API keeps its security promises.
#[derive(Debug, Parser)]
#[command(name = "proofmark", version, about, after_help = exit::HELP, max_term_width = 100)]
pub struct Arguments {
    /// Folder with suites (*.yaml) and contracts (contracts/*.yaml) that stand in for built-in ones or beside them
    // An id of its own: `run` has a `suites` too, and ids are shared with what is global.
    #[arg(
        id = "suites-folder",
        long = "suites",
        global = true,
        value_name = "DIR"
    )]
    suites: Option<PathBuf>,
    /// When to colour; NO_COLOR is obeyed
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: output::ColorChoice,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fires suites at a target and says what held and what did not
    Run(run::Run),
    /// Shows of every check that it can fail, and of every flaw that it is caught
    Prove(prove::Prove),
    /// Serves a reference deployment on its own, to try things on
    Serve(serve::Serve),
}

/// Takes the arguments of the process, does what they say, and gives the code to exit with.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() {
                Exit::Mistake.into()
            } else {
                Exit::Conforms.into()
            };
        }
    };
    let out = output::Output::new(arguments.color);
    let suites = arguments.suites.as_deref();
    let exit = match arguments.command {
        Command::Run(command) => command.execute(suites, &out),
        Command::Prove(command) => command.execute(suites, &out),
        Command::Serve(command) => command.execute(&out),
    };
    match exit {
        Ok(exit) => exit.into(),
        Err(fault) => {
            out.fault(&fault);
            fault.exit().into()
        }
    }
}
