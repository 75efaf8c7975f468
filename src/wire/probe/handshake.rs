//! Real handshakes that look instead of trusting: a bad certificate is recorded, and the handshake goes on.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::certificate::{Certificate, Holds, Trust, trust};
use super::hello::TlsVersion;
use super::version::Alert;
use crate::wire::dial::{broken, server_name, version_name};
use crate::wire::{Client, Failure, Origin, Phase, tls};

/// What a client offers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HandshakeOffer {
    /// `1.2` and `1.3`; our library has no others, and refuses to try.
    #[serde(default = "both_versions")]
    pub versions: Vec<TlsVersion>,
    /// Nothing sends no ALPN extension.
    #[serde(default)]
    pub alpn: Vec<String>,
    #[serde(default)]
    pub sni: Sni,
}

/// What stands in `server_name` (RFC 6066 §3). The name that a certificate must have is the origin's host always.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sni {
    /// The origin's host, or nothing when that is an address.
    #[default]
    Host,
    Absent,
    Name(String),
}

impl Default for HandshakeOffer {
    fn default() -> Self {
        Self {
            versions: both_versions(),
            alpn: Vec::new(),
            sni: Sni::Host,
        }
    }
}

fn both_versions() -> Vec<TlsVersion> {
    vec![TlsVersion::Tls12, TlsVersion::Tls13]
}

/// What became of a handshake. It completed when there is no `failure`; certificates may have been seen either way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HandshakeAnswer {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The alert that `failure` came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<Alert>,
    /// `1.2` or `1.3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// IANA name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
    /// What the server chose, offered or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpn: Option<String>,
    /// As sent, leaf first; without those that cannot be read.
    pub certificates: Vec<Certificate>,
    /// Number of certificates that cannot be read.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unreadable: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<Trust>,
    /// When trust was looked at, in Unix seconds by our clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<u64>,
    /// Whole days from then until the leaf runs out; negative when it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days_left: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<SocketAddr>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

pub(super) async fn handshake(
    client: &Client,
    origin: &Origin,
    offer: &HandshakeOffer,
) -> HandshakeAnswer {
    handshake_kept(client, origin, offer).await.0
}

/// Gives the connection too, when the handshake completed, for a look at what is spoken on it.
pub(super) async fn handshake_kept(
    client: &Client,
    origin: &Origin,
    offer: &HandshakeOffer,
) -> (HandshakeAnswer, Option<TlsStream<TcpStream>>) {
    let mut answer = HandshakeAnswer {
        failure: None,
        alert: None,
        version: None,
        suite: None,
        alpn: None,
        certificates: Vec::new(),
        unreadable: 0,
        trust: None,
        seen_at: None,
        days_left: None,
        peer: None,
    };
    let stream = match try_handshake(client, origin, offer, &mut answer).await {
        Ok(stream) => Some(stream),
        Err(failure) => {
            answer.failure = Some(failure);
            None
        }
    };
    (answer, stream)
}

async fn try_handshake(
    client: &Client,
    origin: &Origin,
    offer: &HandshakeOffer,
    answer: &mut HandshakeAnswer,
) -> Result<TlsStream<TcpStream>, Failure> {
    let expected = server_name(&origin.host)?;
    let told = match &offer.sni {
        Sni::Name(name) => server_name(name)?,
        Sni::Host | Sni::Absent => expected.clone(),
    };
    let recorder = Arc::new(Recorder {
        expected,
        roots: Arc::clone(&client.shared.roots),
        algorithms: tls::provider().signature_verification_algorithms,
        seen: Mutex::new(None),
    });
    let config = config(offer, &recorder)?;
    let (stream, peer) = client.connect(origin).await?;
    answer.peer = Some(peer);
    let connecting = TlsConnector::from(Arc::new(config)).connect(told, stream);
    let connected = tokio::time::timeout(client.bounds.connect, connecting).await;
    if let Some(seen) = recorder.take() {
        answer.days_left = seen
            .certificates
            .first()
            .map(|leaf| days_between(seen.at, leaf.not_after));
        answer.certificates = seen.certificates;
        answer.unreadable = seen.unreadable;
        answer.trust = Some(seen.trust);
        answer.seen_at = Some(seen.at);
    }
    let stream = connected
        .map_err(|_| Failure::Timeout(Phase::Handshake))?
        .map_err(|error| {
            answer.alert = alert_in(&error);
            broken(&error)
        })?;
    let (_, session) = stream.get_ref();
    answer.version = session.protocol_version().map(version_name);
    answer.suite = session
        .negotiated_cipher_suite()
        .and_then(|suite| suite.suite().as_str())
        .map(|name| name.replace("TLS13_", "TLS_"));
    answer.alpn = session
        .alpn_protocol()
        .map(|name| String::from_utf8_lossy(name).into_owned());
    Ok(stream)
}

