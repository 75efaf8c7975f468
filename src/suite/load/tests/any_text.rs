//! Whatever the file holds, reading and pointing neither panic nor leave the text.

use proptest::prelude::*;

use super::super::{Document, Mistake, decode, decode_strict, render, to_json};
use super::Suite;

/// Text made of the pieces that YAML gives a meaning to, and of what suites hold.
fn yaml_like() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "b: ",
        ": ",
        "- ",
        "\n",
        "\n  ",
        "\n    ",
        "\r\n",
        "\t",
        "[",
        "]",
        "{",
        "}",
        ",",
        "'",
        "\"",
        "\\",
        "#",
        " # c",
        "&a ",
        "*a",
        "!t ",
        "|",
        ">",
        "|-\n",
        "? ",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "<<: ",
        "~",
        "null",
        "1",
        "-1.5e9",
        "é",
        "漢字",
        "\u{feff}",
        "\u{0}",
        "\u{85}",
        "\u{2028}",
        "@",
        "`",
        "suite: ",
        "checks:\n",
        "  - id: A-1\n",
        "    steps:\n",
        "      - send: x\n",
        "        expect: ",
        "accepted",
        "level: must\n",
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn look_at_everything(bytes: &[u8]) -> Result<(), TestCaseError> {
    let (document, mut mistakes) = match Document::read("a.yaml", bytes) {
        Ok(mut document) => {
            let mistakes = decode_strict::<Suite>(&mut document)
                .err()
                .unwrap_or_default();
            prop_assert_eq!(
                decode::<Suite>(&mut document).is_ok() || !mistakes.is_empty(),
                true
            );
            (Some(document), mistakes)
        }
        Err(mistakes) => {
            prop_assert!(!mistakes.is_empty());
            (None, mistakes)
        }
    };
    if let Some(document) = &document {
        let mut pointers = vec![String::new()];
        collect_pointers(document.value(), String::new(), &mut pointers);
        for pointer in pointers {
            mistakes.push(document.mistake_at(&pointer, "x"));
            mistakes.push(
                document
                    .mistake_at_key(&pointer, "x")
                    .also(document, &pointer, "y"),
            );
            mistakes.push(document.mistake_in_text(&pointer, 1..2, "x"));
        }
    }
    for Mistake { file, at, .. } in &mistakes {
        prop_assert!(at.start <= at.end);
        prop_assert!(
            file.text().get(at.range()).is_some(),
            "{:?} of {:?}",
            at,
            file.text()
        );
    }
    to_json(&mistakes);
    for few in mistakes.chunks(100).take(3) {
        render(few, true);
    }
    Ok(())
}

fn collect_pointers(value: &serde_json::Value, at: String, pointers: &mut Vec<String>) {
    let children: Vec<(String, &serde_json::Value)> = match value {
        serde_json::Value::Object(map) => map
            .iter()
            .map(|(k, v)| (k.replace('~', "~0").replace('/', "~1"), v))
            .collect(),
        serde_json::Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(n, v)| (n.to_string(), v))
            .collect(),
        _ => return,
    };
    for (token, child) in children {
        let pointer = format!("{at}/{token}");
        pointers.push(pointer.clone());
        collect_pointers(child, pointer, pointers);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn of_yaml_pieces(text in yaml_like()) {
        look_at_everything(text.as_bytes())?;
    }

    #[test]
    fn of_any_text(text in "\\PC{0,80}|(.|\\n){0,60}") {
        look_at_everything(text.as_bytes())?;
    }

    #[test]
    fn of_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        look_at_everything(&bytes)?;
    }

    #[test]
    fn pointers_that_lead_nowhere(pointer in "(/?[a-c0-3~/é]{0,3}){0,5}") {
        let document = Document::read("a.yaml", "a: [1, {b: é}]\nc: |\n  é\n".as_bytes()).expect("fine");
        let mistakes = [
            document.mistake_at(&pointer, "x"),
            document.mistake_at_key(&pointer, "x"),
            document.mistake_in_text(&pointer, 0..1, "x"),
        ];
        for mistake in &mistakes {
            prop_assert!(document.source().text().get(mistake.at.range()).is_some());
        }
        prop_assert!(!render(&mistakes, false).is_empty());
    }

    /// A plain word is read back from its own span, whatever stands around it.
    #[test]
    fn spans_cover_what_was_written(words in prop::collection::vec("[a-zé漢]{1,8}", 1..8), indent in 1usize..4) {
        let pad = " ".repeat(indent);
        let text: String = words.iter().enumerate().map(|(n, w)| format!("k{n}é: # ü\r\n{pad}- {w}\r\n")).collect();
        let document = Document::read("a.yaml", text.as_bytes()).expect("fine");
        for (n, word) in words.iter().enumerate() {
            let pointer = format!("/k{n}é/0");
            if document.value().pointer(&pointer).is_some_and(serde_json::Value::is_string) {
                prop_assert_eq!(document.source().slice(document.span(&pointer)), word);
            }
            prop_assert_eq!(document.source().slice(document.key_span(&format!("/k{n}é"))), format!("k{n}é"));
        }
    }
}
