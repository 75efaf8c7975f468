use std::process::Stdio;

use proptest::prelude::*;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

use super::super::hello::{Hello, Random};
use super::super::version::answer_in;
use super::super::{Alert, HelloAnswer, Octets, Probe, ProbeAnswer, SuiteFamily, TlsVersion};
use super::{impatient, localhost, through_json};
use crate::wire::loopback::{client, plain, serve, serve_tls_ok};
use crate::wire::{Client, Failure, Origin};

const ALL: [TlsVersion; 5] = [
    TlsVersion::Ssl3,
    TlsVersion::Tls10,
    TlsVersion::Tls11,
    TlsVersion::Tls12,
    TlsVersion::Tls13,
];

async fn ask(client: &Client, origin: &Origin, probe: Probe) -> HelloAnswer {
    let answer = client.probe(origin, &probe).await;
    through_json(&answer);
    match answer {
        ProbeAnswer::Hello(answer) => answer,
        other => panic!("no answer to a hello: {other:?}"),
    }
}

async fn offer(origin: &Origin, version: TlsVersion) -> HelloAnswer {
    ask(&client(), origin, Probe::TlsVersion { version }).await
}

fn agreed(answer: HelloAnswer) -> String {
    match answer {
        HelloAnswer::ServerHello { version, .. } => version,
        other => panic!("not agreed: {other:?}"),
    }
}

/// A server that reads a hello, writes octets, and closes.
async fn fixed(octets: &'static [u8]) -> Origin {
    serve(move |mut stream, _| async move {
        read_hello(&mut stream).await;
        let _ = stream.write_all(octets).await;
    })
    .await
}

async fn read_hello(stream: &mut tokio::net::TcpStream) {
    let mut head = [0; 5];
    stream.read_exact(&mut head).await.unwrap();
    let mut hello = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
    stream.read_exact(&mut hello).await.unwrap();
}

