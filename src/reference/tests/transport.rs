use std::sync::Arc;

use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::{connect, raw, read_answer, request, send, send_plain, start, trusting};
use crate::reference::Contract::{self, Intraverse, Pers};

/// A ClientHello of this version at most (minor number), without extensions.
fn old_hello(minor: u8) -> Vec<u8> {
    let mut body = vec![3, minor];
    body.extend_from_slice(&[7; 32]);
    body.extend_from_slice(&[0, 0, 2, 0xc0, 0x13, 1, 0]);
    let mut record = vec![22, 3, 1, 0, body.len() as u8 + 4, 1, 0, 0, body.len() as u8];
    record.extend_from_slice(&body);
    record
}

async fn answer_to(contract: Contract, flaws: &[&str], minor: u8) -> Vec<u8> {
    let deployment = start(contract, flaws);
    let mut stream = TcpStream::connect(deployment.https).await.expect("TCP");
    stream.write_all(&old_hello(minor)).await.expect("written");
    let mut answer = vec![0; 64];
    let read = stream.read(&mut answer).await.unwrap_or(0);
    answer.truncate(read);
    answer
}

#[tokio::test]
async fn old_tls_is_answered_with_an_alert_unless_flawed() {
    let refused = answer_to(Pers, &[], 1).await;
    assert!(refused.is_empty() || refused[0] == 21, "{refused:?}");
    for (flaw, minor) in [
        ("ssl-3-accepted", 0),
        ("tls-1-0-accepted", 1),
        ("tls-1-1-accepted", 2),
    ] {
        let hello = answer_to(Pers, &[flaw], minor).await;
        assert_eq!(&hello[..3], &[22, 3, minor], "{flaw}");
        assert_eq!(&hello[9..11], &[3, minor], "{flaw}");
        let other = answer_to(Pers, &[flaw], (minor + 1) % 3).await;
        assert!(other.is_empty() || other[0] == 21, "{flaw}: {other:?}");
    }
}

#[tokio::test]
async fn sound_tls_still_works_under_the_flaws_that_look_at_the_hello() {
    for flaw in ["tls-1-0-accepted", "alpn-ignored"] {
        let deployment = start(Pers, &[flaw]);
        let seen = send(&deployment, "GET", "/v2/nowhere", &[], "").await;
        assert_eq!(seen.status, 400, "{flaw}");
    }
}

#[tokio::test]
async fn certificates_fail_as_their_flaw_says() {
    let sound = start(Pers, &[]);
    assert!(connect(&sound, trusting(&sound)).await.is_ok());
    for flaw in [
        "certificate-wrong-name",
        "certificate-common-name-only",
        "certificate-expired",
        "certificate-not-yet-valid",
        "certificate-without-intermediate",
        "certificate-self-signed",
    ] {
        let deployment = start(Pers, &[flaw]);
        let refused = connect(&deployment, trusting(&deployment)).await;
        assert!(refused.is_err(), "{flaw}");
    }
}

#[tokio::test]
async fn versions_keep_to_the_floor() {
    let speaks = async |contract: Contract, flaws: &[&str], version| {
        let deployment = start(contract, flaws);
        let base = trusting(&deployment);
        let config =
            rustls::ClientConfig::builder_with_provider(Arc::clone(base.crypto_provider()))
                .with_protocol_versions(&[version])
                .expect("a version")
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Anything(Arc::clone(
                    base.crypto_provider(),
                ))))
                .with_no_client_auth();
        connect(&deployment, config).await.is_ok()
    };
    assert!(speaks(Pers, &[], &TLS12).await && speaks(Pers, &[], &TLS13).await);
    assert!(speaks(Pers, &["tls-1-3-missing"], &TLS12).await);
    assert!(!speaks(Pers, &["tls-1-3-missing"], &TLS13).await);
    assert!(!speaks(Intraverse, &[], &TLS12).await && speaks(Intraverse, &[], &TLS13).await);
    assert!(speaks(Intraverse, &["tls-1-2-accepted"], &TLS12).await);
}

#[derive(Debug)]
struct Anything(Arc<rustls::crypto::CryptoProvider>);

