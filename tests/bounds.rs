//! Numbers in files of the user that no clock holds.

mod deployment;

use deployment::bare::{CONTRACT, TOKEN};
use deployment::{Door, Files, Reply, json, proofmark, serve};

/// Waits and limits from the user's own file: out of all bounds they are mistakes or no waits, and never a crash.
#[tokio::test(flavor = "multi_thread")]
async fn numbers_out_of_bounds_in_a_target_file_are_mistakes() {
    const WAITS: &str = r#"
- id: BARE-WAIT-01
  title: It answers after a while
  level: must
  source: none
  steps:
    - wait: ${param.while_s}
    - send: me
      as: user
      expect: { status: 2xx }
  remedy: none
  proved_by: [challenge-missing]
"#;
    let contract = CONTRACT.replacen(
        "contract: bare\n",
        "contract: bare\nparameters: { while_s: { says: A while. } }\n",
        1,
    );
    let site = serve(Door::Open, |_, _| Reply::Keep(json("200 OK", "{}"))).await;
    let files = Files::new(&contract, WAITS);
    let limit = |window: &str| {
        format!(
            "rate_limits: {{ all: {{ requests: 1, window_s: {window}, per: credential, spend: me, as: user }} }}\n"
        )
    };
    for (more, code) in [
        ("params: { while_s: -1 }\n".to_owned(), 3),
        ("params: { while_s: -1e300 }\n".to_owned(), 3),
        (
            "limits: { connect_s: 18446744073709551615 }\n".to_owned(),
            2,
        ),
        ("limits: { answer_s: 86401 }\n".to_owned(), 2),
        ("limits: { retry_s: 18446744073709551615 }\n".to_owned(), 2),
        (limit("1e300"), 2),
        (limit("-1"), 2),
    ] {
        files.target(
            &site,
            "bare",
            &format!("secrets: {{ token: {TOKEN} }}\n{more}"),
        );
        let ran = proofmark(&files.run(), &[]).await;
        ran.in_order();
        assert_eq!(ran.code, Some(code), "{more}{}", ran.text());
        let _ = std::fs::remove_file(files.path("journal.jsonl"));
    }
}
