//! Servers for tests, on loopback, that behave as badly as they are told to.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{Client, ClientConfig, Origin, Request, Roots, Scheme, Version, tls};

/// Listens on 127.0.0.1 and runs `handle` for each connection, with its number from 0.
pub async fn serve<F, A>(handle: F) -> Origin
where
    F: Fn(TcpStream, usize) -> A + Send + Sync + 'static,
    A: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        for number in 0.. {
            let Ok((stream, _)) = listener.accept().await else {
                return;
            };
            tokio::spawn(handle(stream, number));
        }
    });
    plain(port)
}

/// Reads one request head on each connection, writes `octets`, and closes.
pub async fn serve_octets(octets: impl Into<Vec<u8>>) -> Origin {
    let octets: Arc<[u8]> = octets.into().into();
    serve(move |mut stream, _| {
        let octets = Arc::clone(&octets);
        async move {
            read_head(&mut stream).await;
            let _ = stream.write_all(&octets).await;
        }
    })
    .await
}

pub async fn serve_tls<F, A>(config: rustls::ServerConfig, handle: F) -> Origin
where
    F: Fn(TlsStream<TcpStream>) -> A + Send + Sync + 'static,
    A: Future<Output = ()> + Send + 'static,
{
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let handle = Arc::new(handle);
    let origin = serve(move |stream, _| {
        let (acceptor, handle) = (acceptor.clone(), Arc::clone(&handle));
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                handle(stream).await;
            }
        }
    })
    .await;
    Origin::new(Scheme::Https, "localhost", origin.port)
}

/// Answers `ok` to one request over TLS.
pub async fn serve_tls_ok(config: rustls::ServerConfig) -> Origin {
    serve_tls(config, |mut stream| async move {
        read_head(&mut stream).await;
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            .await;
        let _ = stream.shutdown().await;
    })
    .await
}

pub fn plain(port: u16) -> Origin {
    Origin::new(Scheme::Http, "127.0.0.1", port)
}

/// Octets up to an empty line, or what came before the end.
pub async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(octet) => head.push(octet),
            Err(_) => break,
        }
    }
    head
}

pub fn request(origin: &Origin, method: &str, body: &str) -> Request {
    let mut headers = vec![("Host".to_owned(), origin.authority().into_bytes())];
    if !body.is_empty() {
        headers.push(("Content-Length".into(), body.len().to_string().into_bytes()));
    }
    Request {
        origin: origin.clone(),
        version: Version::H1,
        method: method.into(),
        target: b"/".to_vec(),
        headers,
        body: Bytes::copy_from_slice(body.as_bytes()),
        fresh_connection: false,
        await_continue: false,
        cut: None,
    }
}

pub fn get(origin: &Origin) -> Request {
    request(origin, "GET", "")
}

/// A client with few roots: those of the PEM text.
pub fn client_trusting(pem: &str) -> Client {
    client_with(ClientConfig {
        roots: Roots::only(pem),
        ..ClientConfig::default()
    })
}

/// A client for plain HTTP.
pub fn client() -> Client {
    client_with(ClientConfig {
        roots: Roots {
            native: false,
            pem: Vec::new(),
        },
        ..ClientConfig::default()
    })
}

pub fn client_with(config: ClientConfig) -> Client {
    Client::new(config).unwrap()
}

/// A root with its key.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A server's chain, leaf first, and its key.
pub struct Identity {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: KeyPair,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let params = Self::params(name);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    pub fn intermediate(&self, name: &str) -> Self {
        let params = Self::params(name);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::signed_by(params, key, &self.0).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    pub fn der(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    pub fn issue(&self, params: CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &self.0).unwrap();
        Identity {
            chain: vec![leaf.der().clone()],
            key,
        }
    }

    fn params(name: &str) -> CertificateParams {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params
    }
}

/// What a sound certificate for these names says; in date from 2020 until 4096.
pub fn leaf(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params
        .extended_key_usages
        .push(ExtendedKeyUsagePurpose::ServerAuth);
    params
}

impl Identity {
    pub fn server(&self, alpn: &[&str]) -> rustls::ServerConfig {
        self.server_of(rustls::ALL_VERSIONS, alpn)
    }

    pub fn server_of(
        &self,
        versions: &[&'static rustls::SupportedProtocolVersion],
        alpn: &[&str],
    ) -> rustls::ServerConfig {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let mut config = rustls::ServerConfig::builder_with_provider(tls::provider())
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), key)
            .unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        config
    }
}
