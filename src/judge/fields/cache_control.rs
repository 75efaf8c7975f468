//! `Cache-Control` of a response: RFC 9111 §5.2, with the immutable (RFC 8246) and stale-* (RFC 5861) directives.

use indexmap::{IndexMap, IndexSet};
use serde_json::{Value, json};

use super::defect::{Defect, quote};
use super::grammar::{delta_seconds, list, repeated};

pub(super) const SHAPE: &str = r#"`public, max-age=60, s-maxage=10` reads as
{"directives": {"public": true, "max-age": 60, "s-maxage": 10}, "no_store": false, "no_cache": false,
 "public": true, "private": false, "must_revalidate": false, "immutable": false,
 "fresh_seconds": 60, "shared_fresh_seconds": 10, "contradictions": [], "repeated": [], "empty_elements": 0}

All lines are read as one list. In `directives` names are lower case; a value is true (no argument), a number of
seconds (at most 2^53-1) or a text; of a directive given twice the first counts. `no_cache` and `private` are
true for the form without field names only. `fresh_seconds` is max-age, or null; `shared_fresh_seconds` is
s-maxage, else max-age, or null. `contradictions` holds sentences like "no-store with public". `repeated` names
directives given more than once. Refused: whatever is no list of directives; seconds that are not bare digits;
an argument where none is allowed."#;

const SECONDS: [&str; 4] = [
    "max-age",
    "s-maxage",
    "stale-while-revalidate",
    "stale-if-error",
];
const BARE: [&str; 7] = [
    "no-store",
    "public",
    "must-revalidate",
    "proxy-revalidate",
    "must-understand",
    "no-transform",
    "immutable",
];

pub(super) fn parse(lines: &[&str]) -> Result<Value, Defect> {
    let mut directives: IndexMap<String, Value> = IndexMap::new();
    let mut names = Vec::new();
    let mut conflicting = IndexSet::new();
    let empty = list(lines, |cursor| {
        let start = cursor.mark();
        let name = cursor.token("a directive")?.to_ascii_lowercase();
        let argument = if cursor.eat(b'=') {
            Some(cursor.value(&format!("an argument of {}", quote(&name)))?)
        } else {
            None
        };
        let value = meaning(&name, argument).map_err(|says| cursor.fail_at(start, &says))?;
        if let Some(first) = directives.get(&name) {
            if *first != value {
                conflicting.insert(name.clone());
            }
        } else {
            directives.insert(name.clone(), value);
        }
        names.push(name);
        Ok(())
    })?;

    let has = |name: &str| directives.get(name) == Some(&Value::Bool(true));
    let seconds = |name: &str| directives.get(name).and_then(Value::as_u64);
    let fresh = seconds("max-age");
    let shared = seconds("s-maxage").or(fresh);
    let mut contradictions = Vec::new();
    let mut contradicts = |wrong: bool, says: String| {
        if wrong {
            contradictions.push(says);
        }
    };
    let stores_nothing = has("no-store");
    contradicts(
        stores_nothing && has("public"),
        "no-store with public".into(),
    );
    contradicts(
        stores_nothing && has("immutable"),
        "no-store with immutable".into(),
    );
    for name in SECONDS {
        if let Some(n) = seconds(name).filter(|n| *n > 0) {
            contradicts(stores_nothing, format!("no-store with {name}={n}"));
        }
    }
    contradicts(
        has("public") && has("private"),
        "public with private".into(),
    );
    if let Some(n) = seconds("s-maxage").filter(|n| *n > 0) {
        contradicts(has("private"), format!("private with s-maxage={n}"));
    }
    contradicts(
        has("no-cache") && has("immutable"),
        "no-cache with immutable".into(),
    );
    for name in &conflicting {
        contradicts(true, format!("{name} with two values"));
    }
    Ok(json!({
        "directives": directives,
        "no_store": stores_nothing,
        "no_cache": has("no-cache"),
        "public": has("public"),
        "private": has("private"),
        "must_revalidate": has("must-revalidate"),
        "immutable": has("immutable"),
        "fresh_seconds": fresh,
        "shared_fresh_seconds": shared,
        "contradictions": contradictions,
        "repeated": repeated(&names),
        "empty_elements": empty,
    }))
}

fn meaning(name: &str, argument: Option<(String, bool)>) -> Result<Value, String> {
    let shown = quote(name);
    match argument {
        None if SECONDS.contains(&name) => Err(format!("{shown} has no seconds")),
        None => Ok(Value::Bool(true)),
        Some(_) if BARE.contains(&name) => Err(format!("{shown} takes no argument but has one")),
        // RFC 9111 §5.2.2.1: a sender must not quote the seconds.
        Some((text, true)) if SECONDS.contains(&name) => Err(format!(
            "the seconds of {shown} are quoted, {}",
            quote(&text)
        )),
        Some((text, false)) if SECONDS.contains(&name) => delta_seconds(&text)
            .map(Value::from)
            .ok_or_else(|| format!("the seconds of {shown} are {}, not digits", quote(&text))),
        Some((text, _)) => Ok(Value::String(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Value {
        parse(lines).unwrap_or_else(|defect| panic!("{lines:?}: {defect}"))
    }

    #[test]
    fn good() {
        let value = read(&["No-Store", "no-cache, private=\"set-cookie, x\""]);
        assert_eq!(value["no_store"], true);
        assert_eq!(value["no_cache"], true);
        assert_eq!(value["private"], false);
        assert_eq!(value["directives"]["private"], "set-cookie, x");
        assert_eq!(value["fresh_seconds"], Value::Null);
        assert_eq!(value["contradictions"], json!([]));

        let value = read(&["max-age=60, , ext=1, max-age=60,"]);
        assert_eq!(value["fresh_seconds"], 60);
        assert_eq!(value["shared_fresh_seconds"], 60);
        assert_eq!(value["repeated"], json!(["max-age"]));
        assert_eq!(value["contradictions"], json!([]));
        assert_eq!(value["empty_elements"], 2);
        assert_eq!(value["directives"]["ext"], "1");
        assert_eq!(read(&[""])["directives"], json!({}));
    }

    #[test]
    fn contradictions() {
        for (line, says) in [
            (
                "no-store, public, max-age=60",
                json!(["no-store with public", "no-store with max-age=60"]),
            ),
            ("immutable, no-store", json!(["no-store with immutable"])),
            ("public, private", json!(["public with private"])),
            ("private, s-maxage=9", json!(["private with s-maxage=9"])),
            (
                "max-age=1, max-age=2, max-age=3",
                json!(["max-age with two values"]),
            ),
            (
                "no-store, no-cache, max-age=0, must-revalidate, private",
                json!([]),
            ),
        ] {
            assert_eq!(read(&[line])["contradictions"], says, "{line}");
        }
    }

    #[test]
    fn bad() {
        for (line, says) in [
            ("max-age=1y", "are `1y`, not digits at octet 1"),
            ("max-age=-1", "not digits"),
            ("max-age=1.5", "not digits"),
            ("max-age", "has no seconds"),
            ("public, s-maxage=\"60\"", "are quoted, `60` at octet 9"),
            ("no-store=1", "takes no argument"),
            (
                "no-store; max-age=0",
                "where a comma or the end should be, `; max-age=0` stands",
            ),
            ("max-age = 60", "has no seconds"),
            ("private=\"x", "not closed"),
            ("no-store max-age=0", "where a comma or the end should be"),
            ("no-store, =1", "where a directive should be"),
        ] {
            let defect = parse(&[line]).unwrap_err();
            assert!(defect.says.contains(says), "{line}: {defect}");
        }
    }
}
