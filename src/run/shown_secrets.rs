//! Secrets that a target shows: what stands in the members that contract and target file name as secret is learnt before
//! the answer is recorded, whoever asked for it and whether or not a check captures it.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use serde_json_path::JsonPath;

use crate::journal::RecordedAnswer;

/// Most that are learnt in a run, so that a target cannot make the search for them ever slower by sending new ones.
const MOST: usize = 4000;
/// The name that they are shown under, unless a check has one for them.
const NAME: &str = "shown secret";

pub struct ShownSecrets {
    members: Vec<JsonPath>,
    left: AtomicUsize,
}

impl ShownSecrets {
    /// The members at these JSONPaths, which were found sound when the files were loaded.
    pub fn at(members: &[String]) -> Self {
        Self {
            members: members
                .iter()
                .filter_map(|path| JsonPath::parse(path).ok())
                .collect(),
            left: AtomicUsize::new(MOST),
        }
    }

    /// Names and values of the texts that stand there in an answer.
    pub fn of(&self, answer: &RecordedAnswer) -> Vec<(String, String)> {
        if self.members.is_empty() {
            return Vec::new();
        }
        let Ok(body) = serde_json::from_slice::<Value>(&answer.body.0) else {
            return Vec::new();
        };
        self.members
            .iter()
            .flat_map(|path| path.query(&body).all())
            .filter_map(Value::as_str)
            .take_while(|_| {
                let spend = |left: usize| left.checked_sub(1);
                self.left
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend)
                    .is_ok()
            })
            .map(|text| (NAME.to_owned(), text.to_owned()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Octets;

    fn answer(body: &str) -> RecordedAnswer {
        RecordedAnswer {
            version: "HTTP/1.1".to_owned(),
            status: 200,
            reason: Octets(Vec::new()),
            headers: Vec::new(),
            body: Octets(body.as_bytes().to_vec()),
            truncated: false,
            interim: Vec::new(),
            trailers: Vec::new(),
        }
    }

    #[test]
    fn texts_in_the_named_members_are_found_at_any_depth() {
        let shown = ShownSecrets::at(&["$..secret".to_owned()]);
        let found = shown.of(&answer(
            r#"{"secret":"one","items":[{"secret":"two"},{"secret":3,"other":"x"}]}"#,
        ));
        let values: Vec<&str> = found.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["one", "two"]);
        assert!(shown.of(&answer("no JSON")).is_empty());
    }

    #[test]
    fn no_more_are_learnt_than_a_run_can_bear() {
        let shown = ShownSecrets::at(&["$[*]".to_owned()]);
        let many = serde_json::json!(vec!["x"; MOST - 1]).to_string();
        assert_eq!(shown.of(&answer(&many)).len(), MOST - 1);
        assert_eq!(shown.of(&answer(&many)).len(), 1);
        assert!(shown.of(&answer(&many)).is_empty());
    }
}
