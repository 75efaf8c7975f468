//! Fields: what a schema has against the keys of a map; and the way of all other errors to where they are explained.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;

use super::document::Document;
use super::mistake::Mistake;
use super::schema::{Schema, parent};
use super::tree::push_token;
use super::wording::{joined, listed, nearest, place, quoted, with_article};

/// Everything that `schema` has against the document.
pub(super) fn check(document: &Document, schema: &Value) -> Vec<Finding> {
    // A schema that does not compile is a fault of the type; serde still decides about the document.
    let Ok(validator) = jsonschema::draft202012::new(schema) else {
        return Vec::new();
    };
    let mut explainer = Explainer {
        document,
        schema: Schema(schema),
        findings: Vec::new(),
    };
    let errors: Vec<ValidationError<'_>> = validator.iter_errors(document.value()).collect();
    explainer.explain(&errors.iter().collect::<Vec<_>>(), None);
    explainer.findings
}

pub(super) struct Finding {
    pub pointer: String,
    pub mistake: Mistake,
}

/// What the map at `pointer` is, where the union that it belongs to has told.
pub(super) struct Kindred {
    pub pointer: String,
    /// "`resend` step", without an article.
    pub noun: String,
    /// The key that makes it so: "resend".
    pub verb: Option<String>,
}

pub(super) struct Explainer<'a> {
    pub document: &'a Document,
    pub schema: Schema<'a>,
    pub findings: Vec<Finding>,
}

impl Explainer<'_> {
    /// Turns errors of one branch of a schema into findings. Together, since some explain others.
    pub(super) fn explain(&mut self, errors: &[&ValidationError<'_>], kindred: Option<&Kindred>) {
        let mut meant = Vec::new();
        for &error in errors {
            if let Kind::AdditionalProperties { unexpected }
            | Kind::UnevaluatedProperties { unexpected } = error.kind()
            {
                for name in unexpected {
                    if let Some(missed) = self.unknown_field(error, name, kindred) {
                        meant.push((pointer(error), missed));
                    }
                }
            }
        }
        let mut missing: Vec<(&ValidationError<'_>, Vec<&str>)> = Vec::new();
        for &error in errors {
            let at = pointer(error);
            match error.kind() {
                Kind::AdditionalProperties { .. } | Kind::UnevaluatedProperties { .. } => {}
                Kind::Required { property } => {
                    let name = property.as_str().unwrap_or_default();
                    if self.document.has_holes() || meant.iter().any(|(p, m)| *p == at && m == name)
                    {
                        continue;
                    }
                    match missing.iter_mut().find(|(first, _)| pointer(first) == at) {
                        Some((_, names)) if names.contains(&name) => {}
                        Some((_, names)) => names.push(name),
                        None => missing.push((error, vec![name])),
                    }
                }
                Kind::Enum { .. } | Kind::Constant { .. }
                    if errors
                        .iter()
                        .any(|e| pointer(e) == at && matches!(e.kind(), Kind::Type { .. })) => {}
                Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
                    self.union(error, context, kindred)
                }
                Kind::OneOfMultipleValid { .. } => self.several_fit(error),
                _ => self.one(error),
            }
        }
        for (error, names) in missing {
            self.missing_fields(error, &names, kindred);
        }
    }

    pub(super) fn find(&mut self, pointer: &str, mistake: Mistake) {
        let pointer = pointer.to_owned();
        self.findings.push(Finding { pointer, mistake });
    }

    /// Returns the field that was probably meant.
    fn unknown_field(
        &mut self,
        error: &ValidationError<'_>,
        name: &str,
        kindred: Option<&Kindred>,
    ) -> Option<String> {
        let at = pointer(error);
        let schema_path = parent(error.schema_path().as_str());
        if let Some(patterns) = self.schema.key_patterns(schema_path) {
            self.key_off_pattern(at, name, &joined(&patterns, "or"));
            return None;
        }
        let fields = self.schema.fields(parent(error.schema_path().as_str()));
        let absent = fields
            .iter()
            .copied()
            .filter(|field| error.instance().get(field).is_none());
        let suggestion = nearest(name, absent).map(str::to_owned);

        let (noun, verb) = self.noun(error, kindred);
        let mut key = at.to_owned();
        push_token(&mut key, name);
        let mut mistake = self
            .document
            .mistake_at_key(&key, format!("unknown field {} in {noun}", quoted(name)));
        if let Some(suggestion) = &suggestion {
            mistake = mistake.label(format!("did you mean {}?", quoted(suggestion)));
        }
        let others: Vec<&str> = fields
            .iter()
            .copied()
            .filter(|f| Some(*f) != verb.as_deref())
            .collect();
        let taker = verb.as_deref().map_or(noun, quoted);
        mistake = mistake.help(if others.is_empty() {
            format!(
                "{taker} takes no {}fields",
                if verb.is_some() { "other " } else { "" }
            )
        } else {
            format!("{taker} takes {}", listed(&others))
        });
        self.find(&key, mistake);
        suggestion
    }

    fn missing_fields(
        &mut self,
        error: &ValidationError<'_>,
        names: &[&str],
        kindred: Option<&Kindred>,
    ) {
        let at = pointer(error);
        let (noun, _) = self.noun(error, kindred);
        let shown: Vec<String> = names.iter().map(|name| quoted(name)).collect();
        let plural = if names.len() == 1 { "" } else { "s" };
        let says = format!("missing field{plural} {} in {noun}", joined(&shown, "and"));
        let mut mistake = self.document.mistake_at_key(at, says);
        let properties = self
            .schema
            .at(parent(error.schema_path().as_str()))
            .and_then(|s| s.get("properties"));
        for name in names.iter().take(4) {
            let field = properties.and_then(|properties| properties.get(*name));
            if let Some(wanted) = field.and_then(|field| self.schema.wanted(field)) {
                mistake = mistake.help(format!("{} is {wanted}", quoted(name)));
            }
        }
        self.find(at, mistake);
    }

    /// What the map of `error` is, with its article, and the key that makes it so.
    fn noun(
        &self,
        error: &ValidationError<'_>,
        kindred: Option<&Kindred>,
    ) -> (String, Option<String>) {
        let at = pointer(error);
        if let Some(kindred) = kindred.filter(|kindred| kindred.pointer == at) {
            return (with_article(&kindred.noun), kindred.verb.clone());
        }
        let noun = self.schema.noun(parent(error.schema_path().as_str()));
        (
            noun.map_or_else(|| place(at), |noun| with_article(&noun)),
            None,
        )
    }
}

pub(super) fn pointer<'e>(error: &'e ValidationError<'_>) -> &'e str {
    error.instance_path().as_str()
}
