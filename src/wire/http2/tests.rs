use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::wire::loopback::{
    Authority, client, client_trusting, get, leaf, read_head, request, serve, serve_octets,
    serve_tls, serve_tls_ok,
};
use crate::wire::{Bounds, Client, Failure, Origin, Phase, Request, Version};

fn over_h2(request: Request) -> Request {
    Request {
        version: Version::H2,
        ..request
    }
}

/// Tells back what it was asked; `/long` has a body of 1000 octets, `/silent` no end.
async fn echo(asked: http::Request<Incoming>) -> Result<http::Response<Full<Bytes>>, Infallible> {
    let path = asked.uri().path().to_owned();
    if path == "/silent" {
        std::future::pending::<()>().await;
    }
    let line = format!("{} {} {:?}", asked.method(), asked.uri(), asked.version());
    let fields: Vec<String> = asked
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}={}", value.to_str().unwrap_or("?")))
        .collect();
    let body = asked.into_body().collect().await.unwrap().to_bytes();
    let told = match path.as_str() {
        "/long" => "x".repeat(1000),
        _ => format!("{line}|{}|{}", fields.join(","), body.escape_ascii()),
    };
    let mut answer = http::Response::new(Full::new(Bytes::from(told)));
    answer.headers_mut().append("x-twice", "1".parse().unwrap());
    answer.headers_mut().append("x-twice", "2".parse().unwrap());
    Ok(answer)
}

async fn echoing() -> (Origin, Client) {
    let authority = Authority::new("Root");
    let identity = authority.issue(leaf(&["localhost"]));
    let origin = serve_tls(identity.server(&["h2"]), |stream| async move {
        let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), service_fn(echo))
            .await;
    })
    .await;
    (origin, client_trusting(&authority.pem()))
}

#[tokio::test]
async fn a_request_goes_over_h2_as_given() {
    let (origin, client) = echoing().await;
    let mut asked = over_h2(request(&origin, "POST", "body"));
    asked.target = b"/a/../b/%2e%2e//c?q=%7e".to_vec();
    asked.headers[0].1 = b"other.example".to_vec();
    asked.headers.push(("X-Odd".into(), b"1".to_vec()));
    let outcome = client.send(&asked).await;
    let answer = outcome.answer.unwrap();
    assert_eq!(answer.version, "2");
    assert_eq!(
        std::str::from_utf8(&answer.body).unwrap(),
        "POST https://other.example/a/../b/%2e%2e//c?q=%7e HTTP/2.0|content-length=4,x-odd=1|body"
    );
    let twice: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| name == "x-twice")
        .map(|(_, value)| value.as_slice())
        .collect();
    assert_eq!(twice, [b"1", b"2"]);
    assert_eq!(outcome.connection.alpn.as_deref(), Some("h2"));
    assert!(outcome.timing.first_byte.is_some());
}

#[tokio::test]
async fn a_session_is_shared_until_a_fresh_one_is_asked_for() {
    let (origin, client) = echoing().await;
    let asked = over_h2(get(&origin));
    assert!(!client.send(&asked).await.connection.reused);
    let (one, two) = tokio::join!(client.send(&asked), client.send(&asked));
    assert!(one.connection.reused && two.connection.reused);
    assert!(one.answer.is_ok() && two.answer.is_ok());
    let mut fresh = asked.clone();
    fresh.fresh_connection = true;
    assert!(!client.send(&fresh).await.connection.reused);
}

#[tokio::test]
async fn bodies_and_waits_are_bounded() {
    let (origin, client) = echoing().await;
    let client = client.with_bounds(Bounds {
        body: 100,
        answer: Duration::from_secs(1),
        ..Bounds::default()
    });
    let mut asked = over_h2(get(&origin));
    asked.target = b"/long".to_vec();
    let answer = client.send(&asked).await.answer.unwrap();
    assert_eq!(answer.body.len(), 100);
    assert!(answer.truncated);
    asked.target = b"/silent".to_vec();
    let outcome = client.send(&asked).await;
    assert_eq!(outcome.answer, Err(Failure::Timeout(Phase::Answer)));
}

#[tokio::test]
async fn what_h2_forbids_is_unsendable() {
    let (origin, client) = echoing().await;
    for (name, value) in [
        ("Connection", "close"),
        ("Transfer-Encoding", "chunked"),
        ("Bad Name", "1"),
        ("x-line", "a\r\nb"),
    ] {
        let mut asked = over_h2(get(&origin));
        asked.headers.push((name.into(), value.into()));
        let answer = client.send(&asked).await.answer;
        assert!(
            matches!(answer, Err(Failure::Unsendable(_))),
            "{name}: {answer:?}"
        );
    }
    assert!(client.send(&over_h2(get(&origin))).await.answer.is_ok());
}

#[tokio::test]
async fn a_server_without_h2_fails_in_tls() {
    let authority = Authority::new("Root");
    let identity = authority.issue(leaf(&["localhost"]));
    let client = client_trusting(&authority.pem());
    for alpn in [[].as_slice(), &["http/1.1"]] {
        let origin = serve_tls_ok(identity.server(alpn)).await;
        let answer = client.send(&over_h2(get(&origin))).await.answer;
        assert!(matches!(answer, Err(Failure::Tls(_))), "{answer:?}");
    }
}

#[tokio::test]
async fn prior_knowledge_is_used_on_a_plain_origin() {
    let origin = serve(|stream, _| async move {
        let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), service_fn(echo))
            .await;
    })
    .await;
    let outcome = client().send(&over_h2(get(&origin))).await;
    assert_eq!(outcome.answer.unwrap().status, 200);
    assert_eq!(outcome.connection.tls, None);
}

#[tokio::test]
async fn peers_that_break_h2_are_told_apart() {
    let http1 = serve_octets("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let answer = client().send(&over_h2(get(&http1))).await.answer;
    assert!(matches!(answer, Err(Failure::Malformed(_))), "{answer:?}");

    let reset = serve(|mut stream, _| async move {
        read_head(&mut stream).await;
        stream.set_zero_linger().unwrap();
    })
    .await;
    let answer = client().send(&over_h2(get(&reset))).await.answer;
    assert_eq!(answer, Err(Failure::Reset));

    // SETTINGS, then GOAWAY with ENHANCE_YOUR_CALM.
    let goaway = serve(|mut stream, _| async move {
        let _ = stream.write_all(b"\0\0\0\x04\0\0\0\0\0").await;
        let _ = stream
            .write_all(b"\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0b")
            .await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let answer = client().send(&over_h2(get(&goaway))).await.answer;
    assert_eq!(answer, Err(Failure::Reset));
}

#[tokio::test]
async fn an_endless_head_is_cut() {
    let flood = serve(|mut stream, _| async move {
        let _ = stream.write_all(b"\0\0\0\x04\0\0\0\0\0").await;
        // `:status: 200` on stream 1, and no END_HEADERS ever.
        let _ = stream.write_all(b"\0\0\x01\x01\0\0\0\0\x01\x88").await;
        // A field `a: …` of 100 octets in each CONTINUATION.
        let mut more = b"\0\0\x68\x09\0\0\0\0\x01\0\x01a\x64".to_vec();
        more.extend([b'x'; 100]);
        while stream.write_all(&more).await.is_ok() {}
    })
    .await;
    let answer = client().send(&over_h2(get(&flood))).await.answer;
    assert!(
        matches!(answer, Err(Failure::Malformed(_) | Failure::Reset)),
        "{answer:?}"
    );
}
