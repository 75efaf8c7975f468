//! Values: wrong types, unknown words, out of bounds.

use std::borrow::Cow;

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use serde_json::Value;

use super::field_check::{Explainer, pointer};
use super::mistake::Mistake;
use super::schema::{first_paragraph, parent};
use super::tree::push_token;
use super::wording::{joined, listed, nearest, place, quoted, quoted_value, type_named, type_of};

/// Longest list that is searched for the two items that are equal.
const MAX_COMPARED: usize = 1_000;

impl Explainer<'_> {
    /// Errors that stand alone.
    pub(super) fn one(&mut self, error: &ValidationError<'_>) {
        let at = pointer(error);
        let instance = error.instance().as_ref();
        let subject = place(at);
        let says = |says: String| self.document.mistake_at(at, says);
        let mistake = match error.kind() {
            Kind::Type { kind } => {
                let expected: Vec<&str> = match kind {
                    TypeKind::Single(one) => vec![one.as_str()],
                    TypeKind::Multiple(set) => set.iter().map(|t| t.as_str()).collect(),
                };
                return self.wrong_type(at, instance, &expected, &[]);
            }
            Kind::Enum { options } => {
                let words: Vec<&Value> = options
                    .as_array()
                    .map(|o| o.iter().collect())
                    .unwrap_or_default();
                return self.wrong_word(at, instance, &words, &[]);
            }
            Kind::Constant { expected_value } => {
                return self.wrong_word(at, instance, &[expected_value], &[]);
            }
            Kind::Pattern { pattern } => {
                let mistake = says(format!(
                    "{} does not have the form of {subject}",
                    quoted_value(instance)
                ));
                let mistake = mistake.label(format!("expected to match {}", quoted(pattern)));
                match self.description(error) {
                    Some(description) => mistake.help(format!("{subject}: {description}")),
                    None => mistake,
                }
            }
            Kind::Format { format } => says(format!(
                "{} is not a valid {format} for {subject}",
                quoted_value(instance)
            )),
            Kind::Minimum { limit } => says(format!("{instance} is too small for {subject}"))
                .label(format!("at least {limit}")),
            Kind::ExclusiveMinimum { limit } => {
                says(format!("{instance} is too small for {subject}"))
                    .label(format!("more than {limit}"))
            }
            Kind::Maximum { limit } => says(format!("{instance} is too large for {subject}"))
                .label(format!("at most {limit}")),
            Kind::ExclusiveMaximum { limit } => {
                says(format!("{instance} is too large for {subject}"))
                    .label(format!("less than {limit}"))
            }
            Kind::MinLength { limit: 1 } => says(format!("{subject} is empty")),
            Kind::MinLength { limit } => says(format!("the text of {subject} is too short"))
                .label(format!("at least {limit} characters")),
            Kind::MaxLength { limit } => says(format!("the text of {subject} is too long"))
                .label(format!("at most {limit} characters")),
            Kind::MinItems { limit: 1 } | Kind::MinProperties { limit: 1 } => {
                says(format!("{subject} is empty")).label("at least one entry")
            }
            Kind::MinItems { limit } | Kind::MinProperties { limit } => {
                says(format!("{subject} has too few entries")).label(format!("at least {limit}"))
            }
            Kind::MaxItems { limit } | Kind::MaxProperties { limit } => {
                says(format!("{subject} has too many entries")).label(format!("at most {limit}"))
            }
            Kind::AdditionalItems { limit } => {
                says(format!("{subject} has too many entries")).label(format!("at most {limit}"))
            }
            Kind::MultipleOf { multiple_of } => {
                says(format!("{instance} is not a multiple of {multiple_of}"))
            }
            Kind::UniqueItems => self.repeated_item(at, instance),
            Kind::PropertyNames { error } => return self.wrong_key(at, error),
            Kind::FalseSchema => self
                .document
                .mistake_at_key(at, format!("{subject} is not allowed here")),
            _ => says(format!(
                "{subject} is not as it should be: {}",
                error.masked_with("it")
            )),
        };
        self.find(at, mistake);
    }

    /// A value of a type that does not belong here. `expected` are names of JSON Schema, `words` what a string may be.
    pub(super) fn wrong_type(
        &mut self,
        at: &str,
        instance: &Value,
        expected: &[&str],
        words: &[&Value],
    ) {
        let mut expected: Vec<&str> = expected.to_vec();
        if expected.len() > 1 {
            expected.retain(|name| *name != "null");
        }
        if expected.contains(&"number") {
            expected.retain(|name| *name != "integer");
        }
        let mut wanted: Vec<Cow<'_, str>> = expected
            .iter()
            .map(|name| Cow::Borrowed(type_named(name)))
            .collect();
        let few = expected.len() == 1 && words.len() <= 4;
        if !words.is_empty() {
            let texts: Vec<String> = words.iter().map(|word| quoted_value(word)).collect();
            for wanted in wanted.iter_mut().filter(|wanted| *wanted == "a string") {
                *wanted = Cow::Owned(if few {
                    joined(&texts, "or")
                } else {
                    "a word".into()
                });
            }
        }
        let found = match instance {
            Value::Number(n) if n.is_f64() && expected.contains(&"integer") => {
                format!("the number {n}")
            }
            other => type_of(other).to_owned(),
        };
        let says = format!(
            "expected {} for {}, found {found}",
            joined(&wanted, "or"),
            place(at)
        );
        let mut mistake = self.document.mistake_at(at, says);
        if !words.is_empty() && !few {
            let texts: Vec<&str> = words.iter().filter_map(|word| word.as_str()).collect();
            mistake = mistake.help(match texts.as_slice() {
                [only] => format!("the word is {}", quoted(only)),
                texts => format!("the words are {}", listed(texts)),
            });
        } else if words.is_empty()
            && let Some(help) = type_help(instance, &expected, place(at))
        {
            mistake = mistake.help(help);
        }
        self.find(at, mistake);
    }

    /// A word that is none of `words`; `or` says what else would do: "a map".
    pub(super) fn wrong_word(
        &mut self,
        at: &str,
        instance: &Value,
        words: &[&Value],
        or: &[String],
    ) {
        let subject = place(at);
        let says = match instance {
            Value::String(text) if text.is_empty() => format!("{subject} is empty"),
            Value::String(text) => format!("unknown word {} for {subject}", quoted(text)),
            other => format!("unexpected {} for {subject}", quoted_value(other)),
        };
        let mut mistake = self.document.mistake_at(at, says);
        let strings = || words.iter().filter_map(|word| word.as_str());
        if let Some(suggestion) = instance.as_str().and_then(|text| nearest(text, strings())) {
            mistake = mistake.label(format!("did you mean {}?", quoted(suggestion)));
        }
        let texts: Vec<String> = words
            .iter()
            .map(|w| w.as_str().map_or_else(|| w.to_string(), str::to_owned))
            .collect();
        let or: String = or.iter().map(|shape| format!(", or {shape}")).collect();
        mistake = mistake.help(match texts.as_slice() {
            [only] => format!("{subject} is {}{or}", quoted(only)),
            _ => format!("{subject} is one of {}{or}", listed(&texts)),
        });
        self.find(at, mistake);
    }

    pub(super) fn key_off_pattern(&mut self, at: &str, name: &str, pattern: &str) {
        let mut key = at.to_owned();
        push_token(&mut key, name);
        let says = format!("{} cannot be a key in {}", quoted(name), place(at));
        let mistake = self.document.mistake_at_key(&key, says);
        self.find(&key, mistake.label(format!("expected to match {pattern}")));
    }

    /// A key that the schema of keys refuses.
    fn wrong_key(&mut self, at: &str, error: &ValidationError<'_>) {
        let name = error.instance().as_str().unwrap_or_default().to_owned();
        let mut key = at.to_owned();
        push_token(&mut key, &name);
        let says = format!("{} cannot be a key in {}", quoted(&name), place(at));
        let mistake = self.document.mistake_at_key(&key, says);
        let mistake = match error.kind() {
            Kind::Pattern { pattern } => {
                mistake.label(format!("expected to match {}", quoted(pattern)))
            }
            Kind::MinLength { .. } => mistake.label("too short"),
            Kind::MaxLength { limit } => mistake.label(format!("at most {limit} characters")),
            Kind::Enum { options } => {
                let words: Vec<&str> = options
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .collect();
                let suggestion = nearest(&name, words.iter().copied());
                let mistake = mistake.help(format!("the keys are {}", listed(&words)));
                match suggestion {
                    Some(suggestion) => {
                        mistake.label(format!("did you mean {}?", quoted(suggestion)))
                    }
                    None => mistake,
                }
            }
            _ => mistake.label(error.masked_with("it").to_string()),
        };
        self.find(&key, mistake);
    }

    fn repeated_item(&self, at: &str, instance: &Value) -> Mistake {
        let items = instance.as_array().map_or(&[][..], Vec::as_slice);
        let items = &items[..items.len().min(MAX_COMPARED)];
        let again = (1..items.len())
            .find_map(|n| Some((n, items[..n].iter().position(|item| *item == items[n])?)));
        let says = format!("{} holds the same entry twice", place(at));
        match again {
            Some((again, first)) => self
                .document
                .mistake_at(&format!("{at}/{again}"), says)
                .label("again here")
                .also(self.document, &format!("{at}/{first}"), "first here"),
            None => self.document.mistake_at(at, says),
        }
    }

    /// First paragraph of the description of the schema that `error` comes from, on one line.
    fn description(&self, error: &ValidationError<'_>) -> Option<String> {
        let schema = self.schema.at(parent(error.schema_path().as_str()))?;
        first_paragraph(schema)
    }
}

/// What to do about the wrong types that people write most often.
fn type_help(instance: &Value, expected: &[&str], subject: String) -> Option<String> {
    let expects = |name| expected.contains(&name);
    Some(match instance {
        Value::Number(_) | Value::Bool(_) if expects("string") => {
            format!("if it is meant as text, put it in quotes: \"{instance}\"")
        }
        Value::String(text) if expects("boolean") => match text.to_lowercase().as_str() {
            "yes" | "on" | "y" => "write `true`".into(),
            "no" | "off" | "n" => "write `false`".into(),
            _ => "write `true` or `false`".into(),
        },
        Value::String(text)
            if (expects("integer") || expects("number"))
                && text.trim().parse::<f64>().is_ok_and(f64::is_finite) =>
        {
            "write the number without quotes and without leading zeros".into()
        }
        Value::String(_) | Value::Number(_) | Value::Object(_) if expected == ["array"] => {
            format!("{subject} holds a list: start each item with `- `, or write it as [a, b]")
        }
        Value::String(_) | Value::Number(_) | Value::Array(_) if expected == ["object"] => {
            format!("{subject} holds a map: write `key: value` on lines of their own")
        }
        _ => return None,
    })
}
