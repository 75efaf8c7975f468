//! `limit_req` of nginx, with the target file that is shipped for it.

use std::process::Stdio;

use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use crate::deployment::Authority;
use crate::limited::{CLEAN, Expected, addresses, judged};
use crate::{is_installed, root};

const CONF: &str = include_str!("nginx.conf");

/// What the places of the configuration hold where nothing is wrong.
const RIGHT: &[(&str, &str)] = &[
    ("REAL_IP", ""),
    ("KEY", "$binary_remote_addr"),
    ("RATE", "5r/s"),
    ("STATUS", "429"),
    ("EVERYWHERE", ""),
    ("RETRY_AFTER", "add_header Retry-After 1 always;"),
    ("REFUSAL", "add_header Cache-Control no-store always;"),
    ("LIMIT", "limit_req zone=clients burst=19 nodelay;"),
    ("AT_ONCE", "limit_conn under_way 4;"),
];

/// One other configuration: what it changes, what is found, and by which checks it is judged.
struct Other {
    what: &'static str,
    changes: &'static [(&'static str, &'static str)],
    finds: Expected,
    checks: &'static str,
}

const fn other(
    what: &'static str,
    changes: &'static [(&'static str, &'static str)],
    binding: &'static [&'static str],
    advice: &'static [&'static str],
) -> Other {
    Other {
        what,
        changes,
        finds: Expected { binding, advice },
        checks: "RL-*",
    }
}

const OTHERS: &[Other] = &[
    other(
        "keyed by X-Forwarded-For where there is one",
        &[("KEY", "$forwarded")],
        &["RL-BYP-01", "RL-BYP-08"],
        &[],
    ),
    other(
        "everybody is a proxy of ours",
        &[(
            "REAL_IP",
            "set_real_ip_from 0.0.0.0/0; real_ip_header X-Forwarded-For;",
        )],
        &["RL-BYP-01", "RL-BYP-08"],
        &[],
    ),
    other(
        "keyed by X-Forwarded-For alone, so that who sends none is not counted",
        &[("KEY", "$http_x_forwarded_for")],
        &["RL-LIMIT-01", "RL-CONC-01"],
        &[],
    ),
    other(
        "a zone that no location uses",
        &[("LIMIT", "")],
        &["RL-LIMIT-01", "RL-CONC-01"],
        &[],
    ),
    other(
        "twice as much as declared",
        &[
            ("RATE", "10r/s"),
            ("LIMIT", "limit_req zone=clients burst=39 nodelay;"),
        ],
        &["RL-LIMIT-01", "RL-CONC-01"],
        &[],
    ),
    other(
        "half as much as declared",
        &[("LIMIT", "limit_req zone=clients burst=9 nodelay;")],
        &["RL-LIMIT-02", "RL-REC-01"],
        &[],
    ),
    other(
        "the status that nginx answers by itself",
        &[("STATUS", "503")],
        &["RL-LIMIT-03"],
        &[],
    ),
    other(
        "no Retry-After, as nginx by itself",
        &[("RETRY_AFTER", "")],
        &["RL-RA-01"],
        &[],
    ),
    other(
        "Retry-After of an hour",
        &[("RETRY_AFTER", "add_header Retry-After 3600 always;")],
        &[],
        &["RL-RA-03"],
    ),
    other(
        "caches may keep the refusal",
        &[(
            "REFUSAL",
            "add_header Cache-Control 'public, max-age=60' always;",
        )],
        &["RL-BODY-02"],
        &[],
    ),
    other(
        "keyed by the address with query",
        &[("KEY", "$remote_addr$request_uri")],
        &["RL-BYP-03"],
        &[],
    ),
    other(
        "keyed by the method as well",
        &[("KEY", "$remote_addr$request_method")],
        &[],
        &["RL-BYP-04"],
    ),
    other(
        "keyed by the program of the client as well",
        &[("KEY", "$remote_addr$http_user_agent")],
        &["RL-BYP-07"],
        &[],
    ),
    other(
        "keyed by the credential where there is one",
        &[("KEY", "$login")],
        &["RL-ISO-03"],
        &[],
    ),
    other(
        "keyed by the connection",
        &[("KEY", "$remote_addr$remote_port")],
        &["RL-BYP-05", "RL-CONC-01"],
        &[],
    ),
    other(
        "the limit is that of the whole server",
        &[
            ("LIMIT", ""),
            ("EVERYWHERE", "limit_req zone=clients burst=19 nodelay;"),
        ],
        &["RL-ISO-04"],
        &[],
    ),
    Other {
        what: "all clients share one count",
        changes: &[("KEY", "$server_name")],
        finds: Expected {
            binding: &["RL-ISO-01"],
            advice: &[],
        },
        // What other checks send would be in their way.
        checks: "RL-ISO-01",
    },
    other(
        "requests wait instead of being refused, which breaks no promise",
        &[("LIMIT", "limit_req zone=clients burst=19;")],
        &[],
        &[],
    ),
];

