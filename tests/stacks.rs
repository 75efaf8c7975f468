//! Current verifiers, used as their manuals say: nothing is found that must or should be otherwise.
//!
//! `.ci/run` installs what they are made of under `target/stacks/`.

#![expect(
    clippy::print_stdout,
    reason = "says what it found, or what it would need"
)]

mod deployment;

use std::path::{Path, PathBuf};

use deployment::program::{Program, tokens_of};
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

async fn is_clean(command: impl FnOnce(u16) -> Command) {
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
            .env("MODULES", modules)
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
        let mut command = Command::new(python);
        command
            .arg(root().join("fixtures/stacks/pyjwt/server.py"))
            .env("PORT", port.to_string());
        command
    })
    .await;
}