fn days_between(from: u64, until: i64) -> i64 {
    let from = i64::try_from(from).unwrap_or(i64::MAX);
    until.saturating_sub(from).div_euclid(86_400)
}

fn config(
    offer: &HandshakeOffer,
    recorder: &Arc<Recorder>,
) -> Result<rustls::ClientConfig, Failure> {
    let mut versions: Vec<&'static rustls::SupportedProtocolVersion> = Vec::new();
    for version in &offer.versions {
        versions.push(match version {
            TlsVersion::Tls12 => &rustls::version::TLS12,
            TlsVersion::Tls13 => &rustls::version::TLS13,
            other => {
                return Err(Failure::Unsendable(format!(
                    "no full handshake in {other:?}, only a hello"
                )));
            }
        });
    }
    let verifier: Arc<dyn ServerCertVerifier> = Arc::clone(recorder) as _;
    let mut config = rustls::ClientConfig::builder_with_provider(tls::provider())
        .with_protocol_versions(&versions)
        .map_err(|error| Failure::Unsendable(tls::reason(&error)))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = offer
        .alpn
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    // A server that chooses what nobody offered is what we want to see.
    config.check_selected_alpn = false;
    config.enable_sni = offer.sni != Sni::Absent;
    // A resumed session shows no certificate.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}

fn alert_in(error: &std::io::Error) -> Option<Alert> {
    match error.get_ref()?.downcast_ref::<Error>()? {
        Error::AlertReceived(alert) => Some(Alert::of(2, u8::from(*alert))),
        _ => None,
    }
}

#[derive(Debug)]
struct Recorder {
    expected: ServerName<'static>,
    roots: Arc<RootCertStore>,
    algorithms: WebPkiSupportedAlgorithms,
    seen: Mutex<Option<Seen>>,
}

#[derive(Debug)]
struct Seen {
    certificates: Vec<Certificate>,
    unreadable: usize,
    trust: Trust,
    at: u64,
}

impl Recorder {
    fn take(&self) -> Option<Seen> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    fn signed(&self, verified: Result<HandshakeSignatureValid, Error>) -> HandshakeSignatureValid {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = seen.as_mut() {
            seen.trust.possession = Holds::of(verified.map(|_| ()));
        }
        HandshakeSignatureValid::assertion()
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _told: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let sent = std::iter::once(leaf).chain(others);
        let certificates: Vec<_> = sent.filter_map(|der| Certificate::read(der)).collect();
        let seen = Seen {
            unreadable: 1 + others.len() - certificates.len(),
            certificates,
            trust: trust(
                leaf,
                others,
                &self.expected,
                now,
                &self.roots,
                &self.algorithms,
            ),
            at: now.as_secs(),
        };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(self.signed(verify_tls12_signature(
            message,
            leaf,
            signed,
            &self.algorithms,
        )))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(self.signed(verify_tls13_signature(
            message,
            leaf,
            signed,
            &self.algorithms,
        )))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::days_between;

    #[test]
    fn days_are_whole_and_negative_afterwards() {
        for (from, until, days) in [
            (0, 86_400, 1),
            (0, 86_399, 0),
            (86_400, 86_399, -1),
            (u64::MAX, 0, i64::MIN),
        ] {
            let found = days_between(from, until);
            assert!(
                found == days || (days == i64::MIN && found < 0),
                "{from} to {until}: {found}"
            );
        }
    }
}
