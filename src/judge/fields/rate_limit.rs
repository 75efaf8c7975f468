//! `RateLimit` and `RateLimit-Policy`: draft-ietf-httpapi-ratelimit-headers-10 §3, §4.

use serde_json::{Map, Value, json};
use sfv::{BareItem, Item, ListEntry, Parameters};

use super::defect::{Defect, quote};
use super::grammar::MAX_PARTS;
use super::structured;

/// The items of a non-empty list of Strings, with their texts.
fn items(lines: &[&str]) -> Result<Vec<(String, Parameters)>, Defect> {
    let list: sfv::List = structured::read(&lines.join(", "), "list")?;
    if list.is_empty() {
        return Err(Defect::new("the list is empty"));
    }
    if list.len() > MAX_PARTS {
        return Err(Defect::new(format!("more than {MAX_PARTS} items")));
    }
    list.into_iter()
        .enumerate()
        .map(|(n, entry)| match entry {
            ListEntry::Item(Item {
                bare_item: BareItem::String(name),
                params,
            }) => Ok((name.as_str().to_owned(), params)),
            ListEntry::Item(Item { bare_item, .. }) => {
                let kind = structured::bare(&bare_item).0;
                Err(Defect::new(format!(
                    "item {} has the type {kind}, not string",
                    n + 1
                )))
            }
            ListEntry::InnerList(_) => Err(Defect::new(format!(
                "item {} has the type inner-list, not string",
                n + 1
            ))),
        })
        .collect()
}

/// Takes an integer of at least `least` out of `params`.
fn integer(
    name: &str,
    params: &mut Parameters,
    key: &str,
    least: i64,
) -> Result<Option<i64>, Defect> {
    match take(params, key) {
        None => Ok(None),
        Some(BareItem::Integer(n)) if i64::from(n) >= least => Ok(Some(i64::from(n))),
        Some(BareItem::Integer(n)) => Err(Defect::new(format!(
            "parameter {key} of {} is {n}, below {least}",
            quote(name)
        ))),
        Some(other) => Err(wrong_type(name, key, &other, "integer")),
    }
}

fn partition(name: &str, params: &mut Parameters) -> Result<Option<String>, Defect> {
    match take(params, "pk") {
        None => Ok(None),
        Some(BareItem::ByteSequence(octets)) => Ok(Some(structured::base64(&octets))),
        Some(other) => Err(wrong_type(name, "pk", &other, "byte-sequence")),
    }
}

fn take(params: &mut Parameters, key: &str) -> Option<BareItem> {
    let at = params.keys().position(|k| k.as_str() == key)?;
    params.shift_remove_index(at).map(|(_, value)| value)
}

fn wrong_type(name: &str, key: &str, found: &BareItem, wanted: &str) -> Defect {
    let kind = structured::bare(found).0;
    Defect::new(format!(
        "parameter {key} of {} has the type {kind}, not {wanted}",
        quote(name)
    ))
}

fn missing(name: &str, key: &str) -> Defect {
    Defect::new(format!("{} has no parameter {key}", quote(name)))
}

fn others(params: &Parameters) -> Value {
    let known: Map<String, Value> = params
        .iter()
        .map(|(key, value)| (key.as_str().to_owned(), structured::bare(value).1))
        .collect();
    Value::Object(known)
}

pub(super) mod limit {
    use super::*;

    pub(in crate::judge::fields) const SHAPE: &str = r#"`"burst";r=8;t=30, "day";r=900;pk=:dTE=:` reads as
{"limits": [{"name": "burst", "r": 8, "t": 30, "pk": null, "others": {}},
            {"name": "day", "r": 900, "t": null, "pk": "dTE=", "others": {}}]}

`r`: what is left. `t`: seconds until it grows again, or null. `pk`: the partition key in base64, or null. All
lines are read as one list. Refused: an empty list, a name that is no String, no r, an r or t that is no integer
of 0 or more, a pk that is no byte sequence."#;

    pub(in crate::judge::fields) fn parse(lines: &[&str]) -> Result<Value, Defect> {
        let limits: Result<Vec<Value>, Defect> = items(lines)?
            .into_iter()
            .map(|(name, mut params)| {
                let r = integer(&name, &mut params, "r", 0)?.ok_or_else(|| missing(&name, "r"))?;
                let t = integer(&name, &mut params, "t", 0)?;
                let pk = partition(&name, &mut params)?;
                Ok(json!({"name": name, "r": r, "t": t, "pk": pk, "others": others(&params)}))
            })
            .collect();
        Ok(json!({"limits": limits?}))
    }
}

