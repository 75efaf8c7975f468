//! Changes to the text of a JSON object.

use std::ops::Range;

use serde_json::Value;

use super::forge::Unforgeable;
use super::model::{Charset, Patch, Text, TextEdit};
use super::template::Resolver;
use crate::jose::json::{self, Member};
use crate::jose::{MAX_TOKEN, Part};

/// The text with the patch applied. `part` is for messages.
pub(super) fn apply(
    patch: &Patch,
    part: Part,
    text: &[u8],
    resolver: &Resolver<'_>,
) -> Result<Vec<u8>, Unforgeable> {
    let mut object = Object {
        part,
        text: text.to_vec(),
    };
    for (old, new) in &patch.rename {
        let name = object.member(old)?.name_span;
        object.replace(name, &json_text(&Value::String(new.clone())));
    }
    for name in &patch.remove {
        object.remove(name)?;
    }
    for (name, value) in &patch.set {
        object.set(name, &resolver.value(value)?)?;
    }
    for (name, value) in &patch.replace {
        object.member(name)?;
        object.set(name, &resolver.value(value)?)?;
    }
    for edit in &patch.raw {
        object.edit(edit, resolver)?;
    }
    Ok(object.text)
}

/// Text of a [`Text`], at most [`MAX_TOKEN`] octets.
pub(super) fn text(text: &Text, resolver: &Resolver<'_>) -> Result<String, Unforgeable> {
    let repeated = match text {
        Text::Plain(plain) => return Ok(resolver.text(plain)?),
        Text::Repeated(repeated) => repeated,
    };
    let digits = repeated.times.to_string().len();
    let each = repeated.repeat.len() + digits + repeated.back.len();
    let edges = repeated.start.len() + repeated.middle.len() + repeated.end.len();
    if each
        .checked_mul(repeated.times as usize)
        .and_then(|all| all.checked_add(edges))
        .is_none_or(|all| all > MAX_TOKEN)
    {
        return Err(Unforgeable::TooLong);
    }
    let mut out = resolver.text(&repeated.start)?;
    for n in 0..repeated.times {
        out.push_str(&repeated.repeat.replace("${n}", &n.to_string()));
    }
    out.push_str(&resolver.text(&repeated.middle)?);
    for _ in 0..repeated.times {
        out.push_str(&repeated.back);
    }
    out.push_str(&resolver.text(&repeated.end)?);
    Ok(out)
}

struct Object {
    part: Part,
    text: Vec<u8>,
}

impl Object {
    fn as_text(&self) -> Result<&str, Unforgeable> {
        std::str::from_utf8(&self.text).map_err(|_| Unforgeable::NotText { part: self.part })
    }

    fn members(&self) -> Result<Vec<Member>, Unforgeable> {
        json::members(self.as_text()?).map_err(|reason| Unforgeable::Json {
            part: self.part,
            reason,
        })
    }

    /// The last one of that name.
    fn find(&self, name: &str) -> Result<Option<Member>, Unforgeable> {
        Ok(self
            .members()?
            .into_iter()
            .rev()
            .find(|member| member.name == name))
    }

    fn member(&self, name: &str) -> Result<Member, Unforgeable> {
        self.find(name)?.ok_or_else(|| Unforgeable::NoMember {
            part: self.part,
            name: name.to_owned(),
        })
    }

    fn replace(&mut self, span: Range<usize>, with: &[u8]) {
        self.text.splice(span, with.iter().copied());
    }