/// nginx in the foreground, ended with the test, and a target file for it.
pub struct Nginx {
    _child: Child,
    pub folder: tempfile::TempDir,
}

impl Nginx {
    pub async fn start(changes: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let (certificate, key) = authority.issue(&["localhost"]);
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            path
        };
        write("certificate.pem", &certificate);
        write("key.pem", &key);
        write("ca.pem", &authority.pem());
        write("www/search", r#"{"found":["somebody"]}"#);
        write("www/status", r#"{"status":"up"}"#);
        // More than leaves at once at the rate of the configuration.
        write(
            "www/export",
            &format!("{{\"all\":\"{}\"}}", "x".repeat(12_000)),
        );
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut conf = CONF.to_owned();
        for (place, right) in RIGHT {
            let value = changes.iter().find(|(changed, _)| changed == place);
            let value = value.map_or(right, |(_, value)| value);
            conf = conf.replace(&format!("@{place}@"), value);
        }
        let conf = conf
            .replace("@FOLDER@", &folder.path().display().to_string())
            .replace("@PORT@", &port.to_string());
        let conf = write("nginx.conf", &conf);
        write("target.yaml", &target(port));
        let mut child = Command::new("nginx")
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(&conf)
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            if let Some(status) = child.try_wait().unwrap() {
                let mut says = String::new();
                let stderr = child.stderr.as_mut().expect("it is piped");
                let _ = tokio::io::AsyncReadExt::read_to_string(stderr, &mut says).await;
                panic!("nginx ended with {status}: {says}");
            }
            tokio::task::yield_now().await;
        }
        Self {
            _child: child,
            folder,
        }
    }

    async fn judged(&self, checks: &str, finds: Expected, whole: bool) -> Result<u64, String> {
        let target = self.folder.path().join("target.yaml");
        let found = judged(&target, checks, finds, whole).await?;
        Ok(found.passed)
    }
}

/// The shipped one, for this deployment.
fn target(port: u16) -> String {
    let shipped = root().join("fixtures/targets/nginx-limits.yaml");
    let shipped = std::fs::read_to_string(shipped).unwrap();
    let mut target = String::new();
    for line in shipped.lines() {
        match line.split(':').next() {
            Some("url") => {
                target.push_str(&format!("url: https://localhost:{port}\nca_file: ca.pem\n"));
            }
            Some("addresses") => target.push_str(&addresses(0)),
            Some("consent") => {
                target.push_str("consent: { load: true, max_requests_per_second: 100000 }\n");
            }
            _ => target.extend([line, "\n"]),
        }
    }
    target
}

/// The checks of what is under way at the same time, at an operation of which four are declared.
async fn at_once(configured: &'static str, finds: Expected) {
    let nginx = Nginx::start(&[("AT_ONCE", configured)]).await;
    let path = nginx.folder.path().join("target.yaml");
    let target = std::fs::read_to_string(&path).unwrap();
    let lines = target.lines().map(|line| match line {
        "operations:" => "operations:\n  export: GET /export".to_owned(),
        "rate_limits:" => {
            format!("params: {{ fault_header: X-Unused }}\n{line}\n  exports: {AT_ONCE}")
        }
        _ => line.to_owned(),
    });
    let target: Vec<String> = lines.collect();
    std::fs::write(&path, target.join("\n")).unwrap();
    if let Err(says) = nginx.judged("RL-CONC-03", finds, true).await {
        panic!("{configured}: {says}");
    }
}

const AT_ONCE: &str = "{ requests: 4, kind: concurrency, per: address, tolerance: 0, operations: [export], spend: export }";

#[tokio::test(flavor = "multi_thread")]
async fn as_many_at_once_as_are_declared_have_no_findings_and_no_other_number_has_none() {
    if !is_installed("nginx", "nginx-light") {
        return;
    }
    let found = Expected {
        binding: &["RL-CONC-03"],
        advice: &[],
    };
    at_once("limit_conn under_way 4;", CLEAN).await;
    for other in ["limit_conn under_way 3;", "limit_conn under_way 5;", ""] {
        at_once(other, found).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correct_limit_has_no_findings() {
    if !is_installed("nginx", "nginx-light") {
        return;
    }
    let passed = Nginx::start(&[]).await.judged("RL-*", CLEAN, true).await;
    assert!(
        passed.clone().unwrap_or_else(|says| panic!("{says}")) >= 20,
        "{passed:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_other_configuration_is_named_by_the_checks_it_concerns() {
    if !is_installed("nginx", "nginx-light") {
        return;
    }
    let mut others = tokio::task::JoinSet::new();
    for other in OTHERS {
        println!("{}", other.what);
        others.spawn(async {
            let nginx = Nginx::start(other.changes).await;
            let judged = nginx.judged(other.checks, other.finds, false).await;
            judged.map_err(|says| format!("{}: {says}", other.what))
        });
    }
    let wrong: Vec<String> = others
        .join_all()
        .await
        .into_iter()
        .filter_map(Result::err)
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
