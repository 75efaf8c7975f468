//! Values: wrong types, unknown words, out of bounds.

use insta::assert_snapshot;

use super::{check_page, page};

const STEPS: &str = "    steps: [wait: 1s]\n";

#[test]
fn a_string_for_a_list() {
    assert_snapshot!(check_page("    steps: wait\n"), @"
    error: expected a list for `steps`, found a string
     --> suites/a.yaml:5:12
      |
    5 |     steps: wait
      |            ^^^^
      |
      = help: `steps` holds a list: start each item with `- `, or write it as [a, b]

    1 mistake in 1 file
    ");
}

#[test]
fn nothing_for_a_list() {
    assert_snapshot!(check_page("    steps:\n"), @"
    error: expected a list for `steps`, found nothing
     --> suites/a.yaml:5:5
      |
    5 |     steps:
      |     ^^^^^

    1 mistake in 1 file
    ");
}

#[test]
fn a_map_for_a_list() {
    assert_snapshot!(check_page("    steps:\n      send: GET /me\n      as: user\n"), @"
    error: expected a list for `steps`, found a map
     --> suites/a.yaml:6:7
      |
    6 |       send: GET /me
      |       ^^^^^^^^^^^^^
      |
      = help: `steps` holds a list: start each item with `- `, or write it as [a, b]

    1 mistake in 1 file
    ");
}

#[test]
fn a_list_for_the_file() {
    assert_snapshot!(page("- id: A-1\n- id: A-2\n"), @"
    error: expected a map for the file, found a list
     --> suites/a.yaml:1:1
      |
    1 | - id: A-1
      | ^^^^^^^^^
      |
      = help: the file holds a map: write `key: value` on lines of their own

    1 mistake in 1 file
    ");
}

#[test]
fn an_empty_file() {
    assert_snapshot!(page("# nothing yet\n"), @"
    error: expected a map for the file, found nothing
     --> suites/a.yaml:1:1
      |
    1 | # nothing yet
      | ^

    1 mistake in 1 file
    ");
}

#[test]
fn a_word_for_a_boolean() {
    assert_snapshot!(check_page(&format!("    destructive: no\n{STEPS}")), @"
    error: expected `true` or `false` for `destructive`, found a string
     --> suites/a.yaml:5:18
      |
    5 |     destructive: no
      |                  ^^
      |
      = help: write `false`

    1 mistake in 1 file
    ");
}

#[test]
fn a_number_for_a_string() {
    assert_snapshot!(page("suite: 7\nchecks: []\n"), @r#"
    error: expected a string for `suite`, found a number
     --> suites/a.yaml:1:8
      |
    1 | suite: 7
      |        ^
      |
      = help: if it is meant as text, put it in quotes: "7"

    1 mistake in 1 file
    "#);
}

#[test]
fn a_quoted_number() {
    assert_snapshot!(check_page(&format!("    wait_s: \"5\"\n{STEPS}")), @r#"
    error: expected a whole number for `wait_s`, found a string
     --> suites/a.yaml:5:13
      |
    5 |     wait_s: "5"
      |             ^^^
      |
      = help: write the number without quotes and without leading zeros

    1 mistake in 1 file
    "#);
}

#[test]
fn a_fraction_for_a_whole_number() {
    assert_snapshot!(check_page(&format!("    wait_s: 1.5\n{STEPS}")), @"
    error: expected a whole number for `wait_s`, found the number 1.5
     --> suites/a.yaml:5:13
      |
    5 |     wait_s: 1.5
      |             ^^^

    1 mistake in 1 file
    ");
}

#[test]
fn an_unknown_word() {
    assert_snapshot!(page(&format!("suite: a\nchecks:\n  - id: A-1\n    level: MUST\n{STEPS}")), @"
    error: unknown word `MUST` for `level`
     --> suites/a.yaml:4:12
      |
    4 |     level: MUST
      |            ^^^^ did you mean `must`?
      |
      = help: `level` is one of `must`, `should`, `advice`

    1 mistake in 1 file
    ");
}

#[test]
fn a_number_out_of_range() {
    assert_snapshot!(check_page(&format!("    wait_s: 61\n{STEPS}")), @"
    error: 61 is too large for `wait_s`
     --> suites/a.yaml:5:13
      |
    5 |     wait_s: 61
      |             ^^ at most 60

    1 mistake in 1 file
    ");
}

#[test]
fn a_number_that_serde_alone_refuses() {
    assert_snapshot!(check_page(&format!("    wait_s: 2.0\n{STEPS}")), @"
    error: expected a whole number for `wait_s`, found the number 2.0
     --> suites/a.yaml:5:13
      |
    5 |     wait_s: 2.0
      |             ^^^

    1 mistake in 1 file
    ");
}

#[test]
fn a_number_too_large_for_its_type() {
    assert_snapshot!(check_page(&format!("    retries: 4294967296\n{STEPS}")), @"
    error: 4294967296 is out of range for `retries`
     --> suites/a.yaml:5:14
      |
    5 |     retries: 4294967296
      |              ^^^^^^^^^^ from 0 to 4294967295

    1 mistake in 1 file
    ");
}

#[test]
fn a_pattern_that_does_not_match() {
    assert_snapshot!(page(&format!("suite: a\nchecks:\n  - id: a_1\n    level: must\n{STEPS}")), @"
    error: `a_1` does not have the form of `id`
     --> suites/a.yaml:3:9
      |
    3 |   - id: a_1
      |         ^^^ expected to match `^[A-Z]+(-[A-Z0-9]+)*$`
      |
      = help: `id`: Capital letters and digits in groups, such as `A-12`.

    1 mistake in 1 file
    ");
}

#[test]
fn a_key_that_does_not_match() {
    assert_snapshot!(page("suite: a\nvars: { user: x, User Name: y }\nchecks: []\n"), @"
    error: `User Name` cannot be a key in `vars`
     --> suites/a.yaml:2:18
      |
    2 | vars: { user: x, User Name: y }
      |                  ^^^^^^^^^ expected to match `^[a-z_]+$`

    1 mistake in 1 file
    ");
}

#[test]
fn an_empty_list() {
    assert_snapshot!(check_page("    steps: []\n"), @"
    error: `steps` is empty
     --> suites/a.yaml:5:12
      |
    5 |     steps: []
      |            ^^ at least one entry

    1 mistake in 1 file
    ");
}

#[test]
fn an_entry_twice() {
    assert_snapshot!(check_page(&format!("{STEPS}    proved_by: [a, b, a]\n")), @"
    error: `proved_by` holds the same entry twice
     --> suites/a.yaml:6:23
      |
    6 |     proved_by: [a, b, a]
      |                 -     ^ again here
      |                 |
      |                 first here

    1 mistake in 1 file
    ");
}

#[test]
fn what_the_type_refuses_in_its_own_words() {
    assert_snapshot!(check_page(&format!("    pause: 90 min\n{STEPS}")), @"
    error: a pause ends with `s`, as in `90s`
     --> suites/a.yaml:5:12
      |
    5 |     pause: 90 min
      |            ^^^^^^

    1 mistake in 1 file
    ");
}

#[test]
fn what_the_type_refuses_beside_what_the_schema_refuses() {
    assert_snapshot!(check_page(&format!("    pause: 90 min\n    wait_s: 0\n{STEPS}")), @"
    error: a pause ends with `s`, as in `90s`
     --> suites/a.yaml:5:12
      |
    5 |     pause: 90 min
      |            ^^^^^^

    error: 0 is too small for `wait_s`
     --> suites/a.yaml:6:13
      |
    6 |     wait_s: 0
      |             ^ at least 1

    2 mistakes in 1 file
    ");
}
