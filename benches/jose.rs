//! Reading, forging, signing and verifying tokens, beside the bare library calls in the same run.
//!
//! `cargo bench --bench jose`; `forge+sign` should cost at most 1.2 times `library sign` of its group.

use std::hint::black_box;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED,
    ECDSA_P384_SHA384_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RSA_PSS_2048_8192_SHA256, RSA_PSS_SHA256,
    RsaEncoding, RsaKeyPair, VerificationAlgorithm,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use proofmark::jose::forgery::{Env, Forgery, Material, Strangers, forge};
use proofmark::jose::{
    Algorithm, Jwk, PublicKey, SigningKey, StrictJws, VerifyingKey, import_one, mint_texts,
};
use serde_json::{Map, Value, json};

fn fixture(name: &str) -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/keys/");
    std::fs::read(format!("{path}{name}")).unwrap()
}

/// The same key, for us and for the library.
struct Subject {
    key: SigningKey,
    sign: Sign,
    verify: Verify,
}

type Sign = Box<dyn Fn(&[u8])>;
type Verify = Box<dyn Fn(&[u8], &[u8])>;

fn subjects() -> Vec<Subject> {
    let ours = |jwk: &Jwk, algorithm: Algorithm| {
        let mut jwk = jwk.clone();
        jwk.alg = Some(algorithm.name().to_owned());
        jwk.kid = Some("k1".to_owned());
        SigningKey::new(jwk).unwrap()
    };
    let verifying = |jwk: &Jwk, algorithm: &'static dyn VerificationAlgorithm| {
        let octets = match jwk.public().unwrap() {
            PublicKey::Ec(ec) => ec.point().to_vec(),
            PublicKey::Ed25519(x) => x.to_vec(),
            key => key.spki_der(),
        };
        let key = ParsedPublicKey::new(algorithm, octets).unwrap();
        Box::new(move |input: &[u8], signature: &[u8]| key.verify_sig(input, signature).unwrap())
    };
    let mut subjects = Vec::new();
    for (file, algorithm, signing, checking) in [
        (
            "ec.pkcs8.der",
            Algorithm::ES256,
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            &ECDSA_P256_SHA256_FIXED,
        ),
        (
            "ec384.pkcs8.pem",
            Algorithm::ES384,
            &ECDSA_P384_SHA384_FIXED_SIGNING,
            &ECDSA_P384_SHA384_FIXED,
        ),
    ] {
        let jwk = import_one(&fixture(file)).unwrap();
        let proofmark::jose::KeyMaterial::Private(proofmark::jose::PrivateKey::Ec { public, d }) =
            &jwk.material
        else {
            unreachable!("an EC file")
        };
        let pair =
            EcdsaKeyPair::from_private_key_and_public_key(signing, d.expose(), public.point());
        let (pair, random) = (pair.unwrap(), SystemRandom::new());
        subjects.push(Subject {
            key: ours(&jwk, algorithm),
            sign: Box::new(move |input| {
                black_box(pair.sign(&random, input).unwrap());
            }),
            verify: verifying(&jwk, checking),
        });
    }
    let rsa = import_one(&fixture("rsa.pkcs8.der")).unwrap();
    let encodings: [(
        Algorithm,
        &'static dyn RsaEncoding,
        &'static dyn VerificationAlgorithm,
    ); 2] = [
        (
            Algorithm::RS256,
            &RSA_PKCS1_SHA256,
            &RSA_PKCS1_2048_8192_SHA256,
        ),
        (Algorithm::PS256, &RSA_PSS_SHA256, &RSA_PSS_2048_8192_SHA256),
    ];
    for (algorithm, encoding, checking) in encodings {
        let pair = RsaKeyPair::from_pkcs8(&fixture("rsa.pkcs8.der")).unwrap();
        let random = SystemRandom::new();
        subjects.push(Subject {
            key: ours(&rsa, algorithm),
            sign: Box::new(move |input| {
                let mut signature = [0; 256];
                pair.sign(encoding, &random, input, &mut signature).unwrap();
                black_box(signature);
            }),
            verify: verifying(&rsa, checking),
        });
    }
    let ed = import_one(&fixture("ed.pkcs8.der")).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&fixture("ed.pkcs8.der")).unwrap();
    subjects.push(Subject {
        key: ours(&ed, Algorithm::EdDSA),
        sign: Box::new(move |input| {
            black_box(pair.sign(input));
        }),
        verify: verifying(&ed, &ED25519),
    });
    for (algorithm, hash) in [
        (Algorithm::HS256, hmac::HMAC_SHA256),
        (Algorithm::HS384, hmac::HMAC_SHA384),
        (Algorithm::HS512, hmac::HMAC_SHA512),
    ] {
        let secret = [7; 64];
        let key = hmac::Key::new(hash, &secret);
        let checking = key.clone();
        subjects.push(Subject {
            key: SigningKey::secret(secret, algorithm),
            sign: Box::new(move |input| {
                black_box(hmac::sign(&key, input));
            }),
            verify: Box::new(move |input, tag| hmac::verify(&checking, input, tag).unwrap()),
        });
    }
    subjects
}

