//! Whether a secret that an answer showed came again, anywhere in a run.

use std::collections::HashMap;

use serde_json::{Value, json};
use serde_json_path::JsonPath;

use crate::journal::{Exchange, ExchangeId, MARK_CLOSE, MARK_OPEN, RecordedAnswer};

/// Most places that are told of.
const TOLD: usize = 20;

/// Looks at exchanges as they are recorded, where each known secret is its mark and in whatever coding it came has the
/// same digits. So whoever has the journal can look again.
///
/// A secret is shown for the first time where its mark alone is the text at one of the paths. From then on it may stand
/// in no answer but those to the same method and path: what a repeated creation says is a promise of its own.
#[derive(Debug)]
pub struct ShownAgain {
    paths: Vec<JsonPath>,
    /// By the digits of their marks.
    made: HashMap<String, Made>,
    again: Vec<String>,
    beyond: usize,
    answers: usize,
}

#[derive(Debug)]
struct Made {
    by: ExchangeId,
    request: String,
}

impl ShownAgain {
    /// For secrets at these JSONPaths of JSON bodies; what does not parse is left out, as lint tells of it.
    pub fn at(paths: &[String]) -> Self {
        Self {
            paths: paths
                .iter()
                .filter_map(|path| JsonPath::parse(path).ok())
                .collect(),
            made: HashMap::new(),
            again: Vec::new(),
            beyond: 0,
            answers: 0,
        }
    }

    /// Takes the next exchange of the run.
    pub fn note(&mut self, exchange: &Exchange) {
        let Some(answer) = exchange.answer.as_ref().filter(|_| !self.paths.is_empty()) else {
            return;
        };
        self.answers += 1;
        let found = digits_of_marks(answer);
        if found.is_empty() {
            return;
        }
        let target = exchange.request.target.text();
        let path = target.split_once('?').map_or(&*target, |(path, _)| path);
        let request = format!("{} {path}", exchange.request.method);
        let shown = self.shown(answer);
        for digits in found {
            match self.made.get(&digits) {
                Some(made) if made.request == request => {}
                // Who wrote it into an address and has it sent back knew it before.
                Some(_) if target.contains(&digits) => {}
                Some(made) if self.again.len() < TOLD => self.again.push(format!(
                    "the secret of exchange {} in exchange {} ({request}, {})",
                    made.by.0, exchange.id.0, answer.status
                )),
                Some(_) => self.beyond += 1,
                None if shown.contains(&digits) => {
                    let (by, request) = (exchange.id, request.clone());
                    self.made.insert(digits, Made { by, request });
                }
                None => {}
            }
        }
    }

    /// What is known until now: `secrets` that were shown, `answers` that were searched, `again` in words, and how many
    /// more there are `beyond` those.
    pub fn facts(&self) -> Value {
        json!({
            "secrets": self.made.len(),
            "answers": self.answers,
            "again": self.again,
            "beyond": self.beyond,
        })
    }

    /// The digits of marks that are the whole text at one of the paths.
    fn shown(&self, answer: &RecordedAnswer) -> Vec<String> {
        let Ok(body) = serde_json::from_slice::<Value>(&answer.body.0) else {
            return Vec::new();
        };
        self.paths
            .iter()
            .flat_map(|path| path.query(&body).all())
            .filter_map(|value| {
                let mark = value.as_str()?.strip_prefix(MARK_OPEN)?;
                digits(mark.strip_suffix(MARK_CLOSE)?)
            })
            .collect()
    }
}

/// In the status line, the fields and the body, each once.
fn digits_of_marks(answer: &RecordedAnswer) -> Vec<String> {
    let fields = answer.headers.iter().chain(&answer.trailers);
    let fields = fields.map(|(_, value)| value.text());
    let texts = fields.chain([answer.body.text(), answer.reason.text()]);
    let mut found: Vec<String> = Vec::new();
    for text in texts {
        for part in text.split(MARK_OPEN).skip(1) {
            let inner = part.split_once(MARK_CLOSE).map(|(inner, _)| inner);
            // A hash tells whoever has guessed a secret that he is right, and does not show it.
            let inner = inner.filter(|inner| !inner.contains("~sha-"));
            if let Some(digits) = inner.and_then(digits)
                && !found.contains(&digits)
            {
                found.push(digits);
            }
        }
    }
    found
}

