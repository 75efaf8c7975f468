//! `${name.member ?? other.name|filter}` in the texts of suites, contracts and target files.

use serde_json::Value;

/// Names that a template may refer to.
pub trait Scope: Sync {
    /// The value of a dotted name, or `None` when it has none.
    fn find(&self, path: &[&str]) -> Option<Found>;
}

/// A value found, and whether templates inside it count. What came from a target is always a literal.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    Literal(Value),
    Template(Value),
}

/// A template that cannot be filled, or is not well formed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error("`${{{0}}}` has no value here")]
    Unknown(String),
    #[error("`${{` without its `}}`")]
    Unclosed,
    #[error("unknown filter `{0}`; there are {FILTER_NAMES}")]
    Filter(String),
    #[error("`${{{0}}}` refers to itself, or is nested too deep")]
    Depth(String),
    #[error("`${{{0}}}` has no more than {CUT_AT} octets")]
    Short(String),
}

const FILTER_NAMES: &str = "upper, lower, percent, percent-all, double-percent, base64, hex, fullwidth, last, parent, before-query, reverse, below-root, parent-domain, dot-as-letter, chop, first-10, cut-at-72, swap-case, alter-first, alter-middle, alter-last, times-10, times-160, times-1000, json-rewritten";
const MAX_DEPTH: u8 = 8;

/// bcrypt looks at no more octets of a password.
const CUT_AT: usize = 72;

/// One reference, as it stands in the text: byte range of the whole `${…}`, its path and filters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference<'a> {
    pub start: usize,
    pub end: usize,
    pub path: &'a str,
    pub filters: Vec<&'a str>,
}

/// The references in a text, in order. `$${` is a literal `${`.
pub fn references(text: &str) -> Result<Vec<Reference<'_>>, TemplateError> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(offset) = text[at..].find("${") {
        let start = at + offset;
        if start > 0 && text.as_bytes()[start - 1] == b'$' {
            at = start + 2;
            continue;
        }
        let inner = start + 2;
        let length = text[inner..].find('}').ok_or(TemplateError::Unclosed)?;
        let mut words = text[inner..inner + length].split('|').map(str::trim);
        let path = words.next().unwrap_or_default();
        let filters: Vec<&str> = words.collect();
        if let Some(unknown) = filters.iter().find(|f| !is_filter(f)) {
            return Err(TemplateError::Filter((*unknown).to_owned()));
        }
        at = inner + length + 1;
        found.push(Reference {
            start,
            end: at,
            path,
            filters,
        });
    }
    Ok(found)
}

/// Fills a text. A text that is one reference and nothing else keeps the JSON type of the value.
pub fn fill(text: &str, scope: &dyn Scope) -> Result<Value, TemplateError> {
    fill_at(text, scope, 0)
}

/// Fills a text and shows the result as text.
pub fn fill_text(text: &str, scope: &dyn Scope) -> Result<String, TemplateError> {
    if !text.contains("${") {
        return Ok(text.to_owned());
    }
    fill(text, scope).map(|value| show(&value))
}

/// Fills every text inside a JSON value, keys included.
pub fn fill_value(value: &Value, scope: &dyn Scope) -> Result<Value, TemplateError> {
    fill_value_at(value, scope, 0)
}

/// A JSON value as it stands in a text: strings bare, everything else as JSON.
pub fn show(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn fill_value_at(value: &Value, scope: &dyn Scope, depth: u8) -> Result<Value, TemplateError> {
    Ok(match value {
        Value::String(text) if text.contains("${") => fill_at(text, scope, depth)?,
        Value::Array(items) => Value::Array(
            items
                .iter()
                .map(|item| fill_value_at(item, scope, depth))
                .collect::<Result<_, _>>()?,
        ),
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(key, item)| Ok((fill_text(key, scope)?, fill_value_at(item, scope, depth)?)))
                .collect::<Result<_, TemplateError>>()?,
        ),
        other => other.clone(),
    })
}

fn fill_at(text: &str, scope: &dyn Scope, depth: u8) -> Result<Value, TemplateError> {
    if !text.contains("${") {
        return Ok(Value::String(text.to_owned()));
    }
    let references = references(text)?;
    if depth > MAX_DEPTH {
        return Err(TemplateError::Depth(
            references
                .first()
                .map(|r| r.path.to_owned())
                .unwrap_or_default(),
        ));
    }
    if let [only] = references.as_slice()
        && only.start == 0
        && only.end == text.len()
    {
        return resolve(only, scope, depth);
    }
    let mut out = String::with_capacity(text.len() + 32);
    let mut at = 0;
    for reference in &references {
        out.push_str(&text[at..reference.start].replace("$${", "${"));
        out.push_str(&show(&resolve(reference, scope, depth)?));
        at = reference.end;
    }
    out.push_str(&text[at..].replace("$${", "${"));
    Ok(Value::String(out))
}

