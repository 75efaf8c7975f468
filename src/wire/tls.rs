//! TLS as a client that means it: rustls on aws-lc-rs, certificates verified against the roots of the run.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CertificateError, RootCertStore};
use thiserror::Error;

/// Whom we trust to vouch for a server.
#[derive(Debug, Clone)]
pub struct Roots {
    /// The machine's own store. One that is empty or unreadable is no error until a handshake needs it.
    pub native: bool,
    /// Contents of PEM files; each must hold at least one certificate.
    pub pem: Vec<String>,
}

impl Default for Roots {
    fn default() -> Self {
        Self {
            native: true,
            pem: Vec::new(),
        }
    }
}

impl Roots {
    /// Only the certificates of a PEM text, nothing of the machine's.
    pub fn only(pem: impl Into<String>) -> Self {
        Self {
            native: false,
            pem: vec![pem.into()],
        }
    }
}

/// Why a client cannot be made. Nothing was sent.
#[derive(Debug, Error)]
pub enum ClientError {
    #[error("root certificates: {0}")]
    Pem(String),
    #[error("root certificates: a PEM text holds no certificate")]
    NoCertificate,
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// The reason of a [`Failure::Tls`](super::Failure) where what came back is nothing of TLS.
pub const NO_TLS: &str = "the peer does not speak TLS";

/// The reason where the certificate of the server is one that may sign others, which servers must not show as theirs.
pub const AUTHORITY_AS_SERVER: &str = "certificate of an authority used as a server's own";

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

pub(super) fn root_store(roots: &Roots) -> Result<RootCertStore, ClientError> {
    let mut store = RootCertStore::empty();
    if roots.native {
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    for pem in &roots.pem {
        let mut found = false;
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|error| ClientError::Pem(error.to_string()))?;
            store.add(certificate)?;
            found = true;
        }
        if !found {
            return Err(ClientError::NoCertificate);
        }
    }
    Ok(store)
}

/// A configuration that verifies, and offers these protocols.
pub(super) fn verifying(
    roots: &Arc<RootCertStore>,
    alpn: &[&str],
) -> Result<Arc<rustls::ClientConfig>, ClientError> {
    let mut config = rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(Arc::clone(roots))
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Ok(Arc::new(config))
}

/// The reason in plain words, the same ones in a [`Failure::Tls`](super::Failure) and in a certificate's verdicts.
pub(super) fn reason(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(error) => certificate_reason(error),
        rustls::Error::AlertReceived(alert) => {
            let code = u8::from(*alert);
            format!("alert {code}: {}", alert_name(code))
        }
        rustls::Error::InvalidMessage(_) => NO_TLS.into(),
        rustls::Error::PeerIncompatible(why) => format!("nothing in common: {why:?}"),
        rustls::Error::PeerMisbehaved(why) => format!("the peer broke the protocol: {why:?}"),
        other => other.to_string().chars().take(200).collect(),
    }
}

/// The name of an alert in RFC 8446 §6, or in the older RFC that last had it.
pub(super) fn alert_name(code: u8) -> &'static str {
    match code {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        21 => "decryption_failed",
        22 => "record_overflow",
        30 => "decompression_failure",
        40 => "handshake_failure",
        41 => "no_certificate",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        60 => "export_restriction",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        100 => "no_renegotiation",
        109 => "missing_extension",
        110 => "unsupported_extension",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        115 => "unknown_psk_identity",
        116 => "certificate_required",
        120 => "no_application_protocol",
        _ => "unknown",
    }
}

fn certificate_reason(error: &CertificateError) -> String {
    use CertificateError as E;
    let plain = match error {
        E::BadEncoding => "certificate badly encoded",
        E::Expired | E::ExpiredContext { .. } => "certificate expired",
        E::NotValidYet | E::NotValidYetContext { .. } => "certificate not valid yet",
        E::Revoked => "certificate revoked",
        E::UnknownIssuer => "unknown issuer",
        E::BadSignature => "certificate signature wrong",
        E::UnhandledCriticalExtension => "certificate has an unknown critical extension",
        E::UnsupportedSignatureAlgorithmContext { .. }
        | E::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "certificate signature algorithm not supported"
        }
        E::NotValidForName | E::NotValidForNameContext { .. } => "certificate not valid for name",
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => {
            "certificate not meant for TLS servers"
        }
        E::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => AUTHORITY_AS_SERVER,
        other => {
            return format!("certificate: {other:?}")
                .chars()
                .take(200)
                .collect();
        }
    };
    plain.into()
}

#[cfg(test)]
mod tests;
