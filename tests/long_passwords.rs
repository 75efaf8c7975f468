//! Passwords that are cut: found where they are longer than the cut, not covered where they are not, and shown nowhere.

mod deployment;

use deployment::{Door, Files, Reply, answer, json, proofmark, serve};

const CONTRACT: &str = r#"contract: bare
title: For one test
source: none
credentials:
  token: { header: Authorization, scheme: Bearer }
principals:
  account: { roles: [user], values: { password: "${secret.password}" } }
operations:
  login: { request: POST /login, is: [login], harmless: true, body: { json: { password: "${password}" } } }
answers:
  accepted: { status: 2xx }
checks: { include: ["BARE-*"] }
"#;

const CHECK: &str = r#"
- id: BARE-CUT-01
  title: The end of a password counts
  level: must
  source: none
  for_each: { account: { principals: user } }
  steps:
    - { send: login, as: "${account}", control: accepted }
    - send: login
      as: ${account}
      values: { password: "${account.values.password|cut-at-72}${hex16}" }
      expect: { status: 401 }
  remedy: none
  proved_by: [challenge-missing]
"#;

const LONG: &str =
    "cnry-3c59dc048e8850243be8079a5c74d079b7e23ec29af22b0b4e41da31e868d57226121c84-end";

/// At a site that takes what begins with so many octets of the password.
async fn ran(password: &'static str, looked_at: usize) -> (String, String) {
    let site = serve(Door::Open, move |request, _| {
        let known = format!(r#"{{"password":"{}"#, &password[..looked_at]);
        let is_right = request.body.starts_with(known.as_bytes());
        Reply::Keep(match is_right {
            true => json("200 OK", "{}"),
            false => answer("401 Unauthorized", &[], b""),
        })
    })
    .await;
    let files = Files::new(CONTRACT, CHECK);
    files.target(
        &site,
        "bare",
        &format!("secrets: {{ password: {password} }}\n"),
    );
    let ran = proofmark(&files.run(), &[]).await;
    ran.in_order();
    let all = files.journal() + &ran.text();
    (files.verdicts()["BARE-CUT-01[account]"].clone(), all)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_cut_is_found_and_none_of_it_is_shown() {
    let (verdict, shown) = ran(LONG, 72).await;
    assert_eq!(verdict, "fail");
    assert!(!shown.contains(&LONG[..24]), "{shown}");
    let (verdict, shown) = ran(LONG, LONG.len()).await;
    assert_eq!(verdict, "pass");
    assert!(!shown.contains(&LONG[..24]), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_too_short_tells_nothing_and_that_is_said() {
    let (verdict, shown) = ran(&LONG[..72], 72).await;
    assert!(verdict.starts_with("skipped"), "{verdict}");
    assert!(shown.contains("has no more than 72 octets"), "{shown}");
}
