//! The commands as their users see them.

use std::io::Write;
use std::process::Stdio;

use super::{DEMO, command, proofmark, shown};

const DEMO_SUITE: [&str; 2] = ["--suites", "fixtures/journals/suites"];

fn demo(arguments: &[&str]) -> String {
    shown(&proofmark(&[&DEMO_SUITE[..], arguments].concat()))
}

/// The binary with something on its standard input.
fn fed(arguments: &[&str], input: &str) -> String {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    shown(&child.wait_with_output().expect("it ends"))
}

#[test]
fn help() {
    insta::assert_snapshot!(shown(&proofmark(&["--help"])), @r##"
    Proves, with evidence, whether a deployed HTTP API keeps its security promises.

    Usage: proofmark [OPTIONS] <COMMAND>

    Commands:
      run          Fires suites at a target and says what held and what did not
      report       Makes any report again from the journal of a run
      list         Lists the checks
      explain      Explains a check: what it promises, how it is provoked, how to see it fail
      lint         Finds all mistakes in suites, contracts and target files, and sends nothing
      schema       Prints the JSON Schema of a file format
      prove        Shows of every check that it can fail, and of every flaw that it is caught
      serve        Serves a reference deployment on its own, to try things on
      flaws        Lists the flaws of the reference deployments and the checks that they make fail
      token        Decodes, makes, forges, verifies and cracks tokens by hand
      completions  Prints a completion script for a shell
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Global options:
          --suites <DIR>  Folder with suites (*.yaml) and contracts (contracts/*.yaml) that stand in for
                          built-in ones or beside them
          --color <WHEN>  When to colour; NO_COLOR is obeyed [default: auto] [possible values: auto,
                          always, never]

    Exit codes:
        0  conforms: nothing at or above the asked level failed
        1  at least one check at or above the asked level failed
        2  a mistake in flags or files; nothing was sent
        3  nothing failed, but something that had to be judged could not be
        4  what was found could not be written
      130  interrupted; everything so far is in the journal
    --- exit 0
    "##);
}

#[test]
fn list() {
    insta::assert_snapshot!(demo(&["list", "--suite", "demo"]), @r##"
    CHECK              LEVEL   SUITE  PROMISE
    DEMO-CHALLENGE-01  must    demo   A request without a credential is answered with a challenge
    DEMO-STATUS-01     must    demo   A request without a credential is refused
    DEMO-ADVICE-01     advice  demo   A refusal says which scheme to use
    DEMO-CONTROL-01    must    demo   What is accepted once is accepted again
    DEMO-FEATURE-01    must    demo   Cookies are kept from scripts

    5 checks
    --- exit 0
    "##);
}

#[test]
fn list_filters() {
    insta::assert_snapshot!(demo(&["list", "--suite", "demo", "--level", "must", "--check", "*-S*"]), @r##"
    CHECK           LEVEL  SUITE  PROMISE
    DEMO-STATUS-01  must   demo   A request without a credential is refused

    1 check
    --- exit 0
    "##);
    insta::assert_snapshot!(demo(&["list", "--contract", "nowhere"]).lines().nth(1).unwrap_or_default().split(';').next().unwrap_or_default(), @"error: there is no contract `nowhere`");
    insta::assert_snapshot!(demo(&["list", "--check", "NOTHING-*"]), @r##"
    --- stderr
    error: no check is like that; without filters, `proofmark list` shows all
    --- exit 2
    "##);
}

#[test]
fn list_as_json_has_every_check() {
    let output = proofmark(&["list", "--format", "json"]);
    let listed: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(listed.len(), super::builtin().checks().count());
}

#[test]
fn explain() {
    insta::assert_snapshot!(demo(&["explain", "DEMO-CHALLENGE-01"]), @r##"
    DEMO-CHALLENGE-01  A request without a credential is answered with a challenge

    Level
      must under appdirect, http-api, intraverse, percus, pers

    Source
      RFC 9110 §15.5.2, §11.6.1

    Why
      A client does not learn how to authenticate.

    Needs
      some operation that is `protected` and `read`

    Carried out for
      each operation that is `protected` and `read`

    Steps
      1. Send the operation as `anonymous`.
         expects (must) the answer `unauthenticated`
         expects (must) a `WWW-Authenticate` field — a client cannot know which scheme to use

    Answers
      unauthenticated: status 401 (appdirect, http-api, intraverse, percus, pers)

    Inconclusive when
      There is no answer at all, or 429, 502, 503 or 504 come in its place also after waiting, unless the check is about them.
      It fails once and holds the second time: every failure is tried again.

    Remedy
      Answer 401 and name the scheme to use in `WWW-Authenticate`.

    Fails with
      challenge-missing: Answers 401 without WWW-Authenticate.

    See it fail
      proofmark run --target reference:appdirect --flaw challenge-missing --check DEMO-CHALLENGE-01
    --- exit 0
    "##);
}

#[test]
fn explain_knows_what_was_meant() {
    insta::assert_snapshot!(demo(&["explain", "DEMO-CHALENGE-01"]), @r##"
    --- stderr
    error: there is no check "DEMO-CHALENGE-01"; did you mean DEMO-CHALLENGE-01?
    --- exit 2
    "##);
}

#[test]
fn every_check_is_explained() {
    let library = super::builtin();
    for (_, check) in library.checks() {
        let explanation =
            proofmark::report::Explanation::of(&library, &check.id).expect("it is there");
        assert_eq!(explanation.steps.len(), check.steps.len());
        assert_eq!(explanation.flaws.len(), check.proved_by.len());
    }
}

#[test]
fn lint_shows_all_mistakes_at_once() {
    let suite = "suite: mine\ntitle: Mine\nchecks:\n  - id: MINE-01\n    title: One\n    level: must\n    source: RFC 9110\n    steps:\n      - resend: first\n        expct: accepted\n    remedy: None\n    proved_by: [challenge-missing]\n    colour: red\n";
    insta::assert_snapshot!(fed(&["lint", "-"], suite), @r##"
    --- stderr
    error: unknown field `expct` in a `resend` step
      --> <stdin>:10:9
       |
    10 |         expct: accepted
       |         ^^^^^ did you mean `expect`?
       |
       = help: `resend` takes `node`, `fresh_connection`, `control`, `expect`, `should`, `advise`, `save`, `capture`

    error: unknown field `colour` in a check
      --> <stdin>:13:5
       |
    13 |     colour: red
       |     ^^^^^^
       |
       = help: a check takes `id`, `title`, `level`, `source`, `why`, `needs`, `for_each`, `control`, `steps`, `always`, `alone`, `last`, `rounds`, `inconclusive`, `remedy`, `proved_by`

    2 mistakes in 1 file
    --- exit 2
    "##);
}

/// Nobody outside can add a flaw to the reference deployments.
#[test]
fn a_check_of_ones_own_needs_no_flaw() {
    let suite = "suite: mine\ntitle: Mine\nchecks:\n  - id: MINE-01\n    title: One\n    level: must\n    source: RFC 9110\n    steps:\n      - send: GET /\n        expect: accepted\n    remedy: None\n    proved_by: []\n";
    assert!(fed(&["lint", "-"], suite).contains("no mistakes"));
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("mine.yaml"), suite).expect("a fresh folder");
    let folder = folder.path().to_str().expect("a name in UTF-8");
    let page = fed(&["explain", "--suites", folder, "MINE-01"], "");
    assert!(page.contains("nothing shows that it can fail"), "{page}");
}

#[test]
fn lint_looks_at_meaning() {
    let suite = "suite: mine\ntitle: Mine\nchecks:\n  - id: MINE-01\n    title: One\n    level: must\n    source: RFC 9110\n    steps:\n      - send: GET /\n        expect: welcomed\n      - resend: first\n        expect: accepted\n    remedy: None\n    proved_by: [challenge-missing]\n";
    insta::assert_snapshot!(fed(&["lint", "-"], suite), @r##"
    --- stderr
    error: no contract has an answer `welcomed`
      --> <stdin>:10:17
       |
    10 |         expect: welcomed
       |                 ^^^^^^^^

    error: no earlier step of this check is saved as `first`
      --> <stdin>:11:17
       |
    11 |       - resend: first
       |                 ^^^^^

    2 mistakes in 1 file
    --- exit 2
    "##);
}

#[test]
fn lint_of_a_target_needs_no_secrets() {
    let target = "target: mine\ncontract: pers\nurl: https://api.example/v2\nsecrets:\n  project_key: ${env:MINE_PROJECT_KEY}\n  user_proof: ${env:MINE_USER_PROOF}\nvalues: { user_id: u1, campaign_id: c1, transaction_id: t1 }\n";
    assert_eq!(
        fed(&["lint", "-"], target),
        "1 file, no mistakes\n--- exit 0\n"
    );
    let wrong = target
        .replace("https://", "http://")
        .replace("contract: pers", "contract: perls");
    insta::assert_snapshot!(fed(&["lint", "--format", "json", "-"], &wrong), @r##"
    [
      {
        "file": "<stdin>",
        "line": 2,
        "column": 11,
        "end_line": 2,
        "end_column": 16,
        "says": "there is no contract `perls`",
        "help": "there are `appdirect`, `dpop-resource-server`, `http-api`, `intraverse`, `percus`, `pers`; `http-api` fits an API without a contract of its own"
      }
    ]
    --- exit 2
    "##);
}

/// Wherever a target file is broken, and where nobody can tell that it is one.
#[test]
fn lint_shows_no_secret_of_a_target_file() {
    let secret = "s3cret-5c1f0a77";
    let of_principal = format!("  user: {{ roles: user, credentials: {{ tokn: {secret} }} }}\n");
    for text in [
        format!("target: x\ncontract: http-api\nurl: https://api\nprincipals:\n{of_principal}"),
        format!("target: x\nurl: https://api\nprincipals:\n{of_principal}{of_principal}"),
        format!("target: x\nsecrets: {{ a: {secret}, a: {secret} }}\n"),
        format!("target: x\nsecrets: {{ a: \"{secret} }}\n"),
        format!("secrets: {{ a: {secret} }}\n"),
        format!("secrets:\n\ta: {secret}\n"),
    ] {
        let shown = fed(&["lint", "-"], &text);
        assert!(shown.ends_with("--- exit 2\n"), "{shown}");
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn lint_finds_what_cannot_be_meant() {
    let target = r##"target: mine
contract: http-api
url: https://api.example
secrets: { user_token: "${env:USER_TOKEN}" }
features: [cookeis, home-made]
principals:
  user: { roles: [user], credentials: { token: "${secret.user_tokn}" } }
  admin: { roles: [admin], credentials: { token: "${secret.nobodys}" } }
operations:
  me: { request: GTE /me, allow: [user, editor] }
  settings: { request: GET /settings, allow: [admn], success: 2001 }
  purge: PURGE /cache
levels: { AUTH-401-1: should, NONE-SUCH-99: advice }
consent: { max_requests_per_second: 0 }
"##;
    insta::assert_snapshot!(fed(&["lint", "-"], target), @r##"
    --- stderr
    error: no check asks for `cookeis`
     --> <stdin>:5:12
      |
    5 | features: [cookeis, home-made]
      |            ^^^^^^^ did you mean `cookies`?

    error: the file has no secret `user_tokn`
     --> <stdin>:7:49
      |
    7 |   user: { roles: [user], credentials: { token: **{****************}* } }
      |                                                 ^^^^^^^^^^^^^^^^^^^ did you mean `user_token`?

    error: the file has no secret `nobodys`
     --> <stdin>:8:51
      |
    8 |   admin: { roles: [admin], credentials: { token: **{**************}* } }
      |                                                   ^^^^^^^^^^^^^^^^^
      |
      = help: name it under `secrets`

    error: there is no method `GTE`
      --> <stdin>:10:18
       |
    10 |   me: { request: GTE /me, allow: [user, editor] }
       |                  ^^^ did you mean `GET`?

    error: no principal has the role `admn`
      --> <stdin>:11:47
       |
    11 |   settings: { request: GET /settings, allow: [admn], success: 2001 }
       |                                               ^^^^ did you mean `admin`?

    error: 2001 is no status; they go from 100 to 599
      --> <stdin>:11:63
       |
    11 |   settings: { request: GET /settings, allow: [admn], success: 2001 }
       |                                                               ^^^^
       |
       = help: write a status such as `201`, a class such as `2xx`, or a list

    error: there is no check `AUTH-401-1`
      --> <stdin>:13:11
       |
    13 | levels: { AUTH-401-1: should, NONE-SUCH-99: advice }
       |           ^^^^^^^^^^ did you mean `AUTH-401-01`?

    error: there is no check `NONE-SUCH-99`
      --> <stdin>:13:31
       |
    13 | levels: { AUTH-401-1: should, NONE-SUCH-99: advice }
       |                               ^^^^^^^^^^^^
       |
       = help: `proofmark list` shows all

    error: at no request a second nothing can be sent
      --> <stdin>:14:37
       |
    14 | consent: { max_requests_per_second: 0 }
       |                                     ^
       |
       = help: leave it out for the default, or write 1 or more

    9 mistakes in 1 file
    --- exit 2
    "##);
}

#[test]
fn lint_of_something_else() {
    insta::assert_snapshot!(fed(&["lint", "-"], "name: mine\n"), @r##"
    --- stderr
    error: this is no suite, contract or target file
     --> <stdin>:1:1
      |
    1 | name: ****
      | ^^^^
      |
      = help: it begins with `suite: NAME`, `contract: NAME` or `target: NAME`

    1 mistake in 1 file
    --- exit 2
    "##);
}

#[test]
fn report_from_standard_input() {
    let again = fed(&["report", "-"], DEMO);
    let run = super::record(DEMO);
    let view = proofmark::report::View::of(&run);
    let page = proofmark::report::terminal(
        &view,
        proofmark::suite::model::Level::Must,
        proofmark::report::Paint::Plain,
        proofmark::report::Detail::Brief,
    );
    assert_eq!(again, format!("{page}--- exit 1\n"));
}

#[test]
fn report_writes_every_format() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let wishes = [
        format!("json={}", path("r.json")),
        format!("junit={}", path("r.xml")),
        format!("terminal={}", path("r.txt")),
    ];
    let mut arguments = vec!["report", "fixtures/journals/demo.jsonl"];
    for wish in &wishes {
        arguments.extend(["--report", wish]);
    }
    assert_eq!(shown(&proofmark(&arguments)), "--- exit 1\n");
    for (name, beginning) in [
        ("r.json", "{"),
        ("r.xml", "<?xml"),
        ("r.txt", "loyalty-staging"),
    ] {
        let text = std::fs::read_to_string(path(name)).expect("it was written");
        assert!(text.starts_with(beginning), "{name}: {text}");
    }
}

#[test]
fn report_mistakes() {
    insta::assert_snapshot!(shown(&proofmark(&["report", "nowhere.jsonl"])), @r##"
    --- stderr
    error: nowhere.jsonl: No such file or directory (os error 2)
    --- exit 2
    "##);
    insta::assert_snapshot!(shown(&proofmark(&["report", "Cargo.toml"])), @r##"
    --- stderr
    error: Cargo.toml: the journal does not begin with its head: the run ended before it sent anything and can be started anew without `--resume`, or this is no journal of Proofmark
    --- exit 2
    "##);
    insta::assert_snapshot!(shown(&proofmark(&["report", "x", "--report", "pdf=-"])), @r##"
    --- stderr
    error: invalid value 'pdf=-' for '--report <FORMAT=PATH>': there is no format `pdf`; there are terminal, json, junit

    For more information, try '--help'.
    --- exit 2
    "##);
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = proofmark(&["completions", shell]);
        let script = String::from_utf8(output.stdout).expect("text");
        assert!(script.contains("explain"), "{shell}");
        assert!(output.status.success());
    }
}

#[test]
fn flaws_name_the_checks_that_they_fail() {
    let output = proofmark(&["flaws", "pers", "--format", "json"]);
    let flaws: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    let catalogue = proofmark::reference::Contract::named("pers")
        .expect("pers")
        .catalogue();
    assert_eq!(flaws.len(), catalogue.flaws().len());
    let library = super::builtin();
    let named: usize = flaws
        .iter()
        .map(|flaw| flaw["proves"].as_array().map_or(0, Vec::len))
        .sum();
    let known: usize = library
        .checks()
        .flat_map(|(_, check)| &check.proved_by)
        .filter(|proof| {
            catalogue
                .find(proof.flaw())
                .is_some_and(|flaw| proof.says("pers", flaw.id))
        })
        .count();
    assert_eq!(named, known);
}

#[test]
fn lint_finds_words_and_values_that_nobody_has() {
    let target = "target: t\ncontract: http-api\nurl: ${env:NO_SUCH_ADDRESS}\n\
        params: { origins: 5, schemes: bearer, hidden_status: 404 }\n\
        principals: { alice: { roles: [user], is: [my-own-word], values: { note: n1 } } }\n\
        operations:\n  me: { request: GET /me, allow: [user], is: [persnal] }\n  \
        note: { request: \"GET /notes/${note}/${nope}\", allow: [user], is: [item] }\n";
    insta::assert_snapshot!(fed(&["lint", "-"], target), @r##"
    --- stderr
    error: `origins` is a list or a map, and this is a number
     --> <stdin>:4:20
      |
    4 | params: { origins: 5, schemes: bearer, hidden_status: 404 }
      |                    ^

    error: `schemes` is a list, and this is a text
     --> <stdin>:4:32
      |
    4 | params: { origins: 5, schemes: bearer, hidden_status: 404 }
      |                                ^^^^^^
      |
      = help: such as ["bearer"]

    error: no check asks for `persnal`
     --> <stdin>:7:47
      |
    7 |   me: { request: GET /me, allow: [user], is: [persnal] }
      |                                               ^^^^^^^ did you mean `personal`?

    error: no principal has a value `nope`
     --> <stdin>:8:40
      |
    8 |   note: { request: "GET /notes/${note}/${nope}", allow: [user], is: [item] }
      |                                        ^^^^^^^ did you mean `node`?

    4 mistakes in 1 file
    --- exit 2
    "##);
}

#[test]
fn explain_takes_patterns_and_suggests_them() {
    let all = demo(&["explain", "demo-c*"]);
    assert!(all.contains("DEMO-CHALLENGE-01"), "{all}");
    assert!(all.contains("DEMO-CONTROL-01"), "{all}");
    let part = demo(&["explain", "DEMO-CHALLENGE"]);
    assert!(part.contains("but DEMO-CHALLENGE-01"), "{part}");
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_is_lost_is_told() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let ended = std::process::Command::new(env!("CARGO_BIN_EXE_proofmark"))
        .arg("list")
        .stdout(full.expect("it is always there"))
        .output()
        .expect("the binary runs");
    assert_eq!(ended.status.code(), Some(4));
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(said.contains("standard output"), "{said}");
}

/// What a run would send, change and leave out, of a file that allows little.
#[test]
fn a_dry_run_says_what_would_be_done() {
    let target = "target: mine\ncontract: http-api\nurl: https://api.example/v2\nprincipals:\n  user: { roles: [user], credentials: { token: s3cret-5c1f0a77 } }\noperations:\n  me: { request: GET /me, allow: [user] }\n  change-me: { request: PATCH /me, allow: [user], body: { json: { name: \"${canary}\" } }, state: me }\nconsent: { writes: true, max_requests_per_second: 2 }\n";
    let only = "AUTH-401-01,AUTH-TEN-01,AUTH-TEN-01-OWNER,ERR-SHAPE-01,RL-LIMIT-01";
    let arguments = ["run", "--target", "-", "--check", only, "--dry-run"];
    insta::assert_snapshot!(fed(&arguments, target), @r##"
    mine against contract http-api, https://api.example

    ERR-SHAPE-01             advice 11 cases that look at answers of the run
    AUTH-401-01              must   2 cases of 3 requests; 3 may change something

    Skipped
         the target file does not consent to `load`:
           ERR-SHAPE-01 (1 case) RL-LIMIT-01
         the target has no principal that is `forbidden` for `me`:
           ERR-SHAPE-01 (1 case)
         operation `change-me` lists no `violations` of its schema:
           ERR-SHAPE-01 (1 case)
         the target has no operation that is `item` and `read` and `protected`:
           ERR-SHAPE-01 (1 case)
         neither contract nor target file set the parameter `conflicts`:
           ERR-SHAPE-01 (1 case)
         neither contract nor target file set the parameter `fault_header`:
           ERR-SHAPE-01 (1 case)
         neither contract nor target file declare the feature `tenants`:
           AUTH-TEN-01
         the target has no operation that is `protected` and `read` and `owned` and `made`:
           AUTH-TEN-01-OWNER

    Requests that may change something
           8 PATCH /me
           1 LOCK /me

    5 checks: 13 cases to carry out and 9 skipped (3 checks with nothing to carry out)
    about 18 requests where all holds, at most 24 where nothing does, and some for credentials and after 429, 502, 503 and 504
    at 2 a second at least 9 s. Nothing was sent.
    --- exit 0
    "##);
    let json = fed(&[&arguments[..], &["--report", "json=-"]].concat(), target);
    let (json, code) = json.split_once("--- exit ").unwrap();
    assert_eq!(code, "0\n");
    let seen: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(seen["checks"]["AUTH-401-01"]["cases"], 2);
    assert_eq!(seen["writes"]["PATCH /me"], 8);
    let refused = fed(&[&arguments[..], &["--report", "junit=-"]].concat(), target);
    assert!(refused.ends_with("--- exit 2\n"), "{refused}");
}
