use std::time::Duration;

use super::client::{Seen, send, send_plain, start};
use crate::reference::{Contract, Covers, Deployment, Kind, Limit, Per, Settings};

fn percus(flaws: &[&str]) -> Deployment {
    start(Contract::Percus, flaws)
}

fn limited(limits: Vec<Limit>) -> Deployment {
    let none: [&str; 0] = [];
    let flaws = Contract::Percus.catalogue().select(none).expect("none");
    let settings = Settings {
        limits,
        ..Settings::default()
    };
    Deployment::start(Contract::Percus, flaws, settings).expect("ports")
}

fn limit(name: &'static str, requests: u32, per: Per, covers: Covers) -> Limit {
    Limit {
        name,
        requests,
        window: Duration::from_secs(3600),
        kind: Kind::Fixed,
        per,
        covers,
    }
}

const MANAGER: &[(&str, &str)] = &[("Authorization", "Bearer $manager_token")];
const VIEWER: &[(&str, &str)] = &[("Authorization", "Bearer $viewer_token")];
const OTHER: &[(&str, &str)] = &[("Authorization", "Bearer $other_manager_token")];
const ADMIN: &[(&str, &str)] = &[("Authorization", "Bearer $admin_token")];
const PLAYER: &[(&str, &str)] = &[
    ("X-Percus-Key", "$player_publishable"),
    ("X-Percus-Secret", "$player_secret"),
];
const CREATE: &str = "POST /api/projects/$project_id/credentials";
const UPLOAD: &str = "POST /api/projects/$project_id/templates";
const LIST: &str = "GET /api/projects/$project_id/templates";

/// A request with these header lines; `$name` stands for the secret of that name.
async fn ask(deployment: &Deployment, fields: &[(&str, &str)], line: &str, body: &str) -> Seen {
    let fill = |text: &str| {
        // Longest names first, so that $user_id does not spoil $user_id_x.
        let mut text = text.to_owned();
        for (name, value) in deployment.secrets.iter().rev() {
            text = text.replace(&format!("${name}"), value);
        }
        text
    };
    let (method, target) = line.split_once(' ').expect("method and target");
    let filled: Vec<(&str, String)> = fields.iter().map(|(n, v)| (*n, fill(v))).collect();
    let fields: Vec<(&str, &str)> = filled.iter().map(|(n, v)| (*n, v.as_str())).collect();
    send(deployment, method, &fill(target), &fields, &fill(body)).await
}

