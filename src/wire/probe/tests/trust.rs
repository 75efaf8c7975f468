use rcgen::{CertificateParams, DnType};

use super::super::{
    HandshakeAnswer, HandshakeOffer, Holds, Probe, ProbeAnswer, Sni, TlsVersion, Trust,
};
use super::{impatient, localhost, through_json};
use crate::wire::loopback::{
    Authority, Identity, client_trusting, leaf, read_head, serve, serve_tls_ok,
};
use crate::wire::{Bounds, Failure, Origin, Phase};

async fn shake(pem: &str, origin: &Origin, offer: HandshakeOffer) -> HandshakeAnswer {
    let client = client_trusting(pem);
    let answer = client.probe(origin, &Probe::Handshake(offer)).await;
    through_json(&answer);
    match answer {
        ProbeAnswer::Handshake(answer) => *answer,
        other => panic!("no answer to a handshake: {other:?}"),
    }
}

async fn shown(identity: &Identity, trusted: &Authority) -> (HandshakeAnswer, Trust) {
    let origin = serve_tls_ok(identity.server(&[])).await;
    let answer = shake(&trusted.pem(), &origin, HandshakeOffer::default()).await;
    assert_eq!(answer.failure, None);
    let trust = answer.trust.clone().unwrap();
    assert!(trust.possession.holds);
    (answer, trust)
}

fn holds(holds: &Holds) -> &str {
    match holds {
        Holds {
            holds: true,
            reason: None,
        } => "holds",
        Holds { reason, .. } => reason.as_deref().unwrap(),
    }
}

/// Chain, dates and name.
async fn looked_at(params: CertificateParams, trusted: Option<&Authority>) -> [String; 3] {
    let authority = Authority::new("Root");
    let identity = authority.issue(params);
    let (_, trust) = shown(&identity, trusted.unwrap_or(&authority)).await;
    [&trust.chain, &trust.dates, &trust.name].map(|part| holds(part).to_owned())
}

#[tokio::test]
async fn each_question_has_its_own_answer() {
    let sound = leaf(&["localhost"]);
    assert_eq!(looked_at(sound, None).await, ["holds", "holds", "holds"]);

    let mut expired = leaf(&["localhost"]);
    expired.not_after = rcgen::date_time_ymd(2021, 1, 1);
    assert_eq!(
        looked_at(expired.clone(), None).await,
        ["holds", "certificate expired", "holds"]
    );
    let stranger = Authority::new("Stranger");
    assert_eq!(
        looked_at(expired, Some(&stranger)).await,
        ["unknown issuer", "certificate expired", "holds"]
    );

    let mut early = leaf(&["localhost"]);
    early.not_before = rcgen::date_time_ymd(4000, 1, 1);
    assert_eq!(
        looked_at(early, None).await,
        ["holds", "certificate not valid yet", "holds"]
    );

    let misnamed = leaf(&["elsewhere.example", "127.0.0.1"]);
    assert_eq!(
        looked_at(misnamed, None).await,
        ["holds", "holds", "certificate not valid for name"]
    );

    let mut common = leaf(&[]);
    common
        .distinguished_name
        .push(DnType::CommonName, "localhost");
    assert_eq!(
        looked_at(common, None).await,
        ["holds", "holds", "certificate not valid for name"]
    );
}

#[tokio::test]
async fn a_missing_intermediate_is_not_fetched() {
    let root = Authority::new("Root");
    let middle = root.intermediate("Middle");
    let mut identity = middle.issue(leaf(&["localhost"]));
    let (answer, trust) = shown(&identity, &root).await;
    assert_eq!(holds(&trust.chain), "unknown issuer");
    assert_eq!(holds(&trust.dates), "holds");
    assert_eq!(answer.certificates.len(), 1);

    identity.chain.push(middle.der());
    let (answer, trust) = shown(&identity, &root).await;
    assert_eq!(holds(&trust.chain), "holds");
    assert_eq!(answer.certificates.len(), 2);
    assert!(!answer.certificates[0].authority);
    assert!(answer.certificates[1].authority);
}

