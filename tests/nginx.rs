//! nginx as a target: a correct configuration has no findings, and each of the usual misconfigurations is named by the
//! checks that it concerns, and by no other.

#![expect(clippy::print_stderr, reason = "says why it does nothing")]

mod deployment;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use deployment::{Authority, Files, proofmark};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

const CORRECT: &str = include_str!("nginx/correct.conf");
const USER: &str = "user-4f6c1d9b27e0a853";
const ADMIN: &str = "admin-90ab3e57c1d2f846";

/// What a correct configuration has in the places that misconfigurations change.
const RIGHT: &[(&str, &str)] = &[
    ("ALWAYS", "always"),
    ("CHALLENGE", "'Bearer realm=\"api\"'"),
    (
        "PLAIN",
        "return 308 https://localhost:@HTTPS_PORT@$request_uri;",
    ),
    ("PROTOCOLS", "TLSv1.2 TLSv1.3"),
    (
        "CIPHERS",
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305",
    ),
    (
        "HSTS",
        "add_header Strict-Transport-Security 'max-age=31536000; includeSubDomains' @ALWAYS@;",
    ),
    ("MORE", ""),
    ("NO_CREDENTIAL", "401"),
];

/// One misconfiguration: what it changes, whose name is on the certificate, and the checks that must fail.
struct Wrong {
    what: &'static str,
    changes: &'static [(&'static str, &'static str)],
    name: &'static str,
    fails: &'static [&'static str],
}

const fn wrong(
    what: &'static str,
    changes: &'static [(&'static str, &'static str)],
    fails: &'static [&'static str],
) -> Wrong {
    Wrong {
        what,
        changes,
        name: "localhost",
        fails,
    }
}

const WRONGS: &[Wrong] = &[
    wrong(
        "add_header without always",
        &[("ALWAYS", "")],
        &["TR-HSTS-01", "HDR-XCTO-01", "HDR-CSP-01", "HDR-ALL-01"],
    ),
    wrong(
        "the plain port serves content",
        &[(
            "PLAIN",
            "location = /me { if ($caller = \"\") { return 401; } return 200 '{\"name\":\"somebody\"}'; } \
             location = /users { if ($caller != admin) { return 403; } return 200 '{\"users\":[\"somebody\"]}'; } \
             location = /status { return 200 '{\"status\":\"up\"}'; } location / { return 404; }",
        )],
        &["TR-PLAIN-01"],
    ),
    wrong(
        "TLS 1.0 is offered",
        &[
            ("PROTOCOLS", "TLSv1 TLSv1.1 TLSv1.2 TLSv1.3"),
            ("CIPHERS", "'ALL:@SECLEVEL=0'"),
        ],
        &["TR-TLS-01"],
    ),
    wrong(
        "a redirect that stays on http",
        &[("PLAIN", "return 308 http://localhost:@PLAIN_PORT@/login;")],
        &["TR-PLAIN-04"],
    ),
    wrong(
        "HSTS over http only",
        &[
            ("HSTS", ""),
            (
                "PLAIN",
                "add_header Strict-Transport-Security 'max-age=31536000; includeSubDomains' always; \
                 return 308 https://localhost:@HTTPS_PORT@$request_uri;",
            ),
        ],
        &["TR-HSTS-01", "TR-HSTS-02", "HDR-ALL-01"],
    ),
    wrong(
        "401 without a challenge",
        &[("CHALLENGE", "''")],
        &["AUTH-401-01"],
    ),
    wrong(
        "403 where 401 is due",
        &[("NO_CREDENTIAL", "403")],
        &["AUTH-401-01", "AUTH-401-02"],
    ),
    wrong(
        "two headers that contradict each other",
        &[(
            "MORE",
            "add_header Strict-Transport-Security 'max-age=0' always; add_header X-Frame-Options SAMEORIGIN always;",
        )],
        &["TR-HSTS-01", "TR-HSTS-03", "HDR-ALL-03"],
    ),
    Wrong {
        what: "a certificate for another name",
        changes: &[],
        name: "other.example",
        fails: &["TR-CERT-02"],
    },
];

/// nginx in the foreground, ended with the test.
struct Nginx {
    _child: Child,
    files: Files,
}

fn missing() -> bool {
    let found = std::process::Command::new("nginx")
        .arg("-v")
        .stderr(Stdio::null())
        .status();
    if found.is_ok() {
        return false;
    }
    assert!(std::env::var_os("CI").is_none(), "nginx is not installed");
    eprintln!("skipped: there is no nginx; on Debian `apt-get install nginx-light` brings it");
    true
}

async fn free_ports() -> (u16, u16) {
    let one = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let two = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (
        one.local_addr().unwrap().port(),
        two.local_addr().unwrap().port(),
    )
}

