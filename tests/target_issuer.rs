//! What a target file says about the issuer that we play and about our listener, over what its contract says; and the
//! mistakes in it, each in its place.

use std::path::Path;

use proofmark::suite::gather::library;
use proofmark::suite::target_file::{Loaded, load};
use proofmark::suite::{Library, Target};
use serde_json::{Value, json};

const CONTRACT: &str = r#"contract: issued
title: For one test
source: none
credentials:
  token: { header: Authorization, scheme: Bearer }
  session: { cookie: session }
issuer:
  kinds: [token]
  algorithm: ES384
  lifetime_s: 60
  claims: { aud: of-the-contract, scope: read }
principals:
  user: { roles: [user], credentials: { token: { issue: { claims: { sub: somebody } } } } }
operations:
  me: { request: GET /me, allow: [user] }
answers:
  refused: { status: 401 }
checks: { include: ["NO-SUCH-*"] }
"#;

fn issued() -> Library {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("contracts")).unwrap();
    std::fs::write(folder.path().join("contracts/issued.yaml"), CONTRACT).unwrap();
    library(Some(folder.path())).expect("the library of this test loads")
}

fn read(library: &Library, contract: &str, more: &str) -> Result<Loaded, Vec<String>> {
    let text = format!("target: t\ncontract: {contract}\nurl: https://localhost/v1\n{more}");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/keys");
    load("t.yaml", text.as_bytes(), &folder, library, &|_| None).map_err(|mistakes| {
        let shown = proofmark::suite::load::render(&mistakes, false);
        assert!(!shown.contains("PRIVATE KEY-----\n    M"), "{shown}");
        mistakes
            .iter()
            .map(|mistake| {
                let help = mistake.help.clone().unwrap_or_default();
                format!("{mistake} | {help}")
            })
            .collect()
    })
}

fn target(library: &Library, more: &str) -> Target {
    read(library, "issued", more)
        .expect("the target file loads")
        .target
}

#[test]
fn each_member_of_the_target_file_wins_and_the_contract_gives_the_rest() {
    let library = issued();
    let issuer = target(&library, "issuer: { listen: 127.0.0.1:8701 }\n")
        .issuer
        .unwrap();
    assert_eq!(issuer.listen.as_deref(), Some("127.0.0.1:8701"));
    assert_eq!(issuer.algorithm.as_deref(), Some("ES384"));
    assert_eq!(issuer.lifetime_s, Some(60));
    assert_eq!(issuer.kinds, ["token"]);

    let own = "issuer: { listen: 127.0.0.1:8701, url: https://issuer.example, algorithm: PS256, lifetime_s: 9, \
               kinds: [token, session], claims: { aud: of-the-target, tenant: one } }\n";
    let issuer = target(&library, own).issuer.unwrap();
    assert_eq!(issuer.url.as_deref(), Some("https://issuer.example"));
    assert_eq!(issuer.algorithm.as_deref(), Some("PS256"));
    assert_eq!(issuer.lifetime_s, Some(9));
    assert_eq!(issuer.kinds, ["token", "session"]);
    let claims: Value = serde_json::to_value(&issuer.claims).unwrap();
    assert_eq!(
        claims,
        json!({ "aud": "of-the-target", "scope": "read", "tenant": "one" })
    );
}

#[test]
fn whoever_needs_the_issuer_is_absent_where_the_target_file_gives_it_no_place() {
    let library = issued();
    let without = target(&library, "");
    assert_eq!(without.issuer, None);
    assert!(!without.issues("token"));
    let why = &without.absent_principals["user"];
    assert_eq!(why, "the target file has no `issuer` for the kind `token`");

    let with = target(&library, "issuer: { listen: 127.0.0.1:8701 }\n");
    assert!(with.absent_principals.is_empty());
    assert!(with.issues("token") && !with.issues("session"));
    // Forgeries are made of the tokens of the kinds that it issues, whether or not `tokens` speaks of them.
    assert!(with.tokens.contains_key("token"));
}

#[test]
fn a_file_alone_is_a_place_and_begins_at_the_target_file() {
    let library = issued();
    let issuer = target(&library, "issuer: { file: keys/jwks.json }\n")
        .issuer
        .unwrap();
    let file = issuer.file.unwrap();
    assert!(
        Path::new(&file).ends_with("fixtures/keys/keys/jwks.json"),
        "{file}"
    );
    assert_eq!(issuer.listen, None);
    let absolute = target(&library, "issuer: { file: /srv/jwks.json }\n")
        .issuer
        .unwrap();
    assert_eq!(absolute.file.as_deref(), Some("/srv/jwks.json"));
}

#[test]
fn a_key_in_place_is_a_secret_from_then_on() {
    let library = issued();
    let block = |file: &str| -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fixtures/keys")
            .join(file);
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(|line| format!("    {line}\n")).collect()
    };
    let (chain, key) = (block("ec.cert.pem"), block("ec.pkcs8.pem"));
    let own =
        format!("issuer:\n  listen: 127.0.0.1:8701\n  certificate: |\n{chain}  key: |\n{key}");
    let loaded = read(&library, "issued", &own).unwrap();
    let issuer = loaded.target.issuer.unwrap();
    assert_eq!(issuer.key.as_deref(), Some("${secret.issuer.key}"));
    assert!(
        loaded
            .secrets
            .get("issuer.key")
            .unwrap()
            .contains("PRIVATE KEY")
    );
}

