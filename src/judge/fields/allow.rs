//! `Allow`: RFC 9110 §10.2.1.

use serde_json::{Value, json};

use super::defect::Defect;
use super::grammar::{repeated, tokens};

pub(super) const SHAPE: &str = r#"`GET, HEAD, PATCH` reads as
{"methods": ["GET", "HEAD", "PATCH"], "repeated": [], "empty_elements": 0}

All lines are read as one list; methods keep their case, which counts. An empty field is an empty list. Refused:
whatever is no list of tokens."#;

pub(super) fn parse(lines: &[&str]) -> Result<Value, Defect> {
    let (methods, empty) = tokens(lines)?;
    Ok(json!({"methods": methods, "repeated": repeated(&methods), "empty_elements": empty}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_and_bad() {
        let value = parse(&["GET,get , HEAD", "", "GET,"]).unwrap();
        assert_eq!(value["methods"], json!(["GET", "get", "HEAD", "GET"]));
        assert_eq!(value["repeated"], json!(["GET"]));
        assert_eq!(value["empty_elements"], 1);
        assert_eq!(parse(&[""]).unwrap()["methods"], json!([]));
        for line in ["GET HEAD", "GET; HEAD", "[GET]", "\"GET\"", "GET/HEAD"] {
            assert!(parse(&[line]).is_err(), "{line}");
        }
    }
}
