//! Every flaw shows: for each, at least one answer of a battery of requests differs from that of the correct server.
//! The battery runs in process; flaws of the transport have their own tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::reference::authority::NAMES;
use crate::reference::edge::plain::PlainSite;
use crate::reference::http::{Body, Fields, Request, Response, Version};
use crate::reference::serve::Built;
use crate::reference::site::{Malformed, Site};
use crate::reference::{Contract, listen, old_tls};

const PORT: u16 = 4433;

struct Bench {
    contract: Contract,
    built: Built,
    plain: PlainSite,
    /// What came back in an earlier step, by name.
    kept: BTreeMap<String, String>,
    seen: Vec<String>,
    /// What the correct server answered; once an answer differs, nothing more is asked.
    correct: Option<Arc<Vec<String>>>,
    differs: bool,
}

impl Bench {
    fn new(contract: Contract, flaws: &[&str], correct: Option<Arc<Vec<String>>>) -> Self {
        let flaws = contract.catalogue().select(flaws).expect("known flaws");
        let built = contract.build(flaws, PORT);
        let plain = PlainSite {
            refusal: contract.refusal(),
            edge: Arc::clone(&built.edge),
            api: Arc::clone(&built.site),
            https_port: PORT,
        };
        Self {
            contract,
            built,
            plain,
            kept: BTreeMap::new(),
            seen: Vec::new(),
            correct,
            differs: false,
        }
    }

    /// `$name` becomes the secret or kept value of that name; longest names first.
    fn fill(&self, text: &str) -> String {
        let mut names: Vec<(&String, &String)> =
            self.built.secrets.iter().chain(&self.kept).collect();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        let mut text = text.to_owned();
        for (name, value) in names {
            text = text.replace(&format!("${name}"), value);
        }
        text
    }

    fn request(&self, line: &str, fields: &[(&str, &str)], body: &[u8]) -> Request {
        let line = self.fill(line);
        let (method, target) = line.split_once(' ').expect("method and target");
        let mut sent = Fields::default();
        for (name, value) in fields {
            sent.push(name, self.fill(value).as_bytes());
        }
        let body = match std::str::from_utf8(body) {
            Ok(text) => self.fill(text).into_bytes(),
            Err(_) => body.to_vec(),
        };
        if !body.is_empty() && !sent.has("content-type") {
            sent.push("content-type", b"application/json");
        }
        Request {
            method: method.to_owned(),
            target: target.to_owned(),
            authority: format!("{}:{PORT}", NAMES[0]),
            version: Version::Http11,
            fields: sent,
            body: Body::Bytes(body),
            encrypted: true,
        }
    }

    fn fire(&mut self, line: &str, fields: &[(&str, &str)], body: &str) -> Option<Response> {
        if self.differs {
            return None;
        }
        let request = self.request(line, fields, body.as_bytes());
        self.answer(request, line)
    }

    fn answer(&mut self, request: Request, label: &str) -> Option<Response> {
        if self.differs {
            return None;
        }
        let answer = if request.encrypted {
            self.built.site.answer(&request)
        } else {
            self.plain.answer(&request)
        };
        self.note(label, answer.as_ref());
        answer
    }

    fn note(&mut self, label: &str, answer: Option<&Response>) {
        let text = match answer {
            None => "hangs up".to_owned(),
            Some(response) => self.normal(response),
        };
        let entry = format!("{label}\n{text}");
        if let Some(correct) = &self.correct {
            self.differs |= correct.get(self.seen.len()) != Some(&entry);
        }
        self.seen.push(entry);
    }

    /// The answer with what is random in it made the same everywhere.
    fn normal(&self, response: &Response) -> String {
        let mut text = format!("{}\n", response.status);
        for (name, value) in &response.fields {
            if name != "Date" {
                text.push_str(&format!("{name}: {value}\n"));
            }
        }
        text.push_str(&String::from_utf8_lossy(&response.body));
        text.push_str(if response.body_despite_head {
            " (sent)"
        } else {
            ""
        });
        for (name, value) in &self.built.secrets {
            text = text.replace(value, &format!("${name}"));
        }
        blur(&text)
    }
}

/// Random tokens, ids, nonces and tags become marks; the constants that flaws put in their place stay.
fn blur(text: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "+/=_-.".contains(c);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_word) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c| !is_word(c)).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        out.push_str(before);
        let nonce = word
            .strip_prefix("nonce-")
            .or_else(|| out.ends_with("nonce=\"").then_some(word));
        match nonce {
            Some(nonce) if !nonce.starts_with("Zml4ZWR") => {
                out.push_str(&format!("nonce of {}", nonce.len()));
            }
            _ if word.contains("eyJ") => out.push_str("JWT"),
            _ => out.push_str(&blur_hex(word)),
        }
        rest = after;
    }
    out + rest
}