/// The names of `a ?? b`, of which the first that has a value counts.
pub fn alternatives(path: &str) -> impl Iterator<Item = &str> {
    path.split("??").map(str::trim)
}

fn resolve(
    reference: &Reference<'_>,
    scope: &dyn Scope,
    depth: u8,
) -> Result<Value, TemplateError> {
    let found = alternatives(reference.path)
        .find_map(|path| scope.find(&path.split('.').collect::<Vec<_>>()));
    let value = match found {
        Some(Found::Literal(value)) => value,
        Some(Found::Template(value)) => fill_value_at(&value, scope, depth + 1)?,
        None => return Err(TemplateError::Unknown(reference.path.to_owned())),
    };
    if reference.filters.is_empty() {
        return Ok(value);
    }
    let mut filters = reference.filters.iter();
    let text = filters.try_fold(show(&value), |text, filter| apply(filter, &text));
    let short = || TemplateError::Short(reference.path.to_owned());
    Ok(Value::String(text.ok_or_else(short)?))
}

fn is_filter(name: &str) -> bool {
    FILTER_NAMES.split(", ").any(|known| known == name)
}

/// `None` where the text is too short to be cut.
fn apply(filter: &str, text: &str) -> Option<String> {
    Some(match filter {
        "upper" => text.to_uppercase(),
        "lower" => text.to_lowercase(),
        "swap-case" => text
            .chars()
            .map(|c| {
                if c.is_ascii_uppercase() {
                    c.to_ascii_lowercase()
                } else {
                    c.to_ascii_uppercase()
                }
            })
            .collect(),
        "percent" => percent(text, |b| {
            !b.is_ascii_alphanumeric() && !b"-._~".contains(&b)
        }),
        "percent-all" => percent(text, |b| b != b'/'),
        "double-percent" => percent(text, |b| b != b'/').replace('%', "%25"),
        "base64" => base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text),
        "hex" => hex::encode(text),
        "fullwidth" => text
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    char::from_u32(c as u32 + 0xFEE0).unwrap_or(c)
                } else {
                    c
                }
            })
            .collect(),
        "last" => text.rsplit('/').next().unwrap_or_default().to_owned(),
        "parent" => text
            .rsplit_once('/')
            .map(|(parent, _)| parent)
            .unwrap_or_default()
            .to_owned(),
        "before-query" => text.split('?').next().unwrap_or_default().to_owned(),
        "times-10" => text.repeat(10),
        "times-160" => text.repeat(160),
        "times-1000" => text.repeat(1000),
        // A JSONPath, to be written behind another.
        "below-root" => text.strip_prefix('$').unwrap_or(text).to_owned(),
        "reverse" => text.chars().rev().collect(),
        "parent-domain" => text
            .split_once('.')
            .map_or(text, |(_, parent)| parent)
            .to_owned(),
        // What an expression matches whose writer forgot that a dot stands for any character.
        "dot-as-letter" => text.replacen('.', "x", 1),
        "chop" => {
            let mut characters = text.chars();
            characters.next_back();
            characters.collect()
        }
        "alter-first" => altered(text, |_| 0),
        "alter-middle" => altered(text, |length| length / 2),
        "alter-last" => altered(text, |length| length.saturating_sub(1)),
        "first-10" => text.chars().take(10).collect(),
        // Not within a character, which would have fewer octets before the cut.
        "cut-at-72" if text.len() > CUT_AT => text.get(..CUT_AT)?.to_owned(),
        "cut-at-72" => return None,
        "json-rewritten" => {
            serde_json::from_str(text).map_or_else(|_| text.to_owned(), |value| rewritten(&value))
        }
        _ => text.to_owned(),
    })
}

/// The same JSON text in other octets: the members in the other order, every character of a text escaped (RFC 8259 §7),
/// and white space.
fn rewritten(value: &Value) -> String {
    let escaped = |text: &str| {
        let units = text.encode_utf16();
        let units: Vec<String> = units.map(|unit| format!("\\u{unit:04x}")).collect();
        format!("\"{}\"", units.concat())
    };
    match value {
        Value::String(text) => escaped(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(rewritten).collect();
            format!("[ {} ]", items.join(" , "))
        }
        Value::Object(members) => {
            let members = members.iter().rev();
            let member = |(name, value): (&String, &Value)| {
                format!("{} : {}", escaped(name), rewritten(value))
            };
            let members: Vec<String> = members.map(member).collect();
            format!("{{ {} }}", members.join(" , "))
        }
        other => other.to_string(),
    }
}

/// With another character of its kind at the place that the number of characters gives.
fn altered(text: &str, place: impl Fn(usize) -> usize) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    let place = place(characters.len());
    if let Some(one) = characters.get_mut(place) {
        *one = match *one {
            'a' => 'b',
            'a'..='z' => 'a',
            'A' => 'B',
            'A'..='Z' => 'A',
            '0' => '1',
            '0'..='9' => '0',
            '-' => '_',
            _ => '-',
        };
    }
    characters.into_iter().collect()
}

