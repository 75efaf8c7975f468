use super::client::{Seen, send, start};
use crate::reference::{Contract, Deployment};

fn pers(flaws: &[&str]) -> Deployment {
    start(Contract::Pers, flaws)
}

/// A request with the project key and, when named, the token of that principal.
async fn ask(deployment: &Deployment, principal: &str, line: &str, body: &str) -> Seen {
    let (method, target) = line.split_once(' ').expect("method and target");
    let key = deployment.secrets["project_key"].clone();
    let mut fields = vec![("X-Project-Key", key)];
    if !principal.is_empty() {
        let token = &deployment.secrets[&format!("{principal}_token")];
        fields.push(("Authorization", format!("Bearer {token}")));
    }
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    send(deployment, method, target, &fields, body).await
}

#[tokio::test]
async fn the_project_key_comes_first_and_opens_public_operations_only() {
    let deployment = pers(&[]);
    let key = deployment.secrets["project_key"].clone();
    assert_eq!(
        ask(&deployment, "", "GET /v2/campaigns", "").await.status,
        200
    );
    assert_eq!(
        ask(&deployment, "", "GET /v2/users/me", "").await.status,
        401
    );
    let test_key = deployment.secrets["test_project_key"].clone();
    let seen = send(
        &deployment,
        "GET",
        "/v2/campaigns",
        &[("X-Project-Key", &test_key)],
        "",
    )
    .await;
    assert_eq!(seen.status, 200);
    let mut bodies = Vec::new();
    for wrong in [
        key[..63].to_owned(),
        format!("{key}0"),
        key.to_uppercase(),
        format!("pk_live_{key}"),
        format!("{key},{key}"),
        deployment.secrets["unknown_project_key"].clone(),
    ] {
        let fields = [
            ("X-Project-Key", wrong.as_str()),
            ("Authorization", "Bearer x"),
        ];
        let seen = send(&deployment, "PATCH", "/v2/users/me", &fields, "{").await;
        assert_eq!(seen.status, 400, "{wrong}");
        let mut body = seen.json();
        body["correlationId"].take();
        bodies.push(body);
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    let twice = [
        ("X-Project-Key", key.as_str()),
        ("X-Project-Key", key.as_str()),
    ];
    let seen = send(&deployment, "GET", "/v2/campaigns", &twice, "").await;
    assert_eq!(seen.status, 400);
    let bearer = format!("Bearer {}", deployment.secrets["admin_token"]);
    let alone = [("Authorization", bearer.as_str())];
    let seen = send(&deployment, "GET", "/v2/users", &alone, "").await;
    assert_eq!(seen.status, 200);
}

#[tokio::test]
async fn proofs_are_exchanged_for_tokens_that_work() {
    let deployment = pers(&[]);
    for (proof, kind, status) in [
        ("user_proof", "user", 200),
        ("business_proof", "business", 200),
        ("admin_proof", "tenant", 200),
        ("user_proof", "tenant", 401),
        ("other_user_proof", "user", 401),
        ("user_proof", "emperor", 400),
    ] {
        let proof = &deployment.secrets[proof];
        let body = format!(r#"{{"authToken":"{proof}","authType":"{kind}"}}"#);
        let seen = ask(&deployment, "", "POST /v2/auth/token", &body).await;
        assert_eq!(seen.status, status, "{kind}: {}", seen.body);
        assert_eq!(seen.field("cache-control"), Some("no-store"));
        if status == 200 {
            let refresh = &seen.json()["refreshToken"];
            let body = format!(r#"{{"refreshToken":{refresh}}}"#);
            let again = ask(&deployment, "", "POST /v2/auth/refresh", &body).await;
            assert_eq!(again.status, 200);
            let again = ask(&deployment, "", "POST /v2/auth/refresh", &body).await;
            assert_eq!(again.status, 401);
        }
    }
    let seen = ask(&deployment, "", "POST /v2/auth/token", "{}").await;
    assert_eq!(
        (seen.status, seen.json()["category"].as_str()),
        (400, Some("VALIDATION"))
    );
}

#[tokio::test]
async fn roles_and_tenants_are_kept_apart() {
    let deployment = pers(&[]);
    for (principal, line, body, status) in [
        ("user", "GET /v2/users", "", 403),
        ("business", "GET /v2/users", "", 403),
        ("admin", "GET /v2/users", "", 200),
        ("user", "POST /v2/campaigns", r#"{"name":"n"}"#, 403),
        ("user", "POST /v2/campaigns", r#"{"nonsense"#, 403),
        ("business", "POST /v2/campaigns", r#"{"name":"n"}"#, 201),
        ("business", "POST /v2/campaigns", r#"{}"#, 400),
        ("business", "GET /v2/admin/settings", "", 403),
        ("other_user", "GET /v2/users/me", "", 403),
        ("expired_user", "GET /v2/users/me", "", 401),
        ("foreign_user", "GET /v2/users/me", "", 401),
    ] {
        let seen = ask(&deployment, principal, line, body).await;
        assert_eq!(seen.status, status, "{principal}: {line}: {}", seen.body);
    }
    for (principal, status) in [("user", 200), ("business", 200), ("admin", 403)] {
        let body = r#"{"entityType":"CAMPAIGN","operation":"upload"}"#;
        let seen = ask(
            &deployment,
            principal,
            "POST /v2/files/entity-storage-url",
            body,
        )
        .await;
        assert_eq!(seen.status, status, "{principal}");
    }
    let foreign = format!("GET /v2/users/{}", deployment.secrets["other_user_id"]);
    assert_eq!(ask(&deployment, "admin", &foreign, "").await.status, 404);
}

#[tokio::test]
async fn errors_have_the_contracts_shape_and_their_own_id() {
    let deployment = pers(&[]);
    let seen = ask(&deployment, "", "GET /v2/users/me", "").await;
    let body = seen.json();
    let members: Vec<&str> = body
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        members,
        ["status", "code", "category", "message", "correlationId"]
    );
    assert_eq!(body["code"], "AUTHENTICATION_REQUIRED");
    assert_eq!(
        body["correlationId"].as_str(),
        seen.field("x-correlation-id")
    );
    let again = ask(&deployment, "", "GET /v2/users/me", "").await;
    assert_ne!(again.json()["correlationId"], body["correlationId"]);
}

#[tokio::test]
async fn methods_are_judged_truthfully() {
    let deployment = pers(&[]);
    let seen = ask(&deployment, "user", "DELETE /v2/users/me", "").await;
    assert_eq!(seen.status, 405);
    assert_eq!(seen.field("allow"), Some("GET, HEAD, PATCH, OPTIONS"));
    let seen = ask(&deployment, "", "DELETE /v2/users/me", "").await;
    assert_eq!(seen.status, 401);
    let seen = ask(&deployment, "user", "TRACE /v2/users/me", "").await;
    assert_eq!(seen.status, 405);
    let seen = ask(&deployment, "user", "HEAD /v2/users/me", "").await;
    assert_eq!((seen.status, seen.body.as_str()), (200, ""));
    assert_ne!(seen.field("content-length"), Some("0"));
}

#[tokio::test]
async fn flaws_bend_what_they_name() {
    let bend = async |flaw: &str, principal: &str, line: &str, body: &str| {
        ask(&pers(&[flaw]), principal, line, body).await
    };
    let me = "GET /v2/users/me";
    let seen = bend("challenge-missing", "", me, "").await;
    assert_eq!((seen.status, seen.field("www-authenticate")), (401, None));
    let seen = bend("trailing-slash-unguarded", "", "GET /v2/users/me/", "").await;
    assert!(seen.body.contains("canary-"));
    let seen = bend("encoded-path-unguarded", "", "GET /v2/users/%6de", "").await;
    assert!(seen.body.contains("canary-"));
    let seen = bend("project-key-counts-as-login", "", me, "").await;
    assert_eq!(seen.status, 200);
    let seen = bend(
        "body-judged-before-authentication",
        "",
        "PATCH /v2/users/me",
        "{",
    )
    .await;
    assert_eq!(seen.status, 400);
    let seen = bend("roles-unchecked-for-users", "user", "GET /v2/users", "").await;
    assert_eq!(seen.status, 200);
    let seen = bend(
        "schema-fault-status-swapped",
        "",
        "POST /v2/auth/token",
        "{}",
    )
    .await;
    assert_eq!(seen.status, 422);
    let seen = bend("server-version-told", "", me, "").await;
    assert_eq!(seen.field("server"), Some("nginx/1.18.0 (Ubuntu)"));
    let seen = bend(
        "input-copied-to-header",
        "",
        "GET /v2/nowhere?a=%0d%0aX-Canary:%201",
        "",
    )
    .await;
    assert_eq!(seen.field("x-canary"), Some("1"));
    let seen = bend("category-of-403-wrong", "user", "GET /v2/users", "").await;
    assert_eq!(seen.json()["category"], "VALIDATION");
}