pub(super) mod policy {
    use super::*;

    pub(in crate::judge::fields) const SHAPE: &str = r#"`"burst";q=100;w=60, "day";q=1000;qu="content-bytes";x=1` reads as
{"policies": [{"name": "burst", "q": 100, "w": 60, "qu": "requests", "pk": null, "others": {}},
              {"name": "day", "q": 1000, "w": null, "qu": "content-bytes", "pk": null, "others": {"x": 1}}]}

`q`: the quota. `w`: its window in seconds, or null. `qu`: what is counted, "requests" where not said. `pk`: the
partition key in base64, or null. All lines are read as one list. Refused: an empty list, a name that is no
String, no q, a q that is no integer of 0 or more, a w that is none of 1 or more, a qu other than requests,
content-bytes and concurrent-requests, a pk that is no byte sequence."#;

    const UNITS: [&str; 3] = ["requests", "content-bytes", "concurrent-requests"];

    pub(in crate::judge::fields) fn parse(lines: &[&str]) -> Result<Value, Defect> {
        let policies: Result<Vec<Value>, Defect> = items(lines)?
            .into_iter()
            .map(|(name, mut params)| {
                let q = integer(&name, &mut params, "q", 0)?.ok_or_else(|| missing(&name, "q"))?;
                let w = integer(&name, &mut params, "w", 1)?;
                let unit = match take(&mut params, "qu") {
                    None => "requests".to_owned(),
                    Some(BareItem::String(unit)) if UNITS.contains(&unit.as_str()) => unit.as_str().to_owned(),
                    Some(BareItem::String(unit)) => {
                        let shown = quote(unit.as_str());
                        return Err(Defect::new(format!("the quota unit {shown} is not registered")));
                    }
                    Some(other) => return Err(wrong_type(&name, "qu", &other, "string")),
                };
                let pk = partition(&name, &mut params)?;
                Ok(json!({"name": name, "q": q, "w": w, "qu": unit, "pk": pk, "others": others(&params)}))
            })
            .collect();
        Ok(json!({"policies": policies?}))
    }
}

#[cfg(test)]
mod tests {
    use super::{limit, policy};

    #[test]
    fn bad_limits() {
        for (line, says) in [
            ("", "the list is empty"),
            ("burst;r=1", "item 1 has the type token, not string"),
            ("\"a\";r=1, (\"b\");r=1", "item 2 has the type inner-list"),
            ("\"a\";t=1", "`a` has no parameter r"),
            ("\"a\";r=-1", "parameter r of `a` is -1, below 0"),
            (
                "\"a\";r=1.5",
                "parameter r of `a` has the type decimal, not integer",
            ),
            ("\"a\";r", "has the type boolean, not integer"),
            (
                "\"a\";r=1;t=\"5\"",
                "parameter t of `a` has the type string, not integer",
            ),
            (
                "\"a\";r=1;pk=u1",
                "parameter pk of `a` has the type token, not byte-sequence",
            ),
            ("limit=100, remaining=50, reset=5", "not a structured list"),
        ] {
            let defect = limit::parse(&[line]).unwrap_err();
            assert!(defect.says.contains(says), "{line}: {defect}");
        }
        let lines = ["\"a\";r=0;t=0", "\"b\";r=1"];
        assert_eq!(
            limit::parse(&lines).unwrap()["limits"]
                .as_array()
                .unwrap()
                .len(),
            2
        );
    }

    #[test]
    fn bad_policies() {
        for (line, says) in [
            ("", "the list is empty"),
            ("burst;q=1", "item 1 has the type token, not string"),
            ("\"a\";w=60", "`a` has no parameter q"),
            ("\"a\";q=1;w=0", "parameter w of `a` is 0, below 1"),
            (
                "\"a\";q=1;qu=requests",
                "parameter qu of `a` has the type token, not string",
            ),
            (
                "\"a\";q=1;qu=\"bananas\"",
                "the quota unit `bananas` is not registered",
            ),
            ("100;w=60", "item 1 has the type integer, not string"),
        ] {
            let defect = policy::parse(&[line]).unwrap_err();
            assert!(defect.says.contains(says), "{line}: {defect}");
        }
    }
}
