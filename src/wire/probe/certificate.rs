//! What a certificate says, and whether it holds.

use std::net::IpAddr;

use aws_lc_rs::digest;
use rustls::RootCertStore;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error};
use serde::{Deserialize, Serialize};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::objects::oid2sn;
use x509_parser::oid_registry::Oid;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;

use crate::wire::tls::reason;

/// Facts of one certificate. Text from it is cut at 500 characters and lists at 100 members; times are Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Certificate {
    pub subject: String,
    pub issuer: String,
    /// Subject alternative names.
    pub dns_names: Vec<String>,
    pub ip_addresses: Vec<String>,
    pub not_before: i64,
    pub not_after: i64,
    /// Subject and issuer are the same name.
    pub self_signed: bool,
    /// Basic constraints say `CA:TRUE`.
    pub authority: bool,
    /// Extended key usage allows TLS servers, or does not restrict.
    pub server_auth: bool,
    /// `rsa`, or the name of the curve or algorithm, or its OID.
    pub key_kind: String,
    /// Of the modulus or the field; absent where unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_bits: Option<usize>,
    /// Short name, or the OID.
    pub signature_algorithm: String,
    /// SHA-256 of the DER octets, in hex.
    pub fingerprint: String,
}

/// Whether something holds, and if not, why, in the words of [`Failure::Tls`](crate::wire::Failure::Tls).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holds {
    pub holds: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The questions that a client asks of what a server showed, each answered by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Trust {
    /// A path to a declared root exists with only the certificates that were sent (RFC 5280 §6). Dates are set aside:
    /// a path that only fails by date is looked at again at a time at which all that was sent was valid.
    pub chain: Holds,
    /// The leaf, and the path as far as there is one, are in date.
    pub dates: Holds,
    /// The leaf's subject alternative names have the origin's host (RFC 9525 §6).
    pub name: Holds,
    /// The handshake was signed with the leaf's key. Set aside, like the others, so as to see what follows.
    pub possession: Holds,
}

const TEXT: usize = 500;
const MEMBERS: usize = 100;

impl Certificate {
    /// `None` for octets that are no X.509 certificate.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(der).ok()?;
        let (key_kind, key_bits) = key(&parsed);
        let mut dns_names = Vec::new();
        let mut ip_addresses = Vec::new();
        if let Ok(Some(names)) = parsed.subject_alternative_name() {
            for name in names.value.general_names.iter().take(MEMBERS) {
                match name {
                    GeneralName::DNSName(name) => dns_names.push(cut(name)),
                    GeneralName::IPAddress(octets) => ip_addresses.push(address(octets)),
                    _ => {}
                }
            }
        }
        let server_auth = match parsed.extended_key_usage() {
            Ok(Some(usage)) => usage.value.server_auth || usage.value.any,
            Ok(None) => true,
            Err(_) => false,
        };
        Some(Self {
            subject: cut(&parsed.subject().to_string()),
            issuer: cut(&parsed.issuer().to_string()),
            dns_names,
            ip_addresses,
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
            self_signed: parsed.subject().as_raw() == parsed.issuer().as_raw(),
            authority: parsed.is_ca(),
            server_auth,
            key_kind,
            key_bits,
            signature_algorithm: oid_name(&parsed.signature_algorithm.algorithm),
            fingerprint: hex::encode(digest::digest(&digest::SHA256, der)),
        })
    }
}

impl Holds {
    pub(super) fn of(verified: Result<(), Error>) -> Self {
        Self {
            holds: verified.is_ok(),
            reason: verified.err().map(|error| reason(&error)),
        }
    }
}

