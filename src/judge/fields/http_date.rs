//! HTTP-date: RFC 9110 §5.6.7.

use std::time::UNIX_EPOCH;

use serde_json::{Value, json};

use super::defect::{Defect, quote};
use super::grammar::single;

pub(super) const SHAPE: &str = r#"`Sun, 06 Nov 1994 08:49:37 GMT` reads as
{"date": 784111777, "form": "imf-fixdate", "lines": 1}

`date` is in seconds since 1970. `form` is imf-fixdate, or rfc850 or asctime, which recipients read and senders
must not send; a two-digit year below 70 is of this century. Refused: other forms, other zones, a wrong day of
the week, dates that do not exist, years before 1970, lines that differ."#;

pub(super) fn parse(lines: &[&str]) -> Result<Value, Defect> {
    let field = single(lines)?;
    let (date, form) = read(field.text)
        .ok_or_else(|| Defect::new(format!("{} is no HTTP-date", quote(field.text))))?;
    Ok(json!({"date": date, "form": form, "lines": field.lines}))
}

/// Seconds since 1970 and the name of the form.
pub(super) fn read(text: &str) -> Option<(u64, &'static str)> {
    let time = httpdate::parse_http_date(text).ok()?;
    let form = if httpdate::fmt_http_date(time) == text {
        "imf-fixdate"
    } else if text.contains('-') {
        "rfc850"
    } else if text.ends_with(|c: char| c.is_ascii_digit()) {
        "asctime"
    } else {
        return None;
    };
    Some((time.duration_since(UNIX_EPOCH).ok()?.as_secs(), form))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good() {
        for (line, form) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", "imf-fixdate"),
            ("Sunday, 06-Nov-94 08:49:37 GMT", "rfc850"),
            ("Sun Nov  6 08:49:37 1994", "asctime"),
        ] {
            assert_eq!(
                parse(&[line]).unwrap(),
                json!({"date": 784_111_777, "form": form, "lines": 1})
            );
        }
        assert_eq!(
            read("Fri, 31 Dec 9999 23:59:59 GMT").unwrap().0,
            253_402_300_799
        );
    }

    #[test]
    fn bad() {
        for line in [
            "",
            "0",
            "1700000000",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 +0000",
            "Sun, 06 Nov 1994 08:49:37",
            "Wed, 30 Feb 2022 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "sun, 06 nov 1994 08:49:37 gmt",
            "1994-11-06T08:49:37Z",
        ] {
            assert!(
                parse(&[line]).unwrap_err().says.contains("is no HTTP-date"),
                "{line}"
            );
        }
    }
}