#[tokio::test]
async fn the_role_is_judged_before_body_and_id() {
    let deployment = percus(&[]);
    for (fields, line, body, status) in [
        (&[][..], UPLOAD, "{broken", 401),
        (&[], "GET /api/projects/0000", "", 401),
        (VIEWER, UPLOAD, "{broken", 403),
        (VIEWER, "GET /api/credentials/0000", "", 403),
        (
            VIEWER,
            "POST /api/credentials/$spare_credential_id/revoke",
            "",
            403,
        ),
        (PLAYER, CREATE, "{broken", 403),
        (MANAGER, UPLOAD, "{broken", 400),
        (MANAGER, "POST /api/projects", "{broken", 403),
        (MANAGER, "GET /player/projects/$project_id/config", "", 403),
        (OTHER, CREATE, r#"{"label":"x"}"#, 403),
        (OTHER, UPLOAD, r#"{"name":"x"}"#, 404),
        (OTHER, "GET /api/projects/$project_id", "", 404),
        (
            PLAYER,
            "GET /player/projects/$other_project_id/config",
            "",
            404,
        ),
        (PLAYER, "GET /player/templates/$other_template_id", "", 404),
        (PLAYER, "GET /player/projects/$project_id/config", "", 200),
        (ADMIN, "GET /api/projects/$other_project_id", "", 200),
        (ADMIN, "GET /api/projects/$foreign_project_id", "", 404),
    ] {
        let seen = ask(&deployment, fields, line, body).await;
        assert_eq!(seen.status, status, "{line} {fields:?}: {}", seen.body);
    }
}

#[tokio::test]
async fn a_forwarding_header_makes_no_tls() {
    let deployment = percus(&[]);
    let token = format!("Bearer {}", deployment.secrets["manager_token"]);
    let fields = [
        ("Authorization", token.as_str()),
        ("X-Forwarded-Proto", "https"),
    ];
    let seen = send_plain(&deployment, "GET", "/api/me", &fields, "").await;
    assert_eq!(seen.map(|seen| seen.status), Some(403));
}

#[tokio::test]
async fn a_secret_is_shown_once_and_ends_with_its_credential() {
    let deployment = percus(&[]);
    let made = ask(&deployment, MANAGER, CREATE, r#"{"label":"shop"}"#).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.field("cache-control"), Some("no-store"));
    let made = made.json();
    let text = |name: &str| made[name].as_str().expect("a text").to_owned();
    let (id, key, secret) = (text("id"), text("key"), text("secret"));
    assert!(key.starts_with("pk_") && secret.starts_with("sk_") && secret.len() == 67);
    let pair = [
        ("X-Percus-Key", key.as_str()),
        ("X-Percus-Secret", secret.as_str()),
    ];
    let config = "GET /player/projects/$project_id/config";
    assert_eq!(ask(&deployment, &pair, config, "").await.status, 200);
    let upload = "POST /player/projects/$project_id/templates";
    let refused = ask(&deployment, &pair, upload, r#"{"name":"x"}"#).await;
    assert_eq!(refused.status, 403, "read access does not write");
    for line in [
        format!("GET /api/credentials/{id}"),
        "GET /api/projects/$project_id/credentials".to_owned(),
        format!("POST /api/credentials/{id}/revoke"),
        format!("POST /api/credentials/{id}/revoke"),
    ] {
        let seen = ask(&deployment, MANAGER, &line, "").await;
        assert_eq!(seen.status, 200, "{line}");
        assert!(
            seen.body.contains(&id) && !seen.body.contains(&secret),
            "{line}"
        );
    }
    assert_eq!(ask(&deployment, &pair, config, "").await.status, 401);
    let rotate = format!("POST /api/credentials/{id}/rotate");
    assert_eq!(ask(&deployment, MANAGER, &rotate, "").await.status, 409);
}

fn with_key<'a>(fields: &[(&'a str, &'a str)], key: &'a str) -> Vec<(&'a str, &'a str)> {
    [fields, &[("Idempotency-Key", key)]].concat()
}

async fn count(deployment: &Deployment) -> u64 {
    let seen = ask(deployment, MANAGER, LIST, "").await;
    seen.json()["total"].as_u64().expect("a number")
}

#[tokio::test]
async fn an_upload_under_a_key_makes_one_template() {
    let deployment = percus(&[]);
    let body = r#"{"name":"Welcome"}"#;
    let keyed = with_key(MANAGER, "\"key-number-1\"");
    assert_eq!(
        ask(&deployment, &keyed, UPLOAD, r#"{"nome":""}"#)
            .await
            .status,
        422
    );
    let first = ask(&deployment, &keyed, UPLOAD, body).await;
    let again = ask(&deployment, &keyed, UPLOAD, body).await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.body, again.body);
    assert_eq!(first.field("location"), again.field("location"));
    assert_eq!(first.field("idempotent-replayed"), None);
    assert_eq!(again.field("idempotent-replayed"), Some("true"));
    assert_eq!(
        ask(&deployment, &keyed, UPLOAD, r#"{"name":"Bye"}"#)
            .await
            .status,
        422
    );
    assert_eq!(count(&deployment).await, 2);
    // Neither somebody without the right nor somebody else gets the answer that is kept.
    for (fields, status) in [(&[][..], 401), (VIEWER, 403)] {
        let seen = ask(
            &deployment,
            &with_key(fields, "\"key-number-1\""),
            UPLOAD,
            body,
        )
        .await;
        assert_eq!(seen.status, status);
    }
    let other = ask(
        &deployment,
        &with_key(ADMIN, "\"key-number-1\""),
        UPLOAD,
        body,
    )
    .await;
    assert_eq!(
        (other.status, other.field("idempotent-replayed")),
        (201, None)
    );
    for _ in 0..2 {
        ask(&deployment, MANAGER, UPLOAD, body).await;
    }
    assert_eq!(count(&deployment).await, 5);
    let bad = ask(&deployment, &with_key(MANAGER, "\"open"), UPLOAD, body).await;
    assert_eq!(bad.status, 400);
    assert_eq!(count(&deployment).await, 5);
}

#[tokio::test]
async fn a_repeated_creation_does_not_show_the_secret_again() {
    let deployment = percus(&[]);
    let keyed = with_key(MANAGER, "key-number-2");
    let body = r#"{"label":"shop"}"#;
    let first = ask(&deployment, &keyed, CREATE, body).await.json();
    let again = ask(&deployment, &keyed, CREATE, body).await;
    assert_eq!(again.field("cache-control"), Some("no-store"));
    let again = again.json();
    assert_eq!(first["id"], again["id"]);
    assert!(first["secret"].is_string() && again["secret"].is_null());
}

#[tokio::test]
async fn each_surface_and_each_user_has_a_limit_of_its_own() {
    let deployment = limited(vec![
        limit("backoffice", 3, Per::User, Covers::Below("/api/")),
        limit("player", 2, Per::Credential, Covers::Below("/player/")),
    ]);
    for remaining in [2, 1, 0] {
        let seen = ask(&deployment, MANAGER, "GET /api/me", "").await;
        assert_eq!(seen.status, 200);
        assert_eq!(
            seen.field("ratelimit-policy"),
            Some("\"backoffice\";q=3;w=3600")
        );
        let told = seen.field("ratelimit").expect("told");
        assert!(
            told.starts_with(&format!("\"backoffice\";r={remaining};t=")),
            "{told}"
        );
    }
    let refused = ask(&deployment, MANAGER, UPLOAD, r#"{"name":"x"}"#).await;
    assert_eq!(refused.status, 429);
    let wait: u64 = refused
        .field("retry-after")
        .and_then(|seconds| seconds.parse().ok())
        .expect("seconds");
    assert!((3500..=3600).contains(&wait), "{wait}");
    let problem = refused.json();
    assert_eq!(problem["status"], 429);
    assert_eq!(problem["violated-policies"][0], "backoffice");
    // Others, the other surface and those whom nobody knows are not concerned.
    for (fields, line, status) in [
        (ADMIN, LIST, 200),
        (PLAYER, "GET /player/projects/$project_id/config", 200),
        (&[], "GET /api/me", 401),
        (VIEWER, "GET /api/me", 200),
    ] {
        assert_eq!(
            ask(&deployment, fields, line, "").await.status,
            status,
            "{line}"
        );
    }
}

#[tokio::test]
async fn a_limit_by_address_counts_refusals_and_no_forwarding_header_lifts_it() {
    let deployment = limited(vec![limit(
        "address",
        3,
        Per::Address,
        Covers::Below("/api/"),
    )]);
    for _ in 0..3 {
        assert_eq!(ask(&deployment, &[], "GET /api/me", "").await.status, 401);
    }
    for name in ["X-Forwarded-For", "X-Real-IP", "True-Client-IP"] {
        let seen = ask(&deployment, &[(name, "203.0.113.9")], "GET /api/me", "").await;
        assert_eq!(seen.status, 429, "{name}");
    }
    assert_eq!(
        ask(&deployment, MANAGER, "GET /api/me", "").await.status,
        429
    );
}

#[tokio::test]
async fn without_limits_nothing_is_told_of_them() {
    let deployment = percus(&[]);
    let seen = ask(&deployment, MANAGER, "GET /api/me", "").await;
    assert_eq!((seen.status, seen.field("ratelimit")), (200, None));
}
