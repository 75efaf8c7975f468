//! Races and bursts at the reference deployments: what is a matter of moments is found every time, and nobody else is
//! blamed.

mod deployment;

use deployment::proofmark;

async fn ran(arguments: &[&str]) -> (Option<i32>, String) {
    let arguments: Vec<String> = arguments.iter().map(|&word| word.to_owned()).collect();
    let ran = proofmark(&arguments, &[]).await;
    ran.in_order();
    (ran.code, ran.text())
}

const RACE: [&str; 5] = [
    "run",
    "--target",
    "reference:pers",
    "--check",
    "DPOP-REPLAY-03",
];

/// Each run has a race over HTTP/1.1 and one over HTTP/2, of five rounds at most.
#[tokio::test]
async fn a_gap_of_a_millisecond_is_found_every_time() {
    let flawed = [&RACE[..], &["--flaw", "dpop-replay-check-then-insert"]].concat();
    for _ in 0..20 {
        let (code, text) = ran(&flawed).await;
        assert_eq!(code, Some(1), "{text}");
        assert!(
            text.contains("The same proof was taken more than once."),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_store_without_a_gap_is_never_blamed() {
    for _ in 0..20 {
        let (code, text) = ran(&RACE).await;
        // Where this machine is so busy that no race came about, that is said, and nobody is blamed.
        assert!(
            code == Some(0) || (code == Some(3) && !text.contains("FAIL")),
            "{text}"
        );
    }
}

/// Windows of six seconds, as `prove` has them.
#[tokio::test]
async fn a_limit_that_is_off_by_one_is_told() {
    let (code, text) = ran(&[
        "prove",
        "--contract",
        "intraverse",
        "--check",
        "RL-LIMIT-01",
        "--flaw",
        "limit-off-by-one",
    ])
    .await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("1 flaw,"), "{text}");
}

/// Five rounds of twenty requests between two controls, over each version of HTTP.
#[tokio::test]
async fn the_schedule_counts_what_is_sent() {
    let (code, text) = ran(&[&RACE[..], &["--dry-run"]].concat()).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("2 cases of 110 requests"), "{text}");
}
