use super::client::{Seen, send, send_plain, start};
use crate::reference::{Contract, Covers, Deployment, Kind, Limit, Per, Settings};

fn intraverse(flaws: &[&str]) -> Deployment {
    start(Contract::Intraverse, flaws)
}

/// A request with these header lines; `$name` in a value is the secret of that name.
async fn ask(deployment: &Deployment, fields: &[(&str, &str)], line: &str, body: &str) -> Seen {
    let (method, target) = line.split_once(' ').expect("method and target");
    let filled: Vec<(&str, String)> = fields
        .iter()
        .map(|(name, value)| (*name, fill(deployment, value)))
        .collect();
    let fields: Vec<(&str, &str)> = filled.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let (target, body) = (fill(deployment, target), fill(deployment, body));
    send(deployment, method, &target, &fields, &body).await
}

fn fill(deployment: &Deployment, text: &str) -> String {
    // Longest names first, so that $user_id does not spoil $user_id_x.
    let mut text = text.to_owned();
    for (name, value) in deployment.secrets.iter().rev() {
        text = text.replace(&format!("${name}"), value);
    }
    text
}

const SET: &str = "POST /game-point/";
const BODY: &str = r#"{"userId":"$user_id","points":42}"#;

#[tokio::test]
async fn too_many_requests_are_told_in_the_body_of_the_contract() {
    let none: [&str; 0] = [];
    let flaws = Contract::Intraverse.catalogue().select(none).expect("none");
    let limit = Limit {
        name: "server",
        requests: 1,
        window: std::time::Duration::from_secs(600),
        kind: Kind::Gcra,
        per: Per::Credential,
        covers: Covers::Named(vec!["points", "set-points"]),
    };
    let settings = Settings {
        limits: vec![limit],
        ..Settings::default()
    };
    let deployment = Deployment::start(Contract::Intraverse, flaws, settings).expect("ports");
    let (points, server) = (
        "GET /game-point/$user_id",
        [("x-game-server-key", "$server_key")],
    );
    assert_eq!(ask(&deployment, &server, points, "").await.status, 200);
    let seen = ask(&deployment, &server, points, "").await;
    assert_eq!(seen.status, 429);
    let body = seen.json();
    let names: Vec<&String> = body.as_object().expect("an object").keys().collect();
    assert_eq!(names.len(), 5, "{names:?}");
    let wait = seen.field("retry-after").expect("seconds");
    assert_eq!(body["retryAfter"].to_string(), wait);
    let other = [("x-game-server-key", "$other_server_key")];
    let path = "GET /game-point/$other_user_id";
    assert_eq!(ask(&deployment, &other, path, "").await.status, 200);
}

#[tokio::test]
async fn only_a_good_server_key_sets_points() {
    let deployment = intraverse(&[]);
    let key = "x-game-server-key";
    for (fields, status) in [
        (&[][..], 401),
        (&[(key, "nonsense")], 401),
        (&[(key, "$revoked_server_key")], 401),
        (&[(key, "$other_env_server_key")], 401),
        (&[(key, "$client_key")], 403),
        (&[(key, "$user_token")], 403),
        (&[("x-game-key", "$client_key")], 403),
        (&[("Authorization", "Bearer $user_token")], 403),
        (&[("x-game-key", "$server_key")], 401),
        (&[(key, "$other_server_key")], 422),
    ] {
        let seen = ask(&deployment, fields, SET, BODY).await;
        assert_eq!(seen.status, status, "{fields:?}: {}", seen.body);
    }
    let server = [(key, "$server_key")];
    let seen = ask(&deployment, &server, "GET /game-point/$user_id", "").await;
    assert_eq!(seen.json()["data"]["points"], 0);
    let seen = ask(&deployment, &server, SET, BODY).await;
    assert_eq!(seen.status, 200, "{}", seen.body);
    let seen = ask(&deployment, &server, "GET /game-point/$user_id", "").await;
    assert_eq!(seen.json()["data"]["points"], 42);
}

