use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::super::speech::was_offered;
use super::super::{AlpnAnswer, H2cAnswer, Probe, ProbeAnswer, Speaks};
use super::{impatient, localhost, through_json};
use crate::wire::loopback::{
    client, plain, read_head, serve, serve_octets, serve_tls, serve_tls_ok,
};
use crate::wire::{Client, Failure, Origin, Phase};

async fn hello(_: http::Request<Incoming>) -> Result<http::Response<Full<Bytes>>, Infallible> {
    Ok(http::Response::new(Full::new(Bytes::from_static(b"ok"))))
}

/// Speaks HTTP/1.1 or HTTP/2, whichever the first octets are.
async fn speak_either(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    let _ = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service_fn(hello))
        .await;
}

async fn speak_h2(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service_fn(hello))
        .await;
}

async fn offered(origin: &Origin, offer: &[&str]) -> AlpnAnswer {
    let offer = offer.iter().map(|name| (*name).to_owned()).collect();
    let answer = client().probe(origin, &Probe::Alpn { offer }).await;
    through_json(&answer);
    match answer {
        ProbeAnswer::Alpn(answer) => answer,
        other => panic!("no answer to ALPN: {other:?}"),
    }
}

async fn h2c(client: &Client, origin: &Origin, probe: Probe) -> H2cAnswer {
    let answer = client.probe(origin, &probe).await;
    through_json(&answer);
    match answer {
        ProbeAnswer::H2c(answer) => answer,
        other => panic!("no answer to h2c: {other:?}"),
    }
}

fn spoken(speaks: Speaks, status: Option<u16>) -> H2cAnswer {
    H2cAnswer {
        speaks,
        status,
        failure: None,
    }
}

#[tokio::test]
async fn a_sound_server_speaks_what_it_chose() {
    let (_, identity) = localhost();
    let origin = serve_tls(identity.server(&["h2", "http/1.1"]), speak_either).await;
    for (offer, chosen, speaks) in [
        (["h2", "http/1.1"].as_slice(), Some("h2"), Speaks::H2),
        (&["http/1.1"], Some("http/1.1"), Speaks::Http1),
        (&[], None, Speaks::Http1),
    ] {
        let answer = offered(&origin, offer).await;
        assert_eq!(answer.chosen.as_deref(), chosen);
        assert_eq!(answer.speaks, speaks);
        assert!(answer.offered);
        assert_eq!(answer.failure, None);
    }
    let answer = offered(&origin, &["x-none"]).await;
    assert_eq!(answer.alert.unwrap().name, "no_application_protocol");
    assert_eq!(answer.speaks, Speaks::Nothing);
    assert!(matches!(answer.failure, Some(Failure::Tls(_))));
}

#[tokio::test]
async fn h2_unasked_is_seen() {
    let (_, identity) = localhost();
    let origin = serve_tls(identity.server(&[]), speak_h2).await;
    for offer in [[].as_slice(), &["x-none"]] {
        let answer = offered(&origin, offer).await;
        assert_eq!(answer.chosen, None);
        assert_eq!(answer.speaks, Speaks::H2);
    }
}

#[tokio::test]
async fn h2_chosen_and_not_spoken_is_seen() {
    let (_, identity) = localhost();
    let origin = serve_tls_ok(identity.server(&["h2"])).await;
    let answer = offered(&origin, &["h2"]).await;
    assert_eq!(answer.chosen.as_deref(), Some("h2"));
    assert_eq!(answer.speaks, Speaks::Http1);
}

#[test]
fn a_choice_outside_of_the_offer_is_seen() {
    let offer = ["x-none".to_owned()];
    assert!(was_offered(None, &offer));
    assert!(was_offered(Some("x-none"), &offer));
    assert!(!was_offered(Some("h2"), &offer));
    assert!(!was_offered(Some("h2"), &[]));
}

#[tokio::test]
async fn plain_http2_is_found_by_prior_knowledge() {
    let either = serve(|stream, _| speak_either(stream)).await;
    let answer = h2c(&client(), &either, Probe::H2cPriorKnowledge).await;
    assert_eq!(answer, spoken(Speaks::H2, None));

    let http1 = serve_octets("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let answer = h2c(&client(), &http1, Probe::H2cPriorKnowledge).await;
    assert_eq!(answer, spoken(Speaks::Http1, Some(400)));

    let closing = serve_octets("").await;
    let answer = h2c(&client(), &closing, Probe::H2cPriorKnowledge).await;
    assert_eq!(answer.speaks, Speaks::Nothing);

    let silent = serve(|mut stream, _| async move {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let answer = h2c(&impatient(), &silent, Probe::H2cPriorKnowledge).await;
    assert_eq!(answer.speaks, Speaks::Nothing);
    assert_eq!(answer.failure, Some(Failure::Timeout(Phase::Answer)));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let answer = h2c(&client(), &plain(port), Probe::H2cUpgrade).await;
    assert_eq!(answer.failure, Some(Failure::Refused));
}

#[tokio::test]
async fn an_upgrade_counts_when_http2_follows() {
    let ignoring = serve(|stream, _| speak_either(stream)).await;
    let answer = h2c(&client(), &ignoring, Probe::H2cUpgrade).await;
    assert_eq!(answer, spoken(Speaks::Http1, Some(200)));

    let switching = serve(|mut stream, _| async move {
        let asked = read_head(&mut stream).await;
        assert!(asked.windows(12).any(|window| window == b"Upgrade: h2c"));
        let switch =
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
        let _ = stream.write_all(switch).await;
        speak_h2(stream).await;
    })
    .await;
    let answer = h2c(&client(), &switching, Probe::H2cUpgrade).await;
    assert_eq!(answer, spoken(Speaks::H2, Some(101)));

    let lying =
        serve_octets("HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 200 OK\r\n\r\n").await;
    let answer = h2c(&client(), &lying, Probe::H2cUpgrade).await;
    assert_eq!((answer.speaks, answer.status), (Speaks::Http1, Some(101)));
}
