//! Current verifiers, used as their manuals say: of those of bearer tokens nothing is found that must or should be
//! otherwise, of those of proofs just what `docs/real-libraries.md` says of them.
//!
//! `.ci/run` installs what they are made of under `target/stacks/`.

#![expect(
    clippy::print_stdout,
    reason = "says what it found, or what it would need"
)]

mod deployment;

use std::path::{Path, PathBuf};

use deployment::program::{Program, proofs_of, tokens_of};
use tokio::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Whether a stack is installed; says what it would take.
fn is_there(path: &Path) -> bool {
    let there = path.exists();
    if !there {
        println!("needs {}, which .ci/run installs", path.display());
    }
    there
}

async fn is_clean(command: impl Fn(u16) -> Command) {
    let Some(program) = Program::start(command).await else {
        panic!("the server does not start");
    };
    let found = tokens_of(&program, "published-key.yaml", "unused-by-this-target").await;
    program.end().await;
    println!("{found:#?}");
    assert_eq!(
        found.at(&["must", "should", "contract"]),
        <[&str; 0]>::default()
    );
    assert_eq!(found.inconclusive, 0);
    assert!(found.passed > 150, "{found:#?}");
}

#[tokio::test]
async fn node_with_jose_is_clean() {
    let modules = root().join("target/stacks/node-jose");
    if !is_there(&modules.join("node_modules/jose")) {
        return;
    }
    is_clean(|port| {
        let mut command = Command::new("node");
        command
            .arg(root().join("fixtures/stacks/node-jose/server.mjs"))
            .env("MODULES", &modules)
            .env("PORT", port.to_string());
        command
    })
    .await;
}

#[tokio::test]
async fn python_with_pyjwt_is_clean() {
    let python = root().join("target/stacks/pyjwt/bin/python");
    if !is_there(&python) {
        return;
    }
    is_clean(|port| {
        let mut command = Command::new(&python);
        command
            .arg(root().join("fixtures/stacks/pyjwt/server.py"))
            .env("PORT", port.to_string());
        command
    })
    .await;
}

/// What is found at a server that verifies proofs of possession, by level.
#[derive(Debug, PartialEq)]
struct Departures<'a> {
    must: &'a [&'a str],
    should: &'a [&'a str],
}

async fn departs(command: impl Fn(u16) -> Command, expected: Departures<'_>, passed: u64) {
    let Some(program) = Program::start(command).await else {
        panic!("the server does not start");
    };
    let found = proofs_of(&program).await;
    program.end().await;
    println!("{found:#?}");
    let departures = Departures {
        must: &found.at(&["must", "contract"]),
        should: &found.at(&["should"]),
    };
    assert_eq!(departures, expected);
    assert!(found.passed >= passed, "{found:#?}");
}

fn node_with(verifier: &str) -> Option<impl Fn(u16) -> Command> {
    let modules = root().join("target/stacks/node-dpop");
    if !is_there(&modules.join("node_modules").join(verifier)) {
        return None;
    }
    Some(move |port: u16| {
        let mut command = Command::new("node");
        command
            .arg(root().join("fixtures/stacks/node-dpop/server.mjs"))
            .env("MODULES", &modules)
            .env("VERIFIER", verifier)
            .env("PORT", port.to_string());
        command
    })
}

fn python_with(verifier: &str) -> Option<impl Fn(u16) -> Command> {
    let python = root().join("target/stacks/python-dpop/bin/python");
    if !is_there(&python) {
        return None;
    }
    Some(move |port: u16| {
        let mut command = Command::new(&python);
        command
            .arg(root().join("fixtures/stacks/python-dpop/server.py"))
            .env("VERIFIER", verifier)
            .env("PORT", port.to_string());
        command
    })
}

#[tokio::test]
async fn node_with_oauth4webapi_takes_no_forged_proof() {
    let Some(command) = node_with("oauth4webapi") else {
        return;
    };
    let expected = Departures {
        must: &[],
        should: &["DPOP-BIND-05", "DPOP-ERR-01", "DPOP-HTU-04"],
    };
    departs(command, expected, 90).await;
}

#[tokio::test]
async fn express_oauth2_jwt_bearer_departs_where_its_code_does() {
    let Some(command) = node_with("express-oauth2-jwt-bearer") else {
        return;
    };
    let expected = Departures {
        must: &["DPOP-HTM-02", "DPOP-HTU-02", "DPOP-JTI-01"],
        should: &["DPOP-BIND-04", "DPOP-BIND-05", "DPOP-ERR-01"],
    };
    departs(command, expected, 80).await;
}

#[tokio::test]
async fn auth0_api_python_departs_where_its_code_does() {
    let Some(command) = python_with("auth0-api-python") else {
        return;
    };
    let expected = Departures {
        must: &["DPOP-HTM-01", "DPOP-HTM-02", "DPOP-HTU-02", "DPOP-IAT-04"],
        should: &["DPOP-BIND-04", "DPOP-BIND-05", "DPOP-ERR-01", "DPOP-HTU-04"],
    };
    departs(command, expected, 80).await;
}

#[tokio::test]
async fn pydpop_departs_where_its_code_does() {
    let Some(command) = python_with("pydpop") else {
        return;
    };
    let expected = Departures {
        must: &["DPOP-CRIT-01", "DPOP-JTI-01"],
        should: &["DPOP-BIND-05", "DPOP-HTU-04"],
    };
    departs(command, expected, 80).await;
}
