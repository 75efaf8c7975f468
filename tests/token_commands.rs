//! `proofmark token …` as its users see it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use proofmark::jose::inspect::inspect;
use serde_json::{Value, json};

fn run(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_proofmark"))
        .arg("token")
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_clear()
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    // A command that makes nothing of its input may have ended before it was written.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    child.wait_with_output().expect("it ends")
}

struct Shown {
    code: i32,
    out: String,
    err: String,
}

fn shown(arguments: &[&str], input: &[u8]) -> Shown {
    let output = run(arguments, input);
    let text = |octets| String::from_utf8(octets).expect("output is UTF-8");
    Shown {
        code: output.status.code().expect("no signal"),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

fn parsed(arguments: &[&str], input: &[u8]) -> (i32, Value) {
    let shown = shown(&[arguments, &["--format", "json"]].concat(), input);
    let value = serde_json::from_str(&shown.out).unwrap_or_else(|_| panic!("{}", shown.err));
    (shown.code, value)
}

const EC: &str = "fixtures/keys/ec.pkcs8.pem";
const EC_PUBLIC: &str = "fixtures/keys/ec.spki.pem";

fn minted(claims: &str, more: &[&str]) -> String {
    let arguments = [&["mint", "--key", EC, "--claims", "-"], more].concat();
    let shown = shown(&arguments, claims.as_bytes());
    assert_eq!(shown.code, 0, "{}", shown.err);
    shown.out.trim_end().to_owned()
}

#[test]
fn a_minted_token_is_decoded_and_verified() {
    let claims = r#"{"sub":"alice","iss":"i","aud":["a","b"],"jti":"${random}","nbf":"${now-5}"}"#;
    let token = minted(
        claims,
        &["--ttl", "600", "--kid", "k1", "--header", "x=[1]"],
    );
    let (code, seen) = parsed(
        &["decode"],
        format!("Authorization: Bearer {token}\n").as_bytes(),
    );
    assert_eq!((code, &seen["strict"]), (0, &json!(true)));
    assert_eq!(
        seen["header"],
        json!({"alg": "ES256", "typ": "JWT", "kid": "k1", "x": [1]})
    );
    let claims = &seen["payload"]["claims"];
    assert_eq!(claims["jti"].as_str().map(str::len), Some(22));
    assert_eq!(
        claims["exp"]
            .as_i64()
            .zip(claims["iat"].as_i64())
            .map(|(exp, iat)| exp - iat),
        Some(600)
    );
    let asked = [
        "verify",
        "--key",
        EC_PUBLIC,
        "--issuer",
        "i",
        "--audience",
        "b",
    ];
    let good = shown(&asked, token.as_bytes());
    assert_eq!(good.code, 0, "{}{}", good.out, good.err);
    assert!(good.out.starts_with("good: ES256"), "{}", good.out);

    for (more, reason) in [
        (&["--audience", "c"][..], "without `c`"),
        (&["--issuer", "j"], "not `j`"),
        (&["--type", "at+jwt"], "`typ` is `JWT`"),
    ] {
        let asked = [&["verify", "--key", EC_PUBLIC], more].concat();
        let bad = shown(&asked, token.as_bytes());
        assert_eq!(bad.code, 1);
        assert!(
            bad.out.starts_with("not good: ") && bad.out.contains(reason),
            "{}",
            bad.out
        );
    }
}

#[test]
fn expiry_counts_from_its_own_second_and_leeway_helps() {
    let old = minted(r#"{"exp":"${now-30}"}"#, &[]);
    let bad = shown(&["verify", "--key", EC_PUBLIC], old.as_bytes());
    assert_eq!(bad.code, 1);
    assert!(bad.out.contains("it expired 3"), "{}", bad.out);
    let lenient = ["verify", "--key", EC_PUBLIC, "--leeway", "3600"];
    assert_eq!(shown(&lenient, old.as_bytes()).code, 0);
    let page = shown(&["decode"], old.as_bytes());
    assert!(page.out.contains("  expired 3"), "{}", page.out);
}

#[test]
fn a_token_of_another_key_or_form_is_not_good() {
    let token = minted("{}", &[]);
    let other = ["verify", "--key", "fixtures/keys/ec384.spki.pem"];
    assert_eq!(shown(&other, token.as_bytes()).code, 1);
    let padded = format!("{token}==");
    let bad = shown(&["verify", "--key", EC_PUBLIC], padded.as_bytes());
    assert!(bad.code == 1 && bad.out.contains("padding"), "{}", bad.out);
    let page = shown(&["decode"], padded.as_bytes());
    assert!(
        page.code == 0 && page.out.contains("a strict reader refuses it"),
        "{}",
        page.out
    );
}

#[test]
fn keys_in_every_form_and_mistakes_with_their_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, octets: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, octets).expect("it is written");
        path.display().to_string()
    };
    let token = minted("{}", &[]);
    for key in [
        EC,
        EC_PUBLIC,
        "fixtures/keys/ec.spki.der",
        "fixtures/keys/ec.cert.pem",
        "fixtures/keys/ec.sec1.der",
    ] {
        let good = shown(&["verify", "--key", key], token.as_bytes());
        assert_eq!(good.code, 0, "{key}: {}{}", good.out, good.err);
    }
    let broken = write(
        "broken.jwk",
        b"{\n  \"kty\": \"EC\",\n  \"crv\": \"P-1\"\n}",
    );
    for (key, says) in [
        (broken.as_str(), "broken.jwk:3:10: curve `P-1`"),
        (
            "fixtures/keys/ec.encrypted.pem",
            ".pem:1:1: the key is encrypted",
        ),
        ("README.md", "README.md:1:1: no key format"),
        ("no-such-file", "no-such-file: "),
    ] {
        let bad = shown(&["verify", "--key", key], token.as_bytes());
        assert_eq!(bad.code, 2, "{}", bad.err);
        assert!(bad.err.contains(says), "{key}: {}", bad.err);
    }
    let signing = shown(&["mint", "--key", EC_PUBLIC, "--claims", "-"], b"{}");
    assert!(
        signing.code == 2 && signing.err.contains("private one is wanted"),
        "{}",
        signing.err
    );
    let claims = shown(
        &["mint", "--key", EC, "--claims", "-"],
        b"{\n \"a\": 1,\n \"a\": 2}",
    );
    assert!(
        claims.code == 2 && claims.err.contains("standard input:3:2: "),
        "{}",
        claims.err
    );
}

