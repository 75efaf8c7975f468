//! Middlewares that keep idempotency keys, mounted where their manuals show it and where they do no harm.

use std::collections::BTreeSet;

use tokio::process::Command;

use crate::deployment::program::{Program, findings_with};
use crate::limited::Expected;
use crate::{is_there, root};

const TARGET: &str = include_str!("orders.yaml");

const ALICE: &str = "alice-0d7c1f3a9be2480e";
const BOB: &str = "bob-5a61c0e47fd94b3b";

/// Terms of `fixtures/stacks/python-limits/orders.py`.
async fn finds(library: &str, mounted: &str, marker: &str, expected: Expected) {
    let python = root().join("target/stacks/python-limits/bin/python");
    if !is_there(&python) {
        return;
    }
    let command = |port: u16| {
        let mut command = Command::new(&python);
        command
            .arg(root().join("fixtures/stacks/python-limits/orders.py"))
            .env("LIBRARY", library)
            .env("MOUNTED", mounted)
            .env("TOKENS", format!("alice={ALICE},bob={BOB}"))
            .env("PORT", port.to_string());
        command
    };
    let program = Program::start(command).await.expect("the server starts");
    let url = format!("http://127.0.0.1:{}", program.port);
    let environment = [("URL", &*url), ("ALICE", ALICE), ("BOB", BOB)];
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("target.yaml");
    std::fs::write(&target, TARGET.replace("MARKER", marker)).unwrap();
    let found = findings_with(&target, &environment, "IDEM-*").await;
    program.end().await;
    let binding: BTreeSet<&str> = found.at(&["must", "should"]).into_iter().collect();
    let advice: BTreeSet<&str> = found.at(&["advice"]).into_iter().collect();
    println!("{library} {mounted}: {binding:?} advice {advice:?}");
    assert_eq!(
        (binding, advice),
        (
            expected.binding.iter().copied().collect(),
            expected.advice.iter().copied().collect()
        ),
        "{found:#?}"
    );
    assert!(found.passed >= 10, "{found:#?}");
}

/// What no caller can do about it: fastapi-idempotency-key refuses with a body that is no problem document.
const BARE: &str = "IDEM-ERRB-01";

#[tokio::test]
async fn a_store_that_is_asked_before_the_credential_is_named() {
    let expected = Expected {
        binding: &[BARE, "IDEM-SCOPE-02", "IDEM-SCOPE-03"],
        advice: &[],
    };
    finds(
        "fastapi-idempotency-key",
        "outside",
        "Idempotency-Replayed",
        expected,
    )
    .await;
    // It never looks at the request either.
    let expected = Expected {
        binding: &["IDEM-DIFF-01", "IDEM-SCOPE-02", "IDEM-SCOPE-03"],
        advice: &["IDEM-DIFF-02"],
    };
    finds(
        "asgi-idempotency-header",
        "outside",
        "Idempotent-Replayed",
        expected,
    )
    .await;
}

#[tokio::test]
async fn a_store_behind_the_authentication_is_not() {
    let expected = Expected {
        binding: &[BARE],
        advice: &[],
    };
    finds(
        "fastapi-idempotency-key",
        "inside",
        "Idempotency-Replayed",
        expected,
    )
    .await;
    let expected = Expected {
        binding: &["IDEM-DIFF-01"],
        advice: &["IDEM-DIFF-02"],
    };
    finds(
        "asgi-idempotency-header",
        "inside",
        "Idempotent-Replayed",
        expected,
    )
    .await;
}