#[tokio::test]
async fn facts_are_those_of_the_certificate() {
    let authority = Authority::new("Root");
    let mut params = leaf(&["localhost", "*.api.example", "192.0.2.7", "2001:db8::1"]);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "A \u{1b}[31mname");
    params.not_after = rcgen::date_time_ymd(2999, 12, 31);
    let identity = authority.issue(params);
    let (answer, _) = shown(&identity, &authority).await;
    let facts = &answer.certificates[0];
    assert_eq!(facts.dns_names, ["localhost", "*.api.example"]);
    assert_eq!(facts.ip_addresses, ["192.0.2.7", "2001:db8::1"]);
    assert_eq!(facts.not_before, 1_577_836_800);
    assert_eq!(facts.not_after, 32_503_593_600);
    assert!(facts.issuer.contains("Root"), "{}", facts.issuer);
    assert!(facts.subject.contains("[31mname"), "{}", facts.subject);
    assert!(!facts.self_signed);
    assert!(facts.server_auth);
    assert_eq!(facts.key_kind, "prime256v1");
    assert_eq!(facts.key_bits, Some(256));
    assert_eq!(facts.signature_algorithm, "ecdsa-with-SHA256");
    assert_eq!(facts.fingerprint.len(), 64);
    assert_eq!(answer.unreadable, 0);
    assert!(answer.seen_at.unwrap() > 1_577_836_800);

    let mut root = Authority::new("Alone").issue(leaf(&["localhost"]));
    root.chain = vec![
        leaf(&["localhost"])
            .self_signed(&root.key)
            .unwrap()
            .der()
            .clone(),
    ];
    let (answer, trust) = shown(&root, &authority).await;
    assert!(answer.certificates[0].self_signed);
    assert_eq!(holds(&trust.chain), "unknown issuer");
}

#[tokio::test]
async fn handshakes_end_where_versions_do_not_meet() {
    let (authority, identity) = localhost();
    let new = serve_tls_ok(identity.server_of(&[&rustls::version::TLS13], &[])).await;
    let old = serve_tls_ok(identity.server_of(&[&rustls::version::TLS12], &[])).await;
    for (origin, version, name) in [
        (&new, TlsVersion::Tls13, "1.3"),
        (&old, TlsVersion::Tls12, "1.2"),
    ] {
        let offer = HandshakeOffer {
            versions: vec![version],
            ..HandshakeOffer::default()
        };
        let answer = shake(&authority.pem(), origin, offer).await;
        assert_eq!(answer.failure, None);
        assert_eq!(answer.version.as_deref(), Some(name));
        assert!(answer.suite.unwrap().starts_with("TLS_"));
        assert!(answer.trust.unwrap().possession.holds);
    }
    for (origin, version) in [(&new, TlsVersion::Tls12), (&old, TlsVersion::Tls13)] {
        let offer = HandshakeOffer {
            versions: vec![version],
            ..HandshakeOffer::default()
        };
        let answer = shake(&authority.pem(), origin, offer).await;
        assert!(matches!(answer.failure, Some(Failure::Tls(_))));
        assert_eq!(answer.alert.unwrap().name, "protocol_version");
        assert_eq!(answer.version, None);
    }
    let offer = HandshakeOffer {
        versions: vec![TlsVersion::Tls10],
        ..HandshakeOffer::default()
    };
    let answer = shake(&authority.pem(), &new, offer).await;
    assert!(matches!(answer.failure, Some(Failure::Unsendable(_))));
}

#[tokio::test]
async fn any_name_can_be_asked_for_while_the_origin_counts() {
    let (authority, identity) = localhost();
    let origin = serve_tls_ok(identity.server(&["h2", "http/1.1"])).await;
    for sni in [Sni::Host, Sni::Absent, Sni::Name("x.invalid".into())] {
        let offer = HandshakeOffer {
            sni,
            alpn: vec!["http/1.1".into()],
            ..HandshakeOffer::default()
        };
        let answer = shake(&authority.pem(), &origin, offer).await;
        assert_eq!(answer.failure, None);
        assert_eq!(answer.alpn.as_deref(), Some("http/1.1"));
        assert!(answer.trust.unwrap().name.holds);
    }
}

#[tokio::test]
async fn a_silent_server_is_not_waited_for() {
    let silent = serve(|mut stream, _| async move {
        read_head(&mut stream).await;
    })
    .await;
    let bounds = Bounds {
        connect: std::time::Duration::from_millis(150),
        ..Bounds::default()
    };
    let answer = impatient()
        .with_bounds(bounds)
        .probe(&silent, &Probe::Certificate)
        .await;
    let value = through_json(&answer);
    assert_eq!(
        value["answer"]["failure"],
        serde_json::to_value(Failure::Timeout(Phase::Handshake)).unwrap()
    );
    assert_eq!(value["answer"]["certificates"], serde_json::json!([]));
}
