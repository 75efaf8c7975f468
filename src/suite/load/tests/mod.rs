//! What the user gets to see, on types like those of suites.
#![allow(dead_code, reason = "the fields are there to be decoded")]

mod any_text;
mod dialect;
mod fields;
mod pointing;
mod unions;
mod values;

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::{Document, Mistake, decode_strict, render};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Suite {
    suite: String,
    #[serde(default)]
    vars: BTreeMap<Name, String>,
    checks: Vec<Check>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
struct Name(#[schemars(regex(pattern = "^[a-z_]+$"))] String);

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Check {
    /// Capital letters and digits in groups, such as `A-12`.
    ///
    /// Never changes once published.
    #[schemars(regex(pattern = "^[A-Z]+(-[A-Z0-9]+)*$"))]
    id: String,
    level: Level,
    #[serde(default)]
    #[schemars(range(min = 1, max = 60))]
    wait_s: Option<u32>,
    retries: Option<u32>,
    #[serde(default)]
    destructive: bool,
    #[serde(default)]
    pause: Option<Pause>,
    #[serde(default)]
    forge: Option<Forgery>,
    #[schemars(length(min = 1))]
    steps: Vec<Step>,
    #[serde(default)]
    #[schemars(schema_with = "distinct")]
    proved_by: Vec<String>,
}

fn distinct(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "array", "items": { "type": "string" }, "uniqueItems": true })
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Level {
    Must,
    Should,
    Advice,
}

/// Says in its own words what it refuses: the schema only knows that it is a string.
#[derive(Debug, JsonSchema)]
struct Pause(String);

impl<'de> Deserialize<'de> for Pause {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.ends_with('s') {
            Ok(Self(text))
        } else {
            Err(serde::de::Error::custom(
                "a pause ends with `s`, as in `90s`",
            ))
        }
    }
}

/// Keyed by a verb.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Step {
    Send(Send),
    Resend(Resend),
    Wait(Wait),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Send {
    send: String,
    r#as: Option<String>,
    #[serde(default)]
    headers: IndexMap<String, String>,
    expect: Option<Expect>,
    save: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Resend {
    resend: String,
    expect: Option<Expect>,
    save: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wait {
    wait: String,
}

/// A word, a matcher, or a list of either.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Expect {
    Answer(Answer),
    Matcher(Matcher),
    Any(Vec<Expect>),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    /// As the contract says.
    Accepted,
    Unauthenticated,
    RateLimited,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Matcher {
    #[schemars(range(min = 100, max = 599))]
    status: Option<u16>,
    header: Option<IndexMap<String, String>>,
    not: Option<Box<Expect>>,
}

/// Tagged by a field.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum Forgery {
    Claims {
        patch: BTreeMap<String, i64>,
    },
    Header {
        patch: BTreeMap<String, String>,
        alg: Option<String>,
    },
}

/// The head of a suite with one check, so that a test writes only the line that it is about.
const HEAD: &str = "suite: tokens\nchecks:\n  - id: A-1\n    level: must\n";

fn read(text: &str) -> Result<Document, Vec<Mistake>> {
    Document::read("suites/a.yaml", text.as_bytes())
}

fn mistakes(text: &str) -> Vec<Mistake> {
    match read(text) {
        Ok(mut document) => decode_strict::<Suite>(&mut document)
            .map(|_| ())
            .err()
            .unwrap_or_default(),
        Err(mistakes) => mistakes,
    }
}

fn page(text: &str) -> String {
    render(&mistakes(text), false)
}

/// The page for a check of which only these lines differ.
fn check_page(lines: &str) -> String {
    page(&format!("{HEAD}{lines}"))
}

#[test]
fn a_good_suite_has_no_mistakes() {
    let text = r#"
suite: tokens
vars: { user_name: "${env:USER}" }
checks:
  - id: A-1
    level: must
    wait_s: 5
    pause: 90s
    forge: { kind: claims, patch: { exp: -60 } }
    steps:
      - send: GET /me
        as: user
        headers: { accept: "*/*" }
        expect: accepted
        save: first
      - resend: first
        expect: [unauthenticated, { status: 400, not: { header: { www-authenticate: DPoP } } }]
      - wait: 1s
    proved_by: [a, b]
"#;
    assert_eq!(page(text), "");
    let mut document = read(text).expect("no mistakes");
    let suite: Suite = super::decode(&mut document).expect("no mistakes");
    assert_eq!(suite.checks[0].steps.len(), 3);
    assert_eq!(suite.vars[&Name("user_name".into())], "${env:USER}");
}
