//! What is promised to last for a time is tried shortly before its end, and nobody is blamed for a try that came after it.

mod deployment;

use std::time::Duration;

use deployment::{Door, Files, Reply, bare, json, proofmark, serve};

const CHECK: &str = r#"
- id: BARE-KEPT-01
  title: For two seconds it is the same
  level: must
  source: none
  steps:
    - { send: me, as: user, control: accepted, save: first }
    - { wait: 2, share: 0.5, since: first-sent }
    - resend: first
      control: { seconds_since: { first: { at_most: 2 } } }
      expect: accepted
  remedy: none
  proved_by: [challenge-missing]
"#;

/// Of a site that answers every second request like this, after this time.
async fn verdict(status: &'static str, after: Duration) -> String {
    let site = serve(Door::Open, move |_, number| {
        let is_first = number % 2 == 0;
        if !is_first {
            std::thread::sleep(after);
        }
        let status = if is_first { "200 OK" } else { status };
        Reply::Keep(json(status, r#"{ "me": true }"#))
    })
    .await;
    let files = Files::new(bare::CONTRACT, CHECK);
    files.target(
        &site,
        "bare",
        &format!("secrets: {{ token: {} }}\n", bare::TOKEN),
    );
    let ran = proofmark(&files.run(), &[]).await;
    ran.in_order();
    files.verdicts()["BARE-KEPT-01"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forgotten_too_early_is_found_and_what_is_kept_is_not_blamed() {
    assert_eq!(verdict("410 Gone", Duration::ZERO).await, "fail");
    assert_eq!(verdict("200 OK", Duration::ZERO).await, "pass");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_try_that_came_too_late_says_nothing_whatever_the_answer() {
    let late = Duration::from_millis(1200);
    for status in ["410 Gone", "200 OK"] {
        assert_eq!(verdict(status, late).await, "inconclusive control");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_shares_that_mean_nothing_are_mistakes() {
    let check = CHECK
        .replace("{ first: {", "{ frist: {")
        .replace("0.5", "1.5");
    let files = Files::new(bare::CONTRACT, &check);
    let site = serve(Door::Open, |_, _| Reply::Silence).await;
    files.target(
        &site,
        "bare",
        &format!("secrets: {{ token: {} }}\n", bare::TOKEN),
    );
    let ran = proofmark(&files.run(), &[]).await;
    assert_eq!(ran.code, Some(2), "{}", ran.text());
    for says in [
        "no earlier step of this check is saved as `frist`",
        "a share is between 0 and 1",
    ] {
        assert!(ran.text().contains(says), "{says}: {}", ran.text());
    }
}
