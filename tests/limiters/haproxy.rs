//! Stick tables of HAProxy: the rate of a table is a count of this window and a part of that of the window before.

use tokio::process::Command;

use crate::deployment::program::Program;
use crate::is_installed;
use crate::limited::{CLEAN, Declared, Expected, judged};

const CONF: &str = include_str!("haproxy.conf");

const DECLARED: Declared = Declared {
    requests: 20,
    window_s: 4.0,
    kind: "sliding-counter",
};

pub const BY_ADDRESS: &str = "http-request track-sc0 src if is_search";

/// In a folder with a target file; `None` where it is not installed.
pub async fn start(track: &str, most: u32) -> Option<(Program, tempfile::TempDir)> {
    if !is_installed("haproxy", "haproxy") {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let conf = folder.path().join("haproxy.conf");
    let command = |port: u16| {
        let text = CONF
            .replace("@PORT@", &port.to_string())
            .replace("@TRACK@", track)
            .replace("@MOST@", &most.to_string());
        std::fs::write(&conf, text).unwrap();
        let mut command = Command::new("haproxy");
        // In the foreground.
        command.arg("-db").arg("-f").arg(&conf);
        command
    };
    let program = Program::start(command).await.expect("HAProxy starts");
    let target = folder.path().join("target.yaml");
    let url = format!("http://127.0.0.1:{}", program.port);
    std::fs::write(&target, DECLARED.target(&url, "")).unwrap();
    Some((program, folder))
}

async fn finds(track: &str, most: u32, expected: Expected, whole: bool) {
    let Some((program, folder)) = start(track, most).await else {
        return;
    };
    let target = folder.path().join("target.yaml");
    let found = judged(&target, "RL-*", expected, whole).await;
    program.end().await;
    if let Err(says) = found {
        panic!("{track}: {says}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_addresses_has_no_findings() {
    finds(BY_ADDRESS, 20, CLEAN, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_what_clients_write_is_named() {
    let track = "http-request track-sc0 req.hdr_ip(X-Forwarded-For,-1) if is_search says_address\n  \
                 http-request track-sc0 src if is_search !says_address";
    let expected = Expected {
        binding: &["RL-BYP-01", "RL-BYP-08"],
        advice: &[],
    };
    finds(track, 20, expected, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_tracked_is_not_limited() {
    let expected = Expected {
        binding: &["RL-LIMIT-01", "RL-CONC-01"],
        advice: &[],
    };
    let track = "http-request track-sc0 req.hdr_ip(X-Forwarded-For,-1) if is_search says_address";
    finds(track, 20, expected, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_the_limit_is_named() {
    let expected = Expected {
        binding: &["RL-LIMIT-02", "RL-REC-02"],
        advice: &[],
    };
    finds(BY_ADDRESS, 10, expected, false).await;
}