#[tokio::test]
async fn errors_are_the_ones_that_the_contract_prints() {
    let deployment = intraverse(&[]);
    let seen = ask(&deployment, &[], SET, BODY).await;
    let printed =
        r#"{"success":false,"error":"Unauthorized","message":"Invalid API key","statusCode":401}"#;
    assert_eq!(seen.body, printed);
    assert!(seen.field("www-authenticate").is_some());
    let seen = ask(&deployment, &[("x-game-key", "$client_key")], SET, BODY).await;
    let printed = r#"{"success":false,"error":"Forbidden","message":"Server-only endpoint accessed from client","statusCode":403}"#;
    assert_eq!(seen.body, printed);
    let server = [("x-game-server-key", "$server_key")];
    for (body, status) in [
        ("{", 400),
        (r#"{"userId":"x"}"#, 422),
        (r#"{"userId":1,"points":1}"#, 422),
        (r#"{"userId":"$user_id","points":1,"points":2}"#, 400),
    ] {
        let seen = ask(&deployment, &server, SET, body).await;
        assert_eq!(seen.status, status, "{body}");
    }
    for (name, value) in [
        ("x-frame-options", "DENY"),
        ("x-xss-protection", "1; mode=block"),
        ("content-security-policy", "default-src 'self'"),
        ("referrer-policy", "strict-origin-when-cross-origin"),
    ] {
        assert_eq!(seen.field(name), Some(value));
    }
}

#[tokio::test]
async fn players_log_in_with_the_client_key_and_out_again() {
    let deployment = intraverse(&[]);
    let client = [("x-game-key", "$client_key")];
    let body = r#"{"email":"$user_email","password":"$user_password"}"#;
    let seen = ask(&deployment, &client, "POST /auth/session", body).await;
    assert_eq!(seen.status, 200, "{}", seen.body);
    assert_eq!(seen.field("cache-control"), Some("no-store"));
    let token = seen.json()["data"]["accessToken"]
        .as_str()
        .expect("a token")
        .to_owned();
    let bearer = format!("Bearer {token}");
    let player = [("Authorization", bearer.as_str())];
    assert_eq!(
        ask(&deployment, &player, "GET /user/me", "").await.status,
        200
    );
    assert_eq!(
        ask(&deployment, &client, "GET /user/me", "").await.status,
        401
    );
    assert_eq!(
        ask(&deployment, &player, "DELETE /auth/session", "")
            .await
            .status,
        204
    );
    assert_eq!(
        ask(&deployment, &player, "GET /user/me", "").await.status,
        401
    );
    for (email, password) in [
        ("$user_email", "wrong"),
        ("nobody@example.invalid", "wrong"),
        ("$other_user_email", "$other_user_password"),
    ] {
        let body = format!(r#"{{"email":"{email}","password":"{password}"}}"#);
        let seen = ask(&deployment, &client, "POST /auth/session", &body).await;
        assert_eq!(seen.status, 401, "{email}");
    }
    let seen = ask(&deployment, &[], "GET /game?x-game-key=$client_key", "").await;
    assert_eq!(seen.status, 200);
}

#[tokio::test]
async fn the_plain_port_hangs_up() {
    let deployment = intraverse(&[]);
    assert!(
        send_plain(&deployment, "GET", "/status", &[], "")
            .await
            .is_none()
    );
    let served = intraverse(&["plain-http-served"]);
    let seen = send_plain(&served, "GET", "/status", &[], "")
        .await
        .expect("an answer");
    assert_eq!(seen.status, 200);
}

#[tokio::test]
async fn flaws_bend_what_they_name() {
    let client = [("x-game-key", "$client_key")];
    let player = [("Authorization", "Bearer $user_token")];
    let key = "x-game-server-key";
    for (flaw, fields, line, body, status) in [
        (
            "client-key-opens-server-operations",
            &client[..],
            SET,
            BODY,
            200,
        ),
        (
            "player-token-opens-server-operations",
            &player,
            SET,
            BODY,
            200,
        ),
        ("forbidden-answered-401", &client, SET, BODY, 401),
        ("server-key-unchecked", &[(key, "x")], SET, BODY, 200),
        ("server-key-not-asked-for", &[], SET, BODY, 200),
        (
            "server-key-in-any-header",
            &[("x-game-key", "$server_key")],
            SET,
            BODY,
            200,
        ),
        (
            "revoked-key-accepted",
            &[(key, "$revoked_server_key")],
            SET,
            BODY,
            200,
        ),
        (
            "other-environment-key-accepted",
            &[(key, "$other_env_server_key")],
            SET,
            BODY,
            200,
        ),
        (
            "client-key-counts-as-login",
            &client,
            "GET /user/me",
            "",
            200,
        ),
        (
            "game-of-key-ignored",
            &[(key, "$other_server_key")],
            SET,
            BODY,
            200,
        ),
        (
            "expired-token-accepted",
            &[("Authorization", "Bearer $expired_user_token")],
            "GET /user/me",
            "",
            200,
        ),
    ] {
        let seen = ask(&intraverse(&[flaw]), fields, line, body).await;
        assert_eq!(seen.status, status, "{flaw}: {}", seen.body);
    }
    let shown = ask(
        &intraverse(&["client-key-shown-back"]),
        &client,
        "GET /game",
        "",
    )
    .await;
    assert!(shown.body.contains("gck_"));
    let seen = ask(&intraverse(&["xss-protection-off"]), &[], "GET /status", "").await;
    assert_eq!(seen.field("x-xss-protection"), Some("0"));
}

#[tokio::test]
async fn effects_before_refusals_stay() {
    let deployment = intraverse(&["effect-before-authorisation"]);
    let client = [("x-game-key", "$client_key")];
    assert_eq!(ask(&deployment, &client, SET, BODY).await.status, 403);
    let server = [("x-game-server-key", "$server_key")];
    let seen = ask(&deployment, &server, "GET /game-point/$user_id", "").await;
    assert_eq!(seen.json()["data"]["points"], 42);
}
