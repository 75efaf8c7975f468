//! TLS of the ports that we open ourselves.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Chain and private key in PEM → how to speak TLS. Errors never quote the key.
pub fn server_tls(certificate: &str, key: &str) -> Result<Arc<ServerConfig>, String> {
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(certificate.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|_| "`certificate` is no PEM".to_owned())?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|_| "`key` is no private key in PEM".to_owned())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| format!("`certificate` and `key`: {error}"))?;
    Ok(Arc::new(config))
}
