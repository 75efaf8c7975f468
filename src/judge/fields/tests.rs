//! What holds for every field.

use proptest::prelude::*;

use super::*;

fn is_safe(defect: &Defect) -> bool {
    defect.says.len() <= MAX_SAYS && defect.says.bytes().all(|b| matches!(b, b' '..=b'~'))
}

#[test]
fn names_are_the_same_everywhere() {
    for field in Field::ALL {
        assert_eq!(serde_json::to_value(field).unwrap(), field.as_str());
        assert_eq!(field.as_str().parse(), Ok(field));
        assert_eq!(field.to_string(), field.as_str());
    }
    assert_eq!("HSTS".parse::<Field>(), Err(UnknownField));
    let schema = schemars::schema_for!(Field).to_value();
    assert_eq!(schema["oneOf"].as_array().unwrap().len(), Field::ALL.len());
}

/// The example in each shape is what the parser gives, but for `...` members.
#[test]
fn shapes_are_true() {
    for field in Field::ALL {
        let (head, notes) = field.shape().split_once("\n\n").expect("an empty line");
        let (example, expected) = head.split_once("` reads as\n").expect("an example");
        let line = example.strip_prefix('`').expect("a backquote");
        let mut expected: Value =
            serde_json::from_str(expected).unwrap_or_else(|e| panic!("{field}: {e}"));
        let actual = field
            .parse(&[line])
            .unwrap_or_else(|e| panic!("{field}: {e}"));
        if let Some(policies) = expected.get_mut("policies").filter(|_| field == Field::Csp) {
            assert_eq!(policies[0]["names"], actual["policies"][0]["names"]);
            *policies = actual["policies"].clone();
        }
        assert_eq!(actual, expected, "{field}");
        assert!(notes.contains("Refused:"), "{field}");
    }
}

#[test]
fn no_line_and_too_long_lines_are_refused() {
    let long = "a".repeat(MAX_OCTETS);
    for field in Field::ALL {
        assert!(
            field.parse(&[]).unwrap_err().says.contains("no line"),
            "{field}"
        );
        assert!(
            field
                .parse(&[&long])
                .unwrap_err()
                .says
                .contains("longer than"),
            "{field}"
        );
        assert!(
            field
                .parse(&vec!["a"; MAX_OCTETS / 3 + 1])
                .unwrap_err()
                .says
                .contains("longer than")
        );
    }
}

/// 64 KiB of what is worst for each kind of loop. That none of them is quadratic shows in that this test ends soon; that
/// no field becomes a much larger tree is asserted (one long source of a policy comes up in several facts).
#[test]
fn large_input_stays_small() {
    const SIZE: usize = 64 * 1024;
    let heads = [
        "",
        "max-age=1;",
        "Bearer ",
        "a=",
        "a/b",
        "a=(",
        "<",
        "<a>;",
        "{\"endpoints\":[",
        "script-src ",
        "\"",
    ];
    let units = [
        ",",
        ";",
        "a,",
        "a;",
        "a=1;",
        "a=1,",
        "\\\"",
        "\"\",",
        "a b,",
        "(a),",
        "(",
        "*",
        "'none' ",
        "a=b, ",
        "\u{e9}",
        "%",
        "/",
        "=",
        "\t",
        "{},",
        "[",
        "1",
        "<a>,",
        ";a",
        "a ",
        "\"a\";r=1,",
        "https:",
        "nonce-a ",
    ];
    for field in Field::ALL {
        for head in heads {
            for unit in units {
                let line = format!("{head}{}", unit.repeat((SIZE - head.len()) / unit.len()));
                match field.parse(&[&line]) {
                    Ok(value) => {
                        let size = value.to_string().len();
                        assert!(
                            size < 16 * SIZE,
                            "{field}: {head}{unit}... gave {size} octets"
                        );
                    }
                    Err(defect) => assert!(is_safe(&defect), "{field}: {defect}"),
                }
            }
        }
    }
}

/// Text that gets further into the parsers than random characters do.
fn field_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("max-age".to_owned()),
        Just("Bearer".to_owned()),
        Just("realm".to_owned()),
        Just("script-src".to_owned()),
        Just("'nonce-".to_owned()),
        Just("'none'".to_owned()),
        Just("https://a.example".to_owned()),
        Just("; Expires=".to_owned()),
        Just("; SameSite=".to_owned()),
        Just("filename*=UTF-8''%e2".to_owned()),
        Just("Sun, 06 Nov 1994 08:49:37 GMT".to_owned()),
        Just("camera=(".to_owned()),
        Just("\"a\";r=1".to_owned()),
        Just("{\"group\":".to_owned()),
        Just("W/\"".to_owned()),
        Just("</x>".to_owned()),
        Just("//".to_owned()),
        "[=;,\"'() \\t\\\\:/?#@%*<>{}\\[\\]-]{1,3}",
        "[a-z0-9]{1,4}",
        "\\PC{1,3}",
        ".{0,3}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_panics(
        lines in prop::collection::vec(
            prop_oneof![
                4 => field_like(),
                1 => prop::collection::vec(any::<char>(), 0..1024).prop_map(String::from_iter),
                1 => prop::collection::vec(any::<u8>(), 0..4096).prop_map(|b| String::from_utf8_lossy(&b).into_owned()),
            ],
            1..4,
        )
    ) {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        for field in Field::ALL {
            for lines in [&lines[..1], &lines[..]] {
                if let Err(defect) = field.parse(lines) {
                    prop_assert!(is_safe(&defect), "{}: {:?}", field, defect.says);
                    prop_assert!(!defect.says.is_empty());
                }
            }
        }
    }
}
