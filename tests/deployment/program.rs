//! A server that is a program of its own, on a free port of loopback, and what the checks about tokens find in it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use super::proofmark;

/// Ends when dropped; [`Program::end`] lets it end what it started itself.
pub struct Program {
    child: Child,
    pub port: u16,
}

impl Program {
    /// Starts the command that `of` makes of a free port, and waits until it listens. `None` where it ended before.
    pub async fn start(of: impl FnOnce(u16) -> Command) -> Option<Self> {
        let port = {
            let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
            free.local_addr().unwrap().port()
        };
        let mut child = of(port)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .ok()?;
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            if child.try_wait().unwrap().is_some() {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Some(Self { child, port })
    }

    pub async fn end(mut self) {
        if let Some(id) = self.child.id() {
            let asked = Command::new("kill").arg(id.to_string()).status().await;
            if asked.is_ok_and(|status| status.success()) {
                self.child.wait().await.unwrap();
            }
        }
    }
}

/// What a run found, by id of the check.
#[derive(Debug, Default)]
pub struct Findings {
    /// Of the checks that failed.
    pub failed: BTreeMap<String, Failed>,
    /// Cases.
    pub passed: u64,
    pub skipped: u64,
    pub inconclusive: u64,
}

#[derive(Debug)]
pub struct Failed {
    /// The highest that was broken, which may be below that of the check.
    pub level: String,
    /// Ids of the cases.
    pub cases: Vec<String>,
}

impl Findings {
    /// Ids of the checks of these levels that failed.
    pub fn at(&self, levels: &[&str]) -> Vec<&str> {
        let found = self
            .failed
            .iter()
            .filter(|(_, one)| levels.contains(&&*one.level));
        found.map(|(id, _)| id.as_str()).collect()
    }
}

/// Runs the checks about tokens at a program with a target file of `fixtures/targets/arena`.
pub async fn tokens_of(program: &Program, target: &str, secret: &str) -> Findings {
    let url = format!("http://127.0.0.1:{}", program.port);
    findings_of(&url, target, secret, "JWT-*").await
}

/// Runs the checks whose ids match at what answers there, with a target file of `fixtures/targets/arena`.
pub async fn findings_of(url: &str, target: &str, secret: &str, checks: &str) -> Findings {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/targets/arena");
    let file = file.join(target).to_string_lossy().into_owned();
    let words = ["run", "--target", &file, "--check", checks, "--report"];
    let arguments: Vec<String> = words
        .into_iter()
        .chain(["json=-"])
        .map(str::to_owned)
        .collect();
    let ran = proofmark(&arguments, &[("ARENA_URL", url), ("ARENA_SECRET", secret)]).await;
    ran.in_order();
    let report: serde_json::Value =
        serde_json::from_slice(&ran.stdout).unwrap_or_else(|_| panic!("no report: {}", ran.text()));
    let count = |name: &str| report["counts"]["cases"][name].as_u64().unwrap();
    let mut findings = Findings {
        passed: count("pass"),
        skipped: count("skipped"),
        inconclusive: count("inconclusive"),
        ..Findings::default()
    };
    for check in report["checks"].as_array().unwrap() {
        let cases = check["cases"].as_array().unwrap();
        let failing = || cases.iter().filter(|case| case["verdict"] == "fail");
        let failed: Vec<String> = failing()
            .map(|case| case["id"].as_str().unwrap().to_owned())
            .collect();
        if !failed.is_empty() {
            let level = ["must", "should", "advice"]
                .into_iter()
                .find(|level| failing().any(|case| case["level"] == *level))
                .expect("a failure has a level")
                .to_owned();
            let id = check["id"].as_str().unwrap().to_owned();
            findings.failed.insert(
                id,
                Failed {
                    level,
                    cases: failed,
                },
            );
        }
    }
    findings
}
