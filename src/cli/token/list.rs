//! `proofmark token forge --list`: the catalogue of forgeries.

use serde_json::{Value, json};

use crate::cli::columns::{Format, columns};
use crate::cli::output::Output;
use crate::jose::forgery::{Entry, Forgery, Need};
use crate::suite::{Library, pattern_matches};

/// A forgery of the catalogue under its full name.
pub struct Named<'l> {
    pub id: String,
    pub entry: &'l Entry,
    pub change: Forgery,
}

impl Named<'_> {
    fn needs(&self) -> Vec<String> {
        let needs = self.entry.needs.iter().cloned().chain(self.change.needs());
        let needs: std::collections::BTreeSet<Need> = needs.collect();
        needs.iter().map(Need::to_string).collect()
    }
}

/// Those that some pattern names: an entry stands for its variants, `*` for any characters. Without patterns, all.
pub fn chosen<'l>(library: &'l Library, patterns: &[String]) -> Vec<Named<'l>> {
    let wanted = |entry: &Entry, id: &str| {
        let matches = |name: &str| patterns.iter().any(|p| pattern_matches(p, name));
        patterns.is_empty() || matches(&entry.id) || matches(id)
    };
    let entries = library.forgeries.values();
    entries
        .flat_map(|entry| {
            entry
                .forgeries()
                .map(move |(id, change)| Named { id, entry, change })
        })
        .filter(|named| wanted(named.entry, &named.id))
        .collect()
}

pub fn text(chosen: &[Named<'_>], format: Format, out: &Output) -> String {
    match format {
        Format::Json => {
            let all: Vec<Value> = chosen
                .iter()
                .map(|named| {
                    json!({
                        "id": named.id,
                        "tries": named.entry.tries,
                        "source": named.entry.source,
                        "needs": named.needs(),
                    })
                })
                .collect();
            format!("{:#}\n", Value::from(all))
        }
        Format::Text => {
            let rows: Vec<[String; 4]> = chosen
                .iter()
                .map(|named| {
                    [
                        named.id.clone(),
                        named.needs().join(" "),
                        named.entry.source.clone(),
                        named.entry.tries.clone(),
                    ]
                })
                .collect();
            let table = columns(
                ["FORGERY", "NEEDS", "SOURCE", "WHAT IT TRIES"],
                &rows,
                out.paint,
            );
            let noun = if rows.len() == 1 {
                "forgery"
            } else {
                "forgeries"
            };
            format!("{table}\n{} {noun}\n", rows.len())
        }
    }
}