#[test]
fn secrets_sign_verify_and_are_cracked() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let write = |name: &str, text: &str| std::fs::write(path(name), text).expect("it is written");
    let sign = |secret: &str, algorithm: &str| {
        write("secret", secret);
        let made = shown(
            &[
                "mint",
                "--key",
                &path("secret"),
                "--algorithm",
                algorithm,
                "--claims",
                "-",
            ],
            b"{}",
        );
        assert_eq!(made.code, 0, "{}", made.err);
        made.out
    };
    let long = "0123456789 long enough for a hash 0123456789";
    let token = sign(&format!("{long}\n"), "HS256");
    let good = shown(
        &["verify", "--key", &path("secret"), "--algorithm", "HS256"],
        token.as_bytes(),
    );
    assert_eq!(good.code, 0, "{}{}", good.out, good.err);
    let unsaid = shown(&["verify", "--key", &path("secret")], token.as_bytes());
    assert!(
        unsaid.code == 2 && !unsaid.err.contains(long),
        "{}",
        unsaid.err
    );

    let (code, trial) = parsed(&["crack"], token.as_bytes());
    assert_eq!((code, &trial["found"]), (0, &json!(false)));
    assert!(trial["tries"].as_u64() > Some(500), "{trial}");
    write("words", &format!("first\r\n{long}\r\nlast\n"));
    let found = shown(&["crack", "--wordlist", &path("words")], token.as_bytes());
    assert_eq!(found.code, 1);
    assert!(
        found.out.contains("line 2 of ") && !found.out.contains(long),
        "{}",
        found.out
    );
    let found = shown(&["crack"], sign("changeme", "HS512").as_bytes());
    assert!(
        found.code == 1 && found.out.contains("`changeme`"),
        "{}",
        found.out
    );
    let other = shown(&["crack"], minted("{}", &[]).as_bytes());
    assert!(
        other.code == 2 && other.err.contains("ES256"),
        "{}",
        other.err
    );
}