#[tokio::test]
async fn rustls_agrees_to_what_it_speaks_and_refuses_the_rest() {
    let (_, identity) = localhost();
    let origin = serve_tls_ok(identity.server(&[])).await;
    assert_eq!(agreed(offer(&origin, TlsVersion::Tls13).await), "1.3");
    assert_eq!(agreed(offer(&origin, TlsVersion::Tls12).await), "1.2");
    for version in [TlsVersion::Ssl3, TlsVersion::Tls10, TlsVersion::Tls11] {
        match offer(&origin, version).await {
            HelloAnswer::Alert(alert) => assert_eq!(alert.level, "fatal"),
            other => panic!("{version:?} not refused: {other:?}"),
        }
    }
    for family in [
        SuiteFamily::Null,
        SuiteFamily::Anonymous,
        SuiteFamily::Export,
        SuiteFamily::Rc4,
        SuiteFamily::TripleDes,
        SuiteFamily::StaticRsa,
        SuiteFamily::Cbc,
    ] {
        let answer = ask(&client(), &origin, Probe::TlsSuites { family }).await;
        assert!(matches!(answer, HelloAnswer::Alert(_)), "{answer:?}");
    }
    match ask(&client(), &origin, Probe::TlsCompression).await {
        HelloAnswer::ServerHello { compression, .. } => assert_eq!(compression, 0),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_kind_of_refusal_is_its_own_answer() {
    let alert = |level: &str, code, name: &str| {
        HelloAnswer::Alert(Alert {
            level: level.into(),
            code,
            name: name.into(),
        })
    };
    let version = TlsVersion::Tls10;
    for (octets, answer) in [
        (
            b"\x15\x03\x01\x00\x02\x02\x46".as_slice(),
            alert("fatal", 70, "protocol_version"),
        ),
        (
            b"\x15\x03\x00\x00\x02\x02\x28",
            alert("fatal", 40, "handshake_failure"),
        ),
        (
            b"\x15\x03\x01\x00\x02\x01\x70",
            alert("warning", 112, "unrecognized_name"),
        ),
        (b"\x15\x03\x01\x00\x02\x07\xff", alert("7", 255, "unknown")),
        (b"", HelloAnswer::Closed),
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            HelloAnswer::NotTls {
                octets: Octets::Http,
            },
        ),
        (
            b"SSH-2.0-x\r\n",
            HelloAnswer::NotTls {
                octets: Octets::Text,
            },
        ),
        (
            b"\0\0\0\x04\0\0\0\0\0",
            HelloAnswer::NotTls {
                octets: Octets::Binary,
            },
        ),
    ] {
        assert_eq!(offer(&fixed(octets).await, version).await, answer);
    }
    for octets in [
        b"\x15\x03\x01\x00\x02\x02".as_slice(),
        b"\x17\x03\x01\x00\x01x",
        b"\x16\x03\x01\x00\x04\x0b\0\0\0",
        b"\x16\x03\x01\x00\x05\x02\0\0\x01x",
        b"\x16\x03\x01\xff\xff",
        b"\x16\x03\x01\x00\x04\x02\xff\xff\xff",
        b"\x15\x03\x01\x00\x02\x01\x70garbage",
    ] {
        let answer = offer(&fixed(octets).await, version).await;
        assert!(
            matches!(answer, HelloAnswer::Garbled { .. }),
            "{octets:?}: {answer:?}"
        );
    }

    let reset = serve(|mut stream, _| async move {
        read_hello(&mut stream).await;
        stream.set_zero_linger().unwrap();
    })
    .await;
    assert_eq!(offer(&reset, version).await, HelloAnswer::Reset);

    let silent = serve(|mut stream, _| async move {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let answer = ask(&impatient(), &silent, Probe::TlsVersion { version }).await;
    assert_eq!(answer, HelloAnswer::Silence);

    let mut gone = silent.clone();
    gone.host = "no..such..name".into();
    let failure = Failure::Unresolved(gone.host.clone());
    assert_eq!(
        offer(&gone, version).await,
        HelloAnswer::Unreachable { failure }
    );

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    assert_eq!(offer(&plain(port), version).await, HelloAnswer::Refused);
    let closed = client().probe(&plain(port), &Probe::Connect).await;
    assert_eq!(through_json(&closed)["answer"]["open"], false);
    let open = client().probe(&silent, &Probe::Connect).await;
    assert_eq!(through_json(&open)["answer"]["open"], true);
}

#[tokio::test]
async fn a_warning_before_a_server_hello_is_passed_over() {
    let mut octets = b"\x15\x03\x01\x00\x02\x01\x70".to_vec();
    octets.extend(server_hello(0x0301));
    // Each octet of the handshake message in a record of its own.
    let message = server_hello(0x0302)[5..].to_vec();
    let mut fragments = Vec::new();
    for octet in message {
        fragments.extend([22, 3, 1, 0, 1, octet]);
    }
    let whole = fixed(octets.leak()).await;
    assert_eq!(agreed(offer(&whole, TlsVersion::Tls12).await), "1.0");
    let fragmented = fixed(fragments.leak()).await;
    assert_eq!(agreed(offer(&fragmented, TlsVersion::Tls12).await), "1.1");
    let draft = fixed(server_hello(0x0300).leak()).await;
    assert_eq!(agreed(offer(&draft, TlsVersion::Ssl3).await), "ssl3");
}

fn server_hello(version: u16) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend([7; 32]);
    body.extend([0, 0xc0, 0x13, 0]);
    let mut record = vec![22, 3, 1, 0, u8::try_from(body.len() + 4).unwrap()];
    record.extend([2, 0, 0, u8::try_from(body.len()).unwrap()]);
    record.extend(body);
    record
}

#[test]
fn hellos_are_well_formed() {
    for version in ALL {
        for host in ["api.example", "192.0.2.1"] {
            let hello = Hello {
                version,
                family: None,
                compression: false,
                host,
            };
            let octets = hello.octets(&Random([9; 96]));
            let (rest, record) = tls_parser::parse_tls_plaintext(&octets).unwrap();
            assert!(rest.is_empty());
            let [
                tls_parser::TlsMessage::Handshake(tls_parser::TlsMessageHandshake::ClientHello(
                    parsed,
                )),
            ] = record.msg.as_slice()
            else {
                panic!("no ClientHello: {record:?}");
            };
            assert_eq!(parsed.version.0, version.number().min(0x0303));
            let Some(extensions) = parsed.ext else {
                assert_eq!(version, TlsVersion::Ssl3);
                continue;
            };
            let (rest, extensions) =
                tls_parser::parse_tls_client_hello_extensions(extensions).unwrap();
            assert!(rest.is_empty());
            let named = extensions
                .iter()
                .any(|extension| matches!(extension, tls_parser::TlsExtension::SNI(_)));
            assert_eq!(named, host == "api.example");
            let versions = extensions.iter().find_map(|extension| match extension {
                tls_parser::TlsExtension::SupportedVersions(versions) => Some(versions[0].0),
                _ => None,
            });
            let modern = (version == TlsVersion::Tls13).then_some(0x0304);
            assert_eq!(versions, modern);
        }
    }
}

proptest! {
    #[test]
    fn no_answer_makes_the_parser_panic(
        kind in prop_oneof![Just(21u8), Just(22), any::<u8>()],
        content in prop::collection::vec(any::<u8>(), 0..80),
        hello: bool,
    ) {
        let mut octets = vec![kind, 3, 1, 0, u8::try_from(content.len()).unwrap()];
        octets.extend(&content);
        let _ = answer_in(&octets);
        let _ = answer_in(&content);
        if hello {
            let mut mangled = server_hello(0x0303);
            for (at, octet) in content.iter().enumerate().take(mangled.len()) {
                if octet % 7 == 0 {
                    mangled[at] ^= octet;
                }
            }
            let _ = answer_in(&mangled);
        }
    }
}

#[expect(clippy::print_stderr, reason = "a test that does not run must say so")]
fn not_tested(error: &std::io::Error) {
    eprintln!("not tested: needs the openssl binary ({error})");
}

/// `openssl s_server` on a port of its choice; `None` where there is no openssl.
async fn openssl(options: &[&str]) -> Option<(Child, Origin)> {
    let (_, identity) = localhost();
    let room = tempfile::tempdir().unwrap();
    let pem = room.path().join("identity.pem");
    let body = pem_of(&identity.chain[0]) + &identity.key.serialize_pem();
    std::fs::write(&pem, body).unwrap();
    let mut child = match Command::new("openssl")
        .args(["s_server", "-accept", "127.0.0.1:0", "-cert"])
        .arg(&pem)
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
    {
        Ok(child) => child,
        Err(error) => {
            not_tested(&error);
            return None;
        }
    };
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let port = loop {
        let line = lines.next_line().await.unwrap().expect("it says ACCEPT");
        if let Some(address) = line.strip_prefix("ACCEPT ") {
            break address.rsplit(':').next().unwrap().trim().parse().unwrap();
        }
    };
    // Read on, or it stops when the pipe is full.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Some((child, plain(port)))
}

fn pem_of(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}

#[tokio::test]
async fn openssl_with_old_versions_is_found_out() {
    for (option, version, name) in [
        ("-tls1", TlsVersion::Tls10, "1.0"),
        ("-tls1_1", TlsVersion::Tls11, "1.1"),
    ] {
        let options = [option, "-cipher", "ALL:@SECLEVEL=0"];
        let Some((_child, origin)) = openssl(&options).await else {
            return;
        };
        assert_eq!(agreed(offer(&origin, version).await), name);
        // The server goes below the offer: the version of its hello counts, not that there is one.
        assert_eq!(agreed(offer(&origin, TlsVersion::Tls12).await), name);
        let answer = offer(&origin, TlsVersion::Tls13).await;
        assert!(matches!(answer, HelloAnswer::Alert(_)), "{answer:?}");
    }
}

#[tokio::test]
async fn openssl_of_today_refuses_old_versions() {
    let Some((_child, origin)) = openssl(&[]).await else {
        return;
    };
    assert_eq!(agreed(offer(&origin, TlsVersion::Tls13).await), "1.3");
    assert_eq!(agreed(offer(&origin, TlsVersion::Tls12).await), "1.2");
    for version in [TlsVersion::Ssl3, TlsVersion::Tls10, TlsVersion::Tls11] {
        let answer = offer(&origin, version).await;
        assert!(matches!(answer, HelloAnswer::Alert(_)), "{answer:?}");
    }
}

#[tokio::test]
async fn openssl_with_weak_suites_is_found_out() {
    let options = ["-tls1_2", "-cipher", "ALL:eNULL:@SECLEVEL=0"];
    let Some((_child, origin)) = openssl(&options).await else {
        return;
    };
    for (family, word) in [
        (SuiteFamily::Null, "NULL"),
        (SuiteFamily::Anonymous, "anon"),
        (SuiteFamily::Cbc, "CBC"),
    ] {
        match ask(&client(), &origin, Probe::TlsSuites { family }).await {
            HelloAnswer::ServerHello { suite, .. } => assert!(suite.contains(word), "{suite}"),
            other => panic!("{family:?}: {other:?}"),
        }
    }
}
