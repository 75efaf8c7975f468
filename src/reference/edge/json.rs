//! JSON, read strictly (RFC 8259 §4, §8.1, §9).

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Nesting that is read.
const DEPTH: usize = 64;

/// Why a document cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub enum Unreadable {
    Syntax,
    TooDeep,
}

const TOO_DEEP: &str = "nested too deeply";

/// What becomes of members that have the name of an earlier one.
#[derive(Clone, Copy, Debug)]
pub enum Repeated {
    Refused,
    FirstCounts,
    LastCounts,
}

/// One JSON document in UTF-8 without a BOM: at most 64 levels, nothing behind it.
pub fn read(octets: &[u8], repeated: Repeated) -> Result<Value, Unreadable> {
    let mut reader = serde_json::Deserializer::from_slice(octets);
    let strict = Strict {
        levels: DEPTH,
        repeated,
    };
    let value = strict.deserialize(&mut reader);
    let value = value.and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| {
        if error.to_string().starts_with(TOO_DEEP) {
            Unreadable::TooDeep
        } else {
            Unreadable::Syntax
        }
    })
}

#[derive(Clone, Copy)]
struct Strict {
    /// Levels that are left.
    levels: usize,
    repeated: Repeated,
}

impl Strict {
    fn deeper<E: de::Error>(&self) -> Result<Strict, E> {
        match self.levels.checked_sub(1) {
            Some(levels) => Ok(Strict { levels, ..*self }),
            None => Err(E::custom(TOO_DEEP)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut kept = Vec::new();
        while let Some(item) = items.next_element_seed(self.deeper()?)? {
            kept.push(item);
        }
        Ok(Value::Array(kept))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut kept = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(self.deeper()?)?;
            match self.repeated {
                Repeated::Refused if kept.contains_key(&name) => {
                    return Err(de::Error::custom("repeated name"));
                }
                Repeated::FirstCounts if kept.contains_key(&name) => {}
                _ => drop(kept.insert(name, value)),
            }
        }
        Ok(Value::Object(kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strict(octets: &[u8]) -> Result<Value, Unreadable> {
        read(octets, Repeated::Refused)
    }

    #[test]
    fn what_two_parsers_would_read_differently_is_refused() {
        assert!(strict(br#"{"a":[1,2.5,"x",null,true]}"#).is_ok());
        for document in [
            &b"{\"a\":1,\"a\":2}"[..],
            b"{} {}",
            b"[1,]",
            b"\xef\xbb\xbf{}",
            b"{\"a\":NaN}",
            b"[1e999]",
            b"// x\n{}",
            b"[\"\\ud800\"]",
            b"[\"\xff\"]",
            b"",
        ] {
            assert_eq!(strict(document), Err(Unreadable::Syntax), "{document:?}");
        }
    }

    #[test]
    fn of_two_members_of_one_name_the_one_counts_that_is_meant() {
        let twice = br#"{"a":1,"a":2}"#;
        for (repeated, number) in [(Repeated::FirstCounts, 1), (Repeated::LastCounts, 2)] {
            assert_eq!(read(twice, repeated).unwrap()["a"], number, "{repeated:?}");
        }
    }

    #[test]
    fn depth_has_a_bound() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(strict(nested(DEPTH).as_bytes()).is_ok());
        assert_eq!(
            strict(nested(DEPTH + 2).as_bytes()),
            Err(Unreadable::TooDeep)
        );
        assert!(strict(nested(10_000).as_bytes()).is_err());
    }
}
