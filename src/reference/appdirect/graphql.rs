//! As much of GraphQL as an exchange needs: which fields a request selects, and under which names the answers go.

/// A field of the outermost selection set.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// What the answer calls it: its alias, or its name.
    pub key: String,
    pub name: String,
}

/// Whether the document asks for a mutation; anything else is a query.
pub fn is_mutation(document: &str) -> bool {
    document.trim_start().starts_with("mutation")
}

/// The fields of the first operation, those of their selection sets and their arguments aside.
pub fn fields(document: &str) -> Vec<Field> {
    let Some((_, selection)) = document.split_once('{') else {
        return Vec::new();
    };
    let mut fields: Vec<Field> = Vec::new();
    let mut alias: Option<String> = None;
    let mut word = String::new();
    let mut depth = 0_usize;
    for character in selection.chars().chain(['}']) {
        if depth == 0 && (character.is_ascii_alphanumeric() || character == '_') {
            word.push(character);
            continue;
        }
        if !word.is_empty() {
            let name = std::mem::take(&mut word);
            let key = alias.take().unwrap_or_else(|| name.clone());
            fields.push(Field { key, name });
        }
        match character {
            // What stood before was no field, but the name of the next one.
            ':' if depth == 0 => alias = fields.pop().map(|field| field.name),
            '{' | '(' => depth += 1,
            '}' | ')' if depth == 0 => break,
            '}' | ')' => depth -= 1,
            _ => {}
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_names_and_aliases() {
        let field = |key: &str, name: &str| Field {
            key: key.to_owned(),
            name: name.to_owned(),
        };
        assert_eq!(
            fields("mutation { secureToken { token } }"),
            [field("secureToken", "secureToken")]
        );
        assert_eq!(
            fields(
                "mutation M { a: secureToken(x: 1) { token: id } b : secureToken{token} } query"
            ),
            [field("a", "secureToken"), field("b", "secureToken")]
        );
        assert_eq!(
            fields("{__schema{types{name}}}"),
            [field("__schema", "__schema")]
        );
        assert!(fields("mutation").is_empty() && fields("}{").is_empty());
    }
}