fn percent(text: &str, escape: impl Fn(u8) -> bool) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if escape(byte) {
            let _ = write!(out, "%{byte:02X}");
        } else {
            out.push(byte as char);
        }
    }
    out
}

/// The number that a value is, or that its text stands for once it is filled; none below 0, none without end.
pub fn fill_number(value: &Value, scope: &dyn Scope) -> Option<f64> {
    let value = match value {
        Value::String(text) => fill(text, scope).ok()?,
        other => other.clone(),
    };
    let seconds = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
    (seconds.is_finite() && seconds >= 0.0).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    struct Names(Value);
    impl Scope for Names {
        fn find(&self, path: &[&str]) -> Option<Found> {
            let pointer = format!("/{}", path.join("/"));
            let value = self.0.pointer(&pointer)?.clone();
            Some(if path[0] == "hostile" {
                Found::Literal(value)
            } else {
                Found::Template(value)
            })
        }
    }

    fn names() -> Names {
        Names(json!({
            "n": 5, "who": "Ann", "greeting": "hi ${who}", "loop": "${loop}",
            "op": {"path": "/a/me"}, "link": "/go?next=/me?", "hostile": "${who}"
        }))
    }

    #[test]
    fn a_document_that_is_written_otherwise_says_the_same() {
        let document = json!({"name": "A \"b\" ü 😀", "list": [1, null, {"x": true}], "n": 2.5});
        let text = document.to_string();
        let other = rewritten(&document);
        assert!(!other.contains("name") && other.starts_with("{ \"\\u006e\" : 2.5"));
        assert_ne!(other, text);
        assert_eq!(serde_json::from_str::<Value>(&other).unwrap(), document);
        assert_eq!(apply("json-rewritten", &text), Some(other));
        let no_json = "no JSON".to_owned();
        assert_eq!(apply("json-rewritten", "no JSON"), Some(no_json));
    }

    #[test]
    fn whole_reference_keeps_its_type() {
        assert_eq!(fill("${n}", &names()), Ok(json!(5)));
        assert_eq!(fill("n=${n}", &names()), Ok(json!("n=5")));
    }

    #[test]
    fn nested_templates_are_filled_but_not_those_of_a_target() {
        assert_eq!(fill("${greeting}!", &names()), Ok(json!("hi Ann!")));
        assert_eq!(fill("${hostile}", &names()), Ok(json!("${who}")));
        assert!(matches!(
            fill("${loop}", &names()),
            Err(TemplateError::Depth(_))
        ));
    }

    #[test]
    fn filters_change_spelling() {
        assert_eq!(fill("${op.path|upper}", &names()), Ok(json!("/A/ME")));
        assert_eq!(
            fill("${who|chop}, ${op.path|first-10}", &names()),
            Ok(json!("An, /a/me"))
        );
        assert_eq!(
            fill(
                "${who|alter-first} ${who|alter-middle} ${op.path|alter-last} ${n|alter-last}",
                &names()
            ),
            Ok(json!("Bnn Aan /a/ma 0"))
        );
        assert_eq!(
            fill("${op.path|last|percent-all}", &names()),
            Ok(json!("%6D%65"))
        );
        assert_eq!(fill("${op.path|parent}/x", &names()), Ok(json!("/a/x")));
        assert_eq!(fill("${link|before-query}", &names()), Ok(json!("/go")));
        assert!(matches!(
            fill("${n|nope}", &names()),
            Err(TemplateError::Filter(_))
        ));
    }

    #[test]
    fn the_first_name_that_has_a_value_counts() {
        assert_eq!(fill("${nobody ?? who|upper}", &names()), Ok(json!("ANN")));
        assert_eq!(fill("${who ?? n}", &names()), Ok(json!("Ann")));
        assert_eq!(
            fill("${nobody ?? nothing}", &names()),
            Err(TemplateError::Unknown("nobody ?? nothing".into()))
        );
    }

    #[test]
    fn what_has_no_more_is_not_cut() {
        let cut = |text: &str| apply("cut-at-72", text);
        assert_eq!(cut(&"a".repeat(73)), Some("a".repeat(72)));
        assert_eq!(cut(&"a".repeat(72)), None);
        assert_eq!(cut(&"ä".repeat(40)), Some("ä".repeat(36)));
        let within = format!("a{}", "ä".repeat(40));
        assert_eq!(cut(&within), None, "the cut is within a character");
        let refused = fill("${who|cut-at-72}", &names());
        assert_eq!(refused, Err(TemplateError::Short("who".into())));
    }

    #[test]
    fn escapes_and_faults() {
        assert_eq!(fill("$${n}", &names()), Ok(json!("${n}")));
        assert_eq!(fill("a${n", &names()), Err(TemplateError::Unclosed));
        assert_eq!(
            fill("${nobody}", &names()),
            Err(TemplateError::Unknown("nobody".into()))
        );
    }
}
