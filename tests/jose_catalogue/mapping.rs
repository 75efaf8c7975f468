//! What requirements and peers list, and which of our entries stands for it. A row without one fails.

use super::catalogue;

/// Rows of the JWT requirements that are about the token itself. Rows about carriage, rotation, refresh and
/// keys that are only read need no forged token.
const REQUIREMENTS: &[(&str, &[&str])] = &[
    (
        "JWT-NONE-01",
        &["alg-none", "alg-none-signed", "alg-none-of-unknown-key"],
    ),
    (
        "JWT-SIG-01",
        &[
            "claims-changed",
            "claims-elevated",
            "header-changed",
            "signature-bit",
            "signature-of-another-token",
        ],
    ),
    ("JWT-SIG-02", &["signature-missing", "token-cut"]),
    ("JWT-SIG-03", &["ecdsa-degenerate"]),
    ("JWT-SIG-04", &["ecdsa-form", "ecdsa-width"]),
    ("JWT-SIG-05", &["ecdsa-twin"]),
    ("JWT-SIG-06", &["signature-cut"]),
    ("JWT-ALG-01", &["key-confusion"]),
    (
        "JWT-ALG-02",
        &["algorithm-of-same-key", "stranger-of-other-kind"],
    ),
    ("JWT-ALG-03", &["stranger-of-other-kind", "point-off-curve"]),
    ("JWT-ALG-04", &["alg-spelling", "alg-absent"]),
    (
        "JWT-KEY-01",
        &["weak-secret", "cracked-secret", "blank-secret"],
    ),
    ("JWT-KID-01", &["kid-path"]),
    ("JWT-KID-02", &["kid-sql", "kid-sql-delay"]),
    ("JWT-KID-03", &["kid-command", "kid-url"]),
    (
        "JWT-KID-04",
        &[
            "kid-odd",
            "kid-absent",
            "kid-missing-well-signed",
            "kid-unknown-blank",
        ],
    ),
    ("JWT-KID-05", &["kid-odd/random"]),
    ("JWT-HDR-01", &["jwk-embedded"]),
    ("JWT-HDR-02", &["jku"]),
    ("JWT-HDR-03", &["x5u", "x5c"]),
    ("JWT-HDR-04", &["x5t"]),
    ("JWT-CRIT-01", &["crit"]),
    ("JWT-B64-01", &["b64-false"]),
    ("JWT-FMT-01", &["json-serialisation"]),
    (
        "JWT-FMT-02",
        &["jwe-direct", "jwe-to-public-key", "nested-unsecured"],
    ),
    (
        "JWT-FMT-03",
        &[
            "padding",
            "standard-alphabet",
            "white-space",
            "trailing-bits",
            "foreign-character",
        ],
    ),
    ("JWT-FMT-04", &["segments"]),
    (
        "JWT-FMT-05",
        &["not-utf8", "byte-order-mark", "subject-look-alike"],
    ),
    (
        "JWT-FMT-06",
        &[
            "duplicate-wrong-first",
            "duplicate-wrong-last",
            "duplicate-alg-none-last",
        ],
    ),
    ("JWT-FMT-07", &["large", "kid-odd/long"]),
    ("JWT-FMT-08", &["jwe-bomb"]),
    ("JWT-FMT-09", &["jwe-iterations"]),
    ("JWT-EXP-01", &["expired"]),
    ("JWT-EXP-02", &["expired/six-minutes"]),
    ("JWT-EXP-04", &["exp-missing"]),
    ("JWT-EXP-05", &["exp-of-odd-type"]),
    ("JWT-NBF-01", &["not-yet-valid", "nbf-of-odd-type"]),
    ("JWT-LIFE-01", &["lives-too-long"]),
    ("JWT-LIFE-02", &["issued-in-future/soon"]),
    ("JWT-IAT-01", &["issued-in-future/day", "iat-of-odd-type"]),
    ("JWT-ISS-01", &["issuer"]),
    ("JWT-ISS-02", &["issuer-and-key-differ"]),
    ("JWT-AUD-01", &["audience"]),
    ("JWT-AUD-02", &["audience-list"]),
    ("JWT-TYP-01", &["typ"]),
    ("JWT-SUB-02", &["subject"]),
    ("JWT-CACHE-01", &["signature-bit", "claims-changed"]),
    ("JWT-CLAIM-01", &["scope", "scope-form"]),
    (
        "JWT-CLAIM-02",
        &["subject", "subject-injection", "claim-beside"],
    ),
    (
        "JWT-ERR-01",
        &["signature-bit", "kid-odd/unknown", "expired", "audience"],
    ),
];

