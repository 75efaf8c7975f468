//! A server that answers every request head alike, over TLS, in a thread of its own, so that what it costs can be told
//! from what the harness costs.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Content-Type-Options: nosniff\r\n\
    Cache-Control: no-store\r\nContent-Length: 45\r\n\r\n{\"name\":\"somebody\",\"points\":12,\"kind\":\"user\"}";

/// The name of its thread.
pub const SERVER: &str = "server";

/// Its port, and the certificate to trust.
pub fn serve() -> (u16, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])
        .expect("a name that certificates can have");
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows TLS 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("the key is the certificate's");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("as tokio wants it");
    let port = listener.local_addr().expect("it is bound").port();
    let answer_all = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).expect("it does not block");
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(acceptor.clone(), stream));
            }
        });
    };
    let thread = std::thread::Builder::new().name(SERVER.to_owned());
    thread.spawn(answer_all).expect("a thread");
    (port, made.cert.pem())
}

async fn answer(acceptor: TlsAcceptor, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let Ok(mut stream) = acceptor.accept(stream).await else {
        return;
    };
    let mut buffer = vec![0; 4096];
    while matches!(stream.read(&mut buffer).await, Ok(1..)) {
        if stream.write_all(ANSWER).await.is_err() {
            return;
        }
    }
}
