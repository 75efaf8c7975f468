//! Real limiters and real stores of idempotency keys: what is set up as it should be has no findings, and what is set up
//! wrongly is named by the checks that it concerns and by no others.

#![expect(
    clippy::print_stdout,
    reason = "says what it found, or what it would need"
)]

#[path = "../deployment/mod.rs"]
mod deployment;

mod haproxy;
mod idempotency;
mod kinds;
mod libraries;
mod limited;
mod nginx;

use std::path::{Path, PathBuf};
use std::process::Stdio;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Whether a program of the system is there, which `package` brings; `CI` must have it.
fn is_installed(program: &str, package: &str) -> bool {
    let found = std::process::Command::new(program)
        .arg("-v")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if found.is_ok() {
        return true;
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "{program} is not installed"
    );
    println!("needs {program}; on Debian `apt-get install {package}` brings it");
    false
}

/// Whether a stack is installed; says what it would take.
fn is_there(path: &Path) -> bool {
    let there = path.exists();
    if !there {
        println!("needs {}, which .ci/run installs", path.display());
    }
    there
}
