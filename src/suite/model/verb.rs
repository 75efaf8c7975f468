//! Which step it is: its verb says, so that nothing is tried in turn, which would copy each step first.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Error, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::step::Step;

const VERBS: [&str; 10] = [
    "send", "observe", "resend", "wait", "probe", "rotate", "race", "burst", "poll", "compare",
];

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ByVerb)
    }
}

struct ByVerb;

impl<'de> Visitor<'de> for ByVerb {
    type Value = Step;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a step, with a verb")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Step, A::Error> {
        let first: Option<String> = members.next_key()?;
        let verb = VERBS.iter().find(|verb| first.as_deref() == Some(**verb));
        let members = MapAccessDeserializer::new(WithFirst { first, members });
        if let Some(verb) = verb {
            return of_verb(verb, members);
        }
        let members = Map::deserialize(members)?;
        let verb = VERBS.iter().find(|verb| members.contains_key(**verb));
        let verb = verb.ok_or_else(|| Error::custom("a step has a verb"))?;
        of_verb(verb, Value::Object(members)).map_err(Error::custom)
    }
}

fn of_verb<'de, D: Deserializer<'de>>(verb: &str, members: D) -> Result<Step, D::Error> {
    match verb {
        "send" => Box::deserialize(members).map(Step::Send),
        "observe" => Box::deserialize(members).map(Step::Observe),
        "resend" => Box::deserialize(members).map(Step::Resend),
        "wait" => Box::deserialize(members).map(Step::Wait),
        "probe" => Box::deserialize(members).map(Step::Probe),
        "rotate" => Deserialize::deserialize(members).map(Step::Rotate),
        "race" => Box::deserialize(members).map(Step::Race),
        "burst" => Box::deserialize(members).map(Step::Burst),
        "poll" => Box::deserialize(members).map(Step::Poll),
        "compare" => Box::deserialize(members).map(Step::Compare),
        other => Err(Error::unknown_variant(other, &VERBS)),
    }
}

/// Members whose first key was looked at.
struct WithFirst<A> {
    first: Option<String>,
    members: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for WithFirst<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        match self.first.take() {
            Some(key) => seed.deserialize(key.into_deserializer()).map(Some),
            None => self.members.next_key_seed(seed),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.members.next_value_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_verb_is_known() {
        let schema = schemars::schema_for!(Step);
        let branches = schema.as_value()["anyOf"].as_array().expect("one for each");
        assert_eq!(branches.len(), VERBS.len());
    }

    #[test]
    fn the_verb_need_not_come_first() {
        let last = json!({ "as": "user", "send": "me" });
        let first = json!({ "send": "me", "as": "user" });
        let read = |value: &Value| Step::deserialize(value).expect("a step");
        assert_eq!(read(&last), read(&first));
        assert!(matches!(read(&last), Step::Send(_)));
        for wrong in [
            json!({}),
            json!({ "as": "user" }),
            json!({ "send": "me", "wait": 1 }),
            json!([]),
        ] {
            assert!(Step::deserialize(&wrong).is_err(), "{wrong}");
        }
    }
}
