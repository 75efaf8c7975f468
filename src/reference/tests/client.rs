//! A plain client: writes what it is given over TLS or TCP and reads one answer.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::reference::{Contract, Deployment, Settings};

pub struct Seen {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Seen {
    /// The first line of this name.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("JSON expected: {}", self.body))
    }
}

pub fn start(contract: Contract, flaws: &[&str]) -> Deployment {
    let flaws = contract.catalogue().select(flaws).expect("known flaws");
    Deployment::start(contract, flaws, Settings::default()).expect("ports")
}

pub fn trusting(deployment: &Deployment) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(deployment.ca_pem.as_bytes()).expect("PEM"))
        .expect("a root");
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

pub async fn connect(
    deployment: &Deployment,
    config: ClientConfig,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(deployment.https).await?;
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

/// One request over TLS on a connection of its own.
pub async fn send(
    deployment: &Deployment,
    method: &str,
    target: &str,
    fields: &[(&str, &str)],
    body: &str,
) -> Seen {
    let bytes = request(deployment.https.port(), method, target, fields, body);
    raw(deployment, bytes.as_bytes(), method == "HEAD").await
}

pub fn request(
    port: u16,
    method: &str,
    target: &str,
    fields: &[(&str, &str)],
    body: &str,
) -> String {
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: localhost:{port}\r\n");
    for (name, value) in fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        if !fields
            .iter()
            .any(|(n, _)| n.eq_ignore_ascii_case("content-type"))
        {
            head.push_str("Content-Type: application/json\r\n");
        }
    }
    format!("{head}\r\n{body}")
}

pub async fn raw(deployment: &Deployment, bytes: &[u8], is_head: bool) -> Seen {
    let mut stream = connect(deployment, trusting(deployment))
        .await
        .expect("TLS");
    stream.write_all(bytes).await.expect("written");
    read_answer(&mut stream, is_head).await.expect("an answer")
}

/// One request without TLS; `None` when the port hung up.
pub async fn send_plain(
    deployment: &Deployment,
    method: &str,
    target: &str,
    fields: &[(&str, &str)],
    body: &str,
) -> Option<Seen> {
    let bytes = request(deployment.plain.port(), method, target, fields, body);
    let mut stream = TcpStream::connect(deployment.plain).await.expect("TCP");
    stream.write_all(bytes.as_bytes()).await.expect("written");
    read_answer(&mut stream, method == "HEAD").await
}

pub async fn read_answer<IO: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut IO,
    is_head: bool,
) -> Option<Seen> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let mut seen = Seen {
                status: head.split(' ').nth(1)?.parse().ok()?,
                head,
                body: String::new(),
            };
            let length = if is_head {
                0
            } else {
                seen.field("content-length")
                    .map_or(0, |length| length.parse().expect("digits"))
            };
            while bytes.len() < end + 4 + length {
                if stream.read_buf(&mut bytes).await.ok()? == 0 {
                    break;
                }
            }
            seen.body = String::from_utf8_lossy(&bytes[end + 4..]).into_owned();
            return Some(seen);
        }
        match stream.read_buf(&mut bytes).await {
            Ok(read) if read > 0 => {}
            _ => return None,
        }
    }
}