/// The sends of jwt_tool's playbook without its two controls, and its two other modes that forge.
const JWT_TOOL: &[(&str, &[&str])] = &[
    ("1 signature cut by 4 characters", &["token-cut/four"]),
    (
        "3 every claim replaced by a canary, signature kept",
        &["claims-changed/all"],
    ),
    ("5 cracked HMAC secret", &["cracked-secret"]),
    ("6 blank HMAC password", &["blank-secret/empty"]),
    ("7 null signature", &["signature-missing/empty"]),
    ("8 alg none", &["alg-none/lower"]),
    ("9 alg None", &["alg-none/title"]),
    ("10 alg NONE", &["alg-none/upper"]),
    ("11 alg nOnE", &["alg-none/mixed"]),
    ("12 RSA key confusion", &["key-confusion"]),
    ("13 inline JWK", &["jwk-embedded"]),
    ("14 spoofed jku", &["jku/listener"]),
    ("15 kid empty, signed with NUL", &["kid-empty-nul"]),
    (
        "16 kid ../../../../../../dev/null",
        &[
            "kid-path/relative-dev-null",
            "kid-path/relative-dev-null-nul",
        ],
    ),
    (
        "17 kid /dev/null",
        &["kid-path/dev-null", "kid-path/dev-null-nul"],
    ),
    ("18 kid /invalid_path", &["kid-path/missing-file"]),
    ("19 kid |sleep 10", &["kid-command/pipe"]),
    ("20 kid | curl listener", &["kid-url/curl"]),
    ("21 kid UNION SELECT '1'", &["kid-sql/union-one"]),
    (
        "22 listener in every header parameter",
        &["listener-in-header"],
    ),
    ("23 listener in every claim", &["listener-in-claims"]),
    ("24 signed with each common password", &["weak-secret/word"]),
    (
        "-M er: odd values in header and claims",
        &["header-of-odd-type", "exp-of-odd-type", "subject"],
    ),
    (
        "-M cc: common headers and claims",
        &["listener-in-header", "listener-in-claims"],
    ),
];

/// Payload families of jwt-hack 2.6.0.
const JWT_HACK: &[(&str, &[&str])] = &[
    ("none", &["alg-none"]),
    ("none_sig", &["alg-none-signed"]),
    ("empty_sig", &["signature-missing"]),
    (
        "alg_confusion",
        &[
            "key-confusion/spki-pem",
            "key-confusion/spki-pem-no-final-newline",
            "key-confusion/spki-pem-crlf",
        ],
    ),
    (
        "alg_family_swap",
        &["stranger-of-other-kind", "algorithm-of-same-key"],
    ),
    (
        "alg_edge",
        &[
            "alg-none/empty",
            "alg-none/null",
            "alg-none/trailing-space",
            "alg-none/nul",
            "alg-none/array",
            "alg-family-spelling",
        ],
    ),
    ("typ_confusion", &["typ"]),
    ("jku", &["jku"]),
    ("x5u", &["x5u"]),
    (
        "ssrf",
        &["listener-in-header", "listener-in-claims", "kid-url"],
    ),
    ("x5c", &["x5c"]),
    ("x5c_signed", &["x5c/self-signed"]),
    ("cty", &["cty-deserialisation"]),
    ("jwk_embed", &["jwk-embedded/same-algorithm"]),
    ("jwk_embed_ec", &["jwk-embedded/es256"]),
    ("kid_sql", &["kid-sql", "kid-sql-delay"]),
    ("kid_traversal", &["kid-path"]),
    ("kid_injection", &["kid-command"]),
    ("kid_predictable", &["kid-predictable"]),
    (
        "kid_wildcard",
        &["kid-odd/wildcard", "kid-odd/wildcard-sql"],
    ),
    ("crit", &["crit"]),
    ("b64", &["b64-false"]),
    ("zip", &["jwe-bomb"]),
    (
        "dup_key",
        &[
            "duplicate-wrong-first",
            "duplicate-wrong-last",
            "duplicate-alg-none-last",
        ],
    ),
    ("nested", &["nested-unsecured"]),
    ("jws_json", &["json-serialisation"]),
    (
        "header_quirks",
        &["byte-order-mark/header", "white-space", "segments/fourth"],
    ),
    ("psychic", &["ecdsa-degenerate"]),
    (
        "sig_malleability",
        &[
            "ecdsa-twin",
            "ecdsa-form/der",
            "ecdsa-degenerate/zero-zero",
            "signature-cut",
            "signature-long",
        ],
    ),
    ("claims_privesc", &["claims-elevated"]),
    ("claims_exp", &["expired", "exp-missing", "exp-of-odd-type"]),
    (
        "claims_confusion",
        &["claim-beside", "duplicate-wrong-first/sub"],
    ),
    ("claim_injection", &["subject-injection"]),
    (
        "jwe",
        &[
            "jwe-iterations",
            "jwe-direct",
            "jwe-to-public-key/rsa1-5",
            "jwe-point-off-curve",
        ],
    ),
];

#[test]
fn every_row_of_every_list_has_an_entry() {
    assert_eq!(JWT_TOOL.len() - 2, 22);
    assert_eq!(JWT_HACK.len(), 34);
    let catalogue = catalogue();
    for (row, ours) in [REQUIREMENTS, JWT_TOOL, JWT_HACK].concat() {
        assert!(!ours.is_empty(), "{row}");
        for id in ours {
            assert!(
                catalogue.named(id).count() > 0,
                "{row}: there is no forgery {id}"
            );
        }
    }
}

/// So that an entry does not stay behind when what it stood for is gone.
#[test]
fn every_entry_stands_for_something() {
    let listed: Vec<&str> = [REQUIREMENTS, JWT_TOOL, JWT_HACK]
        .concat()
        .iter()
        .flat_map(|(_, ours)| ours.iter().map(|id| id.split('/').next().unwrap()))
        .collect();
    /// Ours alone.
    const BEYOND: &[&str] = &[
        "algorithm-not-as-said",
        "cnf-jkt",
        "jwk-embedded-secret",
        "name-claim",
        "payload-empty",
        "payload-not-object",
        "signature-of-stranger",
        "signature-random",
        "tenant-claim",
    ];
    for entry in catalogue().entries() {
        let id = entry.id.as_str();
        let proof = id.starts_with("proof-");
        assert!(
            listed.contains(&id) || BEYOND.contains(&id) || proof,
            "{id} stands for nothing"
        );
    }
}