impl rustls::client::danger::ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &[rustls::pki_types::CertificateDer<'_>],
        _: &rustls::pki_types::ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[tokio::test]
async fn a_client_that_knows_neither_protocol_gets_h2_only_under_the_flaw() {
    let first_octets = async |flaws: &[&str]| {
        let deployment = start(Pers, flaws);
        let mut config = trusting(&deployment);
        config.alpn_protocols = vec![b"x-none".to_vec()];
        let mut stream = connect(&deployment, config).await.ok()?;
        let mut octets = vec![0; 9];
        stream.read_exact(&mut octets).await.ok()?;
        Some(octets)
    };
    assert_eq!(first_octets(&[]).await, None);
    let settings = first_octets(&["alpn-ignored"]).await.expect("a frame");
    assert_eq!(settings[3], 4, "SETTINGS");
}

#[tokio::test]
async fn the_same_answer_comes_over_h2() {
    let deployment = start(Pers, &[]);
    let mut config = trusting(&deployment);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .build()
        .expect("a client");
    let url = format!("{}/v2/campaigns", deployment.origin());
    let answer = client
        .get(&url)
        .header("X-Project-Key", &deployment.secrets["project_key"])
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.version(), reqwest::Version::HTTP_2);
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    let head = client
        .head(&url)
        .header("X-Project-Key", &deployment.secrets["project_key"])
        .send()
        .await
        .expect("an answer");
    assert!(head.headers().contains_key("content-length"));
    assert!(head.bytes().await.expect("a body").is_empty());
}

#[tokio::test]
async fn plain_http_is_refused_in_the_contracts_way() {
    let deployment = start(Pers, &[]);
    let key = deployment.secrets["project_key"].clone();
    let seen = send_plain(
        &deployment,
        "GET",
        "/v2/campaigns",
        &[("X-Project-Key", &key)],
        "",
    )
    .await
    .expect("an answer");
    assert_eq!(seen.status, 403);
    assert_eq!(seen.json()["status"], 403);
    assert_eq!(seen.field("strict-transport-security"), None);
}

#[tokio::test]
async fn plain_http_flaws_serve_or_act() {
    let fetch = async |flaw: &str, fields: &[(&str, &str)]| {
        let deployment = start(Pers, &[flaw]);
        let key = deployment.secrets["project_key"].clone();
        let mut all = vec![("X-Project-Key", key.as_str())];
        all.extend_from_slice(fields);
        send_plain(&deployment, "GET", "/v2/campaigns", &all, "")
            .await
            .expect("an answer")
    };
    let served = fetch("plain-http-served", &[]).await;
    assert_eq!(served.status, 200);
    assert_eq!(served.field("strict-transport-security"), None);
    let flaw = "x-forwarded-proto-trusted";
    assert_eq!(fetch(flaw, &[]).await.status, 403);
    let fooled = fetch(flaw, &[("X-Forwarded-Proto", "https")]).await;
    assert_eq!(fooled.status, 200);
    let pinned = fetch("hsts-over-http", &[]).await;
    assert!(pinned.field("strict-transport-security").is_some());

    let deployment = start(Pers, &["plain-http-acted-upon"]);
    let key = deployment.secrets["project_key"].clone();
    let bearer = format!("Bearer {}", deployment.secrets["user_token"]);
    let fields = [("X-Project-Key", key.as_str()), ("Authorization", &bearer)];
    let refused = send_plain(
        &deployment,
        "PATCH",
        "/v2/users/me",
        &fields,
        r#"{"name":"n"}"#,
    )
    .await
    .expect("an answer");
    assert_eq!(refused.status, 403);
    let me = send(&deployment, "GET", "/v2/users/me", &fields, "").await;
    assert_eq!(me.json()["name"], "n");
}

#[tokio::test]
async fn h2c_is_spoken_only_under_its_flaw() {
    let first = async |flaws: &[&str]| {
        let deployment = start(Pers, flaws);
        let mut stream = TcpStream::connect(deployment.plain).await.expect("TCP");
        let mut preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        preface.extend_from_slice(&[0, 0, 0, 4, 0, 0, 0, 0, 0]);
        stream.write_all(&preface).await.expect("written");
        let mut octets = vec![0; 9];
        stream.read_exact(&mut octets).await.ok().map(|_| octets)
    };
    let settings = first(&["h2c-enabled"]).await.expect("a frame");
    assert_eq!(settings[3], 4);
    assert_ne!(first(&[]).await.map(|octets| octets[3]), Some(4));
}

