//! What is sent, what is read, and when a connection is kept.

mod hostile;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::wire::loopback::{
    client, client_with, get, plain, read_head, request, serve, serve_octets,
};
use crate::wire::{
    Answer, Bounds, Client, ClientConfig, Cut, Failure, Origin, Phase, Request, Roots, Version,
};

/// Bounds that are reached quickly; the time is long enough for a loaded machine.
fn tight() -> Client {
    client().with_bounds(Bounds {
        head: 1024,
        fields: 8,
        body: 100,
        interim: 2,
        ..Bounds::default()
    })
}

fn impatient() -> Client {
    client().with_bounds(Bounds {
        answer: Duration::from_millis(120),
        ..Bounds::default()
    })
}

async fn answer_to(octets: impl Into<Vec<u8>>) -> Result<Answer, Failure> {
    let origin = serve_octets(octets).await;
    tight().send(&get(&origin)).await.answer
}

/// A server that gives each connection's request heads to the channel and answers each with `octets`.
async fn recording(octets: &'static [u8]) -> (Origin, mpsc::UnboundedReceiver<(usize, Vec<u8>)>) {
    let (told, seen) = mpsc::unbounded_channel();
    let origin = serve(move |mut stream, number| {
        let told = told.clone();
        async move {
            loop {
                let head = read_head(&mut stream).await;
                if head.is_empty() || told.send((number, head)).is_err() {
                    return;
                }
                if stream.write_all(octets).await.is_err() {
                    return;
                }
            }
        }
    })
    .await;
    (origin, seen)
}

