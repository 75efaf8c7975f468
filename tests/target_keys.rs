//! A key in a target file that does not parse is a mistake at load, in its place, and is never shown.

use std::path::Path;

use proofmark::suite::gather::library;
use proofmark::suite::target_file::load;

/// What loading says: `line:column: sentence | help` for each mistake.
fn load_says(tokens: &str, secrets: &str) -> Vec<String> {
    let text = format!(
        "target: t\ncontract: http-api\nurl: https://localhost/v1\nsecrets:\n  other: something\n{secrets}tokens:\n  token:\n{tokens}"
    );
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/keys");
    let environment =
        |name: &str| (name == "KEY").then(|| "swordfish-of-the-environment".to_owned());
    let library = library(None).expect("the built-in library loads");
    match load("t.yaml", text.as_bytes(), &folder, &library, &environment) {
        Ok(_) => Vec::new(),
        Err(mistakes) => mistakes
            .iter()
            .map(|mistake| {
                let help = mistake.help.clone().unwrap_or_default();
                let shown = proofmark::suite::load::render(&mistakes, false);
                for secret in ["swordfish", "AAAAB3"] {
                    assert!(!shown.contains(secret), "{shown}");
                }
                format!("{mistake} | {help}")
            })
            .collect(),
    }
}

#[test]
fn sound_keys_are_no_mistake() {
    for (tokens, secrets) in [
        (
            "    public_key: ${secret.k}\n",
            "  k: ${file:ec.spki.pem}\n",
        ),
        (
            "    minting_key: { key: \"${secret.k}\" }\n",
            "  k: ${file:rsa.pkcs8.pem}\n",
        ),
        (
            "    minting_key: { key: \"${secret.k}\", algorithm: PS384 }\n",
            "  k: ${file:rsa.pkcs8.pem}\n",
        ),
        (
            "    minting_key: { key: \"${secret.k}\", algorithm: HS256 }\n",
            "  k: ${env:KEY}\n",
        ),
        (
            "    minting_key: { key: \"just-some-words\", algorithm: HS512 }\n",
            "",
        ),
    ] {
        assert_eq!(load_says(tokens, secrets), Vec::<String>::new(), "{tokens}");
    }
}

#[test]
fn keys_that_are_none_are_mistakes_in_their_place() {
    for (tokens, secrets, place, says) in [
        (
            "    public_key: ${secret.k}\n",
            "  k: ${env:KEY}\n",
            "t.yaml:6:6: ",
            "`public_key` does not parse",
        ),
        (
            "    public_key: swordfish-in-place\n",
            "",
            "t.yaml:8:17: ",
            "PEM (PKCS#8",
        ),
        (
            "    public_key: ${secret.k}\n",
            "  k: ${file:ec.encrypted.pem}\n",
            "t.yaml:6:6: ",
            "the key is encrypted",
        ),
        (
            "    minting_key: { key: \"${secret.k}\" }\n",
            "  k: ${env:KEY}\n",
            "t.yaml:6:6: ",
            "add `algorithm: HS256`",
        ),
        (
            "    minting_key: { key: swordfish-in-place }\n",
            "",
            "t.yaml:8:25: ",
            "`minting_key` does not parse",
        ),
        (
            "    minting_key: { key: \"${secret.k}\" }\n",
            "  k: ${file:ec.spki.pem}\n",
            "t.yaml:6:6: ",
            "a public key",
        ),
        (
            "    minting_key: { key: \"${secret.k}\", algorithm: RS256 }\n",
            "  k: ${file:ec.pkcs8.pem}\n",
            "t.yaml:9:51: ",
            "cannot sign RS256",
        ),
        (
            "    minting_key: { key: \"${secret.k}\", algorithm: none }\n",
            "  k: ${file:ec.pkcs8.pem}\n",
            "t.yaml:9:51: ",
            "`none` is no JWS algorithm",
        ),
        (
            "    public_key: |\n      {\n        \"kty\": \"EC\",\n        \"crv\": \"P-1\"\n      }\n",
            "",
            "t.yaml:9:7: ",
            "line 3, column 10 of the key",
        ),
    ] {
        let all = load_says(tokens, secrets);
        assert_eq!(all.len(), 1, "{tokens}{secrets}: {all:?}");
        assert!(all[0].starts_with(place), "{place}: {all:?}");
        assert!(all[0].contains(says), "{says}: {all:?}");
    }
}
