//! Named forgeries.

use std::collections::{BTreeSet, HashMap};

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::Forgery;
use super::needs::Need;

/// One entry of a catalogue file. With `variants`, the entry stands for one forgery each: `change` and the
/// variant together, with the id `ENTRY/VARIANT`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Words joined by `-`.
    pub id: String,
    /// One sentence: what the forger hopes for.
    pub tries: String,
    /// Documents and sections, or CVE numbers.
    pub source: String,
    /// What all variants need; a variant may need more, and says so by what it is.
    pub needs: BTreeSet<Need>,
    #[serde(default)]
    pub change: Forgery,
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub variants: IndexMap<String, Forgery>,
}

impl Entry {
    /// Id and forgery of each variant, or of the entry itself.
    pub fn forgeries(&self) -> impl Iterator<Item = (String, Forgery)> {
        let alone = self
            .variants
            .is_empty()
            .then(|| (self.id.clone(), self.change.clone()));
        let variants = self
            .variants
            .iter()
            .map(|(name, variant)| (format!("{}/{name}", self.id), self.change.and(variant)));
        alone.into_iter().chain(variants)
    }
}

/// Why entries do not make a catalogue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    #[error("forgery `{0}` is there twice")]
    Duplicate(String),
    #[error("`{0}` is not words of small letters and digits joined by `-`")]
    Id(String),
    #[error("forgery `{id}` says that it needs {said}, but all its variants need {wanted}")]
    Needs {
        id: String,
        said: String,
        wanted: String,
    },
}

/// All forgeries by id, in the order of the files.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    entries: Vec<Entry>,
    by_id: HashMap<String, Forgery>,
    order: Vec<String>,
}

impl Catalogue {
    /// Refuses ids that are there twice or ill-formed, and `needs` that are not what the change needs.
    pub fn new(entries: impl IntoIterator<Item = Entry>) -> Result<Self, CatalogueError> {
        let mut catalogue = Self::default();
        for entry in entries {
            let names = entry.variants.keys().chain([&entry.id]);
            if let Some(bad) = names.into_iter().find(|name| !is_words(name)) {
                return Err(CatalogueError::Id(bad.clone()));
            }
            let mut common: Option<BTreeSet<Need>> = None;
            for (id, forgery) in entry.forgeries() {
                let needs = forgery.needs();
                common = Some(match common {
                    Some(common) => common.intersection(&needs).cloned().collect(),
                    None => needs,
                });
                if catalogue.by_id.insert(id.clone(), forgery).is_some() {
                    return Err(CatalogueError::Duplicate(id));
                }
                catalogue.order.push(id);
            }
            let common = common.unwrap_or_default();
            if common != entry.needs {
                return Err(CatalogueError::Needs {
                    id: entry.id,
                    said: list(&entry.needs),
                    wanted: list(&common),
                });
            }
            catalogue.entries.push(entry);
        }
        let mut seen = BTreeSet::new();
        match catalogue
            .entries
            .iter()
            .find(|entry| !seen.insert(&entry.id))
        {
            Some(twice) => Err(CatalogueError::Duplicate(twice.id.clone())),
            None => Ok(catalogue),
        }
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// By full id: `ENTRY`, or `ENTRY/VARIANT` where there are variants.
    pub fn get(&self, id: &str) -> Option<&Forgery> {
        self.by_id.get(id)
    }

    /// All full ids that `name` stands for: itself, or its variants.
    pub fn named<'c>(&'c self, name: &'c str) -> impl Iterator<Item = (&'c str, &'c Forgery)> {
        self.forgeries().filter(move |(id, _)| {
            *id == name
                || id
                    .strip_prefix(name)
                    .is_some_and(|rest| rest.starts_with('/'))
        })
    }

    /// In the order of the files.
    pub fn forgeries(&self) -> impl Iterator<Item = (&str, &Forgery)> {
        self.order.iter().map(|id| (id.as_str(), &self.by_id[id]))
    }
}

fn is_words(text: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|o| o.is_ascii_lowercase() || o.is_ascii_digit())
    };
    text.split('-').all(word)
}

fn list(needs: &BTreeSet<Need>) -> String {
    let words: Vec<String> = needs.iter().map(Need::to_string).collect();
    format!("[{}]", words.join(", "))
}