#[test]
fn sound_terms_are_no_mistake() {
    let library = issued();
    for more in [
        "issuer: { listen: 0.0.0.0:8701, url: http://us.example:8701/below }\n",
        "issuer: { listen: \"[::1]:8701\" }\n",
        "issuer: { listen: localhost:8701, algorithm: EdDSA }\n",
        "issuer: { listen: 127.0.0.1:0, url: http://us.example }\n",
        "secrets: { c: \"${file:ec.cert.pem}\", k: \"${file:ec.pkcs8.pem}\" }\n\
         issuer: { listen: 127.0.0.1:8701, certificate: \"${secret.c}\", key: \"${secret.k}\" }\n",
        "listener: { listen: 127.0.0.1:0 }\n",
        "listener: { listen: 0.0.0.0:8702, url: https://us.example/proofmark }\n",
    ] {
        let said = read(&library, "issued", more).err().unwrap_or_default();
        assert_eq!(said, Vec::<String>::new(), "{more}");
    }
    // A contract without an issuer of its own.
    let own = "issuer: { listen: 127.0.0.1:8701, kinds: [token] }\n";
    assert!(read(&library, "http-api", own).is_ok());
}

#[test]
fn mistakes_are_shown_in_their_place() {
    let library = issued();
    for (contract, more, place, says) in [
        (
            "issued",
            "issuer: { algorithm: ES256 }\n",
            "t.yaml:4:1: ",
            "where to `listen`",
        ),
        (
            "issued",
            "issuer: { listen: \"8701\" }\n",
            "t.yaml:4:19: ",
            "`8701` is no address and port",
        ),
        (
            "issued",
            "issuer: { listen: \":8701\" }\n",
            "t.yaml:4:19: ",
            "no address and port",
        ),
        (
            "issued",
            "issuer: { listen: 127.0.0.1:99999 }\n",
            "t.yaml:4:19: ",
            "no address and port",
        ),
        (
            "issued",
            "issuer: { listen: 127.0.0.1:0 }\n",
            "t.yaml:4:19: ",
            "any free one",
        ),
        (
            "issued",
            "issuer: { listen: 127.0.0.1:1, url: us.example }\n",
            "t.yaml:4:37: ",
            "`us.example` is no address",
        ),
        (
            "issued",
            "issuer: { listen: 127.0.0.1:1, url: ftp://us.example }\n",
            "t.yaml:4:37: ",
            "is no address",
        ),
        (
            "issued",
            "issuer: { listen: 127.0.0.1:1, algorithm: HS256 }\n",
            "t.yaml:4:43: ",
            "with a key pair",
        ),
        (
            "issued",
            "issuer: { listen: 127.0.0.1:1, algorithm: none }\n",
            "t.yaml:4:43: ",
            "there are RS256",
        ),
        (
            "issued",
            "issuer: { listen: 127.0.0.1:1, kinds: [cookie] }\n",
            "t.yaml:4:39: ",
            "no kind of credential `cookie`",
        ),
        (
            "http-api",
            "issuer: { listen: 127.0.0.1:1 }\n",
            "t.yaml:4:1: ",
            "issues no kind of credential",
        ),
        (
            "issued",
            "issuer: { listen: 127.0.0.1:1, certificate: x }\n",
            "t.yaml:4:45: ",
            "needs a `key`",
        ),
        (
            "issued",
            "secrets: { k: \"${file:ec.pkcs8.pem}\" }\nissuer: { listen: 127.0.0.1:1, key: \"${secret.k}\" }\n",
            "t.yaml:5:37: ",
            "needs a `certificate`",
        ),
        (
            "issued",
            "secrets: { c: \"${file:ec.cert.pem}\", k: \"${file:ec.spki.pem}\" }\n\
             issuer: { listen: 127.0.0.1:1, certificate: \"${secret.c}\", key: \"${secret.k}\" }\n",
            "t.yaml:5:65: ",
            "`key` is no private key in PEM",
        ),
        (
            "issued",
            "secrets: { c: \"${file:rsa.cert.pem}\", k: \"${file:ec.pkcs8.pem}\" }\n\
             issuer: { listen: 127.0.0.1:1, certificate: \"${secret.c}\", key: \"${secret.k}\" }\n",
            "t.yaml:5:45: ",
            "`certificate` and `key`",
        ),
        (
            "issued",
            "issuer: { listens: 127.0.0.1:1 }\n",
            "t.yaml:4:11: ",
            "listens",
        ),
        (
            "issued",
            "issuer: { listen: 127.0.0.1:1, lifetime_s: long }\n",
            "t.yaml:4:44: ",
            "a whole number",
        ),
        (
            "issued",
            "listener: { listen: nowhere }\n",
            "t.yaml:4:21: ",
            "no address and port",
        ),
        (
            "issued",
            "listener: { listen: 127.0.0.1:0, url: us }\n",
            "t.yaml:4:39: ",
            "`us` is no address",
        ),
        (
            "issued",
            "listener: { url: http://us.example }\n",
            "t.yaml:4:",
            "listen",
        ),
    ] {
        let said = read(&library, contract, more).err().unwrap_or_default();
        assert_eq!(said.len(), 1, "{more}: {said:?}");
        assert!(
            said[0].contains(place) && said[0].contains(says),
            "{more}: {said:?}"
        );
    }
}

#[test]
fn all_mistakes_are_said_at_once() {
    let library = issued();
    let more = "issuer: { listen: here, url: there, algorithm: RS1, kinds: [cookie] }\nlistener: { listen: here }\n";
    let said = read(&library, "issued", more).err().unwrap_or_default();
    assert_eq!(said.len(), 5, "{said:?}");
}
