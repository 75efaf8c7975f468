use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How binding a promise is: MUST, SHOULD, or MAY and good practice (RFC 2119). Ordered, `Must` highest.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Advice,
    Should,
    Must,
}

impl Level {
    pub fn word(self) -> &'static str {
        match self {
            Level::Advice => "advice",
            Level::Should => "should",
            Level::Must => "must",
        }
    }
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.word())
    }
}

/// The level as a check writes it. `contract`: binding as far as the contract says, `must` when it is silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeclaredLevel {
    Must,
    Should,
    Advice,
    Contract,
}

impl DeclaredLevel {
    pub fn by_default(self) -> Level {
        match self {
            DeclaredLevel::Must | DeclaredLevel::Contract => Level::Must,
            DeclaredLevel::Should => Level::Should,
            DeclaredLevel::Advice => Level::Advice,
        }
    }
}
