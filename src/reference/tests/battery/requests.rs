//! What is asked: of every contract the same, and of each its own.

use super::Bench;
use crate::reference::http::{Body, Version};
use crate::reference::site::Malformed;

/// Requests that look the same for every contract.
pub fn messages(
    bench: &mut Bench,
    known: &[(&str, &str)],
    anonymous: &[(&str, &str)],
    open: &str,
    item: &str,
    write: &str,
) {
    let with = |fields: &[(&'static str, &'static str)], more: &[(&'static str, &'static str)]| {
        let mut all = fields.to_vec();
        all.extend_from_slice(more);
        all
    };
    // The borrowed tables are constants; leaking keeps the closures above simple.
    let known: Vec<(&'static str, &'static str)> =
        known.iter().map(|(n, v)| (leak(n), leak(v))).collect();
    let anonymous: Vec<(&'static str, &'static str)> =
        anonymous.iter().map(|(n, v)| (leak(n), leak(v))).collect();

    for method in ["HEAD", "OPTIONS", "TRACE", "FOO", "LOCK", "get"] {
        bench.fire(&format!("{method} {item}"), &anonymous, "");
        bench.fire(&format!("{method} {item}"), &known, "");
    }
    bench.fire("HEAD /nowhere", &known, "");
    for path in [
        format!("{item}/"),
        item.replacen('/', "/x/..//", 1),
        item.replace("me", "%6de"),
        item.replace("me", "%256de"),
        format!("{item};a=b"),
        item.to_uppercase(),
        format!("{item}.json"),
        format!("/internal{item}"),
    ] {
        bench.fire(&format!("GET {path}"), &anonymous, "");
    }
    for header in [
        ("X-Original-URL", item),
        ("X-Forwarded-Path", item),
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Remote-User", "admin"),
        ("X-Internal", "1"),
        ("Referer", "https://localhost/admin"),
        ("Remote_User", "admin"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("Accept", "text/html"),
        ("X-Request-Id", "<script>"),
        ("Authorization", "Bearer "),
        ("X-Auth-Token", "$user_token"),
        ("Cookie", "token=$user_token"),
        ("If-None-Match", "*"),
    ] {
        let header = (leak(header.0), leak(header.1));
        let path = if header.0.starts_with("X-Orig") || header.0 == "X-Forwarded-Path" {
            open
        } else {
            item
        };
        bench.fire(&format!("GET {path}"), &with(&anonymous, &[header]), "");
    }
    let long = leak(&"a".repeat(100));
    bench.fire(
        &format!("GET {item}"),
        &with(&known, &[("X-Request-Id", long)]),
        "",
    );
    let huge = leak(&"a".repeat(20_000));
    bench.fire(
        &format!("GET {item}"),
        &with(&known, &[("X-Big", huge)]),
        "",
    );
    bench.fire(&format!("GET {item}?q={huge}"), &known, "");
    let second = with(&known, &[("Authorization", "Bearer y")]);
    bench.fire(&format!("GET {item}"), &second, "");
    bench.fire(&format!("GET {item}?access_token=x"), &known, "");
    bench.fire("GET /nowhere?a=%0d%0aX:1&b={{7*7}}&c=%22", &known, "");
    bench.fire(&format!("GET {item}?a=%27"), &known, "");
    bench.fire(&format!("GET {item}?_method=DELETE"), &known, "");
    bench.fire(
        &format!("POST {item}?_method=PATCH"),
        &anonymous,
        "{\"name\":\"n\"}",
    );
    for suffix in ["/x.css", "?_=1"] {
        bench.fire(&format!("GET {item}{suffix}"), &known, "");
        bench.fire(&format!("GET {item}{suffix}"), &anonymous, "");
    }
    let mut other_host = bench.request(&format!("GET {item}"), &anonymous, b"");
    other_host.authority = "localhost".to_owned();
    bench.answer(other_host, "bare host");
    let mut over_h2 = bench.request(&format!("GET {open}"), &anonymous, b"");
    over_h2.version = Version::H2;
    bench.answer(over_h2, "over h2");
    let malformed = bench.built.site.malformed(Malformed::Syntax, true);
    bench.note("malformed", malformed.as_ref());

    let deep = format!("{}{}", "[".repeat(70), "]".repeat(70));
    for body in ["{", "{}", &deep, r#"{"title":5,"name":5,"displayName":5}"#] {
        bench.fire(write, &known, body);
        bench.fire(write, &anonymous, body);
    }
    for fields in [&known, &anonymous] {
        let mut large = bench.request(write, fields, b"{}");
        if bench.built.site.body_bound() == 1024 * 1024 {
            large.body = Body::TooLarge;
        }
        bench.answer(large, "a body of 2 MiB");
    }
    let bytes = bench.request(write, &known, b"\"\xff\"");
    bench.answer(bytes, "bad UTF-8");
    let valid = r#"{"title":"t","name":"n","displayName":"d"}"#;
    let form = "title=t&name=n&displayName=d";
    for (header, body) in [
        (("Content-Type", "text/plain"), valid),
        (("Content-Type", "application/x-www-form-urlencoded"), form),
        (("Content-Encoding", "gzip"), valid),
    ] {
        bench.fire(write, &with(&known, &[header]), body);
    }
    bench.fire(write, &anonymous, valid);
    bench.fire(&format!("GET {item}"), &known, "");

    for (line, headers) in [
        (format!("GET {open}"), &[][..]),
        (format!("GET {open}"), &[("X-Forwarded-Proto", "https")][..]),
        (format!("GET {open}"), &[("Forwarded", "proto=https")]),
        (format!("GET {open}"), &[("Front-End-Https", "on")]),
        (
            format!("GET {open}?a=%0d%0aX:1"),
            &[("X-Forwarded-Host", "evil.invalid")],
        ),
    ] {
        let mut request = bench.request(&line, &with(&anonymous, headers), b"");
        request.encrypted = false;
        bench.answer(request, &format!("plain {line}"));
    }
    let mut request = bench.request(&format!("GET {open}"), &anonymous, b"");
    request.encrypted = false;
    request.authority = "evil.invalid".to_owned();
    bench.answer(request, "plain, of another host");
    let body = r#"{"title":"in clear","name":"in clear","displayName":"in clear"}"#;
    let mut request = bench.request(write, &known, body.as_bytes());
    request.encrypted = false;
    bench.answer(request, "plain write");
    bench.fire(&format!("GET {item}"), &known, "");
    bench.fire("GET /notes", &known, "");
}

/// Constants of the battery, for the life of the test process.
fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

const KEY: (&str, &str) = ("X-Project-Key", "$project_key");

pub fn pers(bench: &mut Bench) {
    let overridden = [KEY, ("X-HTTP-Method-Override", "DELETE")];
    bench.fire("GET /v2/campaigns/$other_campaign_id", &overridden, "");
    bench.fire("GET /v2/campaigns/$campaign_id", &overridden, "");
    bench.fire("GET /v2/campaigns/$campaign_id?_method=DELETE", &[KEY], "");
    bench.fire("POST /v2/auth/token", &[KEY], "{}");
    let upper = bench.built.secrets["project_key"].to_uppercase();
    bench.fire("GET /v2/campaigns", &[("X-Project-Key", leak(&upper))], "");
    for body in [
        r#"{"authToken":"nonsense"}"#,
        r#"{"authToken":"$other_user_proof"}"#,
        r#"{"authToken":"$user_proof","authType":"tenant"}"#,
        r#"{"authToken":"$user_proof","authType":"emperor"}"#,
    ] {
        bench.fire("POST /v2/auth/token", &[KEY], body);
    }
    let user = [KEY, ("Authorization", "Bearer $user_token")];
    let admin = [KEY, ("Authorization", "Bearer $admin_token")];
    let business = [KEY, ("Authorization", "Bearer $business_token")];
    bench.fire(
        "PATCH /v2/users/me",
        &user,
        r#"{"email":"other.user.tenant-b@example.invalid"}"#,
    );
    bench.fire("GET /v2/campaigns?search=canary", &user, "");
    bench.fire(
        "POST /v2/transactions",
        &user,
        r#"{"campaignId":"$other_campaign_id"}"#,
    );
    bench.fire(
        "POST /v2/campaigns",
        &business,
        r#"{"name":"n","tenant_id":"other"}"#,
    );
    bench.fire(
        "POST /v2/campaigns",
        &business,
        r#"{"name":"n","points":-1}"#,
    );
    bench.fire("GET /v2/campaigns", &[KEY], "");
    bench.fire(
        "PATCH /v2/users/$demotable_id",
        &admin,
        r#"{"role":"user"}"#,
    );
    let demoted = [KEY, ("Authorization", "Bearer $demotable_token")];
    bench.fire("POST /v2/campaigns", &demoted, r#"{"name":"n"}"#);
    let low_if_match = [
        KEY,
        ("Authorization", "Bearer $user_token"),
        ("If-Match", "*"),
    ];
    bench.fire("GET /v2/users", &low_if_match, "");
    bench.fire("PATCH /v2/users/$user_id", &user, "{");
    bench.fire(
        "PATCH /v2/users/$second_user_id",
        &user,
        r#"{"role":"business"}"#,
    );
    bench.fire("GET /v2/users", &admin, "");
    bench.fire(
        "PATCH /v2/users/me",
        &user,
        r#"{"role":"admin","points":1000}"#,
    );
}

pub fn intraverse(bench: &mut Bench) {
    let client = [("x-game-key", "$client_key")];
    let server = [("x-game-server-key", "$server_key")];
    let overridden = [
        ("x-game-key", "$client_key"),
        ("X-HTTP-Method-Override", "DELETE"),
    ];
    bench.fire("GET /tournament/$tournament_id", &overridden, "");
    bench.fire("GET /tournament/$tournament_id?_method=DELETE", &client, "");
    bench.fire("POST /game-point/", &server, "{}");
    for body in [
        r#"{"email":"nobody@example.invalid","password":"x"}"#,
        r#"{"email":"$user_email","password":"x"}"#,
        r#"{"email":"$other_user_email","password":"$other_user_password"}"#,
        r#"{"email":"$user_email","password":"$user_password"}"#,
    ] {
        bench.fire("POST /auth/session", &client, body);
    }
    bench.fire(
        "PATCH /user/me",
        &[("Authorization", "Bearer $user_token")],
        r#"{"points":1000}"#,
    );
    bench.fire(
        "POST /game-point/",
        &server,
        r#"{"userId":"$user_id","points":-1}"#,
    );
    let precondition = [("x-game-key", "$client_key"), ("If-Match", "*")];
    bench.fire("GET /game-point/$user_id", &precondition, "");
    bench.fire("POST /game-point/", &client, "{");
    bench.fire(
        "POST /game-point/",
        &client,
        r#"{"userId":"$user_id","points":99}"#,
    );
    bench.fire("GET /game-point/$user_id", &server, "");
}

pub fn http_api(bench: &mut Bench) {
    let user = [("Authorization", "Bearer $user_token")];
    let reader = [("Authorization", "Bearer $reader_token")];
    let admin = [("Authorization", "Bearer $admin_token")];
    let overridden = [
        ("Authorization", "Bearer $reader_token"),
        ("X-HTTP-Method-Override", "DELETE"),
    ];
    bench.fire("GET /notes/$note_id", &overridden, "");
    bench.fire("GET /notes/$note_id?_method=DELETE", &reader, "");
    for line in [
        "GET /notes?search=canary",
        "GET /notes?search=%25",
        "GET /notes?owner=me&owner=$other_user_id",
        "GET /go?next=/me",
        "GET /go?next=https://evil.invalid",
        "GET /go?next=//evil.invalid",
        "GET /problems/1",
    ] {
        bench.fire(line, &user, "");
    }
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    for body in [
        "grant_type=client_credentials&client_id=$user_client_id",
        "grant_type=client_credentials&client_id=$user_client_id&client_secret=$user_client_secret",
    ] {
        bench.fire("POST /oauth/token", &[form], body);
    }
    for (line, body) in [
        ("PATCH /me", r#"{"role":"admin"}"#),
        ("POST /notes", r#"{"title":"t","owner":"somebody"}"#),
        ("POST /notes", r#"{"title":"t","parent":"$other_note_id"}"#),
        ("POST /notes", r#"{"title":"t","priority":99}"#),
        (
            "POST /notes/batch",
            r#"{"items":[{"id":"$note_id","title":"a"},{"id":"$other_note_id","title":"b"}]}"#,
        ),
    ] {
        bench.fire(line, &user, body);
    }
    bench.fire("PATCH /users/$reader_id", &admin, r#"{"role":"writer"}"#);
    bench.fire("POST /notes", &reader, r#"{"title":"as writer"}"#);
    bench.fire("PATCH /users/$reader_id", &admin, r#"{"role":"reader"}"#);
    let precondition = [
        ("Authorization", "Bearer $reader_token"),
        ("If-Match", "\"x\""),
    ];
    bench.fire("PATCH /notes/$note_id", &precondition, "{");
    bench.fire("PATCH /notes/$note_id", &reader, "{");
    bench.fire(
        "PATCH /notes/$note_id",
        &reader,
        r#"{"title":"by a reader"}"#,
    );
    bench.fire("GET /notes/$note_id", &user, "");
    let preflight = [
        ("Origin", "https://app.example"),
        ("Access-Control-Request-Method", "POST"),
    ];
    bench.fire("OPTIONS /notes", &preflight, "");

    bench.fire(
        "POST /session",
        &[],
        r#"{"email":"nobody@example.invalid","password":"x"}"#,
    );
    let login = r#"{"email":"$user_email","password":"$user_password"}"#;
    let answer = bench.fire("POST /session", &[], login);
    let cookie = answer.as_ref().and_then(|answer| answer.get("set-cookie"));
    let pair = cookie.and_then(|cookie| cookie.split(';').next());
    let pair = pair.unwrap_or_default().to_owned();
    bench.kept.insert("pair".to_owned(), pair);
    let title = r#"{"title":"t"}"#;
    bench.fire("POST /notes", &[("Cookie", "$pair")], title);
    bench.fire(
        "POST /notes",
        &[("Cookie", "$pair"), ("Origin", "null")],
        title,
    );
    bench.fire("DELETE /session", &user, "");
    let address = r#"{"email":"other.user.tenant-b@example.invalid"}"#;
    bench.fire("PATCH /me", &user, address);
}
