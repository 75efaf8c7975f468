use tokio::io::AsyncWriteExt;

use super::{ClientError, Roots};
use crate::wire::loopback::{
    Authority, Identity, client, client_trusting, client_with, get, leaf, read_head, serve,
    serve_tls, serve_tls_ok,
};
use crate::wire::{Bounds, Client, ClientConfig, Failure, Origin, Phase, Scheme};

async fn refusal(identity: Identity, trusted: &str) -> String {
    let origin = serve_tls_ok(identity.server(&[])).await;
    match client_trusting(trusted).send(&get(&origin)).await.answer {
        Err(Failure::Tls(reason)) => reason,
        other => panic!("no TLS failure: {other:?}"),
    }
}

fn https(origin: Origin) -> Origin {
    Origin {
        scheme: Scheme::Https,
        host: "localhost".into(),
        ..origin
    }
}

#[tokio::test]
async fn a_trusted_server_answers() {
    let authority = Authority::new("Root");
    let identity = authority.issue(leaf(&["localhost", "127.0.0.1"]));
    let mut origin = serve_tls_ok(identity.server(&["http/1.1", "h2"])).await;
    let client = client_trusting(&authority.pem());
    let outcome = client.send(&get(&origin)).await;
    assert_eq!(&*outcome.answer.unwrap().body, b"ok");
    assert_eq!(outcome.connection.tls.as_deref(), Some("1.3"));
    assert_eq!(outcome.connection.alpn.as_deref(), Some("http/1.1"));
    origin.host = "127.0.0.1".into();
    assert!(client.send(&get(&origin)).await.answer.is_ok());
}

#[tokio::test]
async fn an_untrusted_certificate_is_refused_with_its_reason() {
    let authority = Authority::new("Root");
    let pem = authority.pem();

    let other = Authority::new("Other").issue(leaf(&["localhost"]));
    assert_eq!(refusal(other, &pem).await, "unknown issuer");

    let misnamed = authority.issue(leaf(&["elsewhere.example"]));
    assert_eq!(
        refusal(misnamed, &pem).await,
        "certificate not valid for name"
    );

    let mut expired = leaf(&["localhost"]);
    expired.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let expired = authority.issue(expired);
    assert_eq!(refusal(expired, &pem).await, "certificate expired");

    let mut early = leaf(&["localhost"]);
    early.not_before = rcgen::date_time_ymd(4000, 1, 1);
    let early = authority.issue(early);
    assert_eq!(refusal(early, &pem).await, "certificate not valid yet");

    let mut mail = leaf(&["localhost"]);
    mail.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::EmailProtection];
    let mail = authority.issue(mail);
    assert_eq!(
        refusal(mail, &pem).await,
        "certificate not meant for TLS servers"
    );

    let mut common = leaf(&[]);
    common
        .distinguished_name
        .push(rcgen::DnType::CommonName, "localhost");
    let common = authority.issue(common);
    assert_eq!(
        refusal(common, &pem).await,
        "certificate not valid for name"
    );
}

#[tokio::test]
async fn a_chain_must_be_sent_whole() {
    let root = Authority::new("Root");
    let middle = root.intermediate("Middle");
    let alone = middle.issue(leaf(&["localhost"]));
    assert_eq!(refusal(alone, &root.pem()).await, "unknown issuer");

    let mut whole = middle.issue(leaf(&["localhost"]));
    whole.chain.push(middle.der());
    let origin = serve_tls_ok(whole.server(&[])).await;
    let outcome = client_trusting(&root.pem()).send(&get(&origin)).await;
    assert!(outcome.answer.is_ok(), "{:?}", outcome.answer);
}

#[tokio::test]
async fn an_own_certificate_of_an_authority_is_named_so() {
    let authority = Authority::new("Root");
    let mut params = leaf(&["localhost"]);
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let identity = authority.issue(params);
    assert_eq!(
        refusal(identity, &authority.pem()).await,
        "certificate of an authority used as a server's own"
    );
}

#[tokio::test]
async fn handshakes_that_do_not_come_about_say_why() {
    let plain_http = serve(|mut stream, _| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        read_head(&mut stream).await;
    })
    .await;
    let outcome = client().send(&get(&https(plain_http))).await;
    assert_eq!(
        outcome.answer,
        Err(Failure::Tls("the peer does not speak TLS".into()))
    );

    let alert = serve(|mut stream, _| async move {
        let _ = stream.write_all(b"\x15\x03\x03\x00\x02\x02\x46").await;
        read_head(&mut stream).await;
    })
    .await;
    let outcome = client().send(&get(&https(alert))).await;
    assert_eq!(
        outcome.answer,
        Err(Failure::Tls("alert 70: protocol_version".into()))
    );

    let closing = serve(|mut stream, _| async move {
        let mut some = [0; 16];
        let _ = tokio::io::AsyncReadExt::read_exact(&mut stream, &mut some).await;
        let _ = stream.shutdown().await;
        read_head(&mut stream).await;
    })
    .await;
    let outcome = client().send(&get(&https(closing))).await;
    assert_eq!(outcome.answer, Err(Failure::Closed));

    let silent = serve(|mut stream, _| async move {
        read_head(&mut stream).await;
    })
    .await;
    let impatient = client().with_bounds(Bounds {
        connect: std::time::Duration::from_millis(150),
        ..Bounds::default()
    });
    let outcome = impatient.send(&get(&https(silent))).await;
    assert_eq!(outcome.answer, Err(Failure::Timeout(Phase::Handshake)));
}

#[tokio::test]
async fn a_body_cut_without_close_notify_is_marked() {
    let authority = Authority::new("Root");
    let identity = authority.issue(leaf(&["localhost"]));
    let origin = serve_tls(identity.server(&[]), |mut stream| async move {
        read_head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nhalf").await;
        let _ = stream.flush().await;
        // Dropped here: TCP ends, TLS does not.
    })
    .await;
    let outcome = client_trusting(&authority.pem()).send(&get(&origin)).await;
    let answer = outcome.answer.unwrap();
    assert_eq!(&*answer.body, b"half");
    assert!(answer.truncated);
}

#[test]
fn roots_that_are_none_are_refused() {
    let with = |pem: &str| {
        Client::new(ClientConfig {
            roots: Roots::only(pem),
            ..ClientConfig::default()
        })
        .err()
    };
    assert!(matches!(with("nothing"), Some(ClientError::NoCertificate)));
    let no_der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(matches!(with(no_der), Some(ClientError::Tls(_))));
    let no_pem = "-----BEGIN CERTIFICATE-----\n????";
    assert!(matches!(with(no_pem), Some(ClientError::Pem(_))));
}

#[test]
fn the_machines_own_roots_come_along_with_others() {
    let authority = Authority::new("Root");
    let client = client_with(ClientConfig {
        roots: Roots {
            native: true,
            pem: vec![authority.pem()],
        },
        ..ClientConfig::default()
    });
    assert_eq!(
        client.shared.roots.len(),
        1 + client_with(ClientConfig::default()).shared.roots.len()
    );
}
