//! That nobody called our listener says something only where a call would have come.

mod deployment;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use deployment::{Door, Files, Reply, Request, bare, json, proofmark, serve};

const QUIET: &str = r#"
- id: BARE-QUIET-01
  title: Nobody calls
  level: must
  source: none
  alone: true
  steps:
    - { send: me, as: user, expect: [accepted, { listener: untouched }] }
  remedy: none
  proved_by: [challenge-missing]
"#;

const CALLED: &str = r#"
- id: BARE-CALLED-01
  title: Somebody calls
  level: must
  source: none
  steps:
    - { send: me, as: user, headers: { X-Callback: "${listener}/here" }, expect: { listener: called } }
  remedy: none
  proved_by: [challenge-missing]
"#;

/// A free port of loopback.
fn port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().port()
}

/// Calls at the path that the request names, on our port, whatever host it names.
fn call_back(request: &Request, port: u16) {
    let Some((_, rest)) = request.header("x-callback").split_once("://") else {
        return;
    };
    let path = &rest[rest.find('/').unwrap()..];
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: us\r\n\r\n").unwrap();
    stream.read_to_string(&mut String::new()).unwrap();
}

/// Of every check that passes: why it is unconfirmed.
async fn passes(checks: &str, listener: &str, port: u16) -> BTreeMap<String, Option<String>> {
    let files = Files::new(bare::CONTRACT, checks);
    let site = serve(Door::Open, move |request, _| {
        call_back(request, port);
        Reply::Keep(json("200 OK", r#"{ "me": true }"#))
    })
    .await;
    let more = format!("secrets: {{ token: {} }}\n{listener}", bare::TOKEN);
    files.target(&site, "bare", &more);
    let mut arguments = files.run();
    arguments.extend(["--report", "json=-"].map(str::to_owned));
    let ran = proofmark(&arguments, &[]).await;
    ran.in_order();
    let report: serde_json::Value =
        serde_json::from_slice(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.text()));
    let checks = report["checks"].as_array().unwrap().iter();
    checks
        .map(|check| {
            let case = &check["cases"][0];
            assert_eq!(case["verdict"], "pass", "{}", ran.text());
            let says = case["unconfirmed"].as_str().map(str::to_owned);
            (check["id"].as_str().unwrap().to_owned(), says)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_from_another_network_is_unconfirmed_until_somebody_calls() {
    let port = port();
    let elsewhere =
        format!("listener: {{ listen: '127.0.0.1:{port}', url: 'http://us.example' }}\n");
    let found = passes(QUIET, &elsewhere, port).await;
    let says = found["BARE-QUIET-01"].as_deref().unwrap();
    assert!(says.contains("nobody had called us"), "{says}");

    let both = format!("{CALLED}{QUIET}");
    let found = passes(&both, &elsewhere, port).await;
    assert_eq!(found["BARE-CALLED-01"], None);
    assert_eq!(found["BARE-QUIET-01"], None, "its target gets to us");
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_on_one_machine_is_silence() {
    let here = "listener: { listen: '127.0.0.1:0' }\n";
    assert_eq!(passes(QUIET, here, 0).await["BARE-QUIET-01"], None);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_where_nobody_listens_is_unconfirmed() {
    let found = passes(QUIET, "", 0).await;
    let says = found["BARE-QUIET-01"].as_deref().unwrap();
    assert!(says.contains("has no `listener`"), "{says}");
}
