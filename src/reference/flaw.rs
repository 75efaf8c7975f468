//! Flaws: the switchable faults of a reference deployment.
//!
//! A flaw is declared in the file of the line that it bends. A deployment's [`Catalogue`] is the sum of the `FLAWS`
//! of its files; there is no other list.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// One switchable fault.
#[derive(Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Kebab-case; names the fault and reads well after "with".
    pub id: &'static str,
    /// One sentence: what the server does wrong.
    pub says: &'static str,
    /// The document and section that the fault breaks.
    pub source: &'static str,
}

/// Shorthand for a table row of a `FLAWS` constant.
pub const fn flaw(id: &'static str, says: &'static str, source: &'static str) -> Flaw {
    Flaw { id, says, source }
}

/// Every flaw that one deployment knows.
#[derive(Debug)]
pub struct Catalogue {
    flaws: Vec<&'static Flaw>,
    /// Places in `flaws`.
    places: HashMap<&'static str, usize>,
}

impl Catalogue {
    /// The sum of the tables.
    ///
    /// # Panics
    /// When two tables declare the same id: a flaw has one home.
    pub fn of(tables: &[&'static [Flaw]]) -> Self {
        let flaws: Vec<&'static Flaw> = tables.iter().flat_map(|table| table.iter()).collect();
        let mut places = HashMap::with_capacity(flaws.len());
        for (place, flaw) in flaws.iter().enumerate() {
            let twice = places.insert(flaw.id, place).is_some();
            assert!(!twice, "flaw declared twice: {}", flaw.id);
        }
        Self { flaws, places }
    }

    pub fn flaws(&self) -> &[&'static Flaw] {
        &self.flaws
    }

    pub fn find(&self, id: &str) -> Option<&'static Flaw> {
        self.flaws.iter().copied().find(|flaw| flaw.id == id)
    }

    /// The set with these flaws on. Refuses a name that the deployment does not know.
    pub fn select<S: AsRef<str>>(
        &'static self,
        names: impl IntoIterator<Item = S>,
    ) -> Result<FlawSet, UnknownFlaw> {
        let mut on = Vec::new();
        for name in names {
            let flaw = self
                .find(name.as_ref())
                .ok_or_else(|| self.unknown(name.as_ref()))?;
            if !on.contains(&flaw.id) {
                on.push(flaw.id);
            }
        }
        Ok(FlawSet {
            on,
            catalogue: self,
            asked: self.flaws.iter().map(|_| AtomicBool::default()).collect(),
        })
    }

    fn unknown(&self, name: &str) -> UnknownFlaw {
        let nearest = self
            .flaws
            .iter()
            .map(|flaw| (strsim::jaro_winkler(name, flaw.id), flaw.id))
            .filter(|(likeness, _)| *likeness > 0.8)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, id)| id);
        UnknownFlaw {
            name: name.chars().take(80).collect(),
            nearest,
        }
    }
}

/// A flaw was asked for that the deployment does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownFlaw {
    pub name: String,
    pub nearest: Option<&'static str>,
}

impl fmt::Display for UnknownFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this deployment has no flaw {:?}", self.name)?;
        match self.nearest {
            Some(id) => write!(f, "; did you mean {id}?"),
            None => f.write_str("; `proofmark flaws` shows all"),
        }
    }
}

impl std::error::Error for UnknownFlaw {}

/// The flaws that are switched on; a handful at most, so a scan is the fastest look-up.
#[derive(Debug, Clone)]
pub struct FlawSet {
    on: Vec<&'static str>,
    catalogue: &'static Catalogue,
    /// Which flaws of the catalogue anybody asked for; clones share it. A request passes dozens of switches, so nobody
    /// waits for anybody here.
    asked: Arc<[AtomicBool]>,
}

impl FlawSet {
    /// Whether the flaw is on. In debug builds an id that no table of the deployment declares panics: a switch that
    /// nobody can throw is a mistake in the deployment.
    pub fn has(&self, id: &str) -> bool {
        debug_assert!(
            self.catalogue.places.contains_key(id),
            "flaw not declared in this deployment: {id}"
        );
        self.has_if_declared(id)
    }

    /// [`has`](Self::has) for code that deployments share when not every one of them declares the flaw.
    pub fn has_if_declared(&self, id: &str) -> bool {
        if let Some(place) = self.catalogue.places.get(id) {
            self.asked[*place].store(true, Ordering::Relaxed);
        }
        self.on.contains(&id)
    }

    /// The ids that were asked for so far, by [`has`](Self::has) of this set or a clone of it: the flaws whose lines
    /// the deployment came by.
    pub fn asked(&self) -> BTreeSet<String> {
        let flaws = self.catalogue.flaws.iter().zip(&self.asked[..]);
        flaws
            .filter(|(_, asked)| asked.load(Ordering::Relaxed))
            .map(|(flaw, _)| flaw.id.to_owned())
            .collect()
    }

    pub fn ids(&self) -> &[&'static str] {
        &self.on
    }

    pub fn catalogue(&self) -> &'static Catalogue {
        self.catalogue
    }
}
