//! `Link`: RFC 8288 §3.

use serde_json::{Map, Value, json};

use super::defect::{Defect, quote};
use super::grammar::{Cursor, MAX_PARTS, list};

pub(super) const SHAPE: &str = r#"`</items?page=2>; rel="next last"; title=More` reads as
{"links": [{"target": "/items?page=2", "rel": ["next", "last"],
            "params": {"rel": "next last", "title": "More"}, "repeated": []}], "empty_elements": 0}

All lines are read as one list. `rel` holds the relation types in lower case, none if the parameter is missing.
Names in `params` are lower case; a parameter without value is null, and of one given again (named in
`repeated`) the first counts. Refused: a target without `<` and `>`, an unquoted value with spaces, an open
quoted string."#;

pub(super) fn parse(lines: &[&str]) -> Result<Value, Defect> {
    let mut links = Vec::new();
    let empty = list(lines, |cursor| {
        let mark = cursor.mark();
        if !cursor.eat(b'<') {
            return Err(cursor.expected("`<` and a target"));
        }
        let target = cursor.take_while(|b| b != b'>');
        if !cursor.eat(b'>') {
            return Err(cursor.fail_at(mark, "a target is opened and not closed by `>`"));
        }
        let (params, repeated) = parameters(cursor)?;
        let rel: Vec<String> = params
            .get("rel")
            .and_then(Value::as_str)
            .map(|rel| {
                rel.split_ascii_whitespace()
                    .map(str::to_ascii_lowercase)
                    .collect()
            })
            .unwrap_or_default();
        links.push(json!({"target": target, "rel": rel, "params": params, "repeated": repeated}));
        Ok(())
    })?;
    Ok(json!({"links": links, "empty_elements": empty}))
}

/// `*( OWS ";" OWS [ token BWS [ "=" BWS ( token / quoted-string ) ] ] )`, and the names that come again.
fn parameters(cursor: &mut Cursor) -> Result<(Map<String, Value>, Vec<String>), Defect> {
    let mut params = Map::new();
    let mut again = Vec::new();
    for _ in 0..MAX_PARTS {
        cursor.ows();
        if cursor.done() || cursor.peek() == Some(b',') {
            return Ok((params, again));
        }
        if !cursor.eat(b';') {
            return Err(cursor.expected("`;`, a comma or the end"));
        }
        cursor.ows();
        if cursor.done() || matches!(cursor.peek(), Some(b';' | b',')) {
            continue;
        }
        let name = cursor.token("a parameter name")?.to_ascii_lowercase();
        cursor.ows();
        let value = if cursor.eat(b'=') {
            cursor.ows();
            let (value, _) = cursor.value(&format!("a value of parameter {}", quote(&name)))?;
            Value::String(value)
        } else {
            Value::Null
        };
        if params.contains_key(&name) {
            again.push(name);
        } else {
            params.insert(name, value);
        }
    }
    Err(Defect::new(format!("more than {MAX_PARTS} parameters")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good() {
        let value = parse(&[
            "<a,b>;REL=Next, <c>",
            "<https://d.example/>; rel=\"x\"; title=\"1, 2; 3\"",
        ])
        .unwrap();
        let links = value["links"].as_array().unwrap();
        assert_eq!(links.len(), 3);
        assert_eq!(links[0]["target"], "a,b");
        assert_eq!(links[0]["rel"], json!(["next"]));
        assert_eq!(links[1]["rel"], json!([]));
        assert_eq!(links[2]["params"]["title"], "1, 2; 3");
        let value = parse(&["</s.css> ; rel = preload; as=style; CrossOrigin; rel=next;"]).unwrap();
        assert_eq!(value["links"][0]["params"]["crossorigin"], Value::Null);
        assert_eq!(value["links"][0]["rel"], json!(["preload"]));
        assert_eq!(value["links"][0]["repeated"], json!(["rel"]));
    }

    #[test]
    fn bad() {
        for (line, says) in [
            ("/a; rel=next", "where `<` and a target should be"),
            ("</a; rel=next", "not closed by `>` at octet 1"),
            ("</a> rel=next", "where `;`, a comma or the end should be"),
            (
                "</a>; title=a b",
                "where `;`, a comma or the end should be, `b` stands",
            ),
            ("</a>; rel=\"next", "opened and not closed"),
        ] {
            let defect = parse(&[line]).unwrap_err();
            assert!(defect.says.contains(says), "{line}: {defect}");
        }
    }
}
