//! Each format: its page, its schema, and its rows counted against the verdicts.

use std::io::Write;
use std::process::{Command, Stdio};

use proofmark::report::{Detail, Paint, Standing, View, json, junit, terminal};
use proofmark::suite::model::Level;
use serde_json::Value;

use super::{DEMO, record, root};

#[test]
fn terminal_page() {
    let run = record(DEMO);
    insta::assert_snapshot!(terminal(&View::of(&run), Level::Must, Paint::Plain, Detail::Brief), @r##"
    loyalty-staging against contract pers

    FAIL DEMO-CHALLENGE-01[me]  A request without a credential is answered with a challenge  (must, RFC 9110 §15.5.2, §11.6.1)
         expected a `WWW-Authenticate` field; there is none — a client cannot know which scheme to use
         curl -i --http1.1 -k -H 'Accept: application/json' -H "X-Project-Key: ${PM_PROJECT_KEY}" --path-as-is https://localhost:8443/v2/users/me
         fix: Answer 401 and name the scheme to use in `WWW-Authenticate`.
         likewise [list-users]

    warn DEMO-ADVICE-01  A refusal says which scheme to use  (advice, good practice)
         expected a `WWW-Authenticate` field; there is none
         curl -i --http1.1 -k -H 'Accept: application/json' -H "X-Project-Key: ${PM_PROJECT_KEY}" --path-as-is https://localhost:8443/v2/users/me
         fix: Name the scheme.

    ???? DEMO-CONTROL-01  What is accepted once is accepted again  (must)
         control: the control expected accepted: status 2xx, and there was status 401

    Skipped (`--verbose` names the checks)
         missing: 1 check: neither contract nor target file declare the feature `cookies` (1)

    5 checks: 1 pass, 2 fail (1 below must), 1 inconclusive, 1 skipped (6 cases, 9 exchanges in 0.1 s)
    "##);
}

#[test]
fn json_page() {
    let run = record(DEMO);
    insta::assert_snapshot!(json(&View::of(&run), Level::Must), @r##"
    {
      "proofmark_report": 1,
      "proofmark": "0.1.0",
      "started": "2026-01-02T03:04:05.678Z",
      "target": {
        "name": "loyalty-staging",
        "contract": "pers",
        "url": "https://localhost:8443/v2",
        "plain_url": "http://localhost:8080"
      },
      "level": "must",
      "conformity": "fails",
      "run": {
        "state": "complete",
        "wall_ms": 120,
        "exchanges": 9
      },
      "counts": {
        "checks": {
          "total": 5,
          "pass": 1,
          "fail": 2,
          "inconclusive": 1,
          "skipped": 1
        },
        "cases": {
          "total": 6,
          "pass": 1,
          "fail": 3,
          "inconclusive": 1,
          "skipped": 1
        }
      },
      "checks": [
        {
          "id": "DEMO-CHALLENGE-01",
          "suite": "demo",
          "title": "A request without a credential is answered with a challenge",
          "level": "must",
          "source": "RFC 9110 §15.5.2, §11.6.1",
          "standing": "fail",
          "why": "A client does not learn how to authenticate.",
          "remedy": "Answer 401 and name the scheme to use in `WWW-Authenticate`.",
          "cases": [
            {
              "id": "DEMO-CHALLENGE-01[me]",
              "bindings": {
                "operation": "me"
              },
              "verdict": "fail",
              "level": "must",
              "findings": [
                {
                  "level": "must",
                  "phase": "steps",
                  "step": 1,
                  "expected": "a `WWW-Authenticate` field",
                  "observed": "there is none",
                  "because": "a client cannot know which scheme to use",
                  "exchange": 5,
                  "curl": "curl -i --http1.1 -k -H 'Accept: application/json' -H \"X-Project-Key: ${PM_PROJECT_KEY}\" --path-as-is https://localhost:8443/v2/users/me"
                }
              ],
              "exchanges": [
                5,
                1
              ]
            },
            {
              "id": "DEMO-CHALLENGE-01[list-users]",
              "bindings": {
                "operation": "list-users"
              },
              "verdict": "fail",
              "level": "must",
              "findings": [
                {
                  "level": "must",
                  "phase": "steps",
                  "step": 1,
                  "expected": "a `WWW-Authenticate` field",
                  "observed": "there is none",
                  "because": "a client cannot know which scheme to use",
                  "exchange": 4,
                  "curl": "curl -i --http1.1 -k -H 'Accept: application/json' -H \"X-Project-Key: ${PM_PROJECT_KEY}\" --path-as-is https://localhost:8443/v2/users"
                }
              ],
              "exchanges": [
                4,
                2
              ]
            }
          ]
        },
        {
          "id": "DEMO-STATUS-01",
          "suite": "demo",
          "title": "A request without a credential is refused",
          "level": "must",
          "source": "RFC 9110 §15.5.2",
          "standing": "pass",
          "remedy": "Answer 401.",
          "cases": [
            {
              "id": "DEMO-STATUS-01",
              "verdict": "pass",
              "exchanges": [
                3
              ]
            }
          ]
        },
        {
          "id": "DEMO-ADVICE-01",
          "suite": "demo",
          "title": "A refusal says which scheme to use",
          "level": "advice",
          "source": "good practice",
          "standing": "fail",
          "remedy": "Name the scheme.",
          "cases": [
            {
              "id": "DEMO-ADVICE-01",
              "verdict": "fail",
              "level": "advice",
              "findings": [
                {
                  "level": "advice",
                  "phase": "steps",
                  "step": 1,
                  "expected": "a `WWW-Authenticate` field",
                  "observed": "there is none",
                  "exchange": 7,
                  "curl": "curl -i --http1.1 -k -H 'Accept: application/json' -H \"X-Project-Key: ${PM_PROJECT_KEY}\" --path-as-is https://localhost:8443/v2/users/me"
                }
              ],
              "exchanges": [
                7,
                6
              ]
            }
          ]
        },
        {
          "id": "DEMO-CONTROL-01",
          "suite": "demo",
          "title": "What is accepted once is accepted again",
          "level": "must",
          "source": "nowhere, it shows a control that fails",
          "standing": "inconclusive",
          "remedy": "None; the check is about the report.",
          "cases": [
            {
              "id": "DEMO-CONTROL-01",
              "verdict": "inconclusive",
              "reason": "control",
              "says": "the control expected accepted: status 2xx, and there was status 401",
              "exchanges": [
                9
              ]
            }
          ]
        },
        {
          "id": "DEMO-FEATURE-01",
          "suite": "demo",
          "title": "Cookies are kept from scripts",
          "level": "must",
          "source": "RFC 6265 §5.2.6",
          "standing": "skipped",
          "remedy": "Set `HttpOnly`.",
          "cases": [
            {
              "id": "DEMO-FEATURE-01",
              "verdict": "skipped",
              "reason": "missing",
              "says": "neither contract nor target file declare the feature `cookies`"
            }
          ]
        }
      ]
    }
    "##);
}

#[test]
fn junit_page() {
    let run = record(DEMO);
    insta::assert_snapshot!(junit(&View::of(&run), Level::Must), @r##"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites>
        <testsuite name="demo" tests="6" skipped="1" errors="1" failures="2" time="0.020" id="0" package="pers" hostname="localhost" timestamp="2026-01-02T03:04:05">
            <properties>
                <property name="target" value="loyalty-staging"/>
                <property name="contract" value="pers"/>
                <property name="level" value="must"/>
                <property name="proofmark" value="0.1.0"/>
            </properties>
            <testcase name="DEMO-CHALLENGE-01[me]" classname="demo" time="0.005">
                <failure message="A request without a credential is answered with a challenge: expected a `WWW-Authenticate` field; there is none" type="must">expected a `WWW-Authenticate` field; there is none
    a client cannot know which scheme to use
    curl -i --http1.1 -k -H &apos;Accept: application/json&apos; -H &quot;X-Project-Key: ${PM_PROJECT_KEY}&quot; --path-as-is https://localhost:8443/v2/users/me
    Answer 401 and name the scheme to use in `WWW-Authenticate`.
    RFC 9110 §15.5.2, §11.6.1</failure>
            </testcase>
            <testcase name="DEMO-CHALLENGE-01[list-users]" classname="demo" time="0.005">
                <failure message="A request without a credential is answered with a challenge: expected a `WWW-Authenticate` field; there is none" type="must">expected a `WWW-Authenticate` field; there is none
    a client cannot know which scheme to use
    curl -i --http1.1 -k -H &apos;Accept: application/json&apos; -H &quot;X-Project-Key: ${PM_PROJECT_KEY}&quot; --path-as-is https://localhost:8443/v2/users
    Answer 401 and name the scheme to use in `WWW-Authenticate`.
    RFC 9110 §15.5.2, §11.6.1</failure>
            </testcase>
            <testcase name="DEMO-STATUS-01" classname="demo" time="0.002"/>
            <testcase name="DEMO-ADVICE-01" classname="demo" time="0.005"/>
            <testcase name="DEMO-CONTROL-01" classname="demo" time="0.003">
                <error message="the control expected accepted: status 2xx, and there was status 401" type="control">What is accepted once is accepted again</error>
            </testcase>
            <testcase name="DEMO-FEATURE-01" classname="demo" time="0.000">
                <skipped message="missing: neither contract nor target file declare the feature `cookies`"/>
            </testcase>
            <system-out>DEMO-ADVICE-01 fails at level advice: A refusal says which scheme to use: expected a `WWW-Authenticate` field; there is none
    </system-out>
            <system-err></system-err>
        </testsuite>
    </testsuites>
    "##);
}

#[test]
fn colours_add_nothing_but_colours() {
    let run = record(DEMO);
    let view = View::of(&run);
    let coloured = terminal(&view, Level::Must, Paint::Colour, Detail::Brief);
    assert!(coloured.contains("\u{1b}["));
    let bare = regex::Regex::new("\u{1b}\\[[0-9;]*m").expect("an expression");
    assert_eq!(
        bare.replace_all(&coloured, ""),
        terminal(&view, Level::Must, Paint::Plain, Detail::Brief)
    );
}

#[test]
fn json_satisfies_its_schema() {
    let schema =
        std::fs::read_to_string(root().join("docs/schema/report.json")).expect("the schema");
    let schema: Value = serde_json::from_str(&schema).expect("a schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let run = record(DEMO);
    for level in [Level::Must, Level::Should, Level::Advice] {
        let report: Value = serde_json::from_str(&json(&View::of(&run), level)).expect("JSON");
        let errors: Vec<String> = validator
            .iter_errors(&report)
            .map(|e| e.to_string())
            .collect();
        assert_eq!(errors, Vec::<String>::new());
    }
    assert!(!validator.is_valid(&serde_json::json!({"proofmark_report": 1})));
}

#[test]
fn json_rows_are_the_verdicts() {
    let run = record(DEMO);
    let view = View::of(&run);
    let report: Value = serde_json::from_str(&json(&view, Level::Must)).expect("JSON");
    let rows: Vec<&Value> = report["checks"]
        .as_array()
        .expect("checks")
        .iter()
        .flat_map(|check| check["cases"].as_array().expect("cases"))
        .collect();
    assert_eq!(rows.len(), run.head.plan.cases.len());
    for standing in [
        Standing::Pass,
        Standing::Fail,
        Standing::Inconclusive,
        Standing::Skipped,
    ] {
        let listed = rows
            .iter()
            .filter(|row| row["verdict"] == standing.word())
            .count();
        assert!(
            listed > 0,
            "the fixture has no case that is {}",
            standing.word()
        );
        assert_eq!(report["counts"]["cases"][standing.word()], listed);
    }
}

#[test]
fn junit_rows_are_the_verdicts() {
    let run = record(DEMO);
    let view = View::of(&run);
    let counts = view.case_counts();
    for (level, failures) in [(Level::Must, 2), (Level::Advice, 3)] {
        let text = junit(&view, level);
        assert_eq!(text.matches("<testcase ").count(), counts.total);
        assert_eq!(text.matches("<failure ").count(), failures);
        assert_eq!(text.matches("<error ").count(), counts.inconclusive);
        assert_eq!(text.matches("<skipped ").count(), counts.skipped);
        assert!(text.contains(&format!("failures=\"{failures}\"")), "{text}");
        let noted = text.contains("DEMO-ADVICE-01 fails at level advice");
        assert_eq!(noted, level == Level::Must, "{text}");
    }
}

#[test]
fn junit_reads_back() {
    let run = record(DEMO);
    let text = junit(&View::of(&run), Level::Must);
    // Its reader wants the time zone that Windy Road's schema forbids.
    let zoned = text.replace("03:04:05\"", "03:04:05Z\"");
    let report = quick_junit::Report::deserialize_from_str(&zoned).expect("it is JUnit");
    assert_eq!(report.test_suites.len(), 1);
    assert_eq!(
        report.test_suites[0].test_cases.len(),
        run.head.plan.cases.len()
    );
    validate(&text);
}

/// Against the schemas of Jenkins and of Windy Road, where they are at hand.
#[expect(clippy::print_stderr, reason = "says why it does nothing")]
pub fn validate(xml: &str) {
    let Some(folder) = std::env::var_os("PROOFMARK_SCHEMAS") else {
        eprintln!(
            "not validated: PROOFMARK_SCHEMAS names no folder with junit-jenkins-10.xsd and junit-windyroad.xsd"
        );
        return;
    };
    for schema in ["junit-jenkins-10.xsd", "junit-windyroad.xsd"] {
        let mut xmllint = Command::new("xmllint")
            .args(["--noout", "--schema"])
            .arg(std::path::Path::new(&folder).join(schema))
            .arg("-")
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("xmllint is installed (Debian: libxml2-utils)");
        let mut input = xmllint.stdin.take().expect("a pipe");
        input.write_all(xml.as_bytes()).expect("xmllint reads");
        drop(input);
        let output = xmllint.wait_with_output().expect("xmllint ends");
        let says = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{schema}: {says}\n{xml}");
    }
}

/// A run that died in the middle: what was not reached is said, and nothing is made of it.
#[test]
fn a_journal_without_its_end() {
    let lines: Vec<&str> = DEMO.lines().collect();
    let (journal, _) = lines.split_at(2);
    let run = record(&format!("{}\n", journal.join("\n")));
    let view = View::of(&run);
    let text = terminal(&view, Level::Must, Paint::Plain, Detail::Brief);
    assert!(text.contains("the run did not come to its end"), "{text}");
    let report: Value = serde_json::from_str(&json(&view, Level::Must)).expect("JSON");
    assert_eq!(report["run"]["state"], "unfinished");
    assert_eq!(report["conformity"], "undecided");
    assert_eq!(report["counts"]["cases"]["pass"], 0);
    validate(&junit(&view, Level::Must));
}