fn blur_hex(word: &str) -> String {
    let is_hex = |c: char| matches!(c, '0'..='9' | 'a'..='f');
    let parts = word.split_inclusive(|c| !is_hex(c));
    parts
        .map(|part| {
            let digits = part.trim_end_matches(|c| !is_hex(c));
            if digits.len() >= 16 && !digits.contains("0000000000000000") {
                "HEX"
            } else {
                part
            }
        })
        .collect()
}

/// Principals of a contract: what each sends.
type Principals = &'static [(&'static str, &'static [(&'static str, &'static str)])];

/// Principals at the head of each list that are tried on every operation.
const USUAL: usize = 4;

const PERS: Principals = &[
    ("anonymous", &[("X-Project-Key", "$project_key")]),
    (
        "user",
        &[
            ("X-Project-Key", "$project_key"),
            ("Authorization", "Bearer $user_token"),
        ],
    ),
    (
        "business",
        &[
            ("X-Project-Key", "$project_key"),
            ("Authorization", "Bearer $business_token"),
        ],
    ),
    (
        "admin",
        &[
            ("X-Project-Key", "$project_key"),
            ("Authorization", "Bearer $admin_token"),
        ],
    ),
    (
        "stranger",
        &[
            ("X-Project-Key", "$project_key"),
            ("Authorization", "Bearer x"),
        ],
    ),
    (
        "foreign",
        &[
            ("X-Project-Key", "$project_key"),
            ("Authorization", "Bearer $foreign_user_token"),
        ],
    ),
    (
        "expired",
        &[
            ("X-Project-Key", "$project_key"),
            ("Authorization", "Bearer $expired_user_token"),
        ],
    ),
    (
        "mixed",
        &[
            ("X-Project-Key", "$other_project_key"),
            ("Authorization", "Bearer $user_token"),
        ],
    ),
    (
        "legacy",
        &[
            ("X-Project-Key", "$project_key"),
            ("X-API-Key", "$legacy_api_key"),
        ],
    ),
    ("keyless", &[]),
    ("unknown-key", &[("X-Project-Key", "$unknown_project_key")]),
    ("long-key", &[("X-Project-Key", "$project_key0")]),
    (
        "key-list",
        &[("X-Project-Key", "$project_key, $other_project_key")],
    ),
    (
        "two-keys",
        &[
            ("X-Project-Key", "$project_key"),
            ("X-Project-Key", "$other_project_key"),
        ],
    ),
    ("live-key", &[("X-Project-Key", "pk_live_$project_key")]),
    ("late-key", &[("Authorization", "Bearer x")]),
];

const INTRAVERSE: Principals = &[
    ("anonymous", &[]),
    ("client", &[("x-game-key", "$client_key")]),
    ("server", &[("x-game-server-key", "$server_key")]),
    ("player", &[("Authorization", "Bearer $user_token")]),
    ("stranger", &[("Authorization", "Bearer x")]),
    (
        "foreign",
        &[("Authorization", "Bearer $foreign_user_token")],
    ),
    (
        "expired",
        &[("Authorization", "Bearer $expired_user_token")],
    ),
    ("unknown", &[("x-game-server-key", "nonsense")]),
    ("revoked", &[("x-game-server-key", "$revoked_server_key")]),
    (
        "other-env",
        &[("x-game-server-key", "$other_env_server_key")],
    ),
    ("other-game", &[("x-game-server-key", "$other_server_key")]),
    ("misplaced", &[("x-game-key", "$server_key")]),
];

const HTTP_API: Principals = &[
    ("anonymous", &[]),
    ("user", &[("Authorization", "Bearer $user_token")]),
    ("reader", &[("Authorization", "Bearer $reader_token")]),
    ("admin", &[("Authorization", "Bearer $admin_token")]),
    ("stranger", &[("Authorization", "Bearer x")]),
    (
        "foreign",
        &[("Authorization", "Bearer $foreign_user_token")],
    ),
    (
        "expired",
        &[("Authorization", "Bearer $expired_user_token")],
    ),
];

/// Ids that a path template is tried with.
fn ids(template: &str) -> &'static [&'static str] {
    match template {
        "/v2/users/{id}" | "/users/{id}" => &["$demotable_id", "$other_user_id", "none"],
        "/v2/campaigns/{id}" => &["$campaign_id", "$other_campaign_id"],
        "/v2/transactions/{id}" => &["$transaction_id", "$other_transaction_id"],
        "/tournament/{id}" => &["$tournament_id", "$other_tournament_id"],
        "/game-point/{id}" => &["$user_id", "$other_user_id", "none"],
        "/notes/{id}" => &["$note_id", "$other_note_id", "none"],
        "/files/{id}" => &["$file_id", "$other_file_id"],
        _ => &["1"],
    }
}

