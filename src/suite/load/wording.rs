//! How the things in a file are called in a sentence.

use std::fmt::Write;

use serde_json::Value;

/// Longest piece of the file that a sentence quotes, in characters.
const MAX_QUOTED: usize = 60;
/// Most words that a help line lists.
const MAX_LISTED: usize = 24;
/// Longest word that a suggestion is looked for, in bytes: the search is quadratic in it.
const MAX_SUGGESTED_BYTES: usize = 64;

/// `` `text` ``, shortened, with control characters as escapes.
pub(super) fn quoted(text: &str) -> String {
    let mut shown = String::from("`");
    for (n, c) in text.chars().enumerate() {
        if n == MAX_QUOTED {
            shown.push('…');
            break;
        }
        if c.is_control() {
            let _ = write!(shown, "{}", c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown.push('`');
    shown
}

/// A string as itself in quotes, any other value as JSON.
pub(super) fn quoted_value(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        other => quoted(&other.to_string()),
    }
}

/// `` `a`, `b`, `c` ``
pub(super) fn listed<S: AsRef<str>>(words: &[S]) -> String {
    let mut shown: Vec<String> = words
        .iter()
        .take(MAX_LISTED)
        .map(|w| quoted(w.as_ref()))
        .collect();
    if words.len() > MAX_LISTED {
        shown.push(format!("and {} more", words.len() - MAX_LISTED));
    }
    shown.join(", ")
}

/// "a, b or c", "a, b and c".
pub(super) fn joined<S: AsRef<str>>(parts: &[S], last: &str) -> String {
    match parts {
        [] => String::new(),
        [only] => only.as_ref().to_owned(),
        [most @ .., end] => {
            let most: Vec<&str> = most.iter().map(AsRef::as_ref).collect();
            format!("{} {last} {}", most.join(", "), end.as_ref())
        }
    }
}

/// The type of a value with its article, as it is called in all messages.
pub(super) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(true) => "`true`",
        Value::Bool(false) => "`false`",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// The same for a type as JSON Schema names it.
pub(super) fn type_named(name: &str) -> &str {
    match name {
        "null" => "nothing",
        "boolean" => "`true` or `false`",
        "integer" => "a whole number",
        "number" => "a number",
        "string" => "a string",
        "array" => "a list",
        "object" => "a map",
        other => other,
    }
}

/// `ResendStep` and `resend_step` as "resend step".
pub(super) fn spaced(type_name: &str) -> String {
    let mut words = String::new();
    let mut after_lower = false;
    for c in type_name.chars() {
        let breaks = c == '_' || c == '-' || (c.is_uppercase() && after_lower);
        if breaks && !words.is_empty() {
            words.push(' ');
        }
        after_lower = c.is_lowercase() || c.is_ascii_digit();
        if c != '_' && c != '-' {
            words.extend(c.to_lowercase());
        }
    }
    words
}

/// "a check", "an operation", "a `send` step"; by the first letter, which is right for what files talk about.
pub(super) fn with_article(noun: &str) -> String {
    let first = noun.trim_start_matches('`').chars().next().unwrap_or('x');
    let article = if "aeio".contains(first.to_ascii_lowercase()) {
        "an"
    } else {
        "a"
    };
    format!("{article} {noun}")
}

/// The value at a JSON pointer: "`steps`", "item 2 of `steps`", "the file".
pub(super) fn place(pointer: &str) -> String {
    let mut items = String::new();
    for token in pointer.rsplit('/') {
        if token.is_empty() {
            break;
        }
        match token.parse::<usize>() {
            Ok(index) => {
                let _ = write!(items, "item {} of ", index + 1);
            }
            Err(_) => return items + &quoted(&token.replace("~1", "/").replace("~0", "~")),
        }
    }
    items + "the file"
}

/// The candidate that `word` was probably meant to be: the same but for case, `-` and `_`, or a third of its letters at
/// most; or one that begins with it.
pub(in crate::suite) fn nearest<'c>(
    word: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    if word.is_empty() || word.len() > MAX_SUGGESTED_BYTES {
        return None;
    }
    let folded = |text: &str| text.to_lowercase().replace('_', "-");
    let word = folded(word);
    let near = candidates
        .into_iter()
        .filter(|c| c.len() <= MAX_SUGGESTED_BYTES);
    let scored = near.filter_map(|candidate| {
        let folded = folded(candidate);
        let distance = strsim::damerau_levenshtein(&word, &folded);
        let allowed = (word.chars().count().max(folded.chars().count()) / 3).max(1);
        if distance <= allowed && distance < folded.chars().count() {
            Some((distance, candidate))
        } else if word.len() >= 3 && folded.starts_with(&word) {
            Some((allowed + 1, candidate))
        } else {
            None
        }
    });
    let begins_alike = |candidate: &str| candidate.chars().next() == word.chars().next();
    scored
        .min_by_key(|(distance, candidate)| (*distance, !begins_alike(candidate)))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_types_become_words() {
        assert_eq!(spaced("ResendStep"), "resend step");
        assert_eq!(spaced("DPoPProof2Key"), "dpo pproof2 key");
        assert_eq!(spaced("target_file"), "target file");
        assert_eq!(with_article("operation"), "an operation");
        assert_eq!(with_article("`wait` step"), "a `wait` step");
        assert_eq!(with_article("user"), "a user");
    }

    #[test]
    fn places_are_named_from_the_inside() {
        assert_eq!(place(""), "the file");
        assert_eq!(place("/checks/3/steps"), "`steps`");
        assert_eq!(place("/checks/3"), "item 4 of `checks`");
        assert_eq!(place("/a~1b/0/1"), "item 2 of item 1 of `a/b`");
        assert_eq!(place("/2"), "item 3 of the file");
    }

    #[test]
    fn suggestions_are_close() {
        let verbs = ["send", "resend", "wait"];
        assert_eq!(nearest("snd", verbs), Some("send"));
        assert_eq!(nearest("Send", verbs), Some("send"));
        assert_eq!(nearest("rsend", verbs), Some("resend"));
        assert_eq!(nearest("browse", verbs), None);
        assert_eq!(nearest("", verbs), None);
        assert_eq!(
            nearest("unauth", ["unauthenticated"]),
            Some("unauthenticated")
        );
        assert_eq!(nearest("x", ["a"]), None);
        assert_eq!(nearest(&"s".repeat(100), verbs), None);
    }

    #[test]
    fn quotes_are_short_and_harmless() {
        assert_eq!(quoted("a\x1b[2J\nb"), "`a\\u{1b}[2J\\nb`");
        assert_eq!(quoted(&"x".repeat(100)), format!("`{}…`", "x".repeat(60)));
    }
}