fn members(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn claims() -> Map<String, Value> {
    members(json!({
        "iss": "https://issuer.example", "aud": "https://api.example", "sub": "alice",
        "exp": 1_800_000_600, "iat": 1_800_000_000, "jti": "8Cw6vI4k0u2bqQ3hX1mRzg", "scope": "read write",
    }))
}

fn each_algorithm(criterion: &mut Criterion) {
    let strangers = Strangers::new();
    let env = Env::new(1_800_000_000);
    let expired: Forgery =
        serde_json::from_value(json!({"claims": {"set": {"exp": "${now-3600}"}}})).unwrap();
    for subject in subjects() {
        let algorithm = subject.key.algorithm();
        let header = members(json!({"alg": algorithm.name(), "typ": "at+jwt", "kid": "k1"}));
        let material = Material::minted(&header, &claims(), &subject.key, &strangers);
        let (header, payload) = (
            serde_json::to_vec(&header).unwrap(),
            serde_json::to_vec(&claims()).unwrap(),
        );
        let token = mint_texts(&header, &payload, &subject.key, algorithm).unwrap();
        let read = StrictJws::parse(&token).unwrap();
        let verifying = VerifyingKey::new(subject.key.jwk(), None).unwrap();

        let mut group = criterion.benchmark_group(algorithm.name());
        group.throughput(Throughput::Elements(1));
        group.bench_function("library sign", |b| {
            b.iter(|| (subject.sign)(read.signing_input()))
        });
        group.bench_function("mint", |b| {
            b.iter(|| mint_texts(black_box(&header), &payload, &subject.key, algorithm).unwrap());
        });
        group.bench_function("forge+sign", |b| {
            b.iter(|| forge(black_box(&expired), &material, &env).unwrap());
        });
        group.bench_function("library verify", |b| {
            b.iter(|| (subject.verify)(read.signing_input(), read.signature()));
        });
        group.bench_function("read+verify", |b| {
            b.iter(|| {
                verifying
                    .verify(&StrictJws::parse(black_box(&token)).unwrap())
                    .unwrap()
            });
        });
        group.finish();
    }
}

fn without_keys(criterion: &mut Criterion) {
    let strangers = Strangers::new();
    let env = Env::new(1_800_000_000);
    let key = SigningKey::secret([7; 64], Algorithm::HS256);
    let header = members(json!({"alg": "HS256", "typ": "at+jwt", "kid": "k1"}));
    let token = Material::minted(&header, &claims(), &key, &strangers)
        .token()
        .unwrap();
    let captured = Material::captured(&token, &strangers).unwrap();
    let unsecured: Forgery = serde_json::from_value(
        json!({"header": {"set": {"alg": "none"}}, "claims": {"set": {"role": "admin"}}, "sign": "nobody"}),
    )
    .unwrap();
    let large = {
        let mut claims = claims();
        claims.insert("pad".to_owned(), "x".repeat(700_000).into());
        Material::minted(&header, &claims, &key, &strangers)
            .token()
            .unwrap()
    };

    let mut group = criterion.benchmark_group("no key");
    group.throughput(Throughput::Elements(1));
    group.bench_function("parse", |b| {
        b.iter(|| StrictJws::parse(black_box(&token)).unwrap());
    });
    group.bench_function("parse with claims", |b| {
        b.iter(|| {
            StrictJws::parse(black_box(&token))
                .unwrap()
                .claims()
                .unwrap()
        });
    });
    group.bench_function(
        "library parse (jsonwebtoken header, serde_json claims)",
        |b| {
            let text = std::str::from_utf8(&token).unwrap();
            b.iter(|| {
                let header = jsonwebtoken::decode_header(black_box(text)).unwrap();
                let payload = proofmark::jose::base64url::decode(text.split('.').nth(1).unwrap());
                (
                    header,
                    serde_json::from_slice::<Value>(&payload.unwrap()).unwrap(),
                )
            });
        },
    );
    group.bench_function("forge alg none", |b| {
        b.iter(|| forge(black_box(&unsecured), &captured, &env).unwrap());
    });
    group.throughput(Throughput::Bytes(large.len() as u64));
    group.bench_function("parse almost 1 MiB", |b| {
        b.iter(|| {
            StrictJws::parse(black_box(&large))
                .unwrap()
                .claims()
                .unwrap()
        });
    });
    group.finish();
}

criterion_group!(benches, each_algorithm, without_keys);
criterion_main!(benches);