fn run(bench: &mut Bench) {
    let (principals, base, open, item, write) = match bench.contract {
        Contract::Pers => (
            PERS,
            1,
            "/v2/campaigns",
            "/v2/users/me",
            "PATCH /v2/users/me",
        ),
        Contract::Intraverse => (INTRAVERSE, 3, "/status", "/user/me", "PATCH /user/me"),
        Contract::HttpApi => (HTTP_API, 1, "/info", "/me", "POST /notes"),
    };
    let known = principals[base].1;
    let anonymous = principals[0].1;
    messages(bench, known, anonymous, open, item, write);
    // Every operation by every principal; what destroys comes last.
    let mut operations = bench.contract.operations();
    operations.sort_by_key(|operation| operation.method == "DELETE");
    for operation in operations {
        for id in ids(operation.path) {
            let line = format!(
                "{} {}",
                operation.method,
                operation.path.replace("{id}", id)
            );
            // Password hashes are slow on purpose; logins are tried below.
            if operation.name == "login" || (operation.method == "DELETE" && *id != "none") {
                continue;
            }
            // Those whose credentials are no good see the same everywhere; a few operations are enough.
            let everybody = ["me", "set-points", "list-campaigns", "settings"];
            let count = if everybody.contains(&operation.name) {
                principals.len()
            } else {
                USUAL
            };
            for (name, fields) in &principals[..count] {
                if bench.differs {
                    return;
                }
                let request = bench.request(&line, fields, operation.body.as_bytes());
                bench.answer(request, &format!("{name}: {line}"));
            }
        }
    }
    // Every operation by every principal; what destroys comes last.
    let mut operations = bench.contract.operations();
    operations.sort_by_key(|operation| operation.method == "DELETE");
    for operation in operations {
        for id in ids(operation.path) {
            let line = format!(
                "{} {}",
                operation.method,
                operation.path.replace("{id}", id)
            );
            // Password hashes are slow on purpose; logins are tried below.
            if operation.name == "login" || (operation.method == "DELETE" && *id != "none") {
                continue;
            }
            // Those whose credentials are no good see the same everywhere; a few operations are enough.
            let everybody = ["me", "set-points", "list-campaigns", "settings"];
            let count = if everybody.contains(&operation.name) {
                principals.len()
            } else {
                USUAL
            };
            for (name, fields) in &principals[..count] {
                if bench.differs {
                    return;
                }
                let request = bench.request(&line, fields, operation.body.as_bytes());
                bench.answer(request, &format!("{name}: {line}"));
            }
        }
    }
    match bench.contract {
        Contract::Pers => pers(bench),
        Contract::Intraverse => intraverse(bench),
        Contract::HttpApi => http_api(bench),
    }
}

/// Requests that look the same for every contract.
fn messages(
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

fn pers(bench: &mut Bench) {
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

fn intraverse(bench: &mut Bench) {
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

fn http_api(bench: &mut Bench) {
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

/// Not visible in one process or one answer: the transport, and what only time shows.
fn is_elsewhere(id: &str) -> bool {
    [
        listen::FLAWS,
        listen::FLOOR_1_2_FLAWS,
        listen::FLOOR_1_3_FLAWS,
        old_tls::FLAWS,
    ]
    .iter()
    .flat_map(|table| table.iter())
    .any(|flaw| flaw.id == id)
        || [
            // Only the time of a login tells.
            "unknown-account-answered-at-once",
            // Only a decoded token tells.
            "token-lives-a-day",
            "token-never-expires",
            // Only a comparison of several answers tells.
            "correlation-id-sequential",
        ]
        .contains(&id)
}

fn every_flaw_shows(contract: Contract) {
    let mut bench = Bench::new(contract, &[], None);
    run(&mut bench);
    let correct = Arc::new(bench.seen);
    let differs = |flaws: &[&str]| {
        let mut bench = Bench::new(contract, flaws, Some(Arc::clone(&correct)));
        run(&mut bench);
        bench.differs
    };
    assert!(!differs(&[]), "the battery is not repeatable");
    let hidden: Vec<&str> = contract
        .catalogue()
        .flaws()
        .iter()
        .map(|flaw| flaw.id)
        .filter(|id| !is_elsewhere(id) && !differs(&[id]))
        .collect();
    assert!(
        hidden.is_empty(),
        "flaws of {contract} that nobody would notice: {hidden:?}"
    );
}

#[test]
fn every_flaw_of_pers_shows() {
    every_flaw_shows(Contract::Pers);
}

#[test]
fn every_flaw_of_intraverse_shows() {
    every_flaw_shows(Contract::Intraverse);
}

#[test]
fn every_flaw_of_http_api_shows() {
    every_flaw_shows(Contract::HttpApi);
}
