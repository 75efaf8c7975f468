//! Spans, and mistakes that later checks make.

use insta::assert_snapshot;

use super::super::{Document, MAX_SHOWN, Mistake, render, to_json};
use super::{mistakes, read};

const TEXT: &str = "\
a: plain text   # comment
b: 'single'
\"c/d\": \"tab\\there\"
e:
  - first
  - { f: g }
  -
    h: i

# about j
j: |
  block
k:
l: &x {m: n}
o: *x
p: &y text
q: *y
";

fn document() -> Document {
    read(TEXT).expect("fine")
}

#[test]
fn pointers_lead_to_values_and_keys() {
    let document = document();
    let value = |pointer| document.source().slice(document.span(pointer));
    let key = |pointer| document.source().slice(document.key_span(pointer));
    assert_eq!((key("/a"), value("/a")), ("a", "plain text"));
    assert_eq!((key("/b"), value("/b")), ("b", "'single'"));
    assert_eq!(
        (key("/c~1d"), value("/c~1d")),
        ("\"c/d\"", "\"tab\\there\"")
    );
    assert_eq!(
        (key("/e/0"), value("/e/0")),
        ("first", "first"),
        "an item has no key"
    );
    assert_eq!(
        (key("/e/1"), value("/e/1")),
        ("f", "{ f: g }"),
        "but a map in a list has a first key"
    );
    assert_eq!((key("/e/2"), value("/e/2")), ("h", "h: i"));
    assert_eq!((key("/j"), value("/j")), ("j", "block"));
    assert_eq!(
        (key("/k"), value("/k")),
        ("k", "k"),
        "what was left out is shown at its key"
    );
    assert_eq!((key("/o"), value("/o")), ("o", "*x"));
    assert_eq!(
        (key("/o/m"), value("/o/m")),
        ("m", "n"),
        "inside an alias, the anchor's text"
    );
    assert_eq!((key(""), value("/nowhere/at/all")), ("a", TEXT.trim_end()));
    assert_eq!(value("/e/7/x"), value("/e"));
    assert_eq!(value("/a/b"), value("/a"));
}

#[test]
fn a_part_of_a_text_is_pointed_at_where_that_is_sure() {
    let document = document();
    let part = |pointer, range| {
        let mistake = document.mistake_in_text(pointer, range, "x");
        document.source().slice(mistake.at).to_owned()
    };
    assert_eq!(part("/a", 6..10), "text");
    assert_eq!(part("/b", 0..3), "sin");
    assert_eq!(
        part("/c~1d", 0..3),
        "\"tab\\there\"",
        "an escape: the whole"
    );
    assert_eq!(part("/j", 0..3), "block");
    assert_eq!(part("/p", 0..2), "te");
    assert_eq!(part("/q", 0..3), "*y");
    assert_eq!(part("/a", 6..99), "plain text", "out of range: the whole");
    assert_eq!(
        part("/e", 0..1),
        document.source().slice(document.span("/e"))
    );
}

#[test]
fn later_checks_add_their_own() {
    let document = read("roles: [user, admin]\nas: ${usr}\n").expect("fine");
    let mistakes = [
        document
            .mistake_in_text("/as", 2..5, "nobody is called `usr`")
            .label("did you mean `user`?")
            .also(&document, "/roles/0", "declared here")
            .help("the names are `user`, `admin`")
            .help("see the target file"),
        document.mistake_at_key("/roles", "roles are named twice"),
    ];
    assert_snapshot!(render(&mistakes, false), @"
    error: roles are named twice
     --> suites/a.yaml:1:1
      |
    1 | roles: [user, admin]
      | ^^^^^

    error: nobody is called `usr`
     --> suites/a.yaml:2:7
      |
    1 | roles: [user, admin]
      |         ---- declared here
    2 | as: ${usr}
      |       ^^^ did you mean `user`?
      |
      = help: the names are `user`, `admin`
      = help: see the target file

    2 mistakes in 1 file
    ");
    assert_eq!(
        mistakes[1].to_string(),
        "suites/a.yaml:1:1: roles are named twice"
    );
}

#[test]
fn another_file_can_be_the_reason() {
    let target = Document::read("target.yaml", b"consent:\n  writes: false\n").expect("fine");
    let suite = read("needs: writes\n").expect("fine");
    let mistake = suite
        .mistake_at("/needs", "the target does not allow writes")
        .also(&target, "/consent/writes", "refused here");
    assert_snapshot!(render(&[mistake], false), @"
    error: the target does not allow writes
     --> suites/a.yaml:1:8
      |
    1 | needs: writes
      |        ^^^^^^
      |
     ::: target.yaml:2:11
      |
    2 |   writes: false
      |           ----- refused here

    1 mistake in 1 file
    ");
}

#[test]
fn as_json() {
    let json = to_json(&mistakes("suite: é\nchecks: []\nsuite: 1\n"));
    assert_snapshot!(format!("{json:#}"), @r#"
    [
      {
        "file": "suites/a.yaml",
        "line": 3,
        "column": 1,
        "end_line": 3,
        "end_column": 6,
        "says": "the key `suite` is given twice",
        "label": "given again here",
        "also": {
          "file": "suites/a.yaml",
          "line": 1,
          "column": 1,
          "end_line": 1,
          "end_column": 6,
          "label": "first given here"
        }
      }
    ]
    "#);
}

#[test]
fn colour_is_styled_text() {
    let mistakes = mistakes("suit: a\nchecks: []\n");
    let styled = render(&mistakes, true);
    assert!(styled.contains("\x1b["));
    assert_eq!(
        anstream::adapter::strip_str(&styled).to_string(),
        render(&mistakes, false)
    );
}

#[test]
fn only_the_first_are_drawn_and_all_are_counted() {
    let document = read("a: b").expect("fine");
    let many: Vec<Mistake> = (0..MAX_SHOWN + 3)
        .map(|_| document.mistake_at("/a", "wrong"))
        .collect();
    let page = render(&many, false);
    assert_eq!(page.matches("error: wrong").count(), MAX_SHOWN);
    assert_eq!(
        page.lines().last(),
        Some("103 mistakes in 1 file, the first 100 of them above")
    );
    assert_eq!(render(&[], false), "");
}
