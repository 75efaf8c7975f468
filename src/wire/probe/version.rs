//! What comes back to a ClientHello made by hand.

use serde::{Deserialize, Serialize};
use tls_parser::{
    TlsCipherSuite, TlsExtension, TlsMessage, TlsMessageHandshake, TlsRecordType,
    parse_tls_message_handshake, parse_tls_raw_record, parse_tls_server_hello_extensions,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use super::hello::{Hello, Random, TlsVersion};
use crate::wire::{Client, Failure, Origin, tls};

/// Each is another answer. Only `server-hello` says that the server agrees, and only its `version` to what: a server
/// may agree to less than was offered. An alert other than 70 says that the handshake failed, not that the version did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum HelloAnswer {
    ServerHello {
        /// `ssl3`, `1.0` … `1.3`, or the number in hex.
        version: String,
        /// IANA name, or the number in hex.
        suite: String,
        /// 0 is none (RFC 3749).
        compression: u8,
    },
    Alert(Alert),
    /// Closed in good order without an octet.
    Closed,
    Reset,
    Refused,
    /// Connected, and nothing came in time.
    Silence,
    /// Octets that are no TLS record.
    NotTls {
        octets: Octets,
    },
    /// TLS records, but no ServerHello and no alert that can be read.
    Garbled {
        reason: String,
    },
    /// The hello could not be delivered for another reason.
    Unreachable {
        failure: Failure,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// `warning`, `fatal`, or a number.
    pub level: String,
    pub code: u8,
    /// As in RFC 8446 §6, e.g. `protocol_version`.
    pub name: String,
}

/// What octets look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Octets {
    Http,
    Text,
    Binary,
}

/// Answers up to this size are read; a ServerHello has some hundred octets.
const BOUND: usize = 64 * 1024;

