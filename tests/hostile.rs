//! Targets that are broken, slow or evil, through the whole binary: never a crash, a hang, a false failure, unbounded
//! memory, or a control character on the terminal.

mod deployment;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use deployment::bare::{CHECKS, CONTRACT, TOKEN};
use deployment::{
    Door, Files, Ran, Reply, Request, Site, answer, json, proofmark, report_forms, serve,
};

/// A run stays below this, whatever the target sends.
const MOST_MEMORY_KIB: u64 = 150 * 1024;

const LIMITS: &str = "limits: { connect_s: 1, answer_s: 1, retry_s: 1 }\n\
                      consent: { writes: true, max_requests_per_second: 100000 }\n";

fn files(site: &Site) -> Files {
    let files = Files::new(CONTRACT, CHECKS);
    files.target(
        site,
        "bare",
        &format!("secrets: {{ token: {TOKEN} }}\n{LIMITS}"),
    );
    files
}

async fn run(files: &Files) -> Ran {
    let mut arguments = files.run();
    for form in report_forms().await {
        let path = files.path(&format!("report.{form}"));
        arguments.extend(["--report".to_owned(), format!("{form}={}", path.display())]);
    }
    let ran = proofmark(&arguments, &[]).await;
    ran.in_order();
    assert!(ran.peak_kib < MOST_MEMORY_KIB, "held {} KiB", ran.peak_kib);
    printable(&ran);
    ran
}

