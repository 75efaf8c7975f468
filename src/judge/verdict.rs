use serde::{Deserialize, Serialize};

use crate::journal::{Doubt, ExchangeId, Slot};
use crate::suite::model::Level;
use crate::suite::plan::SkipReason;

/// What is known of a promise after a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// Everything that was expected was seen.
    Pass {
        evidence: Evidence,
        /// What was not looked at, although a pass would be worth more with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unconfirmed: Option<String>,
    },
    /// The target broke the promise, twice, and the evidence shows it.
    Fail {
        level: Level,
        findings: Findings,
        evidence: Evidence,
    },
    Inconclusive {
        why: Doubt,
        says: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        exchanges: Vec<ExchangeId>,
    },
    Skipped {
        why: SkipReason,
        says: String,
    },
}

impl Verdict {
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Pass { .. } => "pass",
            Verdict::Fail { .. } => "fail",
            Verdict::Inconclusive { .. } => "inconclusive",
            Verdict::Skipped { .. } => "skipped",
        }
    }

    /// All that it names.
    pub fn exchanges(&self) -> Vec<ExchangeId> {
        match self {
            Verdict::Pass { evidence, .. } => evidence.iter().collect(),
            Verdict::Fail {
                findings, evidence, ..
            } => {
                let found = findings.iter().map(|finding| finding.exchange);
                found.chain(evidence.iter()).collect()
            }
            Verdict::Inconclusive { exchanges, .. } => exchanges.clone(),
            Verdict::Skipped { .. } => Vec::new(),
        }
    }
}

/// Exchanges that a verdict rests on; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<ExchangeId>", into = "Vec<ExchangeId>")]
pub struct Evidence {
    first: ExchangeId,
    more: Vec<ExchangeId>,
}

impl Evidence {
    /// `None` where there is nothing: then there is no verdict that rests on evidence.
    pub fn of(exchanges: impl IntoIterator<Item = ExchangeId>) -> Option<Self> {
        let mut exchanges = exchanges.into_iter();
        let first = exchanges.next()?;
        let mut more: Vec<ExchangeId> = exchanges.filter(|id| *id != first).collect();
        more.sort_unstable();
        more.dedup();
        Some(Self { first, more })
    }

    pub fn iter(&self) -> impl Iterator<Item = ExchangeId> + '_ {
        std::iter::once(self.first).chain(self.more.iter().copied())
    }
}

impl TryFrom<Vec<ExchangeId>> for Evidence {
    type Error = &'static str;
    fn try_from(exchanges: Vec<ExchangeId>) -> Result<Self, Self::Error> {
        Evidence::of(exchanges).ok_or("evidence without an exchange")
    }
}

impl From<Evidence> for Vec<ExchangeId> {
    fn from(evidence: Evidence) -> Self {
        evidence.iter().collect()
    }
}

/// Broken expectations, worst first; never empty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Finding>", into = "Vec<Finding>")]
pub struct Findings {
    first: Finding,
    more: Vec<Finding>,
}

impl Findings {
    pub fn of(mut findings: Vec<Finding>) -> Option<Self> {
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
        let mut findings = findings.into_iter();
        Some(Self {
            first: findings.next()?,
            more: findings.collect(),
        })
    }

    pub fn worst(&self) -> &Finding {
        &self.first
    }

    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        std::iter::once(&self.first).chain(&self.more)
    }
}

impl TryFrom<Vec<Finding>> for Findings {
    type Error = &'static str;
    fn try_from(findings: Vec<Finding>) -> Result<Self, Self::Error> {
        Findings::of(findings).ok_or("a failure without a finding")
    }
}

impl From<Findings> for Vec<Finding> {
    fn from(findings: Findings) -> Self {
        std::iter::once(findings.first)
            .chain(findings.more)
            .collect()
    }
}

/// One broken expectation: what was expected, what was seen instead, and where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub level: Level,
    #[serde(flatten)]
    pub slot: Slot,
    pub expected: String,
    pub observed: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    pub exchange: ExchangeId,
}