/// Sends one hello on a connection of its own and reads until it is answered, at most [`Bounds::answer`] long.
///
/// [`Bounds::answer`]: crate::wire::Bounds::answer
pub(super) async fn send_hello(client: &Client, origin: &Origin, hello: &Hello<'_>) -> HelloAnswer {
    let mut random = Random([0; 96]);
    if aws_lc_rs::rand::fill(&mut random.0).is_err() {
        return HelloAnswer::unreachable(Failure::Unsendable("no random octets".into()));
    }
    let (mut stream, _) = match client.connect(origin).await {
        Ok(connected) => connected,
        Err(failure) => return HelloAnswer::unreachable(failure),
    };
    if let Err(error) = stream.write_all(&hello.octets(&random)).await {
        return HelloAnswer::unreachable(crate::wire::dial::broken(&error));
    }
    tokio::time::timeout(client.bounds.answer, read(&mut stream))
        .await
        .unwrap_or(HelloAnswer::Silence)
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> HelloAnswer {
    let mut octets = Vec::new();
    loop {
        let warning = match look(&octets) {
            Look::Answered(answer) => return answer,
            Look::More { warning } => warning,
        };
        if octets.len() > BOUND {
            return garbled("no answer in 64 KiB");
        }
        match stream.read_buf(&mut octets).await {
            Ok(0) => {
                return match warning {
                    Some(alert) => HelloAnswer::Alert(alert),
                    None if octets.is_empty() => HelloAnswer::Closed,
                    None => garbled("closed in the middle of a record"),
                };
            }
            Ok(_) => {}
            Err(error) => return HelloAnswer::unreachable(crate::wire::dial::broken(&error)),
        }
    }
}

enum Look {
    Answered(HelloAnswer),
    /// Nothing final so far. A warning (such as `unrecognized_name`) may come before a ServerHello.
    More {
        warning: Option<Alert>,
    },
}

fn look(octets: &[u8]) -> Look {
    let mut rest = octets;
    let mut handshake = Vec::new();
    let mut warning = None;
    while let Some(first) = rest.first() {
        if !(20..=24).contains(first) || rest.get(1).is_some_and(|major| *major != 3) {
            return Look::Answered(if rest.len() == octets.len() {
                HelloAnswer::NotTls {
                    octets: Octets::of(octets),
                }
            } else {
                garbled("no record where one should start")
            });
        }
        let record = match parse_tls_raw_record(rest) {
            Ok((left, record)) => {
                rest = left;
                record
            }
            Err(error) if error.is_incomplete() => return Look::More { warning },
            Err(_) => return Look::Answered(garbled("record too large")),
        };
        match (record.hdr.record_type, record.data) {
            (TlsRecordType::Alert, [level, code]) => {
                let alert = Alert::of(*level, *code);
                if *level == 1 && *code != 0 {
                    warning = Some(alert);
                } else {
                    return Look::Answered(HelloAnswer::Alert(alert));
                }
            }
            (TlsRecordType::Handshake, data) => {
                handshake.extend_from_slice(data);
                if let Some(answer) = server_hello(&handshake) {
                    return Look::Answered(answer);
                }
            }
            (kind, _) => {
                let kind = kind.0;
                return Look::Answered(garbled(&format!("record of type {kind} out of turn")));
            }
        }
    }
    Look::More { warning }
}

/// Reads the first handshake message; `None` until it is whole.
fn server_hello(handshake: &[u8]) -> Option<HelloAnswer> {
    let (kind, length) = match handshake {
        [kind, a, b, c, ..] => (*kind, u32::from_be_bytes([0, *a, *b, *c])),
        [kind, ..] if *kind != 2 => (*kind, 0),
        _ => return None,
    };
    if kind != 2 {
        return Some(garbled(&format!("handshake message {kind} out of turn")));
    }
    let end = usize::try_from(length)
        .unwrap_or(usize::MAX)
        .saturating_add(4);
    if end > BOUND {
        return Some(garbled("ServerHello too large"));
    }
    let message = handshake.get(..end)?;
    let Ok((_, TlsMessage::Handshake(TlsMessageHandshake::ServerHello(hello)))) =
        parse_tls_message_handshake(message)
    else {
        return Some(garbled("ServerHello cannot be parsed"));
    };
    // The version of 1.3 stands in an extension (RFC 8446 §4.2.1).
    let selected = hello.ext.and_then(|octets| {
        let (_, extensions) = parse_tls_server_hello_extensions(octets).ok()?;
        extensions.iter().find_map(|extension| match extension {
            TlsExtension::SupportedVersions(versions) => versions.first().map(|version| version.0),
            _ => None,
        })
    });
    Some(HelloAnswer::ServerHello {
        version: version_name(selected.unwrap_or(hello.version.0)),
        suite: match TlsCipherSuite::from_id(hello.cipher.0) {
            Some(suite) => suite.name.to_owned(),
            None => format!("0x{:04x}", hello.cipher.0),
        },
        compression: hello.compression.0,
    })
}

fn version_name(number: u16) -> String {
    match TlsVersion::of_number(number) {
        Some(TlsVersion::Ssl3) => "ssl3".into(),
        Some(version) => format!("1.{}", version.number() - TlsVersion::Tls10.number()),
        None => format!("0x{number:04x}"),
    }
}

fn garbled(reason: &str) -> HelloAnswer {
    HelloAnswer::Garbled {
        reason: reason.into(),
    }
}

impl HelloAnswer {
    fn unreachable(failure: Failure) -> Self {
        match failure {
            Failure::Refused => Self::Refused,
            Failure::Reset => Self::Reset,
            Failure::Closed => Self::Closed,
            failure => Self::Unreachable { failure },
        }
    }
}

impl Alert {
    pub(super) fn of(level: u8, code: u8) -> Self {
        Self {
            level: match level {
                1 => "warning".into(),
                2 => "fatal".into(),
                other => other.to_string(),
            },
            code,
            name: tls::alert_name(code).into(),
        }
    }
}

impl Octets {
    pub(super) fn of(octets: &[u8]) -> Self {
        if octets.starts_with(b"HTTP/") {
            Self::Http
        } else if octets
            .iter()
            .all(|octet| octet.is_ascii_graphic() || octet.is_ascii_whitespace())
        {
            Self::Text
        } else {
            Self::Binary
        }
    }
}

#[cfg(test)]
pub(super) fn answer_in(octets: &[u8]) -> Option<HelloAnswer> {
    match look(octets) {
        Look::Answered(answer) => Some(answer),
        Look::More { .. } => None,
    }
}