/// No octet that a terminal acts on, and no character that hides or reorders text.
fn printable(ran: &Ran) {
    let text = ran.text();
    let odd = text.chars().find(|c| {
        (c.is_control() && *c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    });
    assert_eq!(odd, None, "{}", text.escape_debug());
}

/// What a sound deployment answers.
fn sound(request: &Request) -> Reply {
    if request.plain {
        return Reply::Last(json("403 Forbidden", "{}"));
    }
    if request.header("authorization") != format!("Bearer {TOKEN}") {
        return Reply::Keep(answer(
            "401 Unauthorized",
            &["WWW-Authenticate: Bearer", "Content-Type: application/json"],
            b"{}",
        ));
    }
    Reply::Keep(answer(
        "200 OK",
        &[
            "X-Content-Type-Options: nosniff",
            "Content-Type: application/json",
        ],
        b"{}",
    ))
}

async fn against(
    door: Door,
    reply: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static,
) -> (Ran, Files) {
    let site = serve(door, reply).await;
    let files = files(&site);
    let ran = run(&files).await;
    (ran, files)
}

/// Nothing failed, and nothing was passed in silence.
fn undecided((ran, files): &(Ran, Files), doubts: &[&str]) {
    assert_eq!(ran.code, Some(3), "{}", ran.text());
    let verdicts = files.verdicts();
    assert!(!verdicts.is_empty());
    for (case, verdict) in &verdicts {
        assert_ne!(verdict, "fail", "{case}\n{}", ran.text());
        if !case.starts_with("BARE-PLAIN") {
            let known = doubts
                .iter()
                .any(|doubt| *verdict == format!("inconclusive {doubt}"));
            assert!(known, "{case}: {verdict}\n{}", ran.text());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_target_conforms() {
    let (ran, files) = against(Door::Open, |request, _| sound(request)).await;
    assert_eq!(ran.code, Some(0), "{}", ran.text());
    assert!(files.verdicts().values().all(|verdict| verdict == "pass"));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_listens_the_run_ends_and_says_so() {
    let site = serve(Door::Open, |request, _| sound(request)).await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let files = files(&Site {
        https: port,
        ..site
    });
    let ran = run(&files).await;
    assert_eq!(ran.code, Some(3), "{}", ran.text());
    let says = format!("nobody answers at https://localhost:{port}: connection refused");
    assert!(ran.text().contains(&says), "{}", ran.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn doors_that_shut_slam_or_stay_mute_are_said_to_speak_no_tls() {
    for door in [Door::Shut, Door::Slammed, Door::Mute] {
        let (ran, _) = against(door, |request, _| sound(request)).await;
        assert_eq!(ran.code, Some(3), "{}", ran.text());
        let text = ran.text();
        assert!(text.contains("does not speak TLS"), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}

/// Answers that are right at the base of the API, so that a run begins, and these elsewhere.
fn behind_a_sound_base(request: &Request, reply: impl Fn(&Request) -> Reply) -> Reply {
    match request.target.as_str() {
        "/" => sound(request),
        _ => reply(request),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_speak_http_ends_the_run() {
    let replies: [fn() -> Reply; 4] = [
        || Reply::Last(b"SSH-2.0-OpenSSH_9\r\n\0\xff".to_vec()),
        || Reply::Last(Vec::new()),
        || Reply::Reset,
        || Reply::Silence,
    ];
    for reply in replies {
        let (ran, _) = against(Door::Open, move |_, _| reply()).await;
        assert_eq!(ran.code, Some(3), "{}", ran.text());
        let text = ran.text();
        assert!(text.contains("does not answer as HTTP does"), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_trusted_is_not_spoken_to_and_that_is_said_once() {
    let site = serve(Door::Open, |request, _| sound(request)).await;
    let other = deployment::Authority::new().pem();
    let files = files(&Site {
        ca_pem: other,
        ..site
    });
    let ran = run(&files).await;
    undecided(&(ran, files), &["unreachable"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_of_several_checks_is_said_once() {
    let site = serve(Door::Open, |request, _| sound(request)).await;
    let other = deployment::Authority::new().pem();
    let files = files(&Site {
        ca_pem: other,
        ..site
    });
    let ran = proofmark(&files.run(), &[]).await;
    let report = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert_eq!(
        report.matches("certificate signature").count(),
        1,
        "{report}"
    );
    assert!(report.contains("cases of 4 checks  (4 must)"), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_is_refused_everywhere_is_no_fault_of_the_target() {
    let (ran, files) = against(Door::Open, |request, _| {
        match (request.plain, request.target.as_str()) {
            (false, "/me" | "/things") => Reply::Keep(answer(
                "401 Unauthorized",
                &["WWW-Authenticate: Bearer"],
                b"",
            )),
            _ => sound(request),
        }
    })
    .await;
    let says = "the credential of `user` is refused (401) by every operation";
    assert!(ran.text().contains(says), "{}", ran.text());
    undecided(&(ran, files), &["credential"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_is_found_the_address_is_doubted() {
    let (ran, _) = against(Door::Open, |_, _| Reply::Keep(json("404 Not Found", "{}"))).await;
    assert_eq!(ran.code, Some(3), "{}", ran.text());
    assert!(ran.text().contains("is `url` right?"), "{}", ran.text());
}

/// Sixty checks of one request each.
fn many() -> String {
    (0..60)
        .map(|n| {
            format!(
                "\n- id: BARE-MANY-{n:04}\n  title: One of many\n  level: must\n  source: none\n  steps:\n    - send: me\n      \
                 as: user\n      expect: {{ status: 200 }}\n  remedy: none\n  proved_by: [challenge-missing]\n"
            )
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_falls_silent_is_given_up() {
    let site = serve(Door::Open, |request, number| match number {
        0..3 => behind_a_sound_base(request, sound),
        _ => Reply::Silence,
    })
    .await;
    let files = Files::new(CONTRACT, &many());
    files.target(
        &site,
        "bare",
        &format!("secrets: {{ token: {TOKEN} }}\n{LIMITS}"),
    );
    let ran = proofmark(&files.run(), &[]).await;
    assert_eq!(ran.code, Some(3), "{}", ran.text());
    assert!(ran.text().contains("given up"), "{}", ran.text());
    let tried = site.requests().len();
    assert!((16..=3 * 32).contains(&tried), "{tried} requests");
    let verdicts = files.verdicts();
    assert_eq!(verdicts.len(), 60);
    assert!(
        verdicts
            .values()
            .filter(|verdict| *verdict == "inconclusive unreachable")
            .count()
            >= 58
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_does_not_wait_for_a_target_that_hangs() {
    let hangs = Arc::new(tokio::sync::Notify::new());
    let tell = Arc::clone(&hangs);
    let site = serve(Door::Open, move |request, number| match number {
        0..3 => behind_a_sound_base(request, sound),
        _ => {
            tell.notify_one();
            Reply::Silence
        }
    })
    .await;
    let files = Files::new(CONTRACT, &many());
    files.target(&site, "bare", &format!("secrets: {{ token: {TOKEN} }}\n"));
    let child = deployment::start(&files.run(), &[]);
    hangs.notified().await;
    let began = std::time::Instant::now();
    let pid = child.id().expect("it runs").to_string();
    let mut kill = tokio::process::Command::new("kill");
    assert!(kill.args(["-INT", &pid]).status().await.unwrap().success());
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(130));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("again to quit"), "{said}");
    // The bound on one answer is 20 s.
    assert!(began.elapsed().as_secs() < 15, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_never_comes_is_unreachable() {
    let replies: [fn() -> Reply; 3] = [
        || Reply::Silence,
        || Reply::Reset,
        || {
            Reply::Endless(
                b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(),
                b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(),
            )
        },
    ];
    for reply in replies {
        let ran = against(Door::Open, move |request, _| {
            behind_a_sound_base(request, |_| reply())
        })
        .await;
        undecided(&ran, &["unreachable"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_heads_and_floods_of_fields_are_cut_off() {
    let long = || Reply::Endless(b"HTTP/1.1 200 OK\r\nX: ".to_vec(), vec![b'a'; 16384]);
    let many = || {
        Reply::Endless(
            b"HTTP/1.1 200 OK\r\n".to_vec(),
            b"X-Field: value\r\n".repeat(200),
        )
    };
    let word = || Reply::Endless(vec![b'H'; 16384], vec![b'H'; 16384]);
    let replies: [fn() -> Reply; 3] = [long, many, word];
    for reply in replies {
        let ran = against(Door::Open, move |request, _| {
            behind_a_sound_base(request, |_| reply())
        })
        .await;
        undecided(&ran, &["unreachable"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_field_lines_are_an_answer() {
    let ran = against(Door::Open, |request, _| match sound(request) {
        Reply::Keep(octets) => {
            let end = octets.iter().position(|octet| *octet == b'\n').unwrap() + 1;
            let extra: String = (0..190).map(|n| format!("X-Field-{n}: {n}\r\n")).collect();
            Reply::Keep([&octets[..end], extra.as_bytes(), &octets[end..]].concat())
        }
        other => other,
    })
    .await;
    assert_eq!(ran.0.code, Some(0), "{}", ran.0.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_body_is_cut_and_said_to_be() {
    let endless = |request: &Request, _| match sound(request) {
        Reply::Keep(octets) if octets.starts_with(b"HTTP/1.1 200") => Reply::Endless(
            b"HTTP/1.1 200 OK\r\nX-Content-Type-Options: nosniff\r\n\r\n".to_vec(),
            vec![b'a'; 65536],
        ),
        other => other,
    };
    let (ran, files) = against(Door::Open, endless).await;
    assert_eq!(ran.code, Some(3), "{}", ran.text());
    let verdicts = files.verdicts();
    assert_eq!(verdicts["BARE-LEAK-01"], "inconclusive truncated");
    assert_eq!(verdicts["BARE-SNIFF-01"], "pass");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compression_bomb_stays_as_small_as_it_came() {
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..128 {
        bomb.write_all(&vec![0; 1 << 20]).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    let (ran, files) = against(Door::Open, move |request, _| match sound(request) {
        Reply::Keep(octets) if octets.starts_with(b"HTTP/1.1 200") => Reply::Keep(answer(
            "200 OK",
            &["X-Content-Type-Options: nosniff", "Content-Encoding: gzip"],
            &bomb,
        )),
        other => other,
    })
    .await;
    assert_ne!(ran.code, Some(0), "{}", ran.text());
    assert_ne!(files.verdicts()["BARE-LEAK-01"], "pass");
}

/// As many large bodies as there are cases: what is kept of a run is bounded as a whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_large_answers_fit_into_memory() {
    let mut checks = String::new();
    for n in 0..1000 {
        checks.push_str(&format!(
            "\n- id: BARE-MANY-{n:04}\n  title: One of many\n  level: must\n  source: none\n  steps:\n    - send: me\n      \
             as: user\n      expect: {{ body: {{ excludes: nothing }} }}\n  remedy: none\n  proved_by: [challenge-missing]\n"
        ));
    }
    let numbers = Arc::new(AtomicUsize::new(0));
    let site = serve(Door::Open, move |_, _| {
        let mut body = vec![b'a'; 262_144];
        body[..8]
            .copy_from_slice(format!("{:08}", numbers.fetch_add(1, Ordering::Relaxed)).as_bytes());
        Reply::Keep(answer("200 OK", &["Content-Type: text/plain"], &body))
    })
    .await;
    let files = Files::new(CONTRACT, &checks);
    files.target(
        &site,
        "bare",
        &format!("secrets: {{ token: {TOKEN} }}\n{LIMITS}"),
    );
    let ran = run(&files).await;
    for (case, verdict) in files.verdicts() {
        assert!(
            verdict == "pass" || verdict == "inconclusive truncated",
            "{case}: {verdict}"
        );
    }
    assert!(matches!(ran.code, Some(0 | 3)), "{}", ran.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn octets_that_are_no_text_and_escapes_never_reach_the_terminal() {
    let nasty =
        "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}\u{200b}<script>alert(1)</script>&\"']]>";
    for (status, field, body) in [
        (
            format!("200 {nasty}"),
            nasty.as_bytes().to_vec(),
            nasty.as_bytes().to_vec(),
        ),
        (
            "200 \u{ff}".to_owned(),
            b"\xff\xfe\x1b[1m".to_vec(),
            b"\xc3\x28\xff\x1b[31m".to_vec(),
        ),
        (
            format!("500 {nasty}"),
            b"x".to_vec(),
            nasty.as_bytes().to_vec(),
        ),
        (
            format!("401 {nasty}"),
            nasty.as_bytes().to_vec(),
            nasty.as_bytes().to_vec(),
        ),
    ] {
        let (ran, files) = against(Door::Open, move |_, _| {
            let mut octets = format!("HTTP/1.1 {status}\r\nX-Content-Type-Options: ").into_bytes();
            octets.extend_from_slice(&field);
            octets.extend_from_slice(b"\r\nWWW-Authenticate: ");
            octets.extend_from_slice(&field);
            octets.extend_from_slice(
                format!("\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(),
            );
            octets.extend_from_slice(&body);
            Reply::Keep(octets)
        })
        .await;
        assert!(matches!(ran.code, Some(1 | 3)), "{}", ran.text());
        for form in report_forms().await {
            let report = std::fs::read_to_string(files.path(&format!("report.{form}"))).unwrap();
            let odd = report
                .chars()
                .find(|c| c.is_control() && *c != '\n' && *c != '\t');
            assert_eq!(odd, None, "{form}: {}", report.escape_debug());
            if form == "html" || form == "junit" {
                assert!(!report.contains("<script>alert"), "{form}: {report}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_followed_to_another_origin() {
    let other = serve(Door::Open, |_, _| Reply::Keep(json("200 OK", "{}"))).await;
    for status in [
        "301 Moved",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let location = format!("Location: https://localhost:{}/me", other.https);
        let (ran, _) = against(Door::Open, move |_, _| {
            Reply::Keep(answer(status, &[&location, "Refresh: 0; url=/"], b""))
        })
        .await;
        assert!(matches!(ran.code, Some(1 | 3)), "{}", ran.text());
    }
    assert_eq!(other.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limiter_that_never_lets_go_is_no_failure() {
    for retry in [
        "Retry-After: 1",
        "Retry-After: 99999999999",
        "Retry-After: 18446744073709552",
        "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT",
        "X-None: 0",
    ] {
        for status in ["429 Too Many Requests", "503 Service Unavailable"] {
            let ran = against(Door::Open, move |_, _| {
                Reply::Keep(answer(
                    status,
                    &[retry, "Date: Sun, 06 Nov 1994 08:49:37 GMT"],
                    b"",
                ))
            })
            .await;
            assert_eq!(ran.0.code, Some(3), "{}", ran.0.text());
            // A 429 from the plain port gives nothing away either.
            for (case, verdict) in ran.1.verdicts() {
                let refusal = case == "BARE-PLAIN-01" && verdict == "pass";
                assert!(
                    refusal || verdict == "inconclusive not-an-answer",
                    "{case}: {verdict}"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_bad_once_and_good_later_is_unsteady() {
    let looked = Arc::new(AtomicUsize::new(0));
    let (ran, files) = against(Door::Open, move |request, _| {
        let bad = request.target == "/things"
            && request.header("authorization").is_empty()
            && request.method == "GET"
            && looked.fetch_add(1, Ordering::Relaxed) == 0;
        if bad {
            Reply::Keep(json("200 OK", "{}"))
        } else {
            sound(request)
        }
    })
    .await;
    assert_eq!(ran.code, Some(3), "{}", ran.text());
    let unsteady: Vec<_> = files
        .verdicts()
        .into_iter()
        .filter(|(_, verdict)| verdict != "pass")
        .collect();
    assert_eq!(unsteady.len(), 1, "{unsteady:?}");
    assert_eq!(unsteady[0].1, "inconclusive unsteady");
}

/// The shipped suites against targets that refuse everything, accept everything, or talk nonsense.
#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_refuses_everything_passes_nothing() {
    let (ran, files) = against(Door::Open, |_, _| {
        Reply::Keep(answer(
            "401 Unauthorized",
            &["WWW-Authenticate: Bearer"],
            b"",
        ))
    })
    .await;
    assert_eq!(ran.code, Some(3), "{}", ran.text());
    for (case, verdict) in files.verdicts() {
        let plain = case.starts_with("BARE-PLAIN");
        assert!(
            plain || verdict == "inconclusive credential",
            "{case}: {verdict}"
        );
    }
}
