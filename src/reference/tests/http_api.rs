use super::client::{Seen, send, send_plain, start};
use crate::reference::{Contract, Deployment};

fn http_api(flaws: &[&str]) -> Deployment {
    start(Contract::HttpApi, flaws)
}

/// A request by this principal (empty for nobody), with further header lines.
async fn ask(
    deployment: &Deployment,
    principal: &str,
    line: &str,
    fields: &[(&str, &str)],
    body: &str,
) -> Seen {
    let (method, target) = line.split_once(' ').expect("method and target");
    let bearer;
    let mut all = fields.to_vec();
    if !principal.is_empty() {
        bearer = format!(
            "Bearer {}",
            deployment.secrets[&format!("{principal}_token")]
        );
        all.push(("Authorization", &bearer));
    }
    send(deployment, method, target, &all, body).await
}

#[tokio::test]
async fn notes_belong_to_their_owner() {
    let deployment = http_api(&[]);
    let created = ask(
        &deployment,
        "user",
        "POST /notes",
        &[],
        r#"{"title":"Milk"}"#,
    )
    .await;
    assert_eq!(created.status, 201, "{}", created.body);
    let note = format!("/notes/{}", created.json()["id"].as_str().expect("an id"));
    assert_eq!(created.field("location"), Some(note.as_str()));
    for (principal, status) in [
        ("user", 200),
        ("second_user", 404),
        ("other_user", 404),
        ("reader", 404),
        ("admin", 404),
        ("", 401),
        ("expired_user", 401),
        ("foreign_user", 401),
    ] {
        let seen = ask(&deployment, principal, &format!("GET {note}"), &[], "").await;
        assert_eq!(seen.status, status, "{principal}");
    }
    let other = ask(&deployment, "other_user", "GET /notes?search=Milk", &[], "").await;
    assert_eq!(other.json()["total"], 0);
    let seen = ask(
        &deployment,
        "reader",
        "POST /notes",
        &[],
        r#"{"title":"Milk"}"#,
    )
    .await;
    assert_eq!(seen.status, 403);
    assert!(
        seen.field("www-authenticate")
            .is_some_and(|c| c.contains("insufficient_scope"))
    );
    assert_eq!(
        ask(&deployment, "user", &format!("DELETE {note}"), &[], "")
            .await
            .status,
        204
    );
    assert_eq!(
        ask(&deployment, "user", &format!("GET {note}"), &[], "")
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn preconditions_hold() {
    let deployment = http_api(&[]);
    let note = format!("/notes/{}", deployment.secrets["note_id"]);
    let seen = ask(&deployment, "user", &format!("GET {note}"), &[], "").await;
    let tag = seen.field("etag").expect("a tag").to_owned();
    let seen = ask(
        &deployment,
        "user",
        &format!("GET {note}"),
        &[("If-None-Match", &tag)],
        "",
    )
    .await;
    assert_eq!((seen.status, seen.body.as_str()), (304, ""));
    let stale = [("If-Match", "\"x\"")];
    let seen = ask(
        &deployment,
        "user",
        &format!("PATCH {note}"),
        &stale,
        r#"{"text":"t"}"#,
    )
    .await;
    assert_eq!(seen.status, 412);
    let seen = ask(&deployment, "reader", &format!("PATCH {note}"), &stale, "{").await;
    assert_eq!(seen.status, 403);
    let fresh = [("If-Match", tag.as_str())];
    let seen = ask(
        &deployment,
        "user",
        &format!("PATCH {note}"),
        &fresh,
        r#"{"text":"t"}"#,
    )
    .await;
    assert_eq!(seen.status, 200);
}

#[tokio::test]
async fn problems_are_told_as_such() {
    let deployment = http_api(&[]);
    for (line, body, status) in [
        ("POST /notes", "{", 400),
        ("POST /notes", "{}", 422),
        ("GET /notes?limit=x", "", 422),
        ("GET /nowhere", "", 404),
        (
            "POST /notes/batch",
            r#"{"items":[{"id":"x","title":"t"}]}"#,
            422,
        ),
    ] {
        let seen = ask(&deployment, "user", line, &[], body).await;
        assert_eq!(seen.status, status, "{line}");
        assert_eq!(seen.field("content-type"), Some("application/problem+json"));
        assert_eq!(seen.json()["status"], status);
        assert_eq!(seen.json()["type"], "about:blank");
    }
    let xml = [("Content-Type", "application/xml")];
    assert_eq!(
        ask(&deployment, "user", "POST /notes", &xml, "<a/>")
            .await
            .status,
        415
    );
    let gzip = [("Content-Encoding", "gzip")];
    assert_eq!(
        ask(&deployment, "user", "POST /notes", &gzip, "x")
            .await
            .status,
        415
    );
}

#[tokio::test]
async fn request_ids_are_kept_when_sound() {
    let deployment = http_api(&[]);
    let seen = ask(
        &deployment,
        "",
        "GET /info",
        &[("X-Request-Id", "abc-1")],
        "",
    )
    .await;
    assert_eq!(seen.field("x-request-id"), Some("abc-1"));
    let seen = ask(
        &deployment,
        "",
        "GET /info",
        &[("X-Request-Id", "<script>")],
        "",
    )
    .await;
    assert!(
        seen.field("x-request-id")
            .is_some_and(|id| id.starts_with("req-"))
    );
}

#[tokio::test]
async fn client_credentials_are_exchanged_for_a_token() {
    let deployment = http_api(&[]);
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let (id, secret) = (
        &deployment.secrets["user_client_id"],
        &deployment.secrets["user_client_secret"],
    );
    let body = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let seen = ask(&deployment, "", "POST /oauth/token", &form, &body).await;
    assert_eq!(seen.status, 200, "{}", seen.body);
    let token = seen.json()["access_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let bearer = format!("Bearer {token}");
    let me = ask(
        &deployment,
        "",
        "GET /me",
        &[("Authorization", &bearer)],
        "",
    )
    .await;
    assert_eq!(me.json()["id"], deployment.secrets["user_id"].as_str());
    let seen = ask(
        &deployment,
        "",
        "POST /oauth/token",
        &form,
        &format!("{body}x"),
    )
    .await;
    assert_eq!(
        (seen.status, seen.json()["error"].as_str()),
        (401, Some("invalid_client"))
    );
    assert_eq!(seen.field("cache-control"), Some("no-store"));
}

async fn log_in(deployment: &Deployment) -> (String, String) {
    let body = format!(
        r#"{{"email":"{}","password":"{}"}}"#,
        deployment.secrets["user_email"], deployment.secrets["user_password"]
    );
    let seen = ask(deployment, "", "POST /session", &[], &body).await;
    assert_eq!(seen.status, 200, "{}", seen.body);
    let cookie = seen.field("set-cookie").expect("a cookie").to_owned();
    let pair = cookie.split(';').next().expect("a pair").to_owned();
    (
        pair,
        seen.json()["csrfToken"]
            .as_str()
            .expect("a token")
            .to_owned(),
    )
}

#[tokio::test]
async fn a_cookie_needs_proof_of_intent_to_change_things() {
    let deployment = http_api(&[]);
    let (cookie, csrf) = log_in(&deployment).await;
    let body = r#"{"title":"Milk"}"#;
    let with = async |fields: &[(&str, &str)]| {
        let mut all = vec![("Cookie", cookie.as_str())];
        all.extend_from_slice(fields);
        ask(&deployment, "", "POST /notes", &all, body).await.status
    };
    assert_eq!(
        ask(&deployment, "", "GET /me", &[("Cookie", &cookie)], "")
            .await
            .status,
        200
    );
    assert_eq!(with(&[]).await, 403);
    assert_eq!(with(&[("X-CSRF-Token", "wrong")]).await, 403);
    let foreign = [
        ("X-CSRF-Token", csrf.as_str()),
        ("Origin", "https://evil.invalid"),
    ];
    assert_eq!(with(&foreign).await, 403);
    assert_eq!(with(&[("X-CSRF-Token", &csrf)]).await, 201);
    let fields = [("Cookie", cookie.as_str()), ("X-CSRF-Token", &csrf)];
    let seen = ask(&deployment, "", "DELETE /session", &fields, "").await;
    assert_eq!(seen.status, 204);
    assert_eq!(
        seen.field("clear-site-data"),
        Some("\"cookies\", \"storage\"")
    );
    assert_eq!(
        ask(&deployment, "", "GET /me", &[("Cookie", &cookie)], "")
            .await
            .status,
        401
    );

    let flawed = http_api(&["csrf-unchecked"]);
    let (cookie, _) = log_in(&flawed).await;
    let seen = ask(&flawed, "", "POST /notes", &[("Cookie", &cookie)], body).await;
    assert_eq!(seen.status, 201);
}

#[tokio::test]
async fn pages_have_a_policy_with_a_fresh_nonce() {
    let deployment = http_api(&[]);
    let first = ask(&deployment, "", "GET /", &[], "").await;
    let again = ask(&deployment, "", "GET /", &[], "").await;
    let policy = first.field("content-security-policy").expect("a policy");
    assert!(policy.contains("base-uri 'none'") && policy.contains("frame-ancestors 'none'"));
    assert_ne!(Some(policy), again.field("content-security-policy"));
    assert_eq!(
        first.field("cross-origin-opener-policy"),
        Some("same-origin")
    );
    let markup = r#"{"title":"<b>bold</b>"}"#;
    ask(&deployment, "user", "POST /notes", &[], markup).await;
    let page = ask(&deployment, "user", "GET /account", &[], "").await;
    assert!(page.body.contains("&lt;b&gt;bold"), "{}", page.body);
}

#[tokio::test]
async fn only_the_declared_origin_may_read() {
    let deployment = http_api(&[]);
    let preflight = async |deployment: &Deployment, origin: &str| {
        let fields = [
            ("Origin", origin),
            ("Access-Control-Request-Method", "POST"),
        ];
        ask(deployment, "", "OPTIONS /notes", &fields, "").await
    };
    let seen = preflight(&deployment, "https://app.example").await;
    assert_eq!(seen.status, 204);
    assert_eq!(
        seen.field("access-control-allow-origin"),
        Some("https://app.example")
    );
    assert!(seen.field("strict-transport-security").is_some());
    for origin in [
        "null",
        "https://app.example.evil.invalid",
        "https://evil.invalid",
    ] {
        let seen = preflight(&deployment, origin).await;
        assert_eq!(seen.field("access-control-allow-origin"), None, "{origin}");
    }
    let flawed = http_api(&["preflight-without-hsts"]);
    let seen = preflight(&flawed, "https://app.example").await;
    assert_eq!(seen.field("strict-transport-security"), None);
}

#[tokio::test]
async fn plain_http_is_redirected_to_our_own_name() {
    let deployment = http_api(&[]);
    let seen = send_plain(&deployment, "POST", "/notes?x=%0d%0a", &[], "")
        .await
        .expect("an answer");
    assert_eq!(seen.status, 308);
    let location = format!("{}/notes?x=%0d%0a", deployment.origin());
    assert_eq!(seen.field("location"), Some(location.as_str()));
    let flawed = http_api(&["redirect-to-forwarded-host"]);
    let fields = [("X-Forwarded-Host", "evil.invalid")];
    let seen = send_plain(&flawed, "GET", "/", &fields, "")
        .await
        .expect("an answer");
    assert!(
        seen.field("location")
            .is_some_and(|l| l.starts_with("https://evil.invalid"))
    );
}

#[tokio::test]
async fn redirects_go_to_our_own_places() {
    let deployment = http_api(&[]);
    let seen = ask(&deployment, "user", "GET /go?next=/me", &[], "").await;
    assert_eq!((seen.status, seen.field("location")), (303, Some("/me")));
    for evil in ["https://evil.invalid", "//evil.invalid", "/\\evil.invalid"] {
        let seen = ask(
            &deployment,
            "user",
            &format!("GET /go?next={evil}"),
            &[],
            "",
        )
        .await;
        assert_eq!(seen.status, 422, "{evil}");
    }
    let flawed = http_api(&["open-redirect"]);
    let seen = ask(&flawed, "user", "GET /go?url=https://evil.invalid", &[], "").await;
    assert_eq!(seen.field("location"), Some("https://evil.invalid"));
}

#[tokio::test]
async fn flaws_bend_what_they_name() {
    let bend = async |flaw: &str, principal: &str, line: &str| {
        let deployment = http_api(&[flaw]);
        let line = line
            .replace("$other_note", &deployment.secrets["other_note_id"])
            .replace("$other_file", &deployment.secrets["other_file_id"])
            .replace("$other_user", &deployment.secrets["other_user_id"]);
        ask(&deployment, principal, &line, &[], "").await
    };
    for (flaw, principal, line, status) in [
        (
            "notes-looked-up-by-id-alone",
            "user",
            "GET /notes/$other_note",
            200,
        ),
        ("foreign-note-told", "user", "GET /notes/$other_note", 403),
        (
            "files-looked-up-by-id-alone",
            "user",
            "GET /files/$other_file",
            200,
        ),
        ("everybody-is-admin", "user", "GET /users", 200),
        (
            "accounts-of-other-tenants-shown",
            "admin",
            "GET /users/$other_user",
            200,
        ),
        ("head-unguarded", "", "HEAD /me", 200),
        ("unknown-method-unguarded", "", "FOO /me", 200),
        ("trace-enabled", "", "TRACE /me", 200),
        ("internal-mount-unguarded", "", "GET /internal/me", 200),
        ("path-case-unguarded", "", "GET /ME", 200),
        ("path-suffix-unguarded", "", "GET /me.json", 200),
        ("path-parameters-unguarded", "", "GET /me;a=b", 200),
        ("dot-segments-unguarded", "", "GET /x/..//me", 200),
        ("double-encoded-path-unguarded", "", "GET /%256de", 200),
        (
            "override-parameter-honoured",
            "",
            "GET /?_method=DELETE",
            200,
        ),
        (
            "existence-told-before-authentication",
            "",
            "GET /notes/none",
            404,
        ),
        ("unauthenticated-redirected", "", "GET /me", 302),
        (
            "search-crashes-on-percent",
            "user",
            "GET /notes?search=%25",
            500,
        ),
        ("database-error-told", "user", "GET /notes?search=%27", 400),
    ] {
        assert_eq!(bend(flaw, principal, line).await.status, status, "{flaw}");
    }
    let seen = bend(
        "last-owner-filter-used",
        "user",
        "GET /notes?owner=me&owner=$other_user",
    )
    .await;
    assert_eq!(seen.json()["total"], 1);
}

#[tokio::test]
async fn a_shared_cache_gives_one_callers_data_to_another() {
    let deployment = http_api(&["static-suffix-cached"]);
    let own = ask(&deployment, "user", "GET /me/x.css", &[], "").await;
    assert_eq!(own.status, 200);
    let stolen = ask(&deployment, "", "GET /me/x.css", &[], "").await;
    assert_eq!(stolen.body, own.body);
    assert_eq!(ask(&deployment, "", "GET /me", &[], "").await.status, 401);
}
