//! Which protocol is spoken on a connection, whatever was agreed: ALPN over TLS, h2c over plain TCP.

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::handshake::{HandshakeOffer, Sni, handshake_kept};
use super::hello::TlsVersion;
use super::version::Alert;
use crate::wire::dial::broken;
use crate::wire::{Bounds, Client, Failure, Origin, Phase};

/// What a server did with an ALPN offer (RFC 7301 §3.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AlpnAnswer {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<String>,
    /// What was chosen, if anything, had been offered.
    pub offered: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<Alert>,
    /// What the server answered to an HTTP/2 preface if it chose `h2`, and to an HTTP/1.1 request if it did not.
    pub speaks: Speaks,
    /// Why the handshake, or what followed it, did not come to an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// What a plain-text server did when asked for HTTP/2 (RFC 9113 §3.3; the upgrade is RFC 7540 §3.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct H2cAnswer {
    pub speaks: Speaks,
    /// Of the HTTP/1 answer, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Speaks {
    #[serde(rename = "http/1.1")]
    Http1,
    #[serde(rename = "h2")]
    H2,
    /// Not an octet came.
    #[serde(rename = "nothing")]
    Nothing,
    #[serde(rename = "other")]
    Other,
}

/// The client's preface with empty SETTINGS (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Octets by which a protocol is known: a frame's head, or a status line up to its code.
const ENOUGH: usize = 12;

pub(super) async fn alpn(client: &Client, origin: &Origin, offer: &[String]) -> AlpnAnswer {
    let handshake = HandshakeOffer {
        versions: vec![TlsVersion::Tls12, TlsVersion::Tls13],
        alpn: offer.to_vec(),
        sni: Sni::Host,
    };
    let (shaken, stream) = handshake_kept(client, origin, &handshake).await;
    let heard = match stream {
        Some(stream) => {
            let opening = match shaken.alpn.as_deref() {
                Some("h2") => PREFACE.to_vec(),
                _ => plain_request(origin, "Connection: close\r\n"),
            };
            listen(stream, &opening, &client.bounds).await
        }
        None => Heard {
            octets: Vec::new(),
            failure: shaken.failure,
        },
    };
    AlpnAnswer {
        offered: was_offered(shaken.alpn.as_deref(), offer),
        chosen: shaken.alpn,
        alert: shaken.alert,
        speaks: heard.speaks(),
        failure: heard.failure,
    }
}

/// To choose nothing is no choice outside of the offer.
pub(super) fn was_offered(chosen: Option<&str>, offer: &[String]) -> bool {
    chosen.is_none_or(|chosen| offer.iter().any(|offered| offered == chosen))
}

pub(super) async fn prior_knowledge(client: &Client, origin: &Origin) -> H2cAnswer {
    match client.connect(origin).await {
        Ok((stream, _)) => listen(stream, PREFACE, &client.bounds).await.into(),
        Err(failure) => Heard::nothing(failure).into(),
    }
}

pub(super) async fn upgrade(client: &Client, origin: &Origin) -> H2cAnswer {
    let asking = plain_request(
        origin,
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
    );
    match client.connect(origin).await {
        Ok((mut stream, _)) => {
            let heard = listen(&mut stream, &asking, &client.bounds).await;
            if heard.status() != Some(101) {
                return heard.into();
            }
            // The answer goes on in HTTP/2 after the head of the 101, part of which may be read already.
            let mut after = after_switch(&mut stream, heard, &client.bounds).await;
            after.status = Some(101);
            after
        }
        Err(failure) => Heard::nothing(failure).into(),
    }
}

async fn after_switch(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    heard: Heard,
    bounds: &Bounds,
) -> H2cAnswer {
    let mut octets = heard.octets;
    let whole = async {
        stream.write_all(PREFACE).await?;
        loop {
            let head = octets.windows(4).position(|window| window == b"\r\n\r\n");
            if head.is_some_and(|at| octets.len() >= at + 4 + ENOUGH) || octets.len() > bounds.head
            {
                break;
            }
            if stream.read_buf(&mut octets).await? == 0 {
                break;
            }
        }
        Ok::<_, std::io::Error>(())
    };
    let failure = match tokio::time::timeout(bounds.answer, whole).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(broken(&error)),
        Err(_) => Some(Failure::Timeout(Phase::Answer)),
    };
    let rest = octets
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .map_or(&[] as &[u8], |at| &octets[at + 4..]);
    Heard {
        octets: rest.to_vec(),
        failure,
    }
    .into()
}

/// The first octets that came back.
struct Heard {
    octets: Vec<u8>,
    failure: Option<Failure>,
}

async fn listen(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    opening: &[u8],
    bounds: &Bounds,
) -> Heard {
    let mut octets = Vec::new();
    let hearing = async {
        stream.write_all(opening).await?;
        stream.flush().await?;
        while octets.len() < ENOUGH && speech(&octets) != Speaks::H2 {
            if stream.read_buf(&mut octets).await? == 0 {
                break;
            }
        }
        Ok::<_, std::io::Error>(())
    };
    let failure = match tokio::time::timeout(bounds.answer, hearing).await {
        Ok(Ok(())) if octets.is_empty() => Some(Failure::Closed),
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(broken(&error)),
        Err(_) => Some(Failure::Timeout(Phase::Answer)),
    };
    Heard { octets, failure }
}

impl Heard {
    fn nothing(failure: Failure) -> Self {
        Self {
            octets: Vec::new(),
            failure: Some(failure),
        }
    }

    fn speaks(&self) -> Speaks {
        speech(&self.octets)
    }

    fn status(&self) -> Option<u16> {
        let code = self.octets.strip_prefix(b"HTTP/1.")?.get(2..5)?;
        std::str::from_utf8(code).ok()?.parse().ok()
    }
}

impl From<Heard> for H2cAnswer {
    fn from(heard: Heard) -> Self {
        Self {
            speaks: heard.speaks(),
            status: heard.status(),
            failure: heard.failure,
        }
    }
}

/// A server of HTTP/2 opens with SETTINGS on stream 0, or leaves with GOAWAY (RFC 9113 §3.4, §6.8).
pub(super) fn speech(octets: &[u8]) -> Speaks {
    match octets {
        [] => Speaks::Nothing,
        [b'H', b'T', b'T', b'P', b'/', ..] => Speaks::Http1,
        [0, _, _, 4 | 7, _, 0 | 0x80, 0, 0, 0, ..] => Speaks::H2,
        _ => Speaks::Other,
    }
}

fn plain_request(origin: &Origin, fields: &str) -> Vec<u8> {
    let host = origin.authority();
    format!("GET / HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n").into_bytes()
}
