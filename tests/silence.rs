//! A plain port that takes no connection is filtered where the https port beside it takes them, and a doubt elsewhere.

mod deployment;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use deployment::{Door, Files, Reply, Site, bare, json, proofmark, serve};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

const CHECK: &str = r#"
- id: BARE-SILENT-01
  title: The plain port is closed
  level: must
  source: none
  steps:
    - send: me
      over: plain
      expect: { connection: [refused, filtered] }
  remedy: none
  proved_by: [challenge-missing]
"#;

/// A port whose queue is full, so that Linux drops every further SYN, and what fills it.
async fn full_port() -> (TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let mut kept = Vec::new();
    let patience = std::time::Duration::from_millis(300);
    while let Ok(stream) = tokio::time::timeout(patience, TcpStream::connect(address)).await {
        kept.push(stream.unwrap());
    }
    (listener, kept)
}

async fn verdicts(site: &Site) -> BTreeMap<String, String> {
    let files = Files::new(bare::CONTRACT, CHECK);
    let more = format!(
        "secrets: {{ token: {} }}\nlimits: {{ connect_s: 1, answer_s: 1, retry_s: 1 }}\n",
        bare::TOKEN
    );
    files.target(site, "bare", &more);
    let ran = proofmark(&files.run(), &[]).await;
    ran.in_order();
    files.verdicts()
}

async fn site(door: Door) -> Site {
    serve(door, |_, _| {
        Reply::Keep(json("200 OK", r#"{ "me": true }"#))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_swallows_what_comes_is_filtered() {
    let mut site = site(Door::Open).await;
    let (listener, _kept) = full_port().await;
    site.plain = listener.local_addr().unwrap().port();
    assert_eq!(verdicts(&site).await["BARE-SILENT-01"], "pass");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_takes_connections_and_says_nothing_is_a_doubt() {
    let site = site(Door::Mute).await;
    assert_eq!(
        verdicts(&site).await["BARE-SILENT-01"],
        "inconclusive unreachable"
    );
}
