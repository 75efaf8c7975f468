//! The binary, run on files made for a test.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::process::{Child, Command};

use super::server::Site;

/// A folder with a suite, a contract and a target file.
pub struct Files {
    pub folder: tempfile::TempDir,
}

/// How a run of the binary ended.
pub struct Ran {
    /// `None` where a signal ended it.
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// Most memory that it ever held, in KiB; as the kernel told while it ran.
    pub peak_kib: u64,
}

impl Files {
    /// With a suite of the given checks and a contract that has just those.
    pub fn new(contract: &str, checks: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("suites/contracts")).unwrap();
        std::fs::write(
            at("suites/bare.yaml"),
            format!("suite: bare\ntitle: For one test\nchecks:\n{checks}"),
        )
        .unwrap();
        std::fs::write(at("suites/contracts/bare.yaml"), contract).unwrap();
        Self { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A target file for a site; `more` is added to it as it is.
    pub fn target(&self, site: &Site, contract: &str, more: &str) -> PathBuf {
        let pem: String = site
            .ca_pem
            .lines()
            .map(|line| format!("  {line}\n"))
            .collect();
        self.write(
            "target.yaml",
            &format!(
                "target: bad\ncontract: {contract}\nurl: https://localhost:{}\nplain_url: http://localhost:{}\n\
                 ca_pem: |\n{pem}{more}",
                site.https, site.plain
            ),
        )
    }

    /// Arguments for a run of the target file with the suite of this folder.
    pub fn run(&self) -> Vec<String> {
        vec![
            "--suites".to_owned(),
            self.path("suites").display().to_string(),
            "run".to_owned(),
            "--target".to_owned(),
            self.path("target.yaml").display().to_string(),
            "--journal".to_owned(),
            self.path("journal.jsonl").display().to_string(),
        ]
    }

    pub fn journal(&self) -> String {
        std::fs::read_to_string(self.path("journal.jsonl")).unwrap()
    }

    /// Verdict of each case in the journal: `pass`, `fail`, `inconclusive unsteady`…
    pub fn verdicts(&self) -> std::collections::BTreeMap<String, String> {
        verdicts(&self.path("journal.jsonl"))
    }
}

/// The same of any journal.
pub fn verdicts(journal: &Path) -> std::collections::BTreeMap<String, String> {
    let file = std::io::BufReader::new(std::fs::File::open(journal).unwrap());
    let (records, _) = proofmark::journal::read(file).unwrap();
    let run = proofmark::journal::RunRecord::from_records(records).unwrap();
    run.verdicts
        .into_iter()
        .map(|(case, verdict)| {
            let said = match &verdict {
                proofmark::judge::Verdict::Inconclusive { why, .. } => {
                    format!("inconclusive {}", why.word())
                }
                other => other.word().to_owned(),
            };
            (case, said)
        })
        .collect()
}

impl Ran {
    /// Both outputs.
    pub fn text(&self) -> String {
        format!(
            "{}{}",
            String::from_utf8_lossy(&self.stdout),
            String::from_utf8_lossy(&self.stderr)
        )
    }

    /// Fails the test where the binary panicked or was killed.
    pub fn in_order(&self) {
        assert!(
            self.code.is_some() && self.code != Some(101),
            "ended with {:?}\n{}",
            self.code,
            self.text()
        );
        assert!(!self.text().contains("panicked at"), "{}", self.text());
    }
}

/// Every form of report that the binary knows, in its own words.
pub async fn report_forms() -> Vec<String> {
    let arguments = ["run", "--target", "none", "--report", "no-such-form=-"].map(str::to_owned);
    let ran = proofmark(&arguments, &[]).await;
    let text = ran.text();
    let (_, listed) = text
        .split_once("there is ")
        .or_else(|| text.split_once("there are "))
        .expect("the refusal lists the forms");
    let line = listed.lines().next().unwrap();
    line.replace(" and ", ", ")
        .split(", ")
        .map(|form| form.trim_matches(['`', '.', ' ']).to_owned())
        .collect()
}

/// Starts the binary with piped output.
pub fn start(arguments: &[String], environment: &[(&str, &str)]) -> Child {
    let mut command = Command::new(binary());
    command
        .args(arguments)
        .env("NO_COLOR", "1")
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    for (name, value) in environment {
        command.env(name, value);
    }
    command.spawn().unwrap()
}

/// Runs the binary to its end.
pub async fn proofmark(arguments: &[String], environment: &[(&str, &str)]) -> Ran {
    let child = start(arguments, environment);
    let peak = Arc::new(AtomicU64::new(0));
    let watch = tokio::spawn(watch_memory(child.id(), Arc::clone(&peak)));
    let output = child.wait_with_output().await.unwrap();
    watch.abort();
    Ran {
        code: output.status.code(),
        stdout: output.stdout,
        stderr: output.stderr,
        peak_kib: peak.load(Ordering::Relaxed),
    }
}

/// Reads `VmHWM`, which only grows, over and over: the kernel forgets it when the process ends.
async fn watch_memory(pid: Option<u32>, peak: Arc<AtomicU64>) {
    let Some(pid) = pid else { return };
    let path = format!("/proc/{pid}/status");
    while let Ok(status) = tokio::fs::read_to_string(&path).await {
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak.fetch_max(kib.unwrap_or(0), Ordering::Relaxed);
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// The binary under test: `PROOFMARK_BINARY`, or the one that was built with the test.
fn binary() -> std::ffi::OsString {
    std::env::var_os("PROOFMARK_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_proofmark").into())
}