fn configuration(changes: &[(&str, &str)], folder: &Path, ports: (u16, u16)) -> String {
    let mut text = CORRECT.to_owned();
    for (place, right) in RIGHT {
        let value = changes.iter().find(|(changed, _)| changed == place);
        text = text.replace(
            &format!("@{place}@"),
            value.map_or(right, |(_, value)| value),
        );
    }
    // Within a value there may be another place.
    let always = changes.iter().find(|(changed, _)| *changed == "ALWAYS");
    text.replace("@ALWAYS@", always.map_or("always", |(_, value)| value))
        .replace("@FOLDER@", &folder.display().to_string())
        .replace("@HTTPS_PORT@", &ports.0.to_string())
        .replace("@PLAIN_PORT@", &ports.1.to_string())
        .replace("@USER@", USER)
        .replace("@ADMIN@", ADMIN)
}

async fn nginx(changes: &[(&str, &str)], name: &str) -> Nginx {
    let authority = Authority::new();
    let (certificate, key) = authority.issue(&[name]);
    let files = Files::new(deployment::bare::CONTRACT, deployment::bare::CHECKS);
    let folder = files.folder.path();
    files.write("certificate.pem", &certificate);
    files.write("key.pem", &key);
    files.write("ca.pem", &authority.pem());
    let ports = free_ports().await;
    let path = files.write("nginx.conf", &configuration(changes, folder, ports));
    files.write(
        "target.yaml",
        &format!(
            "target: nginx\ncontract: http-api\nurl: https://localhost:{}\nplain_url: http://localhost:{}\nca_file: ca.pem\n\
             secrets: {{ user: {USER}, admin: {ADMIN} }}\n\
             principals:\n  user: {{ roles: [user], credentials: {{ token: '${{secret.user}}' }} }}\n  \
             admin: {{ roles: [user, admin], credentials: {{ token: '${{secret.admin}}' }} }}\n\
             operations:\n  me: {{ request: GET /me, allow: [user], is: [personal] }}\n  \
             users: {{ request: GET /users, allow: [admin], is: [list] }}\n  status: GET /status\n\
             limits: {{ connect_s: 5, answer_s: 5 }}\nconsent: {{ max_requests_per_second: 100000 }}\n",
            ports.0, ports.1
        ),
    );
    let mut child = Command::new("nginx")
        .arg("-p")
        .arg(folder)
        .arg("-c")
        .arg(&path)
        // The system's may forbid old protocols that a test wants to offer.
        .env("OPENSSL_CONF", "/dev/null")
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    loop {
        if TcpStream::connect(("127.0.0.1", ports.0)).await.is_ok() {
            break;
        }
        if let Some(status) = child.try_wait().unwrap() {
            let mut says = String::new();
            let stderr = child.stderr.as_mut().expect("it is piped");
            let _ = tokio::io::AsyncReadExt::read_to_string(stderr, &mut says).await;
            panic!("nginx ended with {status}: {says}");
        }
        tokio::task::yield_now().await;
    }
    Nginx {
        _child: child,
        files,
    }
}

/// Ids of the checks that failed, whatever their level and at `should` or above.
struct Outcome {
    failed: BTreeSet<String>,
    binding: BTreeSet<String>,
    code: Option<i32>,
    text: String,
}

async fn outcome(nginx: &Nginx) -> Outcome {
    let mut arguments = nginx.files.run();
    // The shipped suites, not those of the folder.
    arguments.drain(..2);
    let ran = proofmark(&arguments, &[]).await;
    ran.in_order();
    let (mut failed, mut binding) = (BTreeSet::new(), BTreeSet::new());
    for line in nginx.files.journal().lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        let verdict = &record["verdict"];
        if record["record"] == "verdict" && verdict["verdict"] == "fail" {
            let case = record["case"].as_str().unwrap();
            let id = case.split('[').next().unwrap().to_owned();
            if verdict["level"] != "advice" {
                binding.insert(id.clone());
            }
            failed.insert(id);
        }
    }
    Outcome {
        failed,
        binding,
        code: ran.code,
        text: ran.text(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correct_configuration_has_no_findings() {
    if missing() {
        return;
    }
    let nginx = nginx(&[], "localhost").await;
    let outcome = outcome(&nginx).await;
    assert_eq!(outcome.binding, BTreeSet::new(), "{}", outcome.text);
    assert_eq!(outcome.code, Some(0), "{}", outcome.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_misconfiguration_is_named_by_the_checks_it_concerns() {
    if missing() {
        return;
    }
    let correct = outcome(&nginx(&[], "localhost").await).await;
    let mut surprises = Vec::new();
    for wrong in WRONGS {
        let found = outcome(&nginx(wrong.changes, wrong.name).await).await;
        let new: BTreeSet<&str> = found
            .failed
            .difference(&correct.failed)
            .map(String::as_str)
            .collect();
        let expected: BTreeSet<&str> = wrong.fails.iter().copied().collect();
        if new != expected {
            surprises.push(format!(
                "{}: expected {expected:?}, found {new:?}\n{}",
                wrong.what, found.text
            ));
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n\n"));
}
