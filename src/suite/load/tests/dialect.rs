//! YAML itself: syntax, and what the dialect leaves out.

use insta::assert_snapshot;

use super::super::{Document, MAX_FILE_BYTES, render};
use super::{mistakes, page, read};

#[test]
fn a_duplicate_key() {
    assert_snapshot!(page("suite: a\nchecks: []\nsuite: b\n"), @"
    error: the key `suite` is given twice
     --> suites/a.yaml:3:1
      |
    1 | suite: a
      | ----- first given here
    2 | checks: []
    3 | suite: b
      | ^^^^^ given again here

    1 mistake in 1 file
    ");
}

#[test]
fn a_duplicate_key_far_away() {
    let vars: String = ('a'..'p').map(|c| format!("  {c}: x\n")).collect();
    assert_snapshot!(page(&format!("suite: a\nchecks: []\nvars:\n{vars}suite: b\n")), @"
    error: the key `suite` is given twice
      --> suites/a.yaml:19:1
       |
    19 | suite: b
       | ^^^^^ given again here
       |
      ::: suites/a.yaml:1:1
       |
     1 | suite: a
       | ----- first given here

    1 mistake in 1 file
    ");
}

#[test]
fn a_key_that_is_a_number() {
    assert_snapshot!(page("suite: a\nvars: { 200: fine }\nchecks: []\n"), @r#"
    error: the key `200` is a number, and keys are strings
     --> suites/a.yaml:2:9
      |
    2 | vars: { 200: fine }
      |         ^^^
      |
      = help: put it in quotes: "200"

    1 mistake in 1 file
    "#);
}

#[test]
fn a_key_that_is_a_list() {
    assert_snapshot!(page("suite: a\n[b, c]: d\n? {e: f}\n: g\nchecks: []\n"), @"
    error: a list or a map cannot be a key
     --> suites/a.yaml:2:1
      |
    2 | [b, c]: d
      | ^^^^^^
      |
      = help: keys are strings

    error: a list or a map cannot be a key
     --> suites/a.yaml:3:3
      |
    3 | ? {e: f}
      |   ^^^^^^
      |
      = help: keys are strings

    2 mistakes in 1 file
    ");
}

#[test]
fn a_key_that_is_missing() {
    assert_snapshot!(page("suite: a\n: b\nchecks: []\n"), @"
    error: a key is missing before the `:`
     --> suites/a.yaml:2:1
      |
    2 | : b
      | ^

    1 mistake in 1 file
    ");
}

#[test]
fn a_merge_key() {
    assert_snapshot!(page("suite: a\nvars: &base { a: b }\nchecks:\n  - <<: *base\n    id: A-1\n"), @"
    error: merge keys are not part of YAML 1.2
     --> suites/a.yaml:4:5
      |
    4 |   - <<: *base
      |     ^^
      |
      = help: write the fields out; an alias can stand for a whole value

    1 mistake in 1 file
    ");
}

#[test]
fn tags() {
    assert_snapshot!(page("suite: !!str 5\nvars: &v !env\n  a: b\nchecks: []\n"), @"
    error: tags are not allowed
     --> suites/a.yaml:1:8
      |
    1 | suite: !!str 5
      |        ^^^^^
      |
      = help: remove the tag; put a value in quotes to make it a string

    error: tags are not allowed
     --> suites/a.yaml:2:10
      |
    2 | vars: &v !env
      |          ^^^^
      |
      = help: remove the tag; put a value in quotes to make it a string

    2 mistakes in 1 file
    ");
}

#[test]
fn a_second_document() {
    assert_snapshot!(page("suite: a\nchecks: []\n---\nsuite: b\n"), @"
    error: a second document starts here
     --> suites/a.yaml:3:1
      |
    3 | ---
      | ^^^
      |
      = help: a file holds one document: split the file, or remove the `---`

    1 mistake in 1 file
    ");
}

#[test]
fn a_number_too_large() {
    assert_snapshot!(page("suite: 123456789012345678901234567890\nchecks: []\n"), @"
    error: the number `123456789012345678901234567890` is too large to be kept exactly
     --> suites/a.yaml:1:8
      |
    1 | suite: 123456789012345678901234567890
      |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: if it is meant as text, put it in quotes

    1 mistake in 1 file
    ");
}

#[test]
fn an_alias_to_nothing() {
    assert_snapshot!(page("suite: *name\nchecks: []\n"), @"
    error: no anchor has this name
     --> suites/a.yaml:1:8
      |
    1 | suite: *name
      |        ^^^^^
      |
      = help: an alias `*name` repeats a value that was marked with `&name` before; put other text in quotes

    1 mistake in 1 file
    ");
}

#[test]
fn an_alias_inside_its_anchor() {
    assert_snapshot!(page("suite: a\nchecks: &c\n  - *c\n"), @"
    error: this alias stands inside the value that it repeats
     --> suites/a.yaml:3:5
      |
    3 |   - *c
      |     ^^

    1 mistake in 1 file
    ");
}

#[test]
fn a_bomb_of_aliases() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..9 {
        let one = format!("*a{}, ", n - 1);
        text.push_str(&format!(
            "a{n}: &a{n} [{}]\n",
            one.repeat(10).trim_end_matches(", ")
        ));
    }
    assert_snapshot!(page(&text), @"
    error: the aliases of this file repeat more than 20000 values
     --> suites/a.yaml:5:10
      |
    5 | a4: &a4 [*a3, *a3, *a3, *a3, *a3, *a3, *a3, *a3, *a3, *a3]
      |          ^^^

    1 mistake in 1 file
    ");
}

#[test]
fn long_texts_count_for_more_under_aliases() {
    let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(64_000), "*a, ".repeat(20));
    assert_eq!(
        mistakes(&text)[0].says,
        "the aliases of this file repeat more than 20000 values"
    );
}

#[test]
fn anchors_within_anchors_are_limited_as_well() {
    let anchors: String = (0..60).map(|n| format!("[&a{n} ")).collect();
    let text = format!("{anchors}[{}]{}", "x, ".repeat(4_000), "]".repeat(60));
    assert_eq!(
        mistakes(&text)[0].says,
        "more than 200000 values stand under anchors"
    );
}

#[test]
fn nesting_too_deep() {
    assert_eq!(
        read(&format!("{}{}", "[".repeat(64), "]".repeat(64)))
            .err()
            .map(|m| m.len()),
        None
    );
    assert_snapshot!(page(&"[".repeat(65)), @"
    error: lists and maps are nested more than 64 deep here
     --> suites/a.yaml:1:65
      |
    1 | [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[
      |                                                                 ^

    1 mistake in 1 file
    ");
    let aliases = format!(
        "a: &a {}{}\nb: {}*a{}\n",
        "[".repeat(40),
        "]".repeat(40),
        "[".repeat(30),
        "]".repeat(30)
    );
    assert_eq!(
        mistakes(&aliases)[0].says,
        "lists and maps are nested more than 64 deep here"
    );
}

#[test]
fn tabs() {
    assert_snapshot!(page("suite: a\nchecks:\n\t- id: A-1\n"), @"
    error: tabs cannot be used for indentation
     --> suites/a.yaml:3:1
      |
    3 |     - id: A-1
      | ^^^^
      |
      = help: indent with spaces

    1 mistake in 1 file
    ");
}

#[test]
fn a_colon_in_plain_text() {
    assert_snapshot!(page("suite: tokens: a story\nchecks: []\n"), @"
    error: a `:` cannot stand here
     --> suites/a.yaml:1:14
      |
    1 | suite: tokens: a story
      |              ^
      |
      = help: put text that holds `: ` in quotes, and check the indentation of this line and the one before

    1 mistake in 1 file
    ");
}

#[test]
fn a_key_without_a_colon() {
    assert_snapshot!(page("suite: a\nchecks\nvars: {}\n"), @"
    error: a key without a `:`, or text that should be in quotes
     --> suites/a.yaml:3:1
      |
    3 | vars: {}
      | ^
      |
      = help: write `key: value`; check the indentation of this line

    1 mistake in 1 file
    ");
}

#[test]
fn wrong_indentation() {
    assert_snapshot!(page("suite: a\nchecks:\n  - id: A-1\n   level: must\n"), @"
    error: an item of a list is expected here, starting with `- `
     --> suites/a.yaml:4:4
      |
    4 |    level: must
      |    ^
      |
      = help: give the items of a list the same indentation

    1 mistake in 1 file
    ");
}

#[test]
fn a_variable_between_braces() {
    assert_snapshot!(page("suite: a\nvars: { a: ${env:A} }\nchecks: []\n"), @"
    error: a `{` cannot stand here
     --> suites/a.yaml:2:13
      |
    2 | vars: { a: ${env:A} }
      |             ^
      |
      = help: between braces or brackets, put text that holds `${…}` in quotes

    1 mistake in 1 file
    ");
}

#[test]
fn an_open_quote() {
    assert_snapshot!(page("suite: \"a\nchecks: []\n"), @r#"
    error: this quote is not closed before the next line that is not indented
     --> suites/a.yaml:1:8
      |
    1 | suite: "a
      |        ^
      |
      = help: add the closing quote, or indent the lines that belong to the text

    1 mistake in 1 file
    "#);
}

#[test]
fn an_open_bracket() {
    assert_snapshot!(page("suite: a\nvars: { a: b\nchecks: []\n"), @"
    error: a `,` or `}` is expected here
     --> suites/a.yaml:3:7
      |
    3 | checks: []
      |       ^
      |
      = help: close the map that `{` opened

    1 mistake in 1 file
    ");
}

#[test]
fn an_unknown_escape() {
    assert_snapshot!(page("suite: \"C:\\users\"\nchecks: []\n"), @r#"
    error: this escape is not known
     --> suites/a.yaml:1:8
      |
    1 | suite: "C:\users"
      |        ^
      |
      = help: in double quotes write a backslash as `\\`, or use single quotes

    1 mistake in 1 file
    "#);
}

#[test]
fn a_value_that_starts_with_a_special_character() {
    assert_snapshot!(page("suite: @home\nchecks: []\n"), @"
    error: text cannot start with `@`
     --> suites/a.yaml:1:8
      |
    1 | suite: @home
      |        ^
      |
      = help: put it in quotes

    1 mistake in 1 file
    ");
    assert_snapshot!(page("suite: *\nchecks: []\n"), @"
    error: a name is expected after `*` or `&`
     --> suites/a.yaml:1:8
      |
    1 | suite: *
      |        ^
      |
      = help: put text that starts with `*` or `&` in quotes

    1 mistake in 1 file
    ");
    assert_snapshot!(page("suite: %x\nchecks: []\n"), @"
    error: text cannot start with `%`
     --> suites/a.yaml:1:8
      |
    1 | suite: %x
      |        ^
      |
      = help: put it in quotes

    1 mistake in 1 file
    ");
}

fn bytes_page(bytes: &[u8]) -> String {
    render(
        &Document::read("suites/a.yaml", bytes).expect_err("not text"),
        false,
    )
}

#[test]
fn bytes_that_are_not_text() {
    assert_snapshot!(bytes_page(b"suite: caf\xe9 au lait\nchecks: []\n"), @"
    error: byte 0xe9 is not part of UTF-8 text
     --> suites/a.yaml:1:11
      |
    1 | suite: caf� au lait
      |           ^
      |
      = help: save the file as UTF-8

    1 mistake in 1 file
    ");
    assert_snapshot!(bytes_page(b"\xff\xfes\0u\0"), @"
    error: the file is UTF-16
     --> suites/a.yaml:1:1
      |
    1 | ��s␀u␀
      | ^
      |
      = help: save the file as UTF-8

    1 mistake in 1 file
    ");
    assert_snapshot!(bytes_page("suite: é".as_bytes().strip_suffix(b"\xa9").expect("é is two bytes")), @"
    error: byte 0xc3 is not part of UTF-8 text
     --> suites/a.yaml:1:8
      |
    1 | suite: �
      |        ^
      |
      = help: save the file as UTF-8

    1 mistake in 1 file
    ");
}

#[test]
fn a_file_too_large() {
    assert_snapshot!(bytes_page(&vec![b'#'; MAX_FILE_BYTES + 1]), @"
    error: the file has 4194305 bytes, and at most 4194304 are read
     --> suites/a.yaml:1:1
      |
    1 |
      | ^
      |
      = help: split the file

    1 mistake in 1 file
    ");
    assert!(Document::read("a", &vec![b'#'; MAX_FILE_BYTES]).is_ok());
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_text() {
    let document = Document::read("a", b"\xef\xbb\xbfsuite: a").expect("fine");
    assert_eq!(document.source().text(), "suite: a");
}

#[test]
fn what_is_allowed() {
    let text = "%YAML 1.2\n---\na: &x yes\nb: *x\n*x : 0777\n'<<': ~\n\"1\": 1\n...\n";
    let document = read(text).expect("fine");
    assert!(document.held().is_empty(), "{:?}", document.held());
    let expected = serde_json::json!({"a": "yes", "b": "yes", "yes": "0777", "<<": null, "1": 1});
    assert_eq!(document.value(), &expected);
}

#[test]
fn control_characters_and_long_lines_are_tamed() {
    assert_snapshot!(page("suite: a\nchecks: []\n\"\\e[2J\u{202e}x\": \u{202e}b\n"), @r#"
    error: unknown field `\u{1b}[2J�x` in a suite
     --> suites/a.yaml:3:1
      |
    3 | "\e[2J�x": �b
      | ^^^^^^^^^
      |
      = help: a suite takes `suite`, `vars`, `checks`

    1 mistake in 1 file
    "#);
    let long = format!(
        "suite: a\nchecks: []\nvars: {{ a: {}, B: {} }}\n",
        "x".repeat(500),
        "é".repeat(500)
    );
    assert_snapshot!(page(&long), @"
    error: `B` cannot be a key in `vars`
     --> suites/a.yaml:3:514
      |
    3 | ... xxxxxxxxxxxxxxxxxxxxxxxxxxxx, B: ééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé ...
      |                                   ^ expected to match `^[a-z_]+$`

    1 mistake in 1 file
    ");
}
