//! `Vary`: RFC 9110 §12.5.5.

use serde_json::{Value, json};

use super::defect::Defect;
use super::grammar::tokens;

pub(super) const SHAPE: &str = r#"`Origin, Accept-Encoding` reads as
{"any": false, "names": ["origin", "accept-encoding"], "empty_elements": 0}

All lines are read as one list. `names` are lower case, without `*`; `any` is true if `*` is among the elements.
Refused: whatever is no list of field names."#;

pub(super) fn parse(lines: &[&str]) -> Result<Value, Defect> {
    let (found, empty) = tokens(lines)?;
    let names: Vec<String> = found
        .iter()
        .filter(|name| **name != "*")
        .map(|name| name.to_ascii_lowercase())
        .collect();
    Ok(json!({"any": names.len() < found.len(), "names": names, "empty_elements": empty}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_and_bad() {
        assert_eq!(
            parse(&["Origin", "*, COOKIE"]).unwrap(),
            json!({"any": true, "names": ["origin", "cookie"], "empty_elements": 0})
        );
        assert_eq!(parse(&[""]).unwrap()["any"], false);
        for line in ["Origin Cookie", "Origin;Cookie", "Origin:"] {
            assert!(parse(&[line]).is_err(), "{line}");
        }
    }
}