/// What stands behind the last colon of a mark's inside.
fn digits(inner: &str) -> Option<String> {
    let (_, digits) = inner.rsplit_once(':')?;
    let is_hex = !digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_hexdigit());
    is_hex.then(|| digits.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Octets;
    use crate::judge::tally::tests::exchange;

    fn answered(id: u64, request: (&str, &str), headers: &[(&str, &str)], body: &str) -> Exchange {
        let mut all = exchange(200, body);
        all.id = ExchangeId(id);
        all.request.method = request.0.to_owned();
        all.request.target = Octets::from(request.1);
        if let Some(answer) = &mut all.answer {
            let field = |(name, value): &(&str, &str)| ((*name).to_owned(), Octets::from(*value));
            answer.headers = headers.iter().map(field).collect();
        }
        all
    }

    fn again(exchanges: &[Exchange]) -> Vec<String> {
        let mut looked = ShownAgain::at(&["$..secret".to_owned()]);
        for exchange in exchanges {
            looked.note(exchange);
        }
        looked.again
    }

    const MADE: &str = r#"{"id":"k1","secret":"‹C-1 secret:0a1b2c3d›"}"#;

    #[test]
    fn what_comes_again_is_named_with_both_exchanges() {
        let found = again(&[
            answered(1, ("POST", "/keys"), &[], MADE),
            answered(2, ("GET", "/keys?all=1"), &[], "[‹other:ffffffff›]"),
            answered(3, ("GET", "/keys"), &[], "x‹C-1 secret~base64:0a1b2c3d›"),
            answered(
                4,
                ("HEAD", "/keys/k1"),
                &[("ETag", "\"‹C-1 secret:0a1b2c3d›\"")],
                "",
            ),
        ]);
        assert_eq!(
            found,
            [
                "the secret of exchange 1 in exchange 3 (GET /keys, 200)",
                "the secret of exchange 1 in exchange 4 (HEAD /keys/k1, 200)",
            ]
        );
    }

    #[test]
    fn a_repeated_creation_is_judged_elsewhere() {
        let twice = [
            answered(1, ("POST", "/keys"), &[], MADE),
            answered(2, ("POST", "/keys"), &[], MADE),
        ];
        assert!(again(&twice).is_empty());
    }

    #[test]
    fn a_secret_that_no_answer_showed_is_none_of_these() {
        let echoed = [
            answered(
                1,
                ("GET", "/me"),
                &[],
                r#"{"says":"‹user.token:0a1b2c3d›"}"#,
            ),
            answered(
                2,
                ("GET", "/you"),
                &[],
                r#"{"says":"‹user.token:0a1b2c3d›"}"#,
            ),
        ];
        assert!(again(&echoed).is_empty());
    }

    #[test]
    fn a_piece_is_the_secret_and_a_hash_is_not() {
        let found = again(&[
            answered(1, ("POST", "/keys"), &[], MADE),
            answered(2, ("GET", "/a"), &[], "‹C-1 secret~sha-256:0a1b2c3d›"),
            answered(3, ("GET", "/b"), &[], "sk_‹C-1 secret~piece:0a1b2c3d›…"),
        ]);
        assert_eq!(
            found,
            ["the secret of exchange 1 in exchange 3 (GET /b, 200)"]
        );
    }

    #[test]
    fn only_so_many_are_told() {
        let mut looked = ShownAgain::at(&["$..secret".to_owned()]);
        looked.note(&answered(1, ("POST", "/keys"), &[], MADE));
        for id in 0..TOLD as u64 + 3 {
            looked.note(&answered(id + 2, ("GET", "/keys"), &[], MADE));
        }
        assert_eq!(looked.facts()["again"].as_array().map(Vec::len), Some(TOLD));
        assert_eq!(looked.facts()["beyond"], 3);
        assert_eq!(looked.facts()["secrets"], 1);
    }
}
