//! Where a browser is to send reports: `Reporting-Endpoints` (Reporting API §3.2, a structured dictionary), and
//! `Report-To` and `NEL` (Network Error Logging §5), which are JSON values in a list.

use serde_json::{Value, json};
use sfv::{BareItem, Dictionary, Item, ListEntry};
use url::Url;

use super::defect::{Defect, quote};
use super::grammar::{MAX_PARTS, trim};
use super::structured;

pub(super) const SHAPE: &str = r#"`main="https://reports.example/a", csp="/csp"` reads as
{"form": "dictionary", "objects": [],
 "endpoints": [{"name": "main", "url": "https://reports.example/a", "scheme": "https", "host": "reports.example"},
               {"name": "csp", "url": "/csp", "scheme": null, "host": null}]}

A field that starts with `{` is JSON: `{"group": "g", "max_age": 60, "endpoints": [{"url":
"https://r.example/"}]}` has "form": "json", the objects as they are in `objects`, and in `endpoints` every
endpoint's url under its group's name ("default" where none is given). NEL names no endpoint, only a group:
`$.objects[0].report_to`. `scheme` and `host` are null for a URL relative to the page. All lines are read as
one. Refused: neither dictionary nor JSON objects, a value that is no string or URL."#;

pub(super) fn parse(lines: &[&str]) -> Result<Value, Defect> {
    let text = lines.join(", ");
    let (form, named, objects) = if trim(&text).starts_with('{') {
        let (named, objects) = from_json(&text)?;
        ("json", named, objects)
    } else {
        ("dictionary", from_dictionary(&text)?, Vec::new())
    };
    if named.len() > MAX_PARTS {
        return Err(Defect::new(format!("more than {MAX_PARTS} endpoints")));
    }
    let endpoints: Result<Vec<Value>, Defect> = named
        .into_iter()
        .map(|(name, url)| endpoint(&name, &url))
        .collect();
    Ok(json!({"form": form, "objects": objects, "endpoints": endpoints?}))
}

type Named = Vec<(String, String)>;

fn from_dictionary(text: &str) -> Result<Named, Defect> {
    let dictionary: Dictionary = structured::read(text, "dictionary")?;
    dictionary
        .into_iter()
        .map(|(key, entry)| match entry {
            ListEntry::Item(Item {
                bare_item: BareItem::String(url),
                ..
            }) => Ok((key.as_str().to_owned(), url.as_str().to_owned())),
            _ => Err(Defect::new(format!(
                "endpoint {} is no string",
                quote(key.as_str())
            ))),
        })
        .collect()
}

fn from_json(text: &str) -> Result<(Named, Vec<Value>), Defect> {
    let objects: Vec<Value> = serde_json::from_str(&format!("[{text}]"))
        .map_err(|error| Defect::new(format!("not JSON objects: {error}")))?;
    let mut named = Vec::new();
    for (n, object) in objects.iter().enumerate() {
        if !object.is_object() {
            return Err(Defect::new(format!("value {} is no JSON object", n + 1)));
        }
        let group = object["group"].as_str().unwrap_or("default");
        for endpoint in object["endpoints"].as_array().into_iter().flatten() {
            let url = endpoint["url"].as_str().ok_or_else(|| {
                Defect::new(format!("an endpoint of group {} has no url", quote(group)))
            })?;
            named.push((group.to_owned(), url.to_owned()));
        }
    }
    Ok((named, objects))
}

fn endpoint(name: &str, text: &str) -> Result<Value, Defect> {
    let url = match Url::parse(text) {
        Ok(url) => Some(url),
        Err(url::ParseError::RelativeUrlWithoutBase) if !text.starts_with("//") => None,
        Err(error) => {
            return Err(Defect::new(format!(
                "the URL of endpoint {} is wrong: {error}",
                quote(name)
            )));
        }
    };
    Ok(json!({
        "name": name,
        "url": text,
        "scheme": url.as_ref().map(Url::scheme),
        "host": url.as_ref().and_then(Url::host_str),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good() {
        let value = parse(&[
            r#"{"group":"g","max_age":60,"endpoints":[{"url":"https://r.example/x"},{"url":"http://s.example/"}]}"#,
            r#"{"max_age":1,"endpoints":[{"url":"https://t.example/"}]}"#,
        ])
        .unwrap();
        let hosts: Vec<_> = value["endpoints"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| (&e["name"], &e["host"]))
            .collect();
        assert_eq!(
            hosts,
            [
                (&json!("g"), &json!("r.example")),
                (&json!("g"), &json!("s.example")),
                (&json!("default"), &json!("t.example")),
            ]
        );
        let value = parse(&[r#" {"report_to":"g","max_age":60}"#]).unwrap();
        assert_eq!(value["objects"][0]["report_to"], "g");
        assert_eq!(value["endpoints"], json!([]));
        assert_eq!(
            parse(&["a=\"https://x.example\"", "b=\"/r\""]).unwrap()["endpoints"][1]["host"],
            Value::Null
        );
    }

    #[test]
    fn bad() {
        for (line, says) in [
            ("a=https://x.example", "endpoint `a` is no string"),
            ("a", "endpoint `a` is no string"),
            ("a='https://x.example'", "not a structured dictionary"),
            ("{\"group\":}", "not JSON objects"),
            ("{}, 1", "value 2 is no JSON object"),
            (
                "{\"endpoints\":[{}]}",
                "an endpoint of group `default` has no url",
            ),
            ("a=\"https://\"", "the URL of endpoint `a` is wrong"),
            ("a=\"//x.example/\"", "the URL of endpoint `a` is wrong"),
        ] {
            let defect = parse(&[line]).unwrap_err();
            assert!(defect.says.contains(says), "{line}: {defect}");
        }
        let deep = format!("{}{}", "{\"a\":".repeat(5000), "1");
        assert!(
            parse(&[&deep])
                .unwrap_err()
                .says
                .contains("not JSON objects")
        );
    }
}