#[tokio::test]
async fn a_request_is_written_as_given() {
    let (origin, mut seen) = recording(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    let asked = Request {
        origin,
        version: Version::H1,
        method: "gEt".into(),
        target: b"/a/../b/%2e%2e//c?\xff x".to_vec(),
        headers: vec![
            ("hOsT".into(), b"one".to_vec()),
            ("Host".into(), b"two".to_vec()),
            ("X Bad ".into(), b"a\x01b".to_vec()),
        ],
        body: "".into(),
        fresh_connection: false,
        await_continue: false,
        cut: None,
    };
    let outcome = client().send(&asked).await;
    assert_eq!(outcome.answer.unwrap().status, 204);
    assert!(outcome.connection.peer.is_some());
    assert_eq!(
        seen.recv().await.unwrap().1,
        b"gEt /a/../b/%2e%2e//c?\xff x HTTP/1.1\r\nhOsT: one\r\nHost: two\r\nX Bad : a\x01b\r\n\r\n"
    );
}

#[tokio::test]
async fn bodies_end_where_their_framing_says() {
    let answer = answer_to("HTTP/1.1 200 Fine by me\r\nContent-Length: 2\r\n\r\nokmore").await;
    let answer = answer.unwrap();
    assert_eq!(&*answer.body, b"ok");
    assert_eq!(answer.reason, b"Fine by me");
    assert!(!answer.truncated);

    let chunked = "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n\
                   2;a=b\r\nok\r\n0003\r\nyes\r\n0\r\nDigest: x\r\nDigest: y\r\n\r\n";
    let answer = answer_to(chunked).await.unwrap();
    assert_eq!(&*answer.body, b"okyes");
    let digest = |value: &[u8]| ("Digest".to_owned(), value.to_vec());
    assert_eq!(answer.trailers, [digest(b"x"), digest(b"y")]);

    let answer = answer_to("HTTP/1.0 200 OK\r\n\r\nuntil close")
        .await
        .unwrap();
    assert_eq!(answer.version, "1.0");
    assert_eq!(&*answer.body, b"until close");
    assert!(!answer.truncated);
}

#[tokio::test]
async fn answers_without_a_body_are_not_waited_for() {
    for status in ["204 No Content", "304 Not Modified"] {
        let (origin, _seen) = recording(match status {
            "204 No Content" => b"HTTP/1.1 204 No Content\r\n\r\n",
            _ => b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
        })
        .await;
        let answer = client().send(&get(&origin)).await.answer.unwrap();
        assert!(answer.body.is_empty(), "{status}");
    }
    let (origin, _seen) = recording(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n").await;
    let head = client().send(&request(&origin, "HEAD", "")).await;
    assert!(head.answer.unwrap().body.is_empty());
}

#[tokio::test]
async fn a_sound_connection_is_kept_and_used_again() {
    let (origin, mut seen) = recording(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let client = client();
    for reused in [false, true, true] {
        let outcome = client.send(&get(&origin)).await;
        assert_eq!(outcome.connection.reused, reused);
        assert_eq!(seen.recv().await.unwrap().0, 0);
    }
    let mut fresh = get(&origin);
    fresh.fresh_connection = true;
    assert!(!client.send(&fresh).await.connection.reused);
    assert_eq!(seen.recv().await.unwrap().0, 1);
}

#[tokio::test]
async fn a_doubtful_connection_is_not_kept() {
    for octets in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: foo, Close\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\n\r\n",
        "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ] {
        let (origin, mut seen) = recording(octets.as_bytes()).await;
        let client = client();
        for connection in [0, 1] {
            let outcome = client.send(&get(&origin)).await;
            assert!(outcome.answer.is_ok(), "{octets:?}");
            assert!(!outcome.connection.reused, "{octets:?}");
            assert_eq!(seen.recv().await.unwrap().0, connection, "{octets:?}");
        }
    }
}

/// Answers the first request of a connection, and closes without an answer when the second is there.
async fn forgetful() -> (Origin, Arc<AtomicUsize>) {
    let requests = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&requests);
    let origin = serve(move |mut stream, _| {
        let count = Arc::clone(&count);
        async move {
            read_head(&mut stream).await;
            count.fetch_add(1, Ordering::SeqCst);
            let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(ok).await.unwrap();
            read_head(&mut stream).await;
            count.fetch_add(1, Ordering::SeqCst);
        }
    })
    .await;
    (origin, requests)
}

#[tokio::test]
async fn a_get_on_a_kept_connection_that_died_is_sent_once_more() {
    let (origin, requests) = forgetful().await;
    let client = client();
    assert!(client.send(&get(&origin)).await.answer.is_ok());
    let second = client.send(&get(&origin)).await;
    assert!(second.answer.is_ok());
    assert!(!second.connection.reused);
    assert_eq!(requests.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_post_on_a_kept_connection_that_died_is_not_repeated() {
    let (origin, requests) = forgetful().await;
    let client = client();
    assert!(client.send(&get(&origin)).await.answer.is_ok());
    let second = client.send(&request(&origin, "POST", "")).await;
    assert_eq!(second.answer, Err(Failure::Closed));
    assert!(second.connection.reused);
    assert_eq!(requests.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn interim_answers_are_counted_and_bounded() {
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
    let answer = answer_to(format!("{hints}{hints}HTTP/1.1 200 OK\r\n\r\n")).await;
    assert_eq!(answer.unwrap().interim, [103, 103]);
    let endless = answer_to(hints.repeat(20)).await;
    assert!(matches!(endless, Err(Failure::TooLarge(_))), "{endless:?}");
}

#[tokio::test]
async fn a_body_waits_for_100_continue() {
    let origin = serve(|mut stream, _| async move {
        read_head(&mut stream).await;
        // Nothing of the body may be here yet, so that this read finds exactly what follows the 100.
        let mut early = [0; 16];
        assert!(matches!(stream.try_read(&mut early), Err(e) if e.kind() == std::io::ErrorKind::WouldBlock));
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
        let mut body = [0; 4];
        stream.read_exact(&mut body).await.unwrap();
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        stream.write_all(&body).await.unwrap();
    })
    .await;
    let mut asked = request(&origin, "POST", "body");
    asked.await_continue = true;
    let answer = client().send(&asked).await.answer.unwrap();
    assert_eq!(answer.interim, [100]);
    assert_eq!(&*answer.body, b"body");
}

#[tokio::test]
async fn a_final_answer_keeps_the_body_back() {
    let (told, mut rest) = mpsc::unbounded_channel();
    let origin = serve(move |mut stream, _| {
        let told = told.clone();
        async move {
            read_head(&mut stream).await;
            let answer = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(answer).await.unwrap();
            let mut more = Vec::new();
            let _ = stream.read_to_end(&mut more).await;
            told.send(more).unwrap();
        }
    })
    .await;
    let mut asked = request(&origin, "POST", "body");
    asked.await_continue = true;
    let answer = client().send(&asked).await.answer.unwrap();
    assert_eq!(answer.status, 401);
    // The connection was closed and not kept: the body that it was promised will never come.
    assert_eq!(rest.recv().await.unwrap(), b"");
}

#[tokio::test]
async fn a_body_is_sent_in_the_end_to_a_server_that_ignores_the_expectation() {
    let origin = serve(|mut stream, _| async move {
        read_head(&mut stream).await;
        let mut body = [0; 4];
        stream.read_exact(&mut body).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    })
    .await;
    let mut asked = request(&origin, "POST", "body");
    asked.await_continue = true;
    let client = client().with_bounds(Bounds {
        answer: Duration::from_secs(4),
        ..Bounds::default()
    });
    assert_eq!(client.send(&asked).await.answer.unwrap().status, 200);
}

#[tokio::test]
async fn an_answer_may_come_before_the_request_is_written() {
    let origin = serve(|mut stream, _| async move {
        read_head(&mut stream).await;
        let answer = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        // Kept open and unread, so that the body cannot be written whole.
        std::future::pending::<()>().await;
    })
    .await;
    let asked = request(&origin, "POST", &"x".repeat(32 << 20));
    assert_eq!(client().send(&asked).await.answer.unwrap().status, 413);
}

#[tokio::test]
async fn octets_outside_of_utf8_are_kept() {
    let answer = answer_to(b"HTTP/1.1 200 \xff\xfe\r\nX: a\xffb\r\n\r\n\xfd")
        .await
        .unwrap();
    assert_eq!(answer.reason, b"\xff\xfe");
    assert_eq!(answer.headers, [("X".to_owned(), b"a\xffb".to_vec())]);
    assert_eq!(&*answer.body, b"\xfd");
}

#[tokio::test]
async fn illegal_field_names_are_kept_unless_asked_otherwise() {
    let octets = b"HTTP/1.1 200 OK\r\nBad Name : 1\r\nB\xe4h: 2\r\nFolded: a\r\n \tb\r\n\r\n";
    let origin = serve_octets(*octets).await;
    let answer = client().send(&get(&origin)).await.answer.unwrap();
    let names: Vec<&str> = answer
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["Bad Name ", "B\u{e4}h", "Folded"]);
    assert_eq!(answer.headers[2].1, b"a b");

    let strict = client_with(ClientConfig {
        lenient: false,
        roots: Roots {
            native: false,
            pem: Vec::new(),
        },
        ..ClientConfig::default()
    });
    let refused = strict.send(&get(&origin)).await.answer;
    assert!(matches!(refused, Err(Failure::Malformed(_))), "{refused:?}");
}

#[tokio::test]
async fn the_ways_a_connection_ends_are_told_apart() {
    let closed = serve(|mut stream, _| async move {
        read_head(&mut stream).await;
    })
    .await;
    assert_eq!(
        client().send(&get(&closed)).await.answer,
        Err(Failure::Closed)
    );

    let halfway = answer_to("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").await;
    assert_eq!(halfway, Err(Failure::Closed));
    let in_head = answer_to("HTTP/1.1 200 OK\r\nContent-Le").await;
    assert_eq!(in_head, Err(Failure::Closed));

    let reset = serve(|mut stream, _| async move {
        read_head(&mut stream).await;
        stream.set_zero_linger().unwrap();
    })
    .await;
    assert_eq!(
        client().send(&get(&reset)).await.answer,
        Err(Failure::Reset)
    );

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let refused = client().send(&get(&plain(port))).await.answer;
    assert_eq!(refused, Err(Failure::Refused));

    let mut nowhere = plain(port);
    nowhere.host = "no..such..name".into();
    let unresolved = client().send(&get(&nowhere)).await.answer;
    assert_eq!(
        unresolved,
        Err(Failure::Unresolved("no..such..name".into()))
    );
}

#[tokio::test]
async fn redirects_and_content_codings_are_left_alone() {
    let octets = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08bomb";
    let answer = answer_to(*octets).await.unwrap();
    assert_eq!(answer.status, 302);
    assert_eq!(&*answer.body, b"\x1f\x8b\x08bomb");
}

#[tokio::test]
async fn names_can_be_pointed_elsewhere() {
    let (origin, mut seen) = recording(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    let address = format!("127.0.0.1:{}", origin.port).parse().unwrap();
    let client = client_with(ClientConfig {
        roots: Roots {
            native: false,
            pem: Vec::new(),
        },
        resolve: [
            ("api.example".to_owned(), "127.0.0.1:1".parse().unwrap()),
            ("api.example:80".to_owned(), address),
        ]
        .into(),
        ..ClientConfig::default()
    });
    let mut named = plain(80);
    named.host = "api.example".into();
    let outcome = client.send(&get(&named)).await;
    assert_eq!(outcome.answer.unwrap().status, 204);
    assert_eq!(
        seen.recv().await.unwrap().1,
        b"GET / HTTP/1.1\r\nHost: api.example\r\n\r\n"
    );
}

#[tokio::test]
async fn raw_octets_bring_as_many_answers_as_come() {
    let two = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\nb";
    let origin = serve_octets(two).await;
    let outcomes = client().send_raw(&origin, b"smuggled\r\n\r\n", 3).await;
    let statuses: Vec<_> = outcomes
        .into_iter()
        .map(|outcome| outcome.answer.map(|answer| answer.status))
        .collect();
    assert_eq!(statuses, [Ok(200), Ok(404), Err(Failure::Closed)]);

    let (origin, _seen) = recording(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
    let outcomes = impatient().send_raw(&origin, b"\0\r\n\r\n", 2).await;
    assert_eq!(outcomes.len(), 2);
    assert_eq!(outcomes[1].answer, Err(Failure::Timeout(Phase::Answer)));
}

#[tokio::test]
async fn a_body_where_none_is_allowed_is_seen_when_the_connection_closes() {
    let head = |origin: &Origin| Request {
        method: "HEAD".into(),
        ..get(origin)
    };
    let origin = serve_octets(
        "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 4\r\n\r\noops",
    )
    .await;
    let answer = tight().send(&head(&origin)).await.answer.expect("answer");
    assert_eq!(answer.body, "oops");
    let origin =
        serve_octets("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 4\r\n\r\n")
            .await;
    let answer = tight().send(&head(&origin)).await.answer.expect("answer");
    assert_eq!(answer.body, "");
}

/// What a server sees of a request that is cut there, up to the end of the stream, and the outcome.
async fn cut(cut: Cut, answers: bool) -> (Vec<u8>, Result<Answer, Failure>) {
    let (told, mut seen) = mpsc::unbounded_channel();
    let origin = serve(move |mut stream, _| {
        let told = told.clone();
        async move {
            let mut octets = read_head(&mut stream).await;
            if answers {
                let _ = stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
                    .await;
            }
            let _ = stream.read_to_end(&mut octets).await;
            let _ = told.send(octets);
        }
    })
    .await;
    let mut sent = request(&origin, "POST", "0123456789");
    sent.cut = Some(cut);
    let outcome = client().send(&sent).await;
    (seen.recv().await.unwrap(), outcome.answer)
}

#[tokio::test]
async fn a_request_breaks_off_where_it_is_told_to() {
    for (place, answers, end) in [
        (Cut::MidBody, false, "\r\n\r\n01234"),
        (Cut::AfterRequest, false, "\r\n\r\n0123456789"),
        (Cut::MidAnswer, true, "\r\n\r\n0123456789"),
    ] {
        let (seen, outcome) = cut(place, answers).await;
        let seen = String::from_utf8(seen).unwrap();
        assert!(seen.ends_with(end), "{place:?}: {seen}");
        assert_eq!(outcome, Err(Failure::Cut));
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_cannot_be_cut() {
    let origin = serve(|mut stream, _| async move {
        read_head(&mut stream).await;
    })
    .await;
    let mut sent = request(&origin, "POST", "0123456789");
    sent.cut = Some(Cut::MidAnswer);
    let outcome = client().send(&sent).await.answer;
    assert!(
        matches!(outcome, Err(Failure::Closed | Failure::Reset)),
        "{outcome:?}"
    );
    sent.version = Version::H2;
    let outcome = client().send(&sent).await.answer;
    assert!(
        matches!(outcome, Err(Failure::Unsendable(_))),
        "{outcome:?}"
    );
}
