//! The deployment that the forgeries are aimed at: keys, values, and what it takes for granted.

use std::sync::OnceLock;

use proofmark::jose::forgery::{Env, Material, Strangers, TargetKey};
use proofmark::jose::{Algorithm, Jwk, SigningKey, VerifyingKey, import_one};
use serde_json::{Map, Value, json};

pub const NOW: i64 = 1_800_000_000;
pub const LEEWAY: i64 = 60;
pub const MAX_LIFE: i64 = 3600;
pub const ISSUER: &str = "https://issuer.example/tenant";
pub const OTHER_ISSUER: &str = "https://other.example";
pub const AUDIENCE: &str = "https://api.example";
pub const ADMIN: &str = "admin";
pub const SECRET: &[u8] = b"a secret that nobody will ever guess, of sixty-four octets or so";
pub const STATIC_TEXT: &str = "User-agent: *\n";

pub fn fixture(name: &str) -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/keys/");
    std::fs::read(format!("{path}{name}")).unwrap()
}

/// One for each way of signing that makes a difference to some forgery.
pub struct Deployment {
    /// Of the fixture files of its key.
    pub name: &'static str,
    pub key: SigningKey,
    pub target: Option<TargetKey>,
    /// A second issuer that is trusted too, with a key of the same kind.
    pub other: SigningKey,
}

impl Deployment {
    /// Made once: checking RSA keys takes its time where the library is not optimised.
    pub fn all() -> &'static [Self] {
        static ALL: OnceLock<Vec<Deployment>> = OnceLock::new();
        ALL.get_or_init(Self::make)
    }

    fn make() -> Vec<Self> {
        let private = |file: &str, algorithm: Algorithm| {
            let mut jwk = import_one(&fixture(file)).unwrap();
            jwk.alg = Some(algorithm.name().to_owned());
            jwk.kid = Some("k1".to_owned());
            SigningKey::new(jwk).unwrap()
        };
        let second = |mut jwk: Jwk, algorithm: Algorithm| {
            jwk.alg = Some(algorithm.name().to_owned());
            jwk.kid = Some("k2".to_owned());
            SigningKey::new(jwk).unwrap()
        };
        let fresh = |algorithm| {
            second(
                SigningKey::generate(algorithm).unwrap().jwk().clone(),
                algorithm,
            )
        };
        let target = |key: &SigningKey, certificate: &str| {
            let members = key.jwk().public_members().unwrap();
            // As some servers publish it, with white space.
            let document = format!(
                "{{\"keys\": [ {} ]}}\n",
                serde_json::to_string_pretty(&members).unwrap()
            );
            let mut target = TargetKey::of_set(document.as_bytes(), Some("k1"))
                .unwrap()
                .unwrap();
            target.certificate = (!certificate.is_empty()).then(|| fixture(certificate));
            Some(target)
        };
        let es256 = private("ec.pkcs8.pem", Algorithm::ES256);
        let rs256 = private("rsa.pkcs8.pem", Algorithm::RS256);
        let ps256 = private("rsa.pkcs8.pem", Algorithm::PS256);
        let eddsa = private("ed.pkcs8.pem", Algorithm::EdDSA);
        let mut hs256 = SigningKey::secret(SECRET, Algorithm::HS256).jwk().clone();
        hs256.kid = Some("k1".to_owned());
        vec![
            Self {
                name: "ec",
                target: target(&es256, "ec.cert.der"),
                key: es256,
                other: fresh(Algorithm::ES256),
            },
            Self {
                name: "rsa",
                target: target(&rs256, "rsa.cert.der"),
                key: rs256,
                other: second(
                    import_one(&fixture("rsa.stranger.pem")).unwrap(),
                    Algorithm::RS256,
                ),
            },
            Self {
                name: "rsa",
                target: target(&ps256, "rsa.cert.der"),
                key: ps256,
                other: second(
                    import_one(&fixture("rsa.stranger.pem")).unwrap(),
                    Algorithm::PS256,
                ),
            },
            Self {
                name: "ed",
                target: target(&eddsa, ""),
                key: eddsa,
                other: fresh(Algorithm::EdDSA),
            },
            Self {
                name: "hmac",
                key: SigningKey::new(hs256).unwrap(),
                target: None,
                other: fresh(Algorithm::HS256),
            },
        ]
    }

    pub fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }

    pub fn verifying(&self) -> VerifyingKey {
        VerifyingKey::new(self.key.jwk(), None).unwrap()
    }

    pub fn header(&self) -> Map<String, Value> {
        let header = json!({"alg": self.algorithm().name(), "typ": "at+jwt", "kid": "k1"});
        header.as_object().unwrap().clone()
    }

    pub fn claims() -> Map<String, Value> {
        let claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "exp": NOW + 600, "iat": NOW - 5,
            "jti": "one", "scope": "read", "tenant": "acme",
        });
        claims.as_object().unwrap().clone()
    }

    pub fn material(&self, claims: &Map<String, Value>) -> Material<'_> {
        let material = Material::minted(&self.header(), claims, &self.key, strangers());
        match &self.target {
            Some(target) => material.with_target(target),
            None => material,
        }
    }
}

/// Made once for all tests of this binary. The RSA one is from a file, since finding primes takes its time.
pub fn strangers() -> &'static Strangers {
    static STRANGERS: OnceLock<Strangers> = OnceLock::new();
    STRANGERS.get_or_init(|| {
        let mut rsa = import_one(&fixture("rsa.stranger.pem")).unwrap();
        rsa.kid = rsa.thumbprint();
        rsa.alg = Some("RS256".to_owned());
        Strangers::new().with(SigningKey::new(rsa).unwrap())
    })
}

pub fn env() -> Env {
    Env::new(NOW)
        .with("leeway", LEEWAY)
        .with("max_life", MAX_LIFE)
        .with("issuer", ISSUER)
        .with("issuer_host", "issuer.example")
        .with("audience", AUDIENCE)
        .with("listener", "https://listener.example")
        .with("listener_host", "listener.example")
        .with("admin", ADMIN)
        .with("scope", "admin")
        .with("word", "letmein")
        .with("secret", "cracked")
        .with("static_path", "../public/robots.txt")
        .with("static_text", STATIC_TEXT)
        .with("deleted_subject", "mallory")
        .with("other_issuer", OTHER_ISSUER)
        .with("other_kid", "k2")
}
