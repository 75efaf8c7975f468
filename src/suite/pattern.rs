//! Patterns over check ids: `*` stands for any characters, everything else for itself.

/// Whether `text` matches `pattern` as a whole, without regard to case.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_ascii_lowercase(), text.to_ascii_lowercase());
    let text = text.as_str();
    let mut parts = pattern.split('*');
    let Some(rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut rest = rest;
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stand_for_any_characters() {
        for (pattern, text, expected) in [
            ("DEMO-*", "DEMO-401-01", true),
            ("DEMO-*-01", "DEMO-401-01", true),
            ("DEMO-*-01", "DEMO-401-02", false),
            ("*", "", true),
            ("A*A", "A", false),
            ("DEMO-401-01", "DEMO-401-01", true),
            ("DEMO", "DEMO-401-01", false),
            ("demo-401-*", "DEMO-401-01", true),
            ("*-401-*", "DEMO-401-01", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
        }
    }
}
