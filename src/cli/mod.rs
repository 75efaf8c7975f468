//! The commands. One file each; this one takes the arguments apart. Nothing below this room prints.

mod columns;
mod completions;
pub mod docs;
mod dry_run;
mod exit;
mod explain;
mod flaws;
mod interrupt;
mod journal_file;
mod lint;
mod list;
mod output;
mod progress;
mod prove;
mod report;
mod run;
mod schema;
mod serve;
mod source;
mod token;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use exit::Exit;

/// Proves, with evidence, whether a deployed HTTP API keeps its security promises.
#[derive(Debug, Parser)]
#[command(name = "proofmark", version, about, after_help = exit::HELP, max_term_width = 100)]
pub struct Arguments {
    /// Folder with suites (*.yaml) and contracts (contracts/*.yaml) that stand in for built-in ones or beside them
    #[arg(
        id = "suites_folder",
        long = "suites",
        global = true,
        help_heading = "Global options",
        value_name = "DIR"
    )]
    suites: Option<PathBuf>,
    /// When to colour; NO_COLOR is obeyed
    #[arg(
        long,
        global = true,
        help_heading = "Global options",
        value_name = "WHEN",
        default_value = "auto"
    )]
    color: output::ColorChoice,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fires suites at a target and says what held and what did not
    Run(run::Run),
    /// Makes any report again from the journal of a run
    Report(report::Report),
    /// Lists the checks
    List(list::List),
    /// Explains a check: what it promises, how it is provoked, how to see it fail
    Explain(explain::Explain),
    /// Finds all mistakes in suites, contracts and target files, and sends nothing
    Lint(lint::Lint),
    /// Prints the JSON Schema of a file format
    Schema(schema::Schema),
    /// Shows of every check that it can fail, and of every flaw that it is caught
    Prove(prove::Prove),
    /// Serves a reference deployment on its own, to try things on
    Serve(serve::Serve),
    /// Lists the flaws of the reference deployments and the checks that they make fail
    Flaws(flaws::Flaws),
    /// Decodes, makes, forges, verifies and cracks tokens by hand
    Token(token::Token),
    /// Prints a completion script for a shell
    Completions(completions::Completions),
    /// Writes or compares the generated files in docs/
    #[command(hide = true)]
    Docs(docs::Docs),
}

/// Takes the arguments of the process, does what they say, and gives the code to exit with.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // A token among the arguments is not repeated.
            if std::env::args_os().any(|word| token::is_like_a_token(word.as_ref()))
                && error.use_stderr()
            {
                output::Output::new(output::ColorChoice::Auto).fault(&output::Fault::Usage(
                    "a token is no argument; `proofmark token` reads it from a file or standard input".to_owned(),
                ));
                return Exit::Mistake.into();
            }
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
        Command::Report(command) => command.execute(&out),
        Command::List(command) => command.execute(suites, &out),
        Command::Explain(command) => command.execute(suites, &out),
        Command::Lint(command) => command.execute(suites, &out),
        Command::Schema(command) => command.execute(&out),
        Command::Flaws(command) => command.execute(suites, &out),
        Command::Token(command) => command.execute(suites, &out),
        Command::Completions(command) => command.execute(&out),
        Command::Docs(command) => command.execute(&out),
    };
    match exit {
        Ok(_) if !out.has_arrived() => Exit::Unwritten.into(),
        Ok(exit) => exit.into(),
        Err(fault) => {
            out.fault(&fault);
            fault.exit().into()
        }
    }
}
