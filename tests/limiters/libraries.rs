//! Limiters that are libraries: `@fastify/rate-limit` and `slowapi`, with proxies trusted rightly and wrongly.

use tokio::process::Command;

use crate::deployment::program::Program;
use crate::limited::{CLEAN, Declared, Expected, judged};
use crate::{is_there, root};

const FORGED: Expected = Expected {
    binding: &["RL-BYP-01", "RL-BYP-08"],
    advice: &[],
};

/// Each route has a count of its own, and HEAD is one that fastify adds.
const HEAD: &[&str] = &["RL-BYP-04"];

/// In a folder with a target file.
async fn start(
    command: impl Fn(u16) -> Command,
    kind: &'static str,
) -> (Program, tempfile::TempDir) {
    let declared = Declared {
        requests: 20,
        window_s: 6.0,
        kind,
    };
    let program = Program::start(command).await.expect("the server starts");
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("target.yaml");
    let url = format!("http://127.0.0.1:{}", program.port);
    std::fs::write(&target, declared.target(&url, "")).unwrap();
    (program, folder)
}

async fn finds((program, folder): (Program, tempfile::TempDir), expected: Expected, whole: bool) {
    let target = folder.path().join("target.yaml");
    let found = judged(&target, "RL-*", expected, whole).await;
    program.end().await;
    if let Err(says) = found {
        panic!("{says}");
    }
}

/// `None` where it is not installed.
pub async fn start_fastify(trust: &str) -> Option<(Program, tempfile::TempDir)> {
    let modules = root().join("target/stacks/node-limits");
    if !is_there(&modules.join("node_modules/@fastify/rate-limit")) {
        return None;
    }
    let command = |port: u16| {
        let mut command = Command::new("node");
        command
            .arg(root().join("fixtures/stacks/node-limits/server.mjs"))
            .env("MODULES", &modules)
            .env("TRUST", trust)
            .env("REQUESTS", "20")
            .env("WINDOW_MS", "6000")
            .env("PORT", port.to_string());
        command
    };
    Some(start(command, "fixed").await)
}

async fn fastify(trust: &str, expected: Expected, whole: bool) {
    if let Some(started) = start_fastify(trust).await {
        finds(started, expected, whole).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fastify_that_trusts_its_proxy_counts_head_by_itself() {
    let expected = Expected {
        advice: HEAD,
        ..CLEAN
    };
    fastify(r#""192.0.2.1""#, expected, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fastify_that_trusts_everybody_is_named() {
    let expected = Expected {
        advice: HEAD,
        ..FORGED
    };
    fastify("true", expected, false).await;
}

/// Terms of `fixtures/stacks/python-limits/search.py`.
pub struct Slowapi {
    pub key: &'static str,
    pub trust: &'static str,
    pub strategy: &'static str,
}

/// `None` where it is not installed.
pub async fn start_slowapi(
    terms: Slowapi,
    kind: &'static str,
) -> Option<(Program, tempfile::TempDir)> {
    let python = root().join("target/stacks/python-limits/bin/python");
    if !is_there(&python) {
        return None;
    }
    let command = |port: u16| {
        let mut command = Command::new(&python);
        command
            .arg(root().join("fixtures/stacks/python-limits/search.py"))
            .env("KEY", terms.key)
            .env("TRUST", terms.trust)
            .env("STRATEGY", terms.strategy)
            .env("LIMIT", "20/6 seconds")
            .env("PORT", port.to_string());
        command
    };
    Some(start(command, kind).await)
}

async fn slowapi(terms: Slowapi, kind: &'static str, expected: Expected, whole: bool) {
    if let Some(started) = start_slowapi(terms, kind).await {
        finds(started, expected, whole).await;
    }
}

/// Its strategies, and how they count.
pub const STRATEGIES: [(&str, &str); 3] = [
    ("fixed-window", "fixed"),
    ("moving-window", "sliding-log"),
    ("sliding-window-counter", "sliding-counter"),
];

#[tokio::test(flavor = "multi_thread")]
async fn slowapi_that_counts_addresses_has_no_findings() {
    for (strategy, kind) in STRATEGIES {
        let terms = Slowapi {
            key: "address",
            trust: "192.0.2.1",
            strategy,
        };
        slowapi(terms, kind, CLEAN, true).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slowapi_that_counts_by_a_header_is_named() {
    let terms = Slowapi {
        key: "header",
        trust: "192.0.2.1",
        strategy: "fixed-window",
    };
    slowapi(terms, "fixed", FORGED, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slowapi_behind_a_server_that_believes_everybody_is_named() {
    let terms = Slowapi {
        key: "address",
        trust: "*",
        strategy: "moving-window",
    };
    slowapi(terms, "sliding-log", FORGED, false).await;
}
