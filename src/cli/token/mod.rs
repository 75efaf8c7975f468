//! `proofmark token`: tokens by hand. A token or key is never an argument, where other users of the machine would see
//! it: it comes from a file or from standard input.

mod crack;
mod decode;
mod forge;
mod input;
mod key;
mod list;
mod mint;
mod verify;

use std::path::Path;

use clap::{Args, Subcommand};

pub use input::is_like_a_token;

use super::exit::Exit;
use super::output::{Fault, Output};

#[derive(Debug, Args)]
pub struct Token {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows what a token says, what is wrong with it, and what is weak about it
    Decode(decode::Decode),
    /// Makes a valid token
    Mint(mint::Mint),
    /// Makes forged tokens out of a valid one, or lists what can be forged
    Forge(forge::Forge),
    /// Says whether a token is good: form, signature, claims
    Verify(verify::Verify),
    /// Tries well-known secrets on a token that is signed with one
    Crack(crack::Crack),
}

impl Token {
    pub fn execute(self, suites: Option<&Path>, out: &Output) -> Result<Exit, Fault> {
        match self.command {
            Command::Decode(command) => command.execute(out),
            Command::Mint(command) => command.execute(out),
            Command::Forge(command) => command.execute(suites, out),
            Command::Verify(command) => command.execute(out),
            Command::Crack(command) => command.execute(out),
        }
    }
}

/// Seconds since 1970.
fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// The text as it may be shown: whatever a token says is data.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars()
        .for_each(|c| crate::judge::push_visible(&mut out, c));
    out
}
