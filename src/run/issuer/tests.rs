use super::*;

fn issuer() -> Issuer {
    let terms = IssuerTerms {
        listen: Some("127.0.0.1:0".to_owned()),
        kinds: vec!["token".to_owned()],
        ..IssuerTerms::default()
    };
    Issuer::open(&terms, &Secrets::default()).unwrap()
}

fn published(issuer: &Issuer) -> Vec<String> {
    let set: Value = serde_json::from_slice(&issuer.key_set()).unwrap();
    let keys = set["keys"].as_array().unwrap();
    assert!(keys.iter().all(|key| key.get("d").is_none()));
    keys.iter()
        .map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

fn signs(issuer: &Issuer) -> String {
    issuer.signing_key().kid().unwrap().to_owned()
}

#[test]
fn keys_are_published_withdrawn_swapped_and_restored() {
    let issuer = issuer();
    let first = signs(&issuer);
    issuer.rotate(Rotation::Publish).unwrap();
    let second = signs(&issuer);
    assert_eq!(published(&issuer), [first.clone(), second.clone()]);
    issuer.rotate(Rotation::Withdraw).unwrap();
    assert_eq!(published(&issuer), std::slice::from_ref(&second));
    assert_eq!(signs(&issuer), second);
    issuer.rotate(Rotation::SignWithOld).unwrap();
    assert_eq!(signs(&issuer), first);
    assert_eq!(published(&issuer), std::slice::from_ref(&second));
    issuer.rotate(Rotation::Swap).unwrap();
    assert_eq!(published(&issuer), [signs(&issuer)]);
    assert!(![&first, &second].contains(&&signs(&issuer)));
    let before = issuer.generation();
    issuer.rotate(Rotation::Restore).unwrap();
    assert_eq!(published(&issuer), std::slice::from_ref(&first));
    assert_eq!(signs(&issuer), first);
    assert!(issuer.generation() > before);
}

#[test]
fn a_key_set_is_counted_and_metadata_are_not() {
    let issuer = issuer();
    let ask = |path: &str| {
        issuer.state.answer(&Asked {
            method: "GET".to_owned(),
            target: path.to_owned(),
        })
    };
    assert_eq!(ask("/.well-known/openid-configuration").status, 200);
    assert_eq!(ask("/robots.txt").status, 404);
    assert_eq!(issuer.fetches(), 0);
    assert_eq!(ask(KEY_SET).body, issuer.key_set());
    issuer.rotate(Rotation::Fail).unwrap();
    assert_eq!(ask(KEY_SET).status, 500);
    issuer.rotate(Rotation::Empty).unwrap();
    assert_eq!(ask(KEY_SET).body, br#"{"keys":[]}"#);
    assert_eq!(issuer.fetches(), 3);
}

/// A root, and a chain with its key for `localhost`, all in PEM.
fn identity() -> (String, String, String) {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &root).unwrap();
    (root.pem(), leaf.pem(), key.serialize_pem())
}

/// Terms that speak TLS, and the secrets that they refer to.
fn encrypted(certificate: &str, key: &str) -> (IssuerTerms, Secrets) {
    let mut secrets = Secrets::default();
    secrets.insert("certificate", certificate.to_owned());
    secrets.insert("key", key.to_owned());
    let terms = IssuerTerms {
        listen: Some("127.0.0.1:0".to_owned()),
        certificate: Some("${secret.certificate}".to_owned()),
        key: Some("${secret.key}".to_owned()),
        kinds: vec!["token".to_owned()],
        ..IssuerTerms::default()
    };
    (terms, secrets)
}

#[tokio::test]
async fn the_key_set_is_served_over_tls_to_whoever_trusts_the_root() {
    let (root, certificate, key) = identity();
    let (terms, secrets) = encrypted(&certificate, &key);
    let issuer = Issuer::open(&terms, &secrets).unwrap();
    assert!(issuer.url().starts_with("https://"), "{}", issuer.url());
    let port = issuer._port.as_ref().unwrap().address.port();
    let at = format!("https://localhost:{port}{KEY_SET}");
    let client = |root: &str| crate::wire::library_client(&crate::wire::Roots::only(root)).unwrap();
    let ask = |client: reqwest::Client| {
        let at = at.clone();
        async move { client.get(&at).send().await }
    };
    let answer = ask(client(&root)).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/jwk-set+json");
    assert_eq!(answer.bytes().await.unwrap(), issuer.key_set());
    issuer.rotate(Rotation::Swap).unwrap();
    let answer = ask(client(&root)).await.unwrap();
    assert_eq!(answer.bytes().await.unwrap(), issuer.key_set());
    assert_eq!(issuer.fetches(), 2);

    // Whoever trusts another root does not get as far as to ask, and plain text gets no answer.
    let (other, ..) = identity();
    assert!(ask(client(&other)).await.is_err());
    let plain = format!("http://localhost:{port}{KEY_SET}");
    assert!(client(&root).get(&plain).send().await.is_err());
    assert_eq!(issuer.fetches(), 2);
}

#[test]
fn what_cannot_speak_tls_is_no_issuer_and_its_key_is_not_quoted() {
    let (_, certificate, key) = identity();
    let (_, _, stranger) = identity();
    for (certificate, key, says) in [
        (
            certificate.as_str(),
            stranger.as_str(),
            "`certificate` and `key`",
        ),
        (
            certificate.as_str(),
            certificate.as_str(),
            "`key` is no private key",
        ),
        (key.as_str(), key.as_str(), "certificate"),
    ] {
        let (terms, secrets) = encrypted(certificate, key);
        let said = Issuer::open(&terms, &secrets).err().unwrap();
        assert!(
            said.starts_with("the issuer: ") && said.contains(says),
            "{said}"
        );
        assert!(!said.contains("BEGIN"), "{said}");
    }
    let (mut terms, secrets) = encrypted(&certificate, &key);
    terms.key = None;
    let said = Issuer::open(&terms, &secrets).err().unwrap();
    assert_eq!(said, "the issuer: `certificate` and `key` go together");
}

#[test]
fn the_file_has_the_public_keys_of_each_moment() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    let terms = IssuerTerms {
        file: Some(file.display().to_string()),
        url: Some("https://issuer.example/".to_owned()),
        ..IssuerTerms::default()
    };
    let issuer = Issuer::open(&terms, &Secrets::default()).unwrap();
    assert_eq!(
        (issuer.url(), issuer.host()),
        ("https://issuer.example", "issuer.example")
    );
    let written = || std::fs::read(&file).unwrap();
    let kids = || -> Vec<String> {
        let set = crate::jose::Jwks::parse(&written()).unwrap();
        assert!(
            set.keys
                .iter()
                .all(|key| matches!(key.material, KeyMaterial::Public(_)))
        );
        set.keys.into_iter().filter_map(|key| key.kid).collect()
    };
    let first = signs(&issuer);
    assert_eq!(kids(), std::slice::from_ref(&first));
    issuer.rotate(Rotation::Publish).unwrap();
    let second = signs(&issuer);
    assert_eq!(kids(), [first.clone(), second.clone()]);
    issuer.rotate(Rotation::Withdraw).unwrap();
    assert_eq!(kids(), [second]);
    issuer.rotate(Rotation::Empty).unwrap();
    assert_eq!(written(), br#"{"keys":[]}"#);
    issuer.rotate(Rotation::Fail).unwrap();
    assert!(written().is_empty());
    issuer.rotate(Rotation::Restore).unwrap();
    assert_eq!(kids(), [first]);
    for private in issuer.private_texts() {
        assert!(!String::from_utf8(written()).unwrap().contains(&private));
    }
}

#[test]
fn a_file_that_cannot_be_written_is_said_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let terms = IssuerTerms {
        file: Some(folder.path().join("none/jwks.json").display().to_string()),
        ..IssuerTerms::default()
    };
    let said = Issuer::open(&terms, &Secrets::default()).err().unwrap();
    assert!(
        said.starts_with("the issuer: the key set cannot be written to "),
        "{said}"
    );
}
