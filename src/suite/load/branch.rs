//! The shapes that a union allows.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;

use super::field_check::pointer;
use super::schema::{Schema, Shape, first_paragraph, parent};
use super::wording::{listed, quoted};

/// Deepest nesting of unions that is looked into.
const MAX_DEPTH: usize = 16;

/// One of the allowed shapes, and what it has against the value.
pub(super) struct Branch<'a, 'e> {
    pub schema: &'a Value,
    pub path: String,
    /// What the union that it stands in describes.
    pub kind: Option<String>,
    pub errors: Vec<&'a ValidationError<'e>>,
    pub shape: Shape<'a>,
}

impl Branch<'_, '_> {
    pub(super) fn required(&self) -> Vec<&str> {
        let required = self.schema.get("required").and_then(Value::as_array);
        required
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    pub(super) fn property(&self, name: &str) -> Option<&Value> {
        self.schema.get("properties")?.get(name)
    }

    pub(super) fn is_words(&self) -> bool {
        !self.shape.words.is_empty()
    }

    /// How far from the value a shape is: smaller is nearer. Errors deep inside mean that the outside fits.
    pub(super) fn distance(&self, at: &str) -> (usize, std::cmp::Reverse<usize>, usize) {
        let outside = self.errors.iter().filter(|e| pointer(e) == at).count();
        let deepest = self
            .errors
            .iter()
            .map(|e| pointer(e).matches('/').count())
            .max();
        (
            outside,
            std::cmp::Reverse(deepest.unwrap_or(0)),
            self.errors.len(),
        )
    }
}

/// Collects the branches of a union, those of unions in it included.
pub(super) fn branches_of<'a, 'e>(
    root: Schema<'a>,
    error: &ValidationError<'_>,
    context: &'a [Vec<ValidationError<'e>>],
    depth: usize,
    branches: &mut Vec<Branch<'a, 'e>>,
) {
    let union_path = error.schema_path().as_str();
    let schemas = root.at(union_path).and_then(Value::as_array);
    for (n, (schema, errors)) in schemas.into_iter().flatten().zip(context).enumerate() {
        if let [inner] = errors.as_slice()
            && let Kind::AnyOf { context } | Kind::OneOfNotValid { context } = inner.kind()
            && pointer(inner) == pointer(error)
            && depth < MAX_DEPTH
        {
            branches_of(root, inner, context, depth + 1, branches);
            continue;
        }
        let reference = schema.get("$ref").and_then(Value::as_str);
        let path = match reference.and_then(|r| r.strip_prefix('#')) {
            Some(path) => path.to_owned(),
            None => format!("{union_path}/{n}"),
        };
        branches.push(Branch {
            schema: root.resolve(schema),
            path,
            kind: root.noun(parent(union_path)),
            errors: errors.iter().collect(),
            shape: root.shape(schema),
        });
    }
}

/// What may stand where none of the words was meant: "text that matches …", "a map with `send`".
pub(super) fn other_shapes(fitting: &[Branch<'_, '_>], others: &[Branch<'_, '_>]) -> Vec<String> {
    let free = fitting.iter().find(|branch| !branch.is_words());
    let mut shapes: Vec<String> = free
        .map(|branch| free_text(branch.schema))
        .into_iter()
        .collect();
    let has = |name: &str| {
        others
            .iter()
            .any(|branch| branch.shape.types.contains(&name))
    };
    if has("object") {
        let verbs = verbs(others);
        let verbs: Vec<&str> = verbs.iter().flatten().copied().collect();
        shapes.push(match verbs.as_slice() {
            [] => "a map".into(),
            [one] => format!("a map with {}", quoted(one)),
            several => format!("a map with one of {}", listed(several)),
        });
    }
    if has("array") {
        shapes.push("a list".into());
    }
    shapes
}

/// What a string may be that is not one of the words.
pub(super) fn free_text(schema: &Value) -> String {
    match (
        first_paragraph(schema),
        schema.get("pattern").and_then(Value::as_str),
    ) {
        (Some(description), _) => description,
        (None, Some(pattern)) => format!("text that matches {}", quoted(pattern)),
        (None, None) => "other text".into(),
    }
}

pub(super) fn single_word(schema: &Value) -> Option<&Value> {
    let only = schema
        .get("enum")
        .and_then(Value::as_array)
        .filter(|words| words.len() == 1);
    schema
        .get("const")
        .or_else(|| only?.first())
        .filter(|word| word.is_string())
}

/// A field that every branch fixes to a word.
pub(super) fn common_tag(branches: &[Branch<'_, '_>]) -> Option<String> {
    let (first, rest) = branches
        .split_first()
        .filter(|(_, rest)| !rest.is_empty())?;
    let properties = first.schema.get("properties")?.as_object()?;
    let is_tag =
        |branch: &Branch<'_, '_>, name: &str| branch.property(name).and_then(single_word).is_some();
    let tag = properties
        .keys()
        .find(|name| is_tag(first, name) && rest.iter().all(|branch| is_tag(branch, name)))?;
    Some(tag.clone())
}

/// For each branch the keys that tell it from the others: required there, and known nowhere else; or if there are none,
/// required there but not everywhere.
pub(super) fn verbs<'b>(branches: &'b [Branch<'_, '_>]) -> Vec<Vec<&'b str>> {
    let own = |branch: &'b Branch<'_, '_>| {
        let required = branch.required();
        let others = || {
            branches
                .iter()
                .filter(|other| !std::ptr::eq(*other, branch))
        };
        let unique = |name: &&str| others().all(|other| other.property(name).is_none());
        let telling = |name: &&str| others().any(|other| !other.required().contains(name));
        let only_here: Vec<&str> = required.iter().copied().filter(unique).collect();
        if only_here.is_empty() {
            required.into_iter().filter(telling).collect()
        } else {
            only_here
        }
    };
    branches.iter().map(own).collect()
}
