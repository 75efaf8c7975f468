//! Servers on loopback, plain or with TLS, whose answers are octets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A root that signs what servers show.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "a root for one test");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for these names with its key, both in PEM.
    pub fn issue(&self, names: &[&str]) -> (String, String) {
        let (certificate, key) = self.leaf(names);
        (certificate.pem(), key.serialize_pem())
    }

    fn leaf(&self, names: &[&str]) -> (rcgen::Certificate, KeyPair) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params
            .extended_key_usages
            .push(ExtendedKeyUsagePurpose::ServerAuth);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.0).unwrap(), key)
    }

    fn acceptor(&self) -> TlsAcceptor {
        let (certificate, key) = self.leaf(&["localhost"]);
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
    pub plain: bool,
    pub at: Instant,
}

impl Request {
    /// The field of this name in lower case.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// What is done about a request.
pub enum Reply {
    /// These octets, and the connection stays open.
    Keep(Vec<u8>),
    /// These octets, then close.
    Last(Vec<u8>),
    /// RST.
    Reset,
    /// Nothing, for as long as the other side waits.
    Silence,
    /// The first octets once, the second ones until the other side goes away.
    Endless(Vec<u8>, Vec<u8>),
}

/// What a listener does with a connection before there is a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Door {
    Open,
    /// Accepts and closes.
    Shut,
    /// Accepts and sends RST.
    Slammed,
    /// Accepts and says nothing.
    Mute,
}

/// Two listening ports and what they saw.
pub struct Site {
    pub https: u16,
    pub plain: u16,
    pub ca_pem: String,
    pub seen: Arc<Mutex<Vec<Request>>>,
}

impl Site {
    pub fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }
}

/// Serves over TLS and, on a second port, in plain text. `reply` gets each request and its number from 0.
pub async fn serve<F>(door: Door, reply: F) -> Site
where
    F: Fn(&Request, usize) -> Reply + Send + Sync + 'static,
{
    let authority = Authority::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let reply = Arc::new(reply);
    let mut ports = Vec::new();
    for acceptor in [Some(authority.acceptor()), None] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        ports.push(listener.local_addr().unwrap().port());
        let (reply, seen) = (Arc::clone(&reply), Arc::clone(&seen));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (reply, seen, acceptor) =
                    (Arc::clone(&reply), Arc::clone(&seen), acceptor.clone());
                tokio::spawn(async move {
                    match door {
                        Door::Open => {}
                        Door::Shut => return,
                        Door::Slammed => return abort(&stream),
                        Door::Mute => {
                            std::future::pending::<()>().await;
                        }
                    }
                    match acceptor {
                        None => converse(stream, true, &*reply, &seen).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                converse(stream, false, &*reply, &seen).await;
                            }
                        }
                    }
                });
            }
        });
    }
    Site {
        https: ports[0],
        plain: ports[1],
        ca_pem: authority.pem(),
        seen,
    }
}

trait Socket: AsyncRead + AsyncWrite + Unpin + Send {
    fn abort(&self);
}

impl Socket for TcpStream {
    fn abort(&self) {
        abort(self);
    }
}

impl Socket for tokio_rustls::server::TlsStream<TcpStream> {
    fn abort(&self) {
        abort(self.get_ref().0);
    }
}

/// The next close sends RST.
fn abort(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

async fn converse<S: Socket, F: Fn(&Request, usize) -> Reply>(
    mut stream: S,
    plain: bool,
    reply: &F,
    seen: &Mutex<Vec<Request>>,
) {
    while let Some(request) = read_request(&mut stream, plain).await {
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(request.clone());
            seen.len() - 1
        };
        match reply(&request, number) {
            Reply::Keep(octets) => {
                if stream.write_all(&octets).await.is_err() {
                    return;
                }
            }
            Reply::Last(octets) => {
                let _ = stream.write_all(&octets).await;
                let _ = stream.shutdown().await;
                return;
            }
            Reply::Reset => return stream.abort(),
            Reply::Silence => {
                let _ = stream.read_u8().await;
                return;
            }
            Reply::Endless(first, again) => {
                if stream.write_all(&first).await.is_err() {
                    return;
                }
                while stream.write_all(&again).await.is_ok() {}
                return;
            }
        }
    }
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin), plain: bool) -> Option<Request> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let at = Instant::now();
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers
        .get("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Request {
        method,
        target,
        headers,
        body,
        plain,
        at,
    })
}

/// An answer with a length, and with these field lines before it.
pub fn answer(status: &str, fields: &[&str], body: &[u8]) -> Vec<u8> {
    let mut octets = format!("HTTP/1.1 {status}\r\n").into_bytes();
    for field in fields {
        octets.extend_from_slice(field.as_bytes());
        octets.extend_from_slice(b"\r\n");
    }
    octets.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
    octets.extend_from_slice(body);
    octets
}

/// An answer in JSON.
pub fn json(status: &str, body: &str) -> Vec<u8> {
    answer(status, &["Content-Type: application/json"], body.as_bytes())
}
