//! Fields that are one token, or a list of tokens (RFC 9110 §5.6.1, §5.6.2).

pub(super) mod one {
    use serde_json::{Value, json};

    use crate::judge::fields::defect::Defect;
    use crate::judge::fields::grammar::{Cursor, single};

    pub(in crate::judge::fields) const SHAPE: &str = r#"`NoSniff` reads as
{"value": "NoSniff", "lower": "nosniff", "lines": 1}

Refused: nothing, more than one token, quotes, parameters, a list, lines that differ."#;

    pub(in crate::judge::fields) fn parse(lines: &[&str]) -> Result<Value, Defect> {
        let field = single(lines)?;
        let mut cursor = Cursor::new(field.text);
        let token = cursor.token("a token")?;
        cursor.end()?;
        Ok(json!({"value": token, "lower": token.to_ascii_lowercase(), "lines": field.lines}))
    }
}

pub(super) mod list {
    use serde_json::{Value, json};

    use crate::judge::fields::defect::Defect;
    use crate::judge::fields::grammar::{repeated, tokens};

    pub(in crate::judge::fields) const SHAPE: &str = r#"`DPoP-Nonce, WWW-Authenticate, dpop-nonce` reads as
{"tokens": ["DPoP-Nonce", "WWW-Authenticate", "dpop-nonce"], "lower": ["dpop-nonce", "www-authenticate", "dpop-nonce"],
 "repeated": ["dpop-nonce"], "empty_elements": 0}

All lines are read as one list. `repeated` compares in lower case. Refused: whatever is no list of tokens."#;

    pub(in crate::judge::fields) fn parse(lines: &[&str]) -> Result<Value, Defect> {
        let (tokens, empty) = tokens(lines)?;
        let lower: Vec<String> = tokens.iter().map(|t| t.to_ascii_lowercase()).collect();
        Ok(json!({
            "tokens": tokens,
            "lower": lower,
            "repeated": repeated(&lower),
            "empty_elements": empty,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::{list, one};

    #[test]
    fn one_token() {
        assert_eq!(one::parse(&[" DENY "]).unwrap()["lower"], "deny");
        for (lines, says) in [
            (
                &["ALLOW-FROM https://a.example"][..],
                "where the end should be, `https://a.example` stands",
            ),
            (&["\"nosniff\""], "where a token should be"),
            (&[""], "where a token should be, the field ends"),
            (&["nosniff, nosniff"], "where the end should be"),
            (
                &["nosniff", "no-sniff"],
                "sent twice with different values: `nosniff` and, in line 2, `no-sniff`",
            ),
        ] {
            let defect = one::parse(lines).unwrap_err();
            assert!(defect.says.contains(says), "{lines:?}: {defect}");
        }
    }

    #[test]
    fn several_tokens() {
        assert_eq!(
            list::parse(&["*", "a,b"]).unwrap()["tokens"]
                .as_array()
                .unwrap()
                .len(),
            3
        );
        let defect = list::parse(&["a", "b c"]).unwrap_err();
        assert_eq!(
            defect.says,
            "where a comma or the end should be, `c` stands at octet 3 of line 2"
        );
        let many = "a,".repeat(2000);
        assert!(
            list::parse(&[&many])
                .unwrap_err()
                .says
                .contains("more than 1024")
        );
    }
}
