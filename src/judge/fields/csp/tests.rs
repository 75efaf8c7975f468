use content_security_policy::{CspList, PolicyDisposition, PolicySource};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn read(lines: &[&str]) -> Value {
    parse(lines).unwrap_or_else(|defect| panic!("{lines:?}: {defect}"))
}

#[test]
fn mistakes_are_named() {
    for (line, member, expected) in [
        ("default-src none", "unquoted_keywords", json!(["none"])),
        (
            "script-src Self nonce-abc sha256-x",
            "unquoted_keywords",
            json!(["self", "nonce-abc", "sha256-x"]),
        ),
        (
            "default-src 'self' script-src 'self'",
            "misplaced_directives",
            json!(["script-src"]),
        ),
        (
            "default-src 'self'; DEFAULT-SRC *; img-src x; img-src y",
            "duplicates",
            json!(["default-src", "img-src"]),
        ),
        (
            "defualt-src 'self'",
            "unknown_directives",
            json!(["defualt-src"]),
        ),
        (
            "script-src 'sefl' 'sha256-é' 'nonce- https://a_b c:d",
            "invalid_sources",
            json!(null),
        ),
        (
            "script-src 'sefl' 'sha1-aa' 'self https://a_b c:d http://x:80x \"self\"",
            "invalid_sources",
            json!([
                "'sefl'",
                "'sha1-aa'",
                "'self",
                "c:d",
                "http://x:80x",
                "\"self\""
            ]),
        ),
        (
            "img-src 'none' https://a; font-src 'none'",
            "none_with_others",
            json!(["img-src"]),
        ),
        (
            "default-src 'none'; sandbox none; report-to none",
            "unquoted_keywords",
            json!([]),
        ),
    ] {
        match parse(&[line]) {
            Ok(value) => assert_eq!(value[member], expected, "{line}"),
            Err(_) => assert!(expected.is_null(), "{line}"),
        }
    }
}

#[test]
fn inline_scripts() {
    for (line, allowed) in [
        ("img-src 'self'", true),
        ("script-src 'unsafe-inline'", true),
        ("script-src 'UNSAFE-INLINE'", true),
        ("default-src 'unsafe-inline'", true),
        ("default-src 'unsafe-inline'; script-src 'self'", false),
        (
            "script-src 'unsafe-inline' 'nonce-abcdefghijklmnopqrstuv=='",
            false,
        ),
        ("script-src 'unsafe-inline' 'nonce-'", true),
        ("script-src 'unsafe-inline' 'sha256-aGVsbG8='", false),
        ("script-src 'unsafe-inline' 'strict-dynamic'", false),
        ("script-src 'self'; script-src-attr 'unsafe-inline'", true),
        ("script-src-elem 'self'; script-src-attr 'none'", false),
        ("script-src-elem 'self'", true),
        // Every policy is enforced.
        ("script-src 'unsafe-inline', script-src 'self'", false),
        ("script-src 'unsafe-inline', img-src 'self'", true),
    ] {
        assert_eq!(read(&[line])["inline_allowed"], allowed, "{line}");
    }
}

#[test]
fn open_sources() {
    for (line, open) in [
        (
            "script-src * https: DATA: blob: https://* *:443 https://*.example.com 'self'",
            json!(["*", "https:", "data:", "blob:", "https://*", "*:443"]),
        ),
        (
            "script-src 'strict-dynamic' 'nonce-AAAAAAAAAAAAAAAAAAAAAA==' https: http:",
            json!([]),
        ),
        ("default-src *; script-src 'self'", json!([])),
        ("img-src 'self'", json!(["*"])),
        ("script-src *, script-src 'self'", json!([])),
        ("script-src *, script-src https:", json!(["*", "https:"])),
        ("script-src-elem 'self'", json!(["*"])),
    ] {
        assert_eq!(read(&[line])["open_sources"], open, "{line}");
    }
}

#[test]
fn fallbacks() {
    let value =
        read(&["script-src-elem https://A.example/x; default-src 'self'; object-src data:"]);
    assert_eq!(
        value["script_sources"],
        json!(["'self'", "https://A.example/x"])
    );
    assert_eq!(value["script_hosts"], json!(["https://a.example/x"]));
    assert_eq!(value["object_sources"], json!(["data:"]));
    assert_eq!(value["frame_ancestors"], Value::Null);
    assert_eq!(value["base_uri"], Value::Null);
    assert_eq!(value["eval_allowed"], false);
    let value = read(&["base-uri; frame-ancestors https://p.example"]);
    assert_eq!(value["base_uri"], json!([]));
    assert_eq!(value["script_sources"], Value::Null);
    assert_eq!(value["eval_allowed"], true);
    assert_eq!(value["frame_ancestors"], json!(["https://p.example"]));
}

#[test]
fn nonces() {
    let value =
        read(&["script-src 'nonce-AAAAAAAAAAAAAAAAAAAAAA=='; style-src 'NONCE-abc' 'nonce-a.b'"]);
    assert_eq!(
        value["nonces"],
        json!([
            {"value": "AAAAAAAAAAAAAAAAAAAAAA==", "bits": 128, "well_formed": true},
            {"value": "abc", "bits": 16, "well_formed": true},
            {"value": "a.b", "bits": 16, "well_formed": false},
        ])
    );
}

#[test]
fn several_policies() {
    let value = read(&[
        "default-src 'none',frame-ancestors 'none'; report-uri /a /b",
        "  ",
        "report-to g; img-src x",
    ]);
    assert_eq!(value["policies"].as_array().unwrap().len(), 3);
    assert_eq!(
        value["names"],
        json!([
            "default-src",
            "frame-ancestors",
            "report-uri",
            "report-to",
            "img-src"
        ])
    );
    assert_eq!(value["frame_ancestors"], json!(["'none'"]));
    assert_eq!(value["policies"][0]["frame_ancestors"], Value::Null);
    assert_eq!(value["report_uris"], json!(["/a", "/b"]));
    assert_eq!(value["report_to"], "g");
}

#[test]
fn bad() {
    for (line, says) in [
        ("", "there is no directive"),
        (" ; , ;", "there is no directive"),
        ("'self'", "`'self'` is no directive name"),
        ("default-src='self'", "is no directive name"),
        (
            "default-src 'self'; default_src x",
            "`default_src` is no directive name",
        ),
        ("img-src https://caf\u{e9}.example", "not printable ASCII"),
        ("img-src x\u{1}", r"`x\u{1}` in img-src"),
    ] {
        let defect = parse(&[line]).unwrap_err();
        assert!(defect.says.contains(says), "{line}: {defect}");
    }
}

proptest! {
    /// Servo's parser finds the same directives with the same values.
    #[test]
    fn agrees_with_servo(
        text in "((default|script|img)-src|base-uri|sandbox)( ('self'|\\*|https:|a\\.example|;|,|;img-src|,base-uri)){0,6}"
    ) {
        let Ok(ours) = parse(&[&text]) else { return Ok(()) };
        let theirs = CspList::parse(&text, PolicySource::Header, PolicyDisposition::Enforce);
        let ours = ours["policies"].as_array().unwrap();
        prop_assert_eq!(ours.len(), theirs.0.len());
        for (a, b) in ours.iter().zip(&theirs.0) {
            let names: Vec<&str> = b.directive_set.iter().map(|d| d.name.as_str()).collect();
            prop_assert_eq!(&a["names"], &json!(names));
            for directive in &b.directive_set {
                prop_assert_eq!(&a["directives"][&directive.name], &json!(directive.value));
            }
        }
    }
}
