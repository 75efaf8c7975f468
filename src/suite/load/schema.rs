//! Questions to a JSON Schema that schemars made.

use serde_json::Value;

use super::wording::{joined, listed, quoted, spaced, type_named};

/// Longest chain of references, and deepest nesting of unions, that is followed.
const MAX_DEPTH: usize = 16;

/// A whole schema with its `$defs`.
#[derive(Clone, Copy)]
pub(super) struct Schema<'s>(pub &'s Value);

/// The values that a schema can take, as far as they can be told without looking at one.
#[derive(Default)]
pub(super) struct Shape<'s> {
    /// Names of JSON Schema; empty when nothing is known.
    pub types: Vec<&'s str>,
    /// All strings that are allowed, when they are listed.
    pub words: Vec<&'s Value>,
}

impl<'s> Schema<'s> {
    /// The schema at a JSON pointer.
    pub(super) fn at(self, path: &str) -> Option<&'s Value> {
        self.0.pointer(path)
    }

    /// What the schema at `path` describes: its title, or the name of its type.
    pub(super) fn noun(self, path: &str) -> Option<String> {
        let title = self.at(path)?.get("title").and_then(Value::as_str);
        let name = path
            .strip_prefix("/$defs/")
            .filter(|name| !name.contains('/'));
        title.or(name).map(|name| {
            if name.contains(' ') {
                name.to_owned()
            } else {
                spaced(name)
            }
        })
    }

    /// Follows `$ref`.
    pub(super) fn resolve(self, mut schema: &'s Value) -> &'s Value {
        for _ in 0..MAX_DEPTH {
            let reference = schema.get("$ref").and_then(Value::as_str);
            match reference.and_then(|r| self.at(r.strip_prefix('#')?)) {
                Some(target) => schema = target,
                None => break,
            }
        }
        schema
    }

    /// The names of the fields that the schema at `path` knows, in its order.
    pub(super) fn fields(self, path: &str) -> Vec<&'s str> {
        let mut names = Vec::new();
        if let Some(schema) = self.at(path) {
            self.add_fields(schema, 0, &mut names);
        }
        names
    }

    fn add_fields(self, schema: &'s Value, depth: usize, names: &mut Vec<&'s str>) {
        let schema = self.resolve(schema);
        for name in schema
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(|p| p.keys())
        {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        let parts = ["allOf", "anyOf", "oneOf"]
            .into_iter()
            .filter(|_| depth < MAX_DEPTH);
        for part in parts
            .filter_map(|part| schema.get(part)?.as_array())
            .flatten()
        {
            self.add_fields(part, depth + 1, names);
        }
    }

    /// The patterns of keys that the schema at `path` allows, in backticks, when it allows by pattern only.
    pub(super) fn key_patterns(self, path: &str) -> Option<Vec<String>> {
        let schema = self.at(path)?;
        let patterns = schema.get("patternProperties")?.as_object()?;
        let fields = schema.get("properties").and_then(Value::as_object);
        (fields.is_none_or(|fields| fields.is_empty()) && !patterns.is_empty())
            .then(|| patterns.keys().map(|pattern| quoted(pattern)).collect())
    }

    /// What to write for a schema: "one of `must`, `should`", "a list". Nothing when it could be anything.
    pub(super) fn wanted(self, schema: &'s Value) -> Option<String> {
        let shape = self.shape(schema);
        if !shape.words.is_empty()
            && shape
                .types
                .iter()
                .all(|name| *name == "string" || *name == "null")
        {
            let words: Vec<&str> = shape
                .words
                .iter()
                .filter_map(|word| word.as_str())
                .collect();
            return Some(match words.as_slice() {
                [only] => quoted(only),
                words => format!("one of {}", listed(words)),
            });
        }
        let types: Vec<&str> = shape
            .types
            .iter()
            .filter(|t| **t != "null")
            .map(|t| type_named(t))
            .collect();
        (!types.is_empty()).then(|| joined(&types, "or"))
    }

    /// What a schema allows at a glance.
    pub(super) fn shape(self, schema: &'s Value) -> Shape<'s> {
        self.shape_at(schema, 0)
    }

    fn shape_at(self, schema: &'s Value, depth: usize) -> Shape<'s> {
        let schema = self.resolve(schema);
        let mut shape = Shape::default();
        let listed = schema
            .get("enum")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let fixed: Vec<&Value> = listed.chain(schema.get("const")).collect();
        if !fixed.is_empty() {
            for value in fixed {
                shape.add_type(json_type(value));
                if value.is_string() {
                    shape.words.push(value);
                }
            }
            return shape;
        }
        match schema.get("type") {
            Some(Value::String(name)) => shape.add_type(name),
            Some(Value::Array(names)) => names
                .iter()
                .filter_map(Value::as_str)
                .for_each(|name| shape.add_type(name)),
            _ => {}
        }
        let alternatives = schema
            .get("anyOf")
            .or_else(|| schema.get("oneOf"))
            .and_then(Value::as_array);
        if let Some(alternatives) =
            alternatives.filter(|_| shape.types.is_empty() && depth < MAX_DEPTH)
        {
            let mut free_text = false;
            for alternative in alternatives {
                let inner = self.shape_at(alternative, depth + 1);
                free_text |= inner.words.is_empty() && inner.types.contains(&"string");
                inner
                    .types
                    .into_iter()
                    .for_each(|name| shape.add_type(name));
                shape.words.extend(inner.words);
            }
            if free_text {
                shape.words.clear();
            }
        }
        shape
    }
}

impl<'s> Shape<'s> {
    fn add_type(&mut self, name: &'s str) {
        if !self.types.contains(&name) {
            self.types.push(name);
        }
    }

    /// Whether a value has one of the types.
    pub(super) fn admits(&self, value: &Value) -> bool {
        let found = json_type(value);
        let is = |name: &str| name == found || (name == "integer" && found == "number");
        self.types.is_empty() || self.types.iter().any(|name| is(name))
    }
}

fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// First paragraph of the description in a schema, on one line.
pub(super) fn first_paragraph(schema: &Value) -> Option<String> {
    let text = schema.get("description")?.as_str()?;
    let first = text.split("\n\n").next()?;
    Some(first.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The schema that a keyword stands in: `/$defs/Step/required` → `/$defs/Step`.
pub(super) fn parent(keyword_path: &str) -> &str {
    keyword_path
        .rsplit_once('/')
        .map_or("", |(parent, _)| parent)
}
