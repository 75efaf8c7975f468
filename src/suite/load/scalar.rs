//! What an unquoted word means: the core schema of YAML 1.2, less the forms that surprise.

use serde_json::{Number, Value};

/// A number that no JSON number holds exactly: an integer outside 64 bits, or a float that overflows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotExact;

/// Resolves an unquoted scalar (YAML 1.2.2 §10.3.2). Null, booleans and decimal numbers are as the core schema says.
/// Everything else is a string, also `yes`, `no`, `on`, `off`, and on purpose what the core schema would read as
/// numbers but a writer of identifiers and bytes would not: leading zeros (`0777`), `0x1f`, `0o17`, `.inf`, `.nan`.
/// `None` stands for a string.
pub(super) fn resolve(text: &str) -> Result<Option<Value>, NotExact> {
    Ok(Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => match shape(text) {
            Shape::Word => return Ok(None),
            Shape::Integer => {
                let digits = text.strip_prefix('+').unwrap_or(text);
                let unsigned = digits.parse::<u64>().map(Number::from);
                let number = unsigned.or_else(|_| digits.parse::<i64>().map(Number::from));
                Value::Number(number.map_err(|_| NotExact)?)
            }
            Shape::Float => {
                let float = text.parse::<f64>().map_err(|_| NotExact)?;
                Value::Number(Number::from_f64(float).ok_or(NotExact)?)
            }
        },
    }))
}

enum Shape {
    Word,
    Integer,
    Float,
}

/// `[-+]?(0|[1-9][0-9]*)` is an integer, `[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?` a float.
fn shape(text: &str) -> Shape {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let some_digits = |part: &str| !part.is_empty() && all_digits(part);

    let whole_ok = match fraction {
        Some(fraction) if whole.is_empty() => some_digits(fraction),
        _ => some_digits(whole) && (whole == "0" || !whole.starts_with('0')),
    };
    let fraction_ok = fraction.is_none_or(all_digits);
    let exponent_ok = exponent.is_none_or(|e| some_digits(e.strip_prefix(['-', '+']).unwrap_or(e)));
    if !(whole_ok && fraction_ok && exponent_ok) {
        Shape::Word
    } else if fraction.is_none() && exponent.is_none() {
        Shape::Integer
    } else {
        Shape::Float
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_stay_words() {
        for word in [
            "yes", "no", "on", "off", "y", "n", "0777", "0x1f", "0o17", ".inf", "-.INF", ".nan",
            "1_000", "+", "-", ".", "e5", "1e", "1.2.3", "--1", "1 2", "tRUE", "nULL", "12:30",
            "1-2", "00", "01.5", "+-1",
        ] {
            assert_eq!(resolve(word), Ok(None), "{word}");
        }
    }

    #[test]
    fn the_core_schema_is_kept_otherwise() {
        for (word, value) in [
            ("", json!(null)),
            ("~", json!(null)),
            ("NULL", json!(null)),
            ("True", json!(true)),
            ("false", json!(false)),
            ("0", json!(0)),
            ("-0", json!(0)),
            ("+12", json!(12)),
            ("-7", json!(-7)),
            ("18446744073709551615", json!(u64::MAX)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("1.5", json!(1.5)),
            (".5", json!(0.5)),
            ("5.", json!(5.0)),
            ("1e3", json!(1000.0)),
            ("-1.5E-3", json!(-0.0015)),
        ] {
            assert_eq!(resolve(word), Ok(Some(value)), "{word}");
        }
    }

    #[test]
    fn what_json_cannot_hold_is_not_rounded() {
        for word in [
            "18446744073709551616",
            "-9223372036854775809",
            "1e999",
            "-1.0e400",
        ] {
            assert_eq!(resolve(word), Err(NotExact), "{word}");
        }
    }
}
