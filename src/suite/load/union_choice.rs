//! Where a schema allows several shapes: which one was meant, and what is wrong with that one.
//!
//! A validator can only say that none of them fits. Here the shapes that cannot have been meant go first: by the type
//! of the value, by a field that names the shape (`type: jwt`), by the key that starts it (`send: …`).

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;

use super::branch::{Branch, branches_of, common_tag, other_shapes, single_word, verbs};
use super::field_check::{Explainer, Kindred, pointer};
use super::schema::parent;
use super::tree::push_token;
use super::wording::{listed, nearest, place, quoted, with_article};

impl Explainer<'_> {
    /// Explains why a value fits none of the shapes of `error`, an `anyOf` or `oneOf`; `context` has their errors.
    pub(super) fn union(
        &mut self,
        error: &ValidationError<'_>,
        context: &[Vec<ValidationError<'_>>],
        kindred: Option<&Kindred>,
    ) {
        let at = pointer(error);
        let instance = error.instance().as_ref();
        let mut branches = Vec::new();
        branches_of(self.schema, error, context, 0, &mut branches);

        let noun = self.schema.noun(parent(error.schema_path().as_str()));
        let noun = noun.or_else(|| kindred.filter(|k| k.pointer == at).map(|k| k.noun.clone()));
        let (fitting, others): (Vec<_>, Vec<_>) = branches
            .into_iter()
            .partition(|branch| branch.shape.admits(instance));
        let noun = noun.or_else(|| {
            let kind = fitting.first()?.kind.clone();
            kind.filter(|_| fitting.iter().all(|branch| branch.kind == fitting[0].kind))
        });
        match (fitting.as_slice(), instance) {
            ([], _) => {
                let mut types = Vec::new();
                for name in others.iter().flat_map(|branch| &branch.shape.types) {
                    if !types.contains(name) {
                        types.push(*name);
                    }
                }
                let free_text = others
                    .iter()
                    .any(|b| b.shape.types.contains(&"string") && !b.is_words());
                let words: Vec<&Value> = others
                    .iter()
                    .flat_map(|branch| &branch.shape.words)
                    .copied()
                    .collect();
                self.wrong_type(at, instance, &types, if free_text { &[] } else { &words });
            }
            ([only], _) if !only.is_words() => {
                let kindred = noun
                    .filter(|_| others.iter().all(|b| b.shape.types == ["null"]))
                    .map(|noun| Kindred {
                        pointer: at.to_owned(),
                        noun,
                        verb: None,
                    });
                self.explain(&only.errors, kindred.as_ref());
            }
            (fitting, Value::Object(_)) => self.map_union(at, instance, fitting, noun),
            (fitting, _) => {
                let words: Vec<&Value> = fitting
                    .iter()
                    .flat_map(|branch| &branch.shape.words)
                    .copied()
                    .collect();
                if words.is_empty() {
                    self.nearest_branch(at, fitting);
                } else {
                    let or = other_shapes(fitting, &others);
                    self.wrong_word(at, instance, &words, &or);
                }
            }
        }
    }

    fn nearest_branch(&mut self, at: &str, branches: &[Branch<'_, '_>]) {
        if let Some(nearest) = branches.iter().min_by_key(|branch| branch.distance(at)) {
            self.explain(&nearest.errors, None);
        }
    }

    fn map_union(
        &mut self,
        at: &str,
        instance: &Value,
        branches: &[Branch<'_, '_>],
        noun: Option<String>,
    ) {
        if let Some(tag) = common_tag(branches) {
            return self.tagged(at, instance, branches, &tag, noun);
        }
        let verbs = verbs(branches);
        let present: Vec<(usize, &str)> = verbs
            .iter()
            .enumerate()
            .filter_map(|(n, verbs)| {
                Some((
                    n,
                    *verbs.iter().find(|verb| instance.get(**verb).is_some())?,
                ))
            })
            .collect();
        match present.as_slice() {
            [(n, verb)] => {
                let kindred = self.kindred(at, &branches[*n], Some(verb), noun);
                self.explain(&branches[*n].errors, Some(&kindred));
            }
            [] => self.no_verb(at, instance, branches, &verbs, noun),
            [..] => {
                self.two_verbs(at, instance, &verbs, noun);
            }
        }
    }

    fn kindred(
        &self,
        at: &str,
        branch: &Branch<'_, '_>,
        verb: Option<&str>,
        noun: Option<String>,
    ) -> Kindred {
        let noun = match (verb, noun) {
            (Some(verb), Some(noun)) => format!("{} {noun}", quoted(verb)),
            (Some(verb), None) => match self.schema.noun(&branch.path) {
                Some(noun) => noun,
                None => format!("{} entry", quoted(verb)),
            },
            (None, noun) => noun.unwrap_or_else(|| "map".into()),
        };
        Kindred {
            pointer: at.to_owned(),
            noun,
            verb: verb.map(str::to_owned),
        }
    }

    /// A union whose branches each fix the field `tag` to a word of their own.
    fn tagged(
        &mut self,
        at: &str,
        instance: &Value,
        branches: &[Branch<'_, '_>],
        tag: &str,
        noun: Option<String>,
    ) {
        let word = |branch: &Branch<'_, '_>| {
            branch
                .property(tag)
                .and_then(|p| single_word(self.schema.resolve(p)).cloned())
        };
        let words: Vec<Value> = branches.iter().filter_map(word).collect();
        let words: Vec<&Value> = words.iter().collect();
        let mut field = at.to_owned();
        push_token(&mut field, tag);
        match instance.get(tag) {
            None => {
                let noun = noun.map_or_else(|| place(at), |noun| with_article(&noun));
                let says = format!("missing field {} in {noun}", quoted(tag));
                let texts: Vec<&str> = words.iter().filter_map(|word| word.as_str()).collect();
                let help = format!("{} is one of {}", quoted(tag), listed(&texts));
                let mistake = self.document.mistake_at_key(at, says).help(help);
                self.find(at, mistake);
            }
            Some(given) => match words.iter().position(|word| *word == given) {
                Some(n) => {
                    let mut kindred = self.kindred(at, &branches[n], given.as_str(), noun);
                    // The tag is an ordinary field of the map: it does not take the others.
                    kindred.verb = None;
                    self.explain(&branches[n].errors, Some(&kindred));
                }
                None if given.is_string() => self.wrong_word(&field, given, &words, &[]),
                None => self.wrong_type(&field, given, &["string"], &words),
            },
        }
    }

    /// No key of the map starts one of the shapes: one may be misspelt.
    fn no_verb(
        &mut self,
        at: &str,
        instance: &Value,
        branches: &[Branch<'_, '_>],
        verbs: &[Vec<&str>],
        noun: Option<String>,
    ) {
        let known = |key: &str| branches.iter().any(|branch| branch.property(key).is_some());
        let strangers = instance
            .as_object()
            .into_iter()
            .flat_map(|map| map.keys())
            .filter(|key| !known(key));
        let all: Vec<&str> = verbs
            .iter()
            .filter_map(|verbs| verbs.first().copied())
            .collect();
        let meant = strangers
            .clone()
            .find_map(|key| Some((key, nearest(key, all.iter().copied())?)));
        let a_thing = noun.as_deref().map_or_else(|| place(at), with_article);
        let help = format!("{a_thing} has one of {}", listed(&all));

        if let Some((key, verb)) = meant {
            let mut field = at.to_owned();
            push_token(&mut field, key);
            let says = format!("unknown field {} in {a_thing}", quoted(key));
            let mistake = self.document.mistake_at_key(&field, says);
            self.find(
                &field,
                mistake
                    .label(format!("did you mean {}?", quoted(verb)))
                    .help(help),
            );
            if let Some(n) = verbs.iter().position(|verbs| verbs.first() == Some(&verb)) {
                self.rest_of_branch(at, &branches[n], key, verb, noun);
            }
        } else if verbs.iter().any(Vec::is_empty) || all.is_empty() {
            self.nearest_branch(at, branches);
        } else {
            let says = format!("{a_thing} starts with one of {}", listed(&all));
            let mistake = self.document.mistake_at_key(at, says);
            let stranger = strangers.clone().next();
            let mistake = match stranger {
                Some(key) => mistake.label(format!(
                    "none of them is here, and {} is not known",
                    quoted(key)
                )),
                None => mistake.label("none of them is here"),
            };
            self.find(at, mistake);
        }
    }

    /// Reports what else is wrong in a map whose verb is misspelt as `key`.
    fn rest_of_branch(
        &mut self,
        at: &str,
        branch: &Branch<'_, '_>,
        key: &str,
        verb: &str,
        noun: Option<String>,
    ) {
        let kindred = self.kindred(at, branch, Some(verb), noun);
        let lacks_verb = |error: &ValidationError<'_>| matches!(error.kind(), Kind::Required { property } if property == verb);
        let others: Vec<_> = branch
            .errors
            .iter()
            .copied()
            .filter(|error| !lacks_verb(error))
            .collect();
        let before = self.findings.len();
        self.explain(&others, Some(&kindred));
        let mut field = at.to_owned();
        push_token(&mut field, key);
        let new = self.findings.split_off(before);
        self.findings
            .extend(new.into_iter().filter(|finding| finding.pointer != field));
    }

    fn two_verbs(&mut self, at: &str, instance: &Value, verbs: &[Vec<&str>], noun: Option<String>) {
        let verbs: Vec<&str> = verbs.iter().flatten().copied().collect();
        let keys = instance.as_object().into_iter().flat_map(|map| map.keys());
        let in_order: Vec<&String> = keys.filter(|key| verbs.contains(&key.as_str())).collect();
        let [first, second, ..] = in_order.as_slice() else {
            return;
        };
        let field = |key: &str| {
            let mut field = at.to_owned();
            push_token(&mut field, key);
            field
        };
        let a_thing = noun.map_or_else(|| place(at), |noun| with_article(&noun));
        let says = format!(
            "{} and {} cannot stand together in {a_thing}",
            quoted(first),
            quoted(second)
        );
        let also = self.document.key_span(&field(first));
        let mistake = self
            .document
            .mistake_at_key(&field(second), says)
            .also_at(self.document.source(), also, "the first is here")
            .help(format!("{a_thing} has one of {}", listed(&verbs)));
        self.find(&field(second), mistake);
    }

    /// A value that fits several shapes of a `oneOf`: a mistake only if it has the keys that start two of them.
    pub(super) fn several_fit(&mut self, error: &ValidationError<'_>) {
        let path = error.schema_path().as_str();
        let schemas = self.schema.at(path).and_then(Value::as_array);
        let branches: Vec<Branch<'_, '_>> = schemas
            .into_iter()
            .flatten()
            .map(|schema| Branch {
                schema: self.schema.resolve(schema),
                path: String::new(),
                kind: None,
                errors: Vec::new(),
                shape: self.schema.shape(schema),
            })
            .collect();
        let verbs = verbs(&branches);
        let instance = error.instance().as_ref();
        let present = |verbs: &Vec<&str>| verbs.iter().any(|verb| instance.get(*verb).is_some());
        if verbs.iter().filter(|verbs| present(verbs)).count() > 1 {
            let noun = self.schema.noun(parent(path));
            self.two_verbs(pointer(error), instance, &verbs, noun);
        }
    }
}
