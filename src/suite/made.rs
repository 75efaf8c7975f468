//! Objects that a check makes for itself: which operation makes what another one is about, and whose they are.

use indexmap::IndexMap;

use super::model::{Makes, Operation};
use super::target::Target;
use super::template::references;

/// Of a compiled expression; the judge allows no more.
const MOST_OCTETS: usize = 1 << 20;

impl Target {
    /// The principal that a principal is the same user as, itself if the target file names none.
    pub fn user<'t>(&'t self, name: &'t str) -> &'t str {
        let same = self
            .principals
            .get(name)
            .and_then(|one| one.same_user_as.as_deref());
        same.unwrap_or(name)
    }

    /// The placeholder of an operation that what another one makes fills.
    pub fn made_value<'t>(&'t self, operation: &Operation) -> Option<&'t str> {
        let maker = self.operations.get(operation.made_by.as_ref()?)?;
        Some(&maker.makes.as_ref()?.value)
    }
}

/// What says where an id is, in one way and rightly.
pub(super) fn findable(makes: Makes) -> Result<Makes, String> {
    match (&makes.json, &makes.header) {
        (Some(path), None) => {
            serde_json_path::JsonPath::parse(path)
                .map_err(|error| format!("`makes`: `{path}` is no JSONPath: {error}"))?;
        }
        (None, Some(_)) => {}
        _ => return Err("`makes` has one of `json` and `header`".to_owned()),
    }
    if let Some(pattern) = &makes.matches {
        regex::RegexBuilder::new(pattern)
            .size_limit(MOST_OCTETS)
            .build()
            .map_err(|error| format!("`makes`: `{pattern}` is no regular expression: {error}"))?;
    }
    Ok(makes)
}

/// Says of each operation which other one makes what it is about: the first whose answer names an id for a placeholder of
/// its path.
pub(super) fn link_makers(operations: &mut IndexMap<String, Operation>) {
    let makers: Vec<(String, String)> = operations
        .iter()
        .filter_map(|(name, one)| Some((name.clone(), one.makes.as_ref()?.value.clone())))
        .collect();
    for (name, operation) in operations {
        let placeholders = references(&operation.path).unwrap_or_default();
        let made_by = makers.iter().find(|(maker, value)| {
            maker != name && placeholders.iter().any(|one| one.path == value)
        });
        operation.made_by = made_by.map(|(maker, _)| maker.clone());
    }
}