#[test]
fn forgeries_are_listed_and_made() {
    let (code, all) = parsed(&["forge", "--list"], b"");
    let all = all.as_array().expect("a list");
    assert!(code == 0 && all.len() > 250, "{}", all.len());
    let ids: Vec<&str> = all.iter().filter_map(|one| one["id"].as_str()).collect();
    let listed = shown(&["forge", "--list", "alg-none"], b"");
    assert!(listed.out.contains("\nalg-none/title "), "{}", listed.out);

    let token = minted(r#"{"sub":"alice"}"#, &[]);
    let lines = shown(&["forge", "alg-none", "--token", "-"], token.as_bytes());
    assert_eq!(lines.code, 0, "{}", lines.err);
    assert_eq!(
        lines.out.lines().count(),
        ids.iter().filter(|id| id.starts_with("alg-none/")).count()
    );
    for line in lines.out.lines() {
        assert_eq!(
            inspect(line.as_bytes(), 0).signature_octets,
            Some(0),
            "{line}"
        );
    }

    // With everything that a forger can have, nearly everything can be made, and the rest says why.
    let everything = [
        "forge",
        "*",
        "--token",
        "-",
        "--minting-key",
        EC,
        "--public-key",
        "fixtures/keys/ec.cert.pem",
        "--set",
        "admin=root",
        "--set",
        "scope=all",
    ];
    let (code, made) = parsed(&everything, token.as_bytes());
    let made = made.as_array().expect("a list");
    assert_eq!((code, made.len()), (3, all.len()));
    let private = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(EC)).unwrap();
    let body: String = private.lines().nth(1).unwrap().to_owned();
    let mut count = 0;
    for one in made {
        let there = one.get("token").or(one.get("token_base64url")).is_some();
        assert!(there || one["not_made"].is_string(), "{one}");
        assert!(!one.to_string().contains(&body));
        count += usize::from(there);
    }
    assert!(count * 2 > made.len(), "{count} of {}", made.len());

    let needy = shown(&["forge", "expired", "--token", "-"], token.as_bytes());
    assert_eq!((needy.code, needy.out.as_str()), (3, ""));
    assert!(needy.err.contains("minting-key is needed"), "{}", needy.err);
    let unknown = shown(&["forge", "alg-non", "--token", "-"], token.as_bytes());
    assert!(
        unknown.code == 2 && unknown.err.contains("did you mean `alg-none`"),
        "{}",
        unknown.err
    );
}

#[test]
fn hostile_tokens_are_shown_as_data() {
    let token = proofmark::jose::Compact::signed(
        "{\"alg\":\"\u{1b}[31mES256\u{202e}\"}",
        "\u{1b}]0;title\u{7}",
        b"",
    );
    let page = shown(&["decode"], &token.to_bytes());
    assert_eq!(page.code, 0);
    assert!(
        page.out
            .chars()
            .all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'),
        "{:?}",
        page.out
    );
    for token in [&[b'.'; 2_000_000][..], &vec![b'['; 1 << 20], b"\xff\xfe.\0"] {
        let code = shown(&["decode"], token).code;
        assert!(code == 0 || code == 2, "{code}");
    }
    assert_eq!(shown(&["decode"], b" \n").code, 2);
}

/// Where shells and others on the machine see it, a token is told not to be; it is not shown once more.
#[test]
fn a_token_among_the_arguments_is_refused_and_not_repeated() {
    let token = minted(r#"{"sub":"somebody"}"#, &[]);
    let token = token.trim();
    for arguments in [
        vec![token],
        vec!["decode", token],
        vec!["crack", token],
        vec!["decode", "-", token],
    ] {
        let shown = shown(&arguments, b"");
        assert_eq!(shown.code, 2, "{}", shown.err);
        assert!(!shown.err.contains(token), "{}", shown.err);
        assert!(shown.err.contains("standard input"), "{}", shown.err);
    }
}
