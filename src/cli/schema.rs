//! `proofmark schema`: JSON Schemas of what is read and written.

use clap::{Args, ValueEnum};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::exit::Exit;
use super::output::{Fault, Output};
use crate::suite::model;

#[derive(Debug, Args)]
pub struct Schema {
    /// What to show the JSON Schema of
    of: Subject,
}

/// What there is a schema of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Subject {
    Suite,
    Contract,
    Target,
    Report,
}

impl Subject {
    /// The word on the command line, and the name of its file in `docs/schema/`.
    pub fn word(self) -> &'static str {
        match self {
            Subject::Suite => "suite",
            Subject::Contract => "contract",
            Subject::Target => "target",
            Subject::Report => "report",
        }
    }

    /// Its schema: JSON Schema 2020-12, indented, with a newline at its end.
    pub fn schema(self) -> String {
        let value = match self {
            Subject::Suite => read::<model::Suite>("Proofmark suite"),
            Subject::Contract => read::<model::Contract>("Proofmark contract"),
            Subject::Target => read::<model::TargetFile>("Proofmark target"),
            Subject::Report => {
                let settings = SchemaSettings::draft2020_12().for_serialize();
                titled::<crate::report::Report>(settings, "Proofmark report")
            }
        };
        format!("{value:#}\n")
    }
}

impl Schema {
    pub fn execute(self, out: &Output) -> Result<Exit, Fault> {
        out.print(&self.of.schema());
        Ok(Exit::Conforms)
    }
}

fn read<T: JsonSchema>(title: &str) -> Value {
    titled::<T>(SchemaSettings::draft2020_12().for_deserialize(), title)
}

/// With what an editor shows first in front.
fn titled<T: JsonSchema>(settings: SchemaSettings, title: &str) -> Value {
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    let mut ordered = serde_json::Map::new();
    ordered.insert(
        "$schema".to_owned(),
        "https://json-schema.org/draft/2020-12/schema".into(),
    );
    ordered.insert("title".to_owned(), title.into());
    for key in ["$schema", "title"] {
        schema.remove(key);
    }
    if let Some(description) = schema.remove("description") {
        ordered.insert("description".to_owned(), description);
    }
    if let Value::Object(rest) = schema.to_value() {
        ordered.extend(rest);
    }
    Value::Object(ordered)
}
