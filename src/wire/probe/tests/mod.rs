//! Probes against servers on loopback: ones made of fixed octets, rustls, and OpenSSL where it is installed.

mod hello;
mod speech;
mod trust;

use std::time::Duration;

use crate::wire::loopback::{Authority, Identity, client, leaf};
use crate::wire::{Bounds, Client};

use super::{Probe, ProbeAnswer};

fn impatient() -> Client {
    client().with_bounds(Bounds {
        answer: Duration::from_millis(150),
        ..Bounds::default()
    })
}

fn localhost() -> (Authority, Identity) {
    let authority = Authority::new("Root");
    let identity = authority.issue(leaf(&["localhost"]));
    (authority, identity)
}

/// The journal's form and back.
fn through_json(answer: &ProbeAnswer) -> serde_json::Value {
    let value = serde_json::to_value(answer).unwrap();
    let back: ProbeAnswer = serde_json::from_value(value.clone()).unwrap();
    assert_eq!(&back, answer);
    value
}

#[test]
fn probes_read_as_a_suite_writes_them() {
    for (text, probe) in [
        (r#"{"kind":"connect"}"#, Probe::Connect),
        (
            r#"{"kind":"tls-version","version":"1.0"}"#,
            Probe::TlsVersion {
                version: super::TlsVersion::Tls10,
            },
        ),
        (
            r#"{"kind":"tls-suites","family":"static-rsa"}"#,
            Probe::TlsSuites {
                family: super::SuiteFamily::StaticRsa,
            },
        ),
        (
            r#"{"kind":"handshake","versions":["1.2"],"alpn":["h2"],"sni":{"name":"x.invalid"}}"#,
            Probe::Handshake(super::HandshakeOffer {
                versions: vec![super::TlsVersion::Tls12],
                alpn: vec!["h2".into()],
                sni: super::Sni::Name("x.invalid".into()),
            }),
        ),
        (
            r#"{"kind":"handshake"}"#,
            Probe::Handshake(super::HandshakeOffer::default()),
        ),
        (
            r#"{"kind":"h2c-prior-knowledge"}"#,
            Probe::H2cPriorKnowledge,
        ),
    ] {
        assert_eq!(serde_json::from_str::<Probe>(text).unwrap(), probe);
        let again = serde_json::to_value(&probe).unwrap();
        assert_eq!(serde_json::from_value::<Probe>(again).unwrap(), probe);
    }
    for wrong in [
        r#"{"kind":"tls-version","version":"1.4"}"#,
        r#"{"kind":"tls-version","version":"1.0","verison":"1.1"}"#,
        r#"{"kind":"handshake","alpm":["h2"]}"#,
    ] {
        assert!(serde_json::from_str::<Probe>(wrong).is_err(), "{wrong}");
    }
}