#[tokio::test]
async fn what_cannot_be_read_is_answered_in_the_contracts_shape() {
    let deployment = start(Pers, &[]);
    for (bytes, status) in [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nX : 1\r\n\r\n", 400),
        ("nonsense\r\n\r\n", 400),
        (
            "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: x\r\n\r\n",
            501,
        ),
        ("GET / HTTP/1.1\r\nHost: evil\r\n\r\n", 421),
    ] {
        let seen = raw(&deployment, bytes.as_bytes(), false).await;
        assert_eq!(seen.status, status, "{bytes:?}");
        assert_eq!(seen.json()["status"], status);
        assert_eq!(seen.field("x-frame-options"), Some("DENY"));
    }
    let long = format!("/{}", "a".repeat(70_000));
    let seen = send(&deployment, "GET", &long, &[], "").await;
    assert_eq!(seen.status, 414);
    let seen = send(&deployment, "GET", "/", &[("X-Big", &long)], "").await;
    assert_eq!(seen.status, 431);
}

#[tokio::test]
async fn a_connection_carries_many_requests_and_a_chunked_body() {
    let deployment = start(Pers, &[]);
    let key = deployment.secrets["project_key"].clone();
    let proof = deployment.secrets["user_proof"].clone();
    let mut stream = connect(&deployment, trusting(&deployment))
        .await
        .expect("TLS");
    for _ in 0..3 {
        let get = request(
            deployment.https.port(),
            "GET",
            "/v2/campaigns",
            &[("X-Project-Key", &key)],
            "",
        );
        stream.write_all(get.as_bytes()).await.expect("written");
        let seen = read_answer(&mut stream, false).await.expect("an answer");
        assert_eq!(seen.status, 200);
    }
    let body = format!(r#"{{"authToken":"{proof}"}}"#);
    let (front, back) = body.split_at(5);
    let post = format!(
        "POST /v2/auth/token HTTP/1.1\r\nHost: localhost\r\nX-Project-Key: {key}\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n5\r\n{front}\r\n{:x};x=y\r\n{back}\r\n0\r\nT: 1\r\n\r\n",
        back.len()
    );
    stream.write_all(post.as_bytes()).await.expect("written");
    let seen = read_answer(&mut stream, false).await.expect("an answer");
    assert_eq!(seen.status, 200, "{}", seen.body);
}

#[tokio::test]
async fn a_refusal_comes_instead_of_100_continue() {
    let deployment = start(Pers, &[]);
    let key = deployment.secrets["project_key"].clone();
    let fields = [
        ("X-Project-Key", key.as_str()),
        ("Expect", "100-continue"),
        ("Content-Length", "5242880"),
    ];
    let head = |fields: &[(&str, &str)]| {
        request(deployment.https.port(), "PATCH", "/v2/users/me", fields, "")
    };
    let seen = raw(&deployment, head(&fields).as_bytes(), false).await;
    assert_eq!(seen.status, 401);
    let bearer = format!("Bearer {}", deployment.secrets["user_token"]);
    let mut known = fields.to_vec();
    known.push(("Authorization", &bearer));
    let seen = raw(&deployment, head(&known).as_bytes(), false).await;
    assert_eq!(seen.status, 100);
}

#[tokio::test]
async fn a_body_over_the_bound_is_413_for_those_who_may_send_one() {
    let deployment = start(Pers, &[]);
    let key = deployment.secrets["project_key"].clone();
    let bearer = format!("Bearer {}", deployment.secrets["user_token"]);
    let body = format!(r#"{{"bio":"{}"}}"#, "a".repeat(2 * 1024 * 1024));
    let fields = [("X-Project-Key", key.as_str()), ("Authorization", &bearer)];
    let seen = send(&deployment, "PATCH", "/v2/users/me", &fields, &body).await;
    assert_eq!(seen.status, 413);
    let seen = send(&deployment, "PATCH", "/v2/users/me", &fields[..1], &body).await;
    assert_eq!(seen.status, 401);
}

#[tokio::test]
async fn a_dropped_deployment_gives_its_ports_back() {
    let deployment = start(Pers, &[]);
    let address = deployment.https;
    drop(deployment);
    // Aborted tasks are dropped when the runtime next gets to them.
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}
