//! Polls and comparisons at the reference deployments: how long a change takes is told, and what takes the same time is
//! never blamed.

mod deployment;

use deployment::proofmark;

async fn ran(arguments: &[&str]) -> (Option<i32>, String) {
    let arguments: Vec<String> = arguments.iter().map(|&word| word.to_owned()).collect();
    let ran = proofmark(&arguments, &[]).await;
    ran.in_order();
    (ran.code, ran.text())
}

fn run<'a>(target: &'a str, check: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let run = ["run", "--target", target, "--check", check];
    [&run[..], more].concat()
}

#[tokio::test]
async fn a_revocation_that_takes_five_seconds_is_measured() {
    let flaw = ["--flaw", "revocation-takes-5s"];
    let (code, text) = ran(&run("reference:percus", "SEC-REV-01", &flaw)).await;
    assert_eq!(code, Some(1), "{text}");
    let (_, measured) = text
        .split_once("is at most 0; it is `")
        .unwrap_or_else(|| panic!("{text}"));
    let seconds: f64 = measured.split('`').next().unwrap().parse().unwrap();
    assert!((4.0..=5.0).contains(&seconds), "{seconds}: {text}");
}

/// The flaw leaves a millisecond in which a use undoes the revocation.
#[tokio::test]
async fn a_revocation_that_a_use_undoes_is_found_and_one_that_stands_is_not_blamed() {
    let flaw = ["--flaw", "revocation-lost-to-use"];
    let (code, text) = ran(&run("reference:percus", "SEC-CONC-02", &flaw)).await;
    assert_eq!(code, Some(1), "{text}");
    for _ in 0..3 {
        let (code, text) = ran(&run("reference:percus", "SEC-CONC-02", &[])).await;
        assert_eq!(code, Some(0), "{text}");
    }
}

#[tokio::test]
async fn logins_that_take_the_same_time_are_never_blamed() {
    for _ in 0..5 {
        let arguments = run("reference:http-api", "AUTH-TIME-01-MEASURED", &[]);
        let level = ["--level", "advice"];
        let (code, text) = ran(&[&arguments[..], &level].concat()).await;
        // Where this machine is so busy that times tell nothing, that is said.
        assert!(code == Some(0) || code == Some(3), "{text}");
    }
}

#[tokio::test]
async fn a_login_that_skips_the_hash_is_told() {
    let flaw = ["--flaw", "unknown-account-unhashed", "--level", "advice"];
    let (code, text) = ran(&run("reference:http-api", "AUTH-TIME-01-MEASURED", &flaw)).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("`$.certain_ms`"), "{text}");
}

/// A control before and after would be counted, too; here are two requests, and 40 rounds of two in each of three runs.
#[tokio::test]
async fn the_schedule_counts_what_is_compared() {
    let arguments = run(
        "reference:http-api",
        "AUTH-TIME-01-MEASURED",
        &["--dry-run"],
    );
    let (code, text) = ran(&arguments).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("1 case of 240 requests"), "{text}");
}