    /// Removes the member and one comma next to it.
    fn remove(&mut self, name: &str) -> Result<(), Unforgeable> {
        if name.starts_with('/') {
            return self.at_pointer(name, &mut |members, last| {
                members.shift_remove(last).is_some()
            });
        }
        let members = self.members()?;
        let found = members.iter().rposition(|member| member.name == name);
        let index = found.ok_or_else(|| Unforgeable::NoMember {
            part: self.part,
            name: name.to_owned(),
        })?;
        let member = &members[index];
        let span = match (index.checked_sub(1), members.get(index + 1)) {
            (_, Some(next)) => member.name_span.start..next.name_span.start,
            (Some(previous), None) => members[previous].value_span.end..member.value_span.end,
            (None, None) => member.name_span.start..member.value_span.end,
        };
        self.replace(span, b"");
        Ok(())
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), Unforgeable> {
        if name.starts_with('/') {
            return self.at_pointer(name, &mut |members, last| {
                members.insert(last.to_owned(), value.clone());
                true
            });
        }
        match self.find(name)? {
            Some(member) => self.replace(member.value_span, &json_text(value)),
            None => {
                let mut added = json_text(&Value::String(name.to_owned()));
                added.push(b':');
                added.extend(json_text(value));
                self.close(&added, true)?;
            }
        }
        Ok(())
    }

    /// Works on the object that holds the last step of a JSON Pointer; all but that member keep their text.
    fn at_pointer(
        &mut self,
        pointer: &str,
        change: &mut dyn FnMut(&mut serde_json::Map<String, Value>, &str) -> bool,
    ) -> Result<(), Unforgeable> {
        let missing = || Unforgeable::NoMember {
            part: self.part,
            name: pointer.to_owned(),
        };
        let unescape = |step: &str| step.replace("~1", "/").replace("~0", "~");
        let (first, inner) = pointer[1..].split_once('/').ok_or_else(missing)?;
        let member = self.member(&unescape(first))?;
        let text = &self.text[member.value_span.clone()];
        let mut value: Value = serde_json::from_slice(text).map_err(|_| missing())?;
        let (path, last) = match inner.rsplit_once('/') {
            Some((path, last)) => (format!("/{path}"), last),
            None => (String::new(), inner),
        };
        let holder = value.pointer_mut(&path).and_then(Value::as_object_mut);
        if !change(holder.ok_or_else(missing)?, &unescape(last)) {
            return Err(missing());
        }
        self.replace(member.value_span, &json_text(&value));
        Ok(())
    }

    /// Inserts in front of the closing brace; `member` puts a comma between if there is a member already.
    fn close(&mut self, insert: &[u8], member: bool) -> Result<(), Unforgeable> {
        let comma = member && !self.members()?.is_empty();
        let brace = self.text.iter().rposition(|&octet| octet == b'}');
        let at = brace.ok_or(Unforgeable::NotText { part: self.part })?;
        self.replace(at..at, insert);
        if comma {
            self.replace(at..at, b",");
        }
        Ok(())
    }

    fn edit(&mut self, edit: &TextEdit, resolver: &Resolver<'_>) -> Result<(), Unforgeable> {
        match edit {
            TextEdit::Before { member, insert } => {
                let at = self.member(member)?.name_span.start;
                self.replace(at..at, text(insert, resolver)?.as_bytes());
            }
            TextEdit::After { member, insert } => {
                let at = self.member(member)?.value_span.end;
                self.replace(at..at, text(insert, resolver)?.as_bytes());
            }
            TextEdit::Value { member, text: new } => {
                let span = self.member(member)?.value_span;
                self.replace(span, text(new, resolver)?.as_bytes());
            }
            TextEdit::Close { insert } => {
                self.close(text(insert, resolver)?.as_bytes(), false)?;
            }
            TextEdit::Whole(new) => self.text = text(new, resolver)?.into_bytes(),
            TextEdit::Octets { member, hex } => {
                let end = self.member(member)?.value_span.end;
                if self.text[end - 1] != b'"' {
                    return Err(Unforgeable::NotText { part: self.part });
                }
                self.replace(end - 1..end - 1, &unhex(hex)?);
            }
            TextEdit::Prepend(hex) => self.replace(0..0, &unhex(hex)?),
            TextEdit::Charset(charset) => {
                let units = self.as_text()?.encode_utf16();
                self.text = match charset {
                    Charset::Utf16Le => units.flat_map(u16::to_le_bytes).collect(),
                    Charset::Utf16Be => units.flat_map(u16::to_be_bytes).collect(),
                };
            }
        }
        Ok(())
    }
}

pub(super) fn unhex(text: &str) -> Result<Vec<u8>, Unforgeable> {
    hex::decode(text).map_err(|_| Unforgeable::Hex(text.to_owned()))
}

