//! Answers that try to exhaust, stall or confuse us.

use std::time::Duration;

use bytes::BytesMut;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::framing::Asked;
use super::super::head::parse_head;
use super::super::reader::Reader;
use super::{answer_to, impatient, tight};
use crate::wire::loopback::{get, read_head, serve};
use crate::wire::{Answer, Bounds, Failure, Phase};

async fn malformed(octets: impl Into<Vec<u8>>) -> String {
    match answer_to(octets).await {
        Err(Failure::Malformed(reason)) => reason,
        other => panic!("not malformed: {other:?}"),
    }
}

#[tokio::test]
async fn endless_answers_are_cut() {
    async fn endless(start: &'static [u8], again: &'static [u8]) -> Result<Answer, Failure> {
        let origin = serve(move |mut stream, _| async move {
            read_head(&mut stream).await;
            let _ = stream.write_all(start).await;
            while stream.write_all(again).await.is_ok() {}
        })
        .await;
        tight().send(&get(&origin)).await.answer
    }
    fn too_large(answer: Result<Answer, Failure>, word: &str) {
        match answer {
            Err(Failure::TooLarge(what)) => assert!(what.contains(word), "{what}"),
            other => panic!("not too large: {other:?}"),
        }
    }
    too_large(
        endless(b"HTTP/1.1 200 OK\r\n", b"X-Filler: xxxxxx\r\n").await,
        "head",
    );
    too_large(
        endless(b"HTTP/1.1 200 OK\r\nX: ", b"xxxxxxxxxx").await,
        "head",
    );
    too_large(
        answer_to(format!("HTTP/1.1 200 OK\r\n{}\r\n", "a:b\r\n".repeat(9))).await,
        "field lines",
    );
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    too_large(endless(chunked, b"1;xxxxxxxx").await, "chunk extensions");
    too_large(
        endless(
            chunked,
            b"1;xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n!\r\n",
        )
        .await,
        "chunk extensions",
    );
    let trailing = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
    too_large(endless(trailing, b"a: b\r\n").await, "trailers");

    for start in [
        b"HTTP/1.1 200 OK\r\n\r\n".as_slice(),
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff0\r\n",
    ] {
        let answer = endless(start, b"0123456789").await.unwrap();
        assert!(answer.truncated);
        assert_eq!(answer.body.len(), 100);
    }
    let answer = endless(chunked, b"2\r\nab\r\n").await.unwrap();
    assert!(answer.truncated);
    assert_eq!(answer.body.len(), 100);
}

#[tokio::test]
async fn a_body_that_fills_the_bound_is_whole() {
    let body = "x".repeat(100);
    let sized = format!("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{body}");
    let open = format!("HTTP/1.1 200 OK\r\n\r\n{body}");
    let chunked =
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n{body}\r\n0\r\n\r\n");
    for octets in [sized, open, chunked] {
        let answer = answer_to(octets.clone()).await.unwrap();
        assert_eq!(answer.body.len(), 100);
        assert!(!answer.truncated, "{octets}");
    }
}

#[tokio::test]
async fn dripping_and_silence_end_in_a_timeout() {
    let dripping = serve(|mut stream, _| async move {
        read_head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX: ").await;
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let outcome = impatient().send(&get(&dripping)).await;
    assert_eq!(outcome.answer, Err(Failure::Timeout(Phase::Answer)));
    assert!(outcome.timing.first_byte.is_some());

    let silent = serve(|mut stream, _| async move {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let outcome = impatient().send(&get(&silent)).await;
    assert_eq!(outcome.answer, Err(Failure::Timeout(Phase::Answer)));
    assert_eq!(outcome.timing.first_byte, None);
}

#[tokio::test]
async fn what_is_no_http_is_malformed() {
    for (octets, word) in [
        (
            b"\x15\x03\x01\x00\x02\x02\x28".as_slice(),
            "no HTTP/1 answer",
        ),
        (b"\0\0\0\x04\0\0\0\0\0", "no HTTP/1 answer"),
        (b"\xff\xfe\xfd", "no HTTP/1 answer"),
        (b"<html>", "no HTTP/1 answer"),
        (b"\r\nHTTP/1.1 200 OK\r\n\r\n", "no HTTP/1 answer"),
        (b"HTTP/2 200\r\n\r\n", "status line"),
        (b"HTTP/1.1 20x OK\r\n\r\n", "status line"),
        (b"HTTP/1.1 099 OK\r\n\r\n", "status line"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "status line"),
        (b"HTTP/1.1 200 O\0K\r\n\r\n", "status line"),
        (
            b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
            "without a colon",
        ),
        (b"HTTP/1.1 200 OK\r\n: nameless\r\n\r\n", "field name"),
        (b"HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n", "NUL"),
        (b"HTTP/1.1 200 OK\r\n folded: first\r\n\r\n", "white space"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
            "Content-Length",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nok",
            "differ",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nok",
            "Content-Length",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
            "chunk size",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n00000000000000001\r\nx",
            "chunk size",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n",
            "longer",
        ),
    ] {
        let reason = malformed(octets).await;
        assert!(reason.contains(word), "{octets:?}: {reason}");
        assert!(reason.len() < 160 && reason.is_ascii(), "{reason}");
    }
}

async fn read_all(octets: &[u8], lenient: bool) {
    let bounds = Bounds {
        head: 256,
        fields: 4,
        body: 64,
        ..Bounds::default()
    };
    let mut buffer = BytesMut::new();
    let mut reader = Reader::new(octets, &mut buffer, &bounds, lenient);
    if let Ok(read) = reader.answer(Asked::Other).await {
        assert!(read.answer.body.len() <= bounds.body);
        assert!(read.answer.headers.len() <= bounds.fields);
    }
}

/// Octets that come close to an answer, with whatever may go wrong in one.
fn nearly_an_answer() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"HTTP/1.1 200 OK\r\n".to_vec()),
        Just(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()),
        Just(b"Content-Length: 3\r\n".to_vec()),
        Just(b"Transfer-Encoding: chunked\r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"3;x\r\nabc\r\n".to_vec()),
        Just(b"0\r\n".to_vec()),
        Just(b"ffffffffffffffff\r\n".to_vec()),
        Just(b"X: y\r\n".to_vec()),
        Just(b" folded\r\n".to_vec()),
        prop::collection::vec(any::<u8>(), 0..12),
    ];
    let start = prop_oneof![Just(b"HTTP/1.1 200 OK\r\n".to_vec()), Just(Vec::new())];
    (start, prop::collection::vec(piece, 0..12)).prop_map(|(mut start, pieces)| {
        start.extend(pieces.concat());
        start
    })
}

proptest! {
    #[test]
    fn no_octets_make_the_reader_panic_or_overrun(octets in nearly_an_answer(), lenient: bool) {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(read_all(&octets, lenient));
    }

    #[test]
    fn being_lenient_changes_nothing_for_a_sound_head(octets in nearly_an_answer()) {
        let bounds = Bounds::default();
        if let Ok(strict) = parse_head(&octets, &bounds, false) {
            let lenient = parse_head(&octets, &bounds, true).expect("strict accepted it");
            prop_assert_eq!(strict.fields, lenient.fields);
            prop_assert_eq!(strict.status, lenient.status);
        }
    }
}
