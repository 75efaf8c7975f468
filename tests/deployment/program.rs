//! A server that is a program of its own, on a free port of loopback, and what the checks about tokens find in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use super::proofmark;

/// Ends when dropped; [`Program::end`] lets it end what it started itself.
pub struct Program {
    child: Child,
    pub port: u16,
}

/// Ports that are tried, since another program may take one between our look and the start.
const TRIES: usize = 5;

impl Program {
    /// Starts the command that `of` makes of a free port, the next one being free as well, and waits until it answers
    /// over HTTP. `None` where it ends before, on every port.
    pub async fn start(of: impl Fn(u16) -> Command) -> Option<Self> {
        for _ in 0..TRIES {
            if let Some(program) = Self::start_on(free_port().await, &of).await {
                return Some(program);
            }
        }
        None
    }

    async fn start_on(port: u16, of: impl Fn(u16) -> Command) -> Option<Self> {
        let mut child = of(port)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .ok()?;
        while !answers(port).await {
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

async fn free_port() -> u16 {
    loop {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = free.local_addr().unwrap().port();
        if let Some(next) = port.checked_add(1)
            && TcpListener::bind(("127.0.0.1", next)).await.is_ok()
        {
            return port;
        }
    }
}

/// Whether anything comes back. A port that is open is not enough: nginx opens its ports one by one, and ends where it
/// does not get them all.
async fn answers(port: u16) -> bool {
    let asked = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream
            .write_all(b"GET /public HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .await?;
        stream.read_u8().await
    };
    asked.await.is_ok()
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
    /// Inconclusive cases by id, with the reason.
    pub doubts: BTreeMap<String, String>,
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

/// Runs the checks about proofs of possession at a program.
pub async fn proofs_of(program: &Program) -> Findings {
    let url = format!("http://127.0.0.1:{}", program.port);
    findings_of(&url, "dpop.yaml", "unused-by-this-target", "DPOP-*").await
}

/// Runs the checks whose ids match at what answers there, with a target file of `fixtures/targets/arena`.
pub async fn findings_of(url: &str, target: &str, secret: &str, checks: &str) -> Findings {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/targets/arena");
    let environment = [("ARENA_URL", url), ("ARENA_SECRET", secret)];
    findings_with(&file.join(target), &environment, checks).await
}

/// Runs the checks whose ids match with a target file that reads these variables.
pub async fn findings_with(target: &Path, environment: &[(&str, &str)], checks: &str) -> Findings {
    let file = target.to_string_lossy().into_owned();
    let words = ["run", "--target", &file, "--check", checks, "--report"];
    let arguments: Vec<String> = words
        .into_iter()
        .chain(["json=-"])
        .map(str::to_owned)
        .collect();
    let ran = proofmark(&arguments, environment).await;
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
        for case in cases
            .iter()
            .filter(|case| case["verdict"] == "inconclusive")
        {
            let id = case["id"].as_str().unwrap().to_owned();
            findings.doubts.insert(id, case["says"].to_string());
        }
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