fn json_text(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).expect("a JSON value has a text")
}

#[cfg(test)]
mod tests {
    use super::super::template::Env;
    use super::*;
    use serde_json::json;

    fn patched(patch: Value, text: &str) -> Result<String, Unforgeable> {
        let patch: Patch = serde_json::from_value(patch).unwrap();
        let env = Env::new(5);
        let resolver = Resolver {
            env: &env,
            material: &|_| None,
        };
        let octets = apply(&patch, Part::Payload, text.as_bytes(), &resolver)?;
        Ok(String::from_utf8_lossy(&octets).into_owned())
    }

    const TEXT: &str = r#"{ "a" : 1, "b":{"c":[1,{"d":2}]} ,"e":"x" }"#;

    #[test]
    fn what_is_not_named_keeps_its_text() {
        for (patch, expected) in [
            (
                json!({"set": {"a": "${now}"}}),
                r#"{ "a" : 5, "b":{"c":[1,{"d":2}]} ,"e":"x" }"#,
            ),
            (
                json!({"set": {"f": null}}),
                r#"{ "a" : 1, "b":{"c":[1,{"d":2}]} ,"e":"x" ,"f":null}"#,
            ),
            (
                json!({"set": {"/b/c/1/d": 3}}),
                r#"{ "a" : 1, "b":{"c":[1,{"d":3}]} ,"e":"x" }"#,
            ),
            (
                json!({"remove": ["/b/c"]}),
                r#"{ "a" : 1, "b":{} ,"e":"x" }"#,
            ),
            (
                json!({"remove": ["a"]}),
                r#"{ "b":{"c":[1,{"d":2}]} ,"e":"x" }"#,
            ),
            (json!({"remove": ["e", "b"]}), r#"{ "a" : 1 }"#),
            (json!({"remove": ["a", "b", "e"]}), "{  }"),
            (
                json!({"rename": {"e": "z\""}}),
                r#"{ "a" : 1, "b":{"c":[1,{"d":2}]} ,"z\"":"x" }"#,
            ),
            (
                json!({"raw": [{"before": {"member": "a", "insert": "\"a\":0,"}}, {"after": {"member": "e", "insert": ",\"e\":1"}}]}),
                r#"{ "a":0,"a" : 1, "b":{"c":[1,{"d":2}]} ,"e":"x","e":1 }"#,
            ),
            (
                json!({"raw": [{"value": {"member": "a", "text": "1e400"}}]}),
                r#"{ "a" : 1e400, "b":{"c":[1,{"d":2}]} ,"e":"x" }"#,
            ),
            (
                json!({"raw": [{"whole": {"start": "<", "repeat": "${n},", "times": 3, "middle": "|", "back": ">"}}]}),
                "<0,1,2,|>>>",
            ),
            (
                json!({"raw": [{"octets": {"member": "e", "hex": "2121"}}]}),
                r#"{ "a" : 1, "b":{"c":[1,{"d":2}]} ,"e":"x!!" }"#,
            ),
        ] {
            assert_eq!(
                patched(patch.clone(), TEXT).as_deref(),
                Ok(expected),
                "{patch}"
            );
        }
        assert_eq!(
            patched(json!({"set": {"a": 1}}), "{}").as_deref(),
            Ok(r#"{"a":1}"#)
        );
    }

    #[test]
    fn what_is_not_there_cannot_be_changed() {
        let missing = |name: &str| {
            Err(Unforgeable::NoMember {
                part: Part::Payload,
                name: name.into(),
            })
        };
        assert_eq!(patched(json!({"remove": ["q"]}), TEXT), missing("q"));
        assert_eq!(patched(json!({"rename": {"q": "r"}}), TEXT), missing("q"));
        assert_eq!(patched(json!({"set": {"/a/b": 1}}), TEXT), missing("/a/b"));
        assert_eq!(
            patched(
                json!({"raw": [{"whole": {"repeat": "aaaa", "times": 1_000_000}}]}),
                TEXT
            ),
            Err(Unforgeable::TooLong)
        );
    }
}
