//! Fields: unknown, missing, misspelt.

use insta::assert_snapshot;

use super::{check_page, page};

#[test]
fn a_misspelt_field_of_a_verb() {
    assert_snapshot!(check_page("    steps:\n      - resend: first\n        expct: unauthenticated\n"), @"
    error: unknown field `expct` in a `resend` step
     --> suites/a.yaml:7:9
      |
    7 |         expct: unauthenticated
      |         ^^^^^ did you mean `expect`?
      |
      = help: `resend` takes `expect`, `save`

    1 mistake in 1 file
    ");
}

#[test]
fn an_unknown_field_like_no_other() {
    assert_snapshot!(check_page("    steps: [wait: 1s]\n    colour: red\n"), @"
    error: unknown field `colour` in a check
     --> suites/a.yaml:6:5
      |
    6 |     colour: red
      |     ^^^^^^
      |
      = help: a check takes `id`, `level`, `wait_s`, `retries`, `destructive`, `pause`, `forge`, `steps`, `proved_by`

    1 mistake in 1 file
    ");
}

#[test]
fn an_unknown_field_where_there_is_one_only() {
    assert_snapshot!(check_page("    steps:\n      - { wait: 1s, until: noon }\n"), @"
    error: unknown field `until` in a `wait` step
     --> suites/a.yaml:6:21
      |
    6 |       - { wait: 1s, until: noon }
      |                     ^^^^^
      |
      = help: `wait` takes no other fields

    1 mistake in 1 file
    ");
}

#[test]
fn an_unknown_field_at_the_top() {
    assert_snapshot!(page("suite: tokens\nchekcs: []\n"), @"
    error: unknown field `chekcs` in a suite
     --> suites/a.yaml:2:1
      |
    2 | chekcs: []
      | ^^^^^^ did you mean `checks`?
      |
      = help: a suite takes `suite`, `vars`, `checks`

    1 mistake in 1 file
    ");
}

#[test]
fn missing_fields_of_a_list_item() {
    assert_snapshot!(page("suite: tokens\nchecks:\n  - level: must\n"), @"
    error: missing fields `id` and `steps` in a check
     --> suites/a.yaml:3:5
      |
    3 |   - level: must
      |     ^^^^^
      |
      = help: `id` is a string
      = help: `steps` is a list

    1 mistake in 1 file
    ");
}

#[test]
fn a_missing_field_of_a_named_map() {
    assert_snapshot!(check_page("    steps: [wait: 1s]\n    forge:\n      kind: header\n"), @"
    error: missing field `patch` in a `header` forgery
     --> suites/a.yaml:6:5
      |
    6 |     forge:
      |     ^^^^^
      |
      = help: `patch` is a map

    1 mistake in 1 file
    ");
}

#[test]
fn missing_fields_of_an_empty_map() {
    assert_snapshot!(page("{}\n"), @"
    error: missing fields `suite` and `checks` in a suite
     --> suites/a.yaml:1:1
      |
    1 | {}
      | ^^
      |
      = help: `suite` is a string
      = help: `checks` is a list

    1 mistake in 1 file
    ");
}

#[test]
fn a_misspelt_field_is_not_missing_as_well() {
    assert_snapshot!(page("suite: tokens\nchecks:\n  - ID: A-1\n    level: must\n    step: [wait: 1s]\n"), @"
    error: unknown field `ID` in a check
     --> suites/a.yaml:3:5
      |
    3 |   - ID: A-1
      |     ^^ did you mean `id`?
      |
      = help: a check takes `id`, `level`, `wait_s`, `retries`, `destructive`, `pause`, `forge`, `steps`, `proved_by`

    error: unknown field `step` in a check
     --> suites/a.yaml:5:5
      |
    5 |     step: [wait: 1s]
      |     ^^^^ did you mean `steps`?
      |
      = help: a check takes `id`, `level`, `wait_s`, `retries`, `destructive`, `pause`, `forge`, `steps`, `proved_by`

    2 mistakes in 1 file
    ");
}

#[test]
fn all_at_once_in_order() {
    let text = "\
suite: tokens
vars:
  User: alice
checks:
  - id: A-1
    levle: must
    steps:
      - send: GET /me
        expect: acepted
      - resnd: first
        expect: { status: 4000, hedaer: {} }
  - id: A-1
    id: a 2
    level: maybe
    steps: none
";
    assert_snapshot!(page(text), @"
    error: `User` cannot be a key in `vars`
     --> suites/a.yaml:3:3
      |
    3 |   User: alice
      |   ^^^^ expected to match `^[a-z_]+$`

    error: unknown field `levle` in a check
     --> suites/a.yaml:6:5
      |
    6 |     levle: must
      |     ^^^^^ did you mean `level`?
      |
      = help: a check takes `id`, `level`, `wait_s`, `retries`, `destructive`, `pause`, `forge`, `steps`, `proved_by`

    error: unknown word `acepted` for `expect`
     --> suites/a.yaml:9:17
      |
    9 |         expect: acepted
      |                 ^^^^^^^ did you mean `accepted`?
      |
      = help: `expect` is one of `unauthenticated`, `rate-limited`, `accepted`, or a map, or a list

    error: unknown field `resnd` in a step
      --> suites/a.yaml:10:9
       |
    10 |       - resnd: first
       |         ^^^^^ did you mean `resend`?
       |
       = help: a step has one of `send`, `resend`, `wait`

    error: 4000 is too large for `status`
      --> suites/a.yaml:11:27
       |
    11 |         expect: { status: 4000, hedaer: {} }
       |                           ^^^^ at most 599

    error: unknown field `hedaer` in a matcher
      --> suites/a.yaml:11:33
       |
    11 |         expect: { status: 4000, hedaer: {} }
       |                                 ^^^^^^ did you mean `header`?
       |
       = help: a matcher takes `status`, `header`, `not`

    error: the key `id` is given twice
      --> suites/a.yaml:13:5
       |
    12 |   - id: A-1
       |     -- first given here
    13 |     id: a 2
       |     ^^ given again here

    error: unknown word `maybe` for `level`
      --> suites/a.yaml:14:12
       |
    14 |     level: maybe
       |            ^^^^^
       |
       = help: `level` is one of `must`, `should`, `advice`

    error: expected a list for `steps`, found a string
      --> suites/a.yaml:15:12
       |
    15 |     steps: none
       |            ^^^^
       |
       = help: `steps` holds a list: start each item with `- `, or write it as [a, b]

    9 mistakes in 1 file
    ");
}
