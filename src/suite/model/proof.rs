use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A flaw that makes a check fail: `no-hsts` on every deployment that has the flaw, `pers/no-hsts` on that of the
/// contract `pers` alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Proof(String);

impl Proof {
    /// The id of the flaw.
    pub fn flaw(&self) -> &str {
        self.0.split_once('/').map_or(self.0.as_str(), |(_, id)| id)
    }

    /// The one contract whose deployment is meant.
    pub fn contract(&self) -> Option<&str> {
        self.0.split_once('/').map(|(contract, _)| contract)
    }

    /// Whether the check is to fail with this flaw of this contract's deployment.
    pub fn says(&self, contract: &str, flaw: &str) -> bool {
        self.flaw() == flaw && self.contract().is_none_or(|own| own == contract)
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
