//! `Retry-After`: RFC 9110 §10.2.3.

use serde_json::{Value, json};

use super::defect::{Defect, quote};
use super::grammar::{delta_seconds, single};
use super::http_date;

pub(super) const SHAPE: &str = r#"`120` reads as
{"form": "delta-seconds", "seconds": 120, "date": null, "lines": 1}

A date, `Sun, 06 Nov 1994 08:49:37 GMT`, gives "form": "imf-fixdate" (or the obsolete rfc850 or asctime),
"seconds": null and "date" in seconds since 1970. `seconds` is at most 2^53-1. Refused: signs, fractions, units,
lines that differ."#;

pub(super) fn parse(lines: &[&str]) -> Result<Value, Defect> {
    let field = single(lines)?;
    let seconds = delta_seconds(field.text);
    let date = http_date::read(field.text);
    let form = match (seconds, date) {
        (Some(_), _) => "delta-seconds",
        (None, Some((_, form))) => form,
        (None, None) => {
            return Err(Defect::new(format!(
                "{} is neither seconds nor an HTTP-date",
                quote(field.text)
            )));
        }
    };
    Ok(json!({
        "form": form,
        "seconds": seconds,
        "date": date.map(|(date, _)| date),
        "lines": field.lines,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good() {
        assert_eq!(parse(&["0"]).unwrap()["seconds"], 0);
        let value = parse(&["Sunday, 06-Nov-94 08:49:37 GMT"]).unwrap();
        assert_eq!(value["form"], "rfc850");
        assert_eq!(value["date"], 784_111_777);
        assert_eq!(value["seconds"], Value::Null);
    }

    #[test]
    fn bad() {
        for line in [
            "",
            "-1",
            "1.5",
            "1m",
            "60 s",
            "soon",
            "+60",
            "1,2",
            "Sun, 06 Nov 1994",
        ] {
            let defect = parse(&[line]).unwrap_err();
            assert!(
                defect.says.contains("neither seconds nor"),
                "{line}: {defect}"
            );
        }
        assert!(parse(&["1", "2"]).unwrap_err().says.contains("sent twice"));
    }
}
