//! Header fields, parsed strictly into JSON values.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Field {
    Hsts,
}
pub struct Defect {
    pub says: String,
}
impl Field {
    pub fn parse(self, _lines: &[&str]) -> Result<serde_json::Value, Defect> {
        Ok(serde_json::Value::Null)
    }
}
