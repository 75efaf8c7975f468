//! All suites and contracts at hand: those built into the binary, with those of a folder in their place or beside them.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use indexmap::IndexMap;
use serde_json::Value;

use super::model::{Check, Contract, Level, NamedSelection, Situation, Suite};
use super::pattern;
use super::words::{self, Words};
use crate::jose::forgery::{Entry, Forgery};

/// Before the name of a selection where a pattern of ids may stand.
pub const SELECTION: char = '@';

/// Suites and contracts, parsed and free of mistakes.
#[derive(Debug, Clone, Default)]
pub struct Library {
    pub suites: IndexMap<String, Suite>,
    pub contracts: IndexMap<String, Contract>,
    /// The catalogue of forgeries, by the id of the entry.
    pub forgeries: IndexMap<String, Entry>,
    /// Of the checks, once somebody wants it: every target file is looked at by it.
    asked_for: OnceLock<AskedFor>,
}

/// What checks ask for and what they give.
#[derive(Debug, Clone)]
struct AskedFor {
    words: Words,
    given: BTreeSet<String>,
}

impl Library {
    pub fn new(
        suites: IndexMap<String, Suite>,
        contracts: IndexMap<String, Contract>,
        forgeries: IndexMap<String, Entry>,
    ) -> Self {
        Self {
            suites,
            contracts,
            forgeries,
            asked_for: OnceLock::new(),
        }
    }

    /// The words that checks ask for.
    pub fn words(&self) -> &Words {
        &self.asked_for().words
    }

    /// Names that checks give values to, for the placeholders of operations.
    pub fn given(&self) -> &BTreeSet<String> {
        &self.asked_for().given
    }

    fn asked_for(&self) -> &AskedFor {
        self.asked_for.get_or_init(|| AskedFor {
            words: Words::of(self),
            given: words::given(self),
        })
    }

    pub fn contract(&self, name: &str) -> Option<&Contract> {
        self.contracts.get(name)
    }

    /// Every check with the name of its suite, in the order of the files.
    pub fn checks(&self) -> impl Iterator<Item = (&str, &Arc<Check>)> {
        self.suites.values().flat_map(|suite| {
            suite
                .checks
                .iter()
                .map(|check| (suite.suite.as_str(), check))
        })
    }

    pub fn check(&self, id: &str) -> Option<(&str, &Arc<Check>)> {
        self.checks().find(|(_, check)| check.id == id)
    }

    /// Every named selection, in the order of the files.
    pub fn selections(&self) -> impl Iterator<Item = (&String, &NamedSelection)> {
        self.suites
            .values()
            .flat_map(|suite| suite.selections.iter())
    }

    /// Patterns of ids, with the members of a selection in place of its `@NAME`; one that is not there stays as it is,
    /// and matches nothing.
    pub fn asked(&self, patterns: &[String]) -> Vec<String> {
        let members = |pattern: &String| {
            let name = pattern.strip_prefix(SELECTION)?;
            let (_, found) = self.selections().find(|(known, _)| *known == name)?;
            Some(found.checks.clone())
        };
        patterns
            .iter()
            .flat_map(|pattern| members(pattern).unwrap_or_else(|| vec![pattern.clone()]))
            .collect()
    }

    pub fn situations(&self) -> impl Iterator<Item = (&String, &Situation)> {
        self.suites
            .values()
            .flat_map(|suite| suite.situations.iter())
    }

    pub fn situation(&self, name: &str) -> Option<&Situation> {
        self.suites
            .values()
            .find_map(|suite| suite.situations.get(name))
    }

    pub fn lists(&self) -> IndexMap<String, Vec<Value>> {
        self.suites
            .values()
            .flat_map(|suite| suite.lists.iter().map(|(k, v)| (k.clone(), v.clone())))
            .collect()
    }

    /// Features that some check needs or some contract declares.
    pub fn features(&self) -> BTreeSet<String> {
        let needed = self
            .checks()
            .flat_map(|(_, check)| check.needs.features.iter());
        needed
            .chain(
                self.contracts
                    .values()
                    .flat_map(|contract| contract.features.iter()),
            )
            .cloned()
            .collect()
    }

    /// The forgeries of one entry, or the one of a full name (`ENTRY/VARIANT`): name and change of each.
    pub fn variants(&self, id: &str) -> Vec<(String, Forgery)> {
        if id.contains('/') {
            let found = self.forgery(id);
            return found
                .map(|(_, change)| vec![(id.to_owned(), change)])
                .unwrap_or_default();
        }
        self.forgeries
            .get(id)
            .map(|entry| entry.forgeries().collect())
            .unwrap_or_default()
    }

    /// One forgery by its full name: `ENTRY` or `ENTRY/VARIANT`.
    pub fn forgery(&self, name: &str) -> Option<(&Entry, Forgery)> {
        let entry = self.forgeries.get(name.split('/').next()?)?;
        let (_, forgery) = entry.forgeries().find(|(known, _)| known == name)?;
        Some((entry, forgery))
    }
}

/// Whether a contract asks for a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applies {
    /// At this level, unless a target file says otherwise.
    At(Level),
    /// The contract leaves it out, for this reason.
    Excluded(String),
    /// The contract does not name it.
    Not,
}

impl Contract {
    pub fn applies(&self, check: &Check) -> Applies {
        let named = |p: &String| pattern::matches(p, &check.id);
        if !self.checks.include.iter().any(named) {
            return Applies::Not;
        }
        if let Some((_, reason)) = self.checks.exclude.iter().find(|(p, _)| named(p)) {
            return Applies::Excluded(reason.clone());
        }
        let declared = self.levels.iter().rev().find(|(p, _)| named(p));
        Applies::At(declared.map_or(check.level.by_default(), |(_, level)| *level))
    }
}
