//! Which cases a check has for a target: words that select operations and principals.

use proofmark::suite::gather::library;
use proofmark::suite::{Target, Wanted, expand};
use serde_json::json;

fn target() -> Target {
    let address =
        |scheme: &str, port: u16| json!({"scheme": scheme, "host": "api.example", "port": port});
    let operation = |path: &str, allow: serde_json::Value| json!({"method": "GET", "path": path, "allow": allow, "kinds": [], "success": "2xx"});
    serde_json::from_value(json!({
        "name": "example", "contract": "http-api", "prefix": "",
        "https": address("https", 443), "plain": address("http", 80),
        "params": {}, "values": {}, "features": [],
        "credentials": {"token": {"header": "Authorization", "scheme": "Bearer"}},
        "principals": {
            "anonymous": {},
            "user": {"roles": ["user"], "credentials": {"token": "a"}},
            "lost": {"roles": ["user"], "is": ["throw-away"], "credentials": {"token": "b"}},
            "stranger": {"roles": ["stranger"], "is": ["throw-away"], "credentials": {"token": "c"}},
        },
        "absent_principals": {},
        "operations": {"open": operation("/open", json!(null)), "own": operation("/own", json!(["user"]))},
        "answers": {}, "levels": [], "consent": {}, "limits": {},
    }))
    .expect("a target")
}

#[test]
fn credentials_go_out_in_clear_only_where_they_are_marked_for_it() {
    let library = library(None).expect("the built-in suites");
    let wanted = Wanted {
        checks: vec!["TR-PLAIN-01".to_owned()],
        suites: Vec::new(),
    };
    let plan = expand(&library, target(), "http-api", &wanted);
    let ids: Vec<&str> = plan.cases.iter().map(|case| case.id.as_str()).collect();
    assert_eq!(
        ids,
        ["TR-PLAIN-01[open, anonymous]", "TR-PLAIN-01[own, lost]"]
    );
    assert!(plan.cases.iter().all(|case| case.skip.is_none()));
}

#[test]
fn cases_of_one_name_are_told_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let suite = "suite: same\ntitle: Same names\nchecks:\n\
                 - id: HDR-SAME-01\n  title: It answers\n  level: must\n  source: none\n  \
                 for_each:\n    field: [{ name: Host, value: one }, { name: Host, value: other }, { name: Via, value: one }]\n  \
                 steps:\n    - send: open\n      headers: { \"${field.name}\": \"${field.value}\" }\n      expect: accepted\n  \
                 remedy: none\n  proved_by: [challenge-missing]\n";
    std::fs::write(folder.path().join("same.yaml"), suite).expect("a fresh folder");
    let library = library(Some(folder.path())).expect("the suite is right");
    let wanted = Wanted {
        checks: vec!["HDR-SAME-01".to_owned()],
        suites: Vec::new(),
    };
    let plan = expand(&library, target(), "http-api", &wanted);
    let ids: Vec<&str> = plan.cases.iter().map(|case| case.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "HDR-SAME-01[Host]",
            "HDR-SAME-01[Host (no. 2)]",
            "HDR-SAME-01[Via]"
        ]
    );
}
