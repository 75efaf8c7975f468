//! `Content-Disposition` of a response: RFC 6266 §4, with `filename*` as in RFC 8187 §3.2.

use serde_json::{Value, json};

use super::defect::{Defect, quote};
use super::grammar::{Cursor, single};

pub(super) const SHAPE: &str = r#"`attachment; filename="x.pdf"; filename*=UTF-8''%e2%82%ac.pdf` reads as
{"type": "attachment", "filename": "x.pdf", "filename_star": "€.pdf",
 "params": {"filename": "x.pdf", "filename*": "UTF-8''%e2%82%ac.pdf"}, "lines": 1}

`type` is lower case. `filename` and `filename_star` (decoded) are null if not there. Names in `params` are
lower case. Refused: no type, a parameter without value or given twice, an open quoted string, a filename* that
is not UTF-8 as RFC 8187 writes it, lines that differ."#;

pub(super) fn parse(lines: &[&str]) -> Result<Value, Defect> {
    let field = single(lines)?;
    let mut cursor = Cursor::new(field.text);
    let kind = cursor.token("a disposition type")?.to_ascii_lowercase();
    let params = cursor.parameters()?;
    cursor.end()?;
    let star = match params.get("filename*") {
        None => None,
        Some(text) => Some(extended_value(text).ok_or_else(|| {
            Defect::new(format!(
                "filename* is {}, which RFC 8187 does not allow",
                quote(text)
            ))
        })?),
    };
    Ok(json!({
        "type": kind,
        "filename": params.get("filename"),
        "filename_star": star,
        "params": params,
        "lines": field.lines,
    }))
}

/// `"UTF-8" "'" [ language ] "'" *( pct-encoded / attr-char )`
fn extended_value(text: &str) -> Option<String> {
    let mut parts = text.splitn(3, '\'');
    let charset = parts.next()?;
    let language = parts.next()?;
    let coded = parts.next()?.as_bytes();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if !charset.eq_ignore_ascii_case("utf-8") || !language.bytes().all(plain) {
        return None;
    }
    let mut octets = Vec::new();
    let mut at = 0;
    while let Some(&b) = coded.get(at) {
        if b == b'%' {
            let mut octet = [0];
            hex::decode_to_slice(coded.get(at + 1..at + 3)?, &mut octet).ok()?;
            octets.push(octet[0]);
            at += 3;
        } else if b.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&b) {
            octets.push(b);
            at += 1;
        } else {
            return None;
        }
    }
    String::from_utf8(octets).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good() {
        assert_eq!(parse(&["INLINE"]).unwrap()["type"], "inline");
        let value = parse(&["attachment;FileName=a.txt ; x=y"]).unwrap();
        assert_eq!(value["filename"], "a.txt");
        assert_eq!(value["filename_star"], Value::Null);
        let value = parse(&["attachment; filename*=utf-8'en'%61b"]).unwrap();
        assert_eq!(value["filename_star"], "ab");
    }

    #[test]
    fn bad() {
        for (line, says) in [
            ("", "where a disposition type should be"),
            ("filename=x", "where the end should be, `=x` stands"),
            ("attachment filename=x", "where the end should be"),
            (
                "attachment; filename=a b",
                "where the end should be, `b` stands",
            ),
            ("attachment; filename=\"a", "not closed"),
            ("attachment; filename=a; filename=b", "given a second time"),
            ("attachment; filename", "where `=` right after"),
            ("attachment; filename*=x", "RFC 8187 does not allow"),
            (
                "attachment; filename*=ISO-8859-1''a",
                "RFC 8187 does not allow",
            ),
            (
                "attachment; filename*=UTF-8''%ff",
                "RFC 8187 does not allow",
            ),
            ("attachment; filename*=UTF-8''%f", "RFC 8187 does not allow"),
            (
                "attachment; filename*=UTF-8''%+1",
                "RFC 8187 does not allow",
            ),
        ] {
            let defect = parse(&[line]).unwrap_err();
            assert!(defect.says.contains(says), "{line}: {defect}");
        }
    }
}
