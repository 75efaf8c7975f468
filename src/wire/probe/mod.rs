//! Questions to a server below HTTP: which TLS it agrees to, what it shows, which protocol it speaks.
//!
//! A [`Probe`] is what a suite asks for, a [`ProbeAnswer`] what goes into the journal. Both are plain data. Probes
//! carry no credential, and each has connections of its own.

mod certificate;
mod handshake;
mod hello;
mod speech;
mod version;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use certificate::{Certificate, Holds, Trust};
pub use handshake::{HandshakeAnswer, HandshakeOffer, Sni};
pub use hello::{SuiteFamily, TlsVersion};
pub use speech::{AlpnAnswer, H2cAnswer, Speaks};
pub use version::{Alert, HelloAnswer, Octets};

use crate::wire::{Client, Failure, Origin};
use hello::Hello;

/// The origin's scheme is not looked at: a TLS probe may go to a plain port, and the other way round.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Probe {
    /// Does the port take a TCP connection?
    Connect,
    /// What does a hello that offers one version bring?
    TlsVersion {
        version: TlsVersion,
    },
    /// What does a hello of TLS 1.2 that offers only these suites bring?
    TlsSuites {
        family: SuiteFamily,
    },
    /// What does a hello of TLS 1.2 that offers DEFLATE bring?
    TlsCompression,
    /// How does a real handshake end?
    Handshake(HandshakeOffer),
    /// A real handshake with the default offer: what the server shows to an ordinary client.
    Certificate,
    /// Which protocol is chosen, and which is spoken?
    Alpn {
        offer: Vec<String>,
    },
    H2cPriorKnowledge,
    H2cUpgrade,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "answer", rename_all = "kebab-case")]
pub enum ProbeAnswer {
    Connect(ConnectAnswer),
    /// To `tls-version`, `tls-suites` and `tls-compression`.
    Hello(HelloAnswer),
    /// To `handshake` and `certificate`. Boxed as it is many times larger than the others.
    Handshake(Box<HandshakeAnswer>),
    Alpn(AlpnAnswer),
    /// To `h2c-prior-knowledge` and `h2c-upgrade`.
    H2c(H2cAnswer),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectAnswer {
    pub open: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl Client {
    /// Asks a server one question, within the client's bounds. Never fails: what went wrong is part of the answer.
    pub async fn probe(&self, origin: &Origin, probe: &Probe) -> ProbeAnswer {
        let hello = |version| Hello {
            version,
            family: None,
            compression: false,
            host: &origin.host,
        };
        let tls12 = hello(TlsVersion::Tls12);
        match probe {
            Probe::Connect => {
                let failure = self.connect(origin).await.err();
                ProbeAnswer::Connect(ConnectAnswer {
                    open: failure.is_none(),
                    failure,
                })
            }
            Probe::TlsVersion { version } => self.hello(origin, &hello(*version)).await,
            Probe::TlsSuites { family } => {
                let family = Some(*family);
                self.hello(origin, &Hello { family, ..tls12 }).await
            }
            Probe::TlsCompression => {
                let compression = true;
                self.hello(
                    origin,
                    &Hello {
                        compression,
                        ..tls12
                    },
                )
                .await
            }
            Probe::Handshake(offer) => self.handshake(origin, offer).await,
            Probe::Certificate => self.handshake(origin, &HandshakeOffer::default()).await,
            Probe::Alpn { offer } => ProbeAnswer::Alpn(speech::alpn(self, origin, offer).await),
            Probe::H2cPriorKnowledge => {
                ProbeAnswer::H2c(speech::prior_knowledge(self, origin).await)
            }
            Probe::H2cUpgrade => ProbeAnswer::H2c(speech::upgrade(self, origin).await),
        }
    }

    async fn hello(&self, origin: &Origin, hello: &Hello<'_>) -> ProbeAnswer {
        ProbeAnswer::Hello(version::send_hello(self, origin, hello).await)
    }

    async fn handshake(&self, origin: &Origin, offer: &HandshakeOffer) -> ProbeAnswer {
        let answer = handshake::handshake(self, origin, offer).await;
        ProbeAnswer::Handshake(Box::new(answer))
    }
}
