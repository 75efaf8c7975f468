//! Places where several shapes are allowed.

use insta::assert_snapshot;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use std::collections::BTreeMap;

use super::super::{Document, decode_strict, render};
use super::check_page;

fn step_page(step: &str) -> String {
    check_page(&format!("    steps:\n      - {step}\n"))
}

#[test]
fn a_misspelt_verb() {
    assert_snapshot!(step_page("sned: GET /me\n        as: user\n        expect: { stauts: 200 }"), @"
    error: unknown field `sned` in a step
     --> suites/a.yaml:6:9
      |
    6 |       - sned: GET /me
      |         ^^^^ did you mean `send`?
      |
      = help: a step has one of `send`, `resend`, `wait`

    error: unknown field `stauts` in a matcher
     --> suites/a.yaml:8:19
      |
    8 |         expect: { stauts: 200 }
      |                   ^^^^^^ did you mean `status`?
      |
      = help: a matcher takes `status`, `header`, `not`

    2 mistakes in 1 file
    ");
}

#[test]
fn no_verb_at_all() {
    assert_snapshot!(step_page("expect: accepted"), @"
    error: a step starts with one of `send`, `resend`, `wait`
     --> suites/a.yaml:6:9
      |
    6 |       - expect: accepted
      |         ^^^^^^ none of them is here

    1 mistake in 1 file
    ");
}

#[test]
fn a_verb_that_nobody_knows() {
    assert_snapshot!(step_page("browse: /home"), @"
    error: a step starts with one of `send`, `resend`, `wait`
     --> suites/a.yaml:6:9
      |
    6 |       - browse: /home
      |         ^^^^^^ none of them is here, and `browse` is not known

    1 mistake in 1 file
    ");
}

#[test]
fn two_verbs() {
    assert_snapshot!(step_page("send: GET /me\n        resend: first"), @"
    error: `send` and `resend` cannot stand together in a step
     --> suites/a.yaml:7:9
      |
    6 |       - send: GET /me
      |         ---- the first is here
    7 |         resend: first
      |         ^^^^^^
      |
      = help: a step has one of `send`, `resend`, `wait`

    1 mistake in 1 file
    ");
}

#[test]
fn a_step_that_is_no_map() {
    assert_snapshot!(step_page("send"), @"
    error: expected a map for item 1 of `steps`, found a string
     --> suites/a.yaml:6:9
      |
    6 |       - send
      |         ^^^^
      |
      = help: item 1 of `steps` holds a map: write `key: value` on lines of their own

    1 mistake in 1 file
    ");
}

#[test]
fn a_wrong_value_under_a_verb() {
    assert_snapshot!(step_page("send: { GET: /me }\n        as: [user]"), @"
    error: expected a string for `send`, found a map
     --> suites/a.yaml:6:15
      |
    6 |       - send: { GET: /me }
      |               ^^^^^^^^^^^^

    error: expected a string for `as`, found a list
     --> suites/a.yaml:7:13
      |
    7 |         as: [user]
      |             ^^^^^^

    2 mistakes in 1 file
    ");
}

#[test]
fn a_shorthand_with_an_unknown_word() {
    assert_snapshot!(step_page("send: GET /me\n        expect: unauthentcated"), @"
    error: unknown word `unauthentcated` for `expect`
     --> suites/a.yaml:7:17
      |
    7 |         expect: unauthentcated
      |                 ^^^^^^^^^^^^^^ did you mean `unauthenticated`?
      |
      = help: `expect` is one of `unauthenticated`, `rate-limited`, `accepted`, or a map, or a list

    1 mistake in 1 file
    ");
}

#[test]
fn a_shorthand_of_the_wrong_type() {
    assert_snapshot!(step_page("send: GET /me\n        expect: 200"), @"
    error: expected a word, a map or a list for `expect`, found a number
     --> suites/a.yaml:7:17
      |
    7 |         expect: 200
      |                 ^^^
      |
      = help: the words are `unauthenticated`, `rate-limited`, `accepted`

    1 mistake in 1 file
    ");
}

#[test]
fn a_mistake_deep_in_the_long_form() {
    assert_snapshot!(
        step_page("send: GET /me\n        expect:\n          - not:\n              not:\n                - accepted\n                - header: { age: 5 }"),
        @r#"
    error: expected a string for `age`, found a number
      --> suites/a.yaml:11:34
       |
    11 |                 - header: { age: 5 }
       |                                  ^
       |
       = help: if it is meant as text, put it in quotes: "5"

    1 mistake in 1 file
    "#
    );
}

#[test]
fn an_unknown_kind() {
    assert_snapshot!(check_page("    steps: [wait: 1s]\n    forge: { kind: claim, patch: {} }\n"), @"
    error: unknown word `claim` for `kind`
     --> suites/a.yaml:6:20
      |
    6 |     forge: { kind: claim, patch: {} }
      |                    ^^^^^ did you mean `claims`?
      |
      = help: `kind` is one of `claims`, `header`

    1 mistake in 1 file
    ");
}

#[test]
fn a_missing_kind() {
    assert_snapshot!(check_page("    steps: [wait: 1s]\n    forge: { patch: {} }\n"), @"
    error: missing field `kind` in a forgery
     --> suites/a.yaml:6:5
      |
    6 |     forge: { patch: {} }
      |     ^^^^^
      |
      = help: `kind` is one of `claims`, `header`

    1 mistake in 1 file
    ");
}

#[test]
fn a_mistake_in_a_known_kind() {
    assert_snapshot!(
        check_page("    steps: [wait: 1s]\n    forge: { kind: claims, patch: { exp: soon }, alg: none }\n"),
        @"
    error: expected a whole number for `exp`, found a string
     --> suites/a.yaml:6:42
      |
    6 |     forge: { kind: claims, patch: { exp: soon }, alg: none }
      |                                          ^^^^

    error: unknown field `alg` in a `claims` forgery
     --> suites/a.yaml:6:50
      |
    6 |     forge: { kind: claims, patch: { exp: soon }, alg: none }
      |                                                  ^^^
      |
      = help: a `claims` forgery takes `kind`, `patch`

    2 mistakes in 1 file
    "
    );
}

/// As serde tags an enum by itself: a word, or a map with one key.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Login {
    Anonymous,
    /// A token that is there already.
    Token(String),
    Exchange(Exchange),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Exchange {
    token: String,
    scope: Option<Vec<String>>,
}

fn login_page(login: &str) -> String {
    let text = format!("user: {login}\n");
    let mut document =
        Document::read("target.yaml", text.as_bytes()).expect("only the shape is wrong");
    let mistakes = decode_strict::<BTreeMap<String, Login>>(&mut document).map(|_| ());
    render(&mistakes.expect_err("a mistake"), false)
}

#[test]
fn a_shape_named_by_its_only_key() {
    assert_snapshot!(login_page("{ exchnge: { token: x } }"), @"
    error: unknown field `exchnge` in a login
     --> target.yaml:1:9
      |
    1 | user: { exchnge: { token: x } }
      |         ^^^^^^^ did you mean `exchange`?
      |
      = help: a login has one of `token`, `exchange`

    1 mistake in 1 file
    ");
    assert_snapshot!(login_page("{ exchange: { tokn: x, scope: me } }"), @"
    error: unknown field `tokn` in an exchange
     --> target.yaml:1:21
      |
    1 | user: { exchange: { tokn: x, scope: me } }
      |                     ^^^^ did you mean `token`?
      |
      = help: an exchange takes `token`, `scope`

    error: expected a list for `scope`, found a string
     --> target.yaml:1:37
      |
    1 | user: { exchange: { tokn: x, scope: me } }
      |                                     ^^
      |
      = help: `scope` holds a list: start each item with `- `, or write it as [a, b]

    2 mistakes in 1 file
    ");
    assert_snapshot!(login_page("{ exchange: { token: x }, token: y }"), @"
    error: `exchange` and `token` cannot stand together in a login
     --> target.yaml:1:33
      |
    1 | user: { exchange: { token: x }, token: y }
      |         --------                ^^^^^
      |         |
      |         the first is here
      |
      = help: a login has one of `token`, `exchange`

    1 mistake in 1 file
    ");
    assert_snapshot!(login_page("anon"), @"
    error: unknown word `anon` for `user`
     --> target.yaml:1:7
      |
    1 | user: anon
      |       ^^^^ did you mean `anonymous`?
      |
      = help: `user` is `anonymous`, or a map with one of `token`, `exchange`

    1 mistake in 1 file
    ");
    assert_snapshot!(login_page("token"), @"
    error: unknown word `token` for `user`
     --> target.yaml:1:7
      |
    1 | user: token
      |       ^^^^^
      |
      = help: `user` is `anonymous`, or a map with one of `token`, `exchange`

    1 mistake in 1 file
    ");
    assert_snapshot!(login_page("[anonymous]"), @"
    error: expected a word or a map for `user`, found a list
     --> target.yaml:1:7
      |
    1 | user: [anonymous]
      |       ^^^^^^^^^^^
      |
      = help: the word is `anonymous`

    1 mistake in 1 file
    ");
}

/// Shapes that do not deny the keys of each other, as a schema written by hand may have them.
#[derive(Deserialize)]
struct Loose {}

impl JsonSchema for Loose {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Deed".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "oneOf": [
                { "type": "object", "properties": { "get": { "type": "string" } }, "required": ["get"] },
                { "type": "object", "properties": { "put": { "type": "string" } }, "required": ["put"] },
            ],
            "propertyNames": { "maxLength": 5 },
        })
    }
}

#[test]
fn shapes_that_fit_together_but_must_not() {
    let mut document =
        Document::read("a.yaml", b"get: /\nput: /\nbody: x\nheader: y\n").expect("fine");
    let mistakes = decode_strict::<Loose>(&mut document).map(|_| ());
    assert_snapshot!(render(&mistakes.expect_err("both"), false), @"
    error: `get` and `put` cannot stand together in a deed
     --> a.yaml:2:1
      |
    1 | get: /
      | --- the first is here
    2 | put: /
      | ^^^
      |
      = help: a deed has one of `get`, `put`

    error: `header` cannot be a key in the file
     --> a.yaml:4:1
      |
    4 | header: y
      | ^^^^^^ at most 5 characters

    2 mistakes in 1 file
    ");
}