/// Judges what was sent, leaf first, at `now`; `possession` is left for the handshake to tell.
pub(super) fn trust(
    leaf: &CertificateDer<'_>,
    others: &[CertificateDer<'_>],
    name: &ServerName<'_>,
    now: UnixTime,
    roots: &RootCertStore,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Trust {
    let unproven = Holds {
        holds: false,
        reason: Some("the handshake ended before".into()),
    };
    let parsed = match ParsedCertificate::try_from(leaf) {
        Ok(parsed) => parsed,
        Err(error) => {
            let unreadable = Holds::of(Err(error));
            return Trust {
                chain: unreadable.clone(),
                dates: unreadable.clone(),
                name: unreadable,
                possession: unproven,
            };
        }
    };
    let path_at = |time| {
        verify_server_cert_signed_by_trust_anchor(&parsed, roots, others, time, algorithms.all)
    };
    let path = path_at(now);
    let in_date = leaf_in_date(leaf, now);
    let (chain, dates) = match path {
        Err(error) if by_date(&error) => {
            let chain = common_time(leaf, others).map_or(Ok(()), path_at);
            (Holds::of(chain), Holds::of(Err(error)))
        }
        path => (Holds::of(path), Holds::of(in_date)),
    };
    Trust {
        chain,
        dates,
        name: Holds::of(verify_server_name(&parsed, name)),
        possession: unproven,
    }
}

fn by_date(error: &Error) -> bool {
    use CertificateError as E;
    matches!(
        error,
        Error::InvalidCertificate(
            E::Expired | E::ExpiredContext { .. } | E::NotValidYet | E::NotValidYetContext { .. }
        )
    )
}

fn leaf_in_date(leaf: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    match validity(leaf) {
        Some((from, _)) if now < from => Err(CertificateError::NotValidYet.into()),
        Some((_, until)) if now > until => Err(CertificateError::Expired.into()),
        Some(_) => Ok(()),
        None => Err(CertificateError::BadEncoding.into()),
    }
}

/// A time at which all of the certificates are in date, if there is one.
fn common_time(leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Option<UnixTime> {
    let (mut from, mut until) = validity(leaf)?;
    for other in others {
        let (start, end) = validity(other)?;
        (from, until) = (from.max(start), until.min(end));
    }
    let seconds = u64::try_from(from).ok().filter(|_| from <= until)?;
    Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(
        seconds,
    )))
}

fn validity(der: &[u8]) -> Option<(i64, i64)> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    let validity = parsed.validity();
    Some((
        validity.not_before.timestamp(),
        validity.not_after.timestamp(),
    ))
}

fn key(certificate: &X509Certificate<'_>) -> (String, Option<usize>) {
    let info = certificate.public_key();
    match info.parsed() {
        Ok(PublicKey::RSA(rsa)) => {
            let modulus = rsa.modulus;
            let zeros = modulus.iter().take_while(|octet| **octet == 0).count();
            let bits = modulus.get(zeros).map_or(0, |top| {
                (modulus.len() - zeros) * 8 - top.leading_zeros() as usize
            });
            ("rsa".into(), Some(bits))
        }
        Ok(PublicKey::EC(point)) => {
            let curve = info
                .algorithm
                .parameters
                .as_ref()
                .and_then(|parameters| parameters.as_oid().ok());
            let name = curve.as_ref().map_or("ec".into(), oid_name);
            let bits = if name == "secp521r1" {
                521
            } else {
                point.key_size()
            };
            (name, Some(bits))
        }
        _ => {
            let name = oid_name(&info.algorithm.algorithm);
            (name, None)
        }
    }
}

fn oid_name(oid: &Oid<'_>) -> String {
    match oid2sn(oid, x509_parser::objects::oid_registry()) {
        Ok(name) => name.into(),
        Err(_) => cut(&oid.to_id_string()),
    }
}

fn address(octets: &[u8]) -> String {
    if let Ok(v4) = <[u8; 4]>::try_from(octets) {
        IpAddr::from(v4).to_string()
    } else if let Ok(v6) = <[u8; 16]>::try_from(octets) {
        IpAddr::from(v6).to_string()
    } else {
        cut(&hex::encode(octets))
    }
}

fn cut(text: &str) -> String {
    text.chars().take(TEXT).collect()
}
