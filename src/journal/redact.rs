use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::octets::Octets;

/// What a replaced secret looks like: `‹user.token:9f3c21aa›`. The digits are keyed by a random key of the run, so that
/// a target cannot write one.
pub const MARK_OPEN: char = '‹';
pub const MARK_CLOSE: char = '›';

/// Shorter values are not searched for: they would be found everywhere.
pub const SHORTEST_SECRET: usize = 4;

static JWT_LIKE: LazyLock<regex::bytes::Regex> = LazyLock::new(|| {
    regex::bytes::Regex::new(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{2,}(\.[A-Za-z0-9_-]*)+")
        .expect("a fixed expression")
});

/// Replaces secrets by their names wherever they stand: plain, percent-encoded, in base64 or in hex.
pub struct Redactor {
    key: hmac::Key,
    /// Secret value to the name it is shown under.
    names: BTreeMap<Vec<u8>, String>,
    patterns: Vec<Vec<u8>>,
    marks: Vec<String>,
    automaton: Option<AhoCorasick>,
}

impl Redactor {
    /// With the random key of a run.
    pub fn new(key: [u8; 32]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            names: BTreeMap::new(),
            patterns: Vec::new(),
            marks: Vec::new(),
            automaton: None,
        }
    }

    /// From now on `value` appears as `name`. The first name of a value stays.
    pub fn learn(&mut self, name: &str, value: &str) {
        self.learn_all([(name, value)]);
    }

    /// The same for many at once; the search is rebuilt once.
    pub fn learn_all<'a>(&mut self, secrets: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let mut new = false;
        for (name, value) in secrets {
            let bytes = value.as_bytes();
            if bytes.len() < SHORTEST_SECRET || self.names.contains_key(bytes) {
                continue;
            }
            new = true;
            self.names.insert(bytes.to_vec(), name.to_owned());
            let mut seen = HashSet::new();
            for (form, pattern) in forms(bytes) {
                if pattern.len() >= SHORTEST_SECRET && seen.insert(pattern.clone()) {
                    let shown = if form.is_empty() {
                        name.to_owned()
                    } else {
                        format!("{name}~{form}")
                    };
                    self.marks.push(self.mark(&shown, bytes));
                    self.patterns.push(pattern);
                }
            }
        }
        if new {
            self.automaton = AhoCorasick::builder()
                .match_kind(MatchKind::LeftmostLongest)
                .build(&self.patterns)
                .ok();
        }
    }

    /// How a value is shown: its mark where it is known, a mark by `name` otherwise.
    pub fn shown(&self, name: &str, value: &str) -> String {
        let name = self
            .names
            .get(value.as_bytes())
            .map_or(name, String::as_str);
        self.mark(name, value.as_bytes())
    }

    /// The text with every secret replaced; also whatever looks like a JWT that nobody named.
    pub fn bytes(&self, text: &[u8]) -> Octets {
        let mut out = Vec::with_capacity(text.len());
        match &self.automaton {
            Some(automaton) => {
                let mut at = 0;
                for found in automaton.find_iter(text) {
                    out.extend_from_slice(&text[at..found.start()]);
                    out.extend_from_slice(self.marks[found.pattern().as_usize()].as_bytes());
                    at = found.end();
                }
                out.extend_from_slice(&text[at..]);
            }
            None => out.extend_from_slice(text),
        }
        if !out.windows(3).any(|window| window == b"eyJ") {
            return Octets(out);
        }
        let replaced = JWT_LIKE.replace_all(&out, |found: &regex::bytes::Captures<'_>| {
            self.mark("jwt", &found[0]).into_bytes()
        });
        Octets(replaced.into_owned())
    }

    pub fn text(&self, text: &str) -> String {
        self.bytes(text.as_bytes()).text().into_owned()
    }

    fn mark(&self, name: &str, value: &[u8]) -> String {
        let tag = hmac::sign(&self.key, value);
        format!(
            "{MARK_OPEN}{name}:{}{MARK_CLOSE}",
            hex::encode(&tag.as_ref()[..4])
        )
    }
}

fn forms(value: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = vec![("", value.to_vec())];
    let percent: String = value
        .iter()
        .map(|b| {
            if b.is_ascii_alphanumeric() || b"-._~".contains(b) {
                (*b as char).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect();
    forms.push(("percent", percent.to_ascii_lowercase().into_bytes()));
    forms.push(("percent", percent.into_bytes()));
    if value.len() >= 8 {
        forms.push(("hex", hex::encode(value).into_bytes()));
        forms.push(("hex", hex::encode_upper(value).into_bytes()));
        // Inside a longer text the encoding starts at one of three phases; the characters that depend on neighbours
        // are left off.
        for phase in 0..3 {
            let padded: Vec<u8> = std::iter::repeat_n(0u8, phase)
                .chain(value.iter().copied())
                .collect();
            let whole = padded.len() / 3 * 3;
            let skip = [0, 2, 3][phase];
            for encoded in [
                STANDARD_NO_PAD.encode(&padded[..whole]),
                URL_SAFE_NO_PAD.encode(&padded[..whole]),
            ] {
                if encoded.len() >= skip + 8 {
                    forms.push(("base64", encoded.as_bytes()[skip..].to_vec()));
                }
            }
        }
        let reversed: Vec<u8> = value.iter().rev().copied().collect();
        forms.push(("reversed", reversed));
    }
    let escaped = serde_json::to_string(&String::from_utf8_lossy(value)).unwrap_or_default();
    forms.push(("json", escaped.trim_matches('"').as_bytes().to_vec()));
    forms
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;

    fn redactor() -> Redactor {
        let mut redactor = Redactor::new([7; 32]);
        redactor.learn("user.token", "s3cr3t/value+long");
        redactor
    }

    #[test]
    fn every_form_is_replaced() {
        let secret = "s3cr3t/value+long";
        let texts = [
            format!("Bearer {secret}"),
            "q=s3cr3t%2Fvalue%2Blong".to_owned(),
            "q=s3cr3t%2fvalue%2blong".to_owned(),
            hex::encode(secret),
            STANDARD.encode(format!("x:{secret}")),
            STANDARD.encode(format!("user:{secret}:y")),
            STANDARD.encode(format!("ab{secret}")),
            secret.chars().rev().collect(),
        ];
        for text in texts {
            let shown = redactor().text(&text);
            assert!(shown.contains("‹user.token"), "{text} became {shown}");
        }
    }

    #[test]
    fn unknown_tokens_are_replaced_too() {
        let shown = redactor().text(r#"{"t":"eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.abc"}"#);
        assert!(shown.starts_with(r#"{"t":"‹jwt:"#), "{shown}");
    }

    #[test]
    fn other_text_stays_as_it_is() {
        assert_eq!(redactor().bytes(b"\xff plain").0, b"\xff plain");
    }

    #[test]
    fn marks_depend_on_the_run() {
        let mut other = Redactor::new([8; 32]);
        other.learn("user.token", "s3cr3t/value+long");
        assert_ne!(
            other.text("s3cr3t/value+long"),
            redactor().text("s3cr3t/value+long")
        );
    }
}
