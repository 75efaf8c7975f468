//! Puts credentials into a request, whole or spoilt.

use rand::RngExt;

use crate::suite::model::{Carriage, Spoil};

/// Where one credential goes and what is written there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placed {
    /// A field line; the same name may come twice.
    Header(String, String),
    Query(String, String),
    Cookie(String, String),
}

/// The lines or parameters that carry a credential. Empty where it is not to be sent; `None` where this way of spoiling
/// means nothing for this carriage (a scheme that is not there cannot be another).
pub fn place(carriage: &Carriage, value: &str, spoil: Option<Spoil>) -> Option<Vec<Placed>> {
    let scheme = carriage.scheme.as_deref();
    let with = |scheme: Option<&str>, value: &str| match scheme {
        Some(scheme) => format!("{scheme} {value}"),
        None => value.to_owned(),
    };
    let written = match spoil {
        None | Some(Spoil::Twice) => with(scheme, value),
        Some(Spoil::Absent) => return Some(Vec::new()),
        Some(Spoil::Empty) => scheme.unwrap_or_default().to_owned(),
        Some(Spoil::Blank) => format!("{} ", scheme?),
        Some(Spoil::Malformed) => with(scheme, "x"),
        Some(Spoil::Unknown) => with(scheme, &unknown(value)),
        Some(Spoil::Truncated) => with(scheme, &truncated(value)),
        Some(Spoil::Altered) => with(scheme, &altered(value)),
        Some(Spoil::OtherScheme) => with(Some(other_scheme(scheme?)), value),
        Some(Spoil::LowerScheme) => with(Some(&scheme?.to_ascii_lowercase()), value),
        Some(Spoil::UpperScheme) => with(Some(&scheme?.to_ascii_uppercase()), value),
        Some(Spoil::TwoSpaces) => format!("{}  {value}", scheme?),
        Some(Spoil::Tab) => format!("{}\t{value}", scheme?),
        Some(Spoil::Bare) => {
            scheme?;
            value.to_owned()
        }
    };
    let place = |written: String| match (&carriage.header, &carriage.query, &carriage.cookie) {
        (Some(name), _, _) => Placed::Header(name.clone(), written),
        (None, Some(name), _) => Placed::Query(name.clone(), written),
        (None, None, name) => Placed::Cookie(name.clone().unwrap_or_default(), written),
    };
    Some(match spoil {
        Some(Spoil::Twice) => vec![place(written.clone()), place(written)],
        _ => vec![place(written)],
    })
}

/// Values that a spoilt credential is sent as and that still give most of the real one away.
pub fn derived(value: &str, spoil: Spoil) -> Option<String> {
    match spoil {
        Spoil::Truncated => Some(truncated(value)),
        Spoil::Altered => Some(altered(value)),
        _ => None,
    }
}

/// What is left of the last part, a token's signature, is still base64: at another length it could not be decoded, or only
/// by the luck of its trailing bits, and a target that compares as far as the value goes would be found by luck.
fn truncated(value: &str) -> String {
    let count = value.chars().count();
    let last_part = value.chars().rev().take_while(|c| *c != '.').count();
    let left = last_part.saturating_sub(8) / 4 * 4;
    let keep = match left {
        0 => count.saturating_sub(8).max(1),
        left => count - last_part + left,
    };
    value.chars().take(keep).collect()
}

fn altered(value: &str) -> String {
    let middle = value.chars().count() / 2;
    value
        .chars()
        .enumerate()
        .map(|(at, c)| match c {
            _ if at != middle => c,
            'A' => 'B',
            '0' => '1',
            c if c.is_ascii_digit() => '0',
            _ => 'A',
        })
        .collect()
}

/// The same length, separators and kinds of character, a prefix such as `pk_test_` kept, also version and variant of a
/// UUID; everything else random.
pub fn unknown(value: &str) -> String {
    let mut rng = rand::rng();
    let prefix = value
        .rfind('_')
        .filter(|at| *at < 12 && value.len() > at + 8)
        .map_or(0, |at| at + 1);
    let hex = value[prefix..]
        .chars()
        .all(|c| c == '-' || c.is_ascii_hexdigit() && !c.is_ascii_uppercase());
    let is_uuid = value.len() == 36
        && value
            .char_indices()
            .all(|(at, c)| (c == '-') == matches!(at, 8 | 13 | 18 | 23));
    let mut out = value[..prefix].to_owned();
    for (at, c) in value[prefix..].chars().enumerate() {
        out.push(match c {
            c if is_uuid && (at == 14 || at == 19) => c,
            c if hex && c.is_ascii_hexdigit() => {
                char::from_digit(rng.random_range(0..16), 16).unwrap_or('0')
            }
            'a'..='z' => rng.random_range('a'..='z'),
            'A'..='Z' => rng.random_range('A'..='Z'),
            '0'..='9' => rng.random_range('0'..='9'),
            other => other,
        });
    }
    out
}

fn other_scheme(scheme: &str) -> &'static str {
    if scheme.eq_ignore_ascii_case("Bearer") {
        "Token"
    } else {
        "Bearer"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer() -> Carriage {
        Carriage {
            header: Some("Authorization".into()),
            scheme: Some("Bearer".into()),
            ..Carriage::default()
        }
    }

    fn header(spoil: Option<Spoil>) -> Option<String> {
        match place(&bearer(), "abcdefghijklmnop", spoil)?.pop() {
            Some(Placed::Header(_, line)) => Some(line),
            _ => None,
        }
    }

    #[test]
    fn each_way_of_spoiling_differs_in_what_it_names() {
        assert_eq!(header(None).unwrap(), "Bearer abcdefghijklmnop");
        assert_eq!(header(Some(Spoil::Empty)).unwrap(), "Bearer");
        assert_eq!(header(Some(Spoil::Blank)).unwrap(), "Bearer ");
        assert_eq!(header(Some(Spoil::Truncated)).unwrap(), "Bearer abcdefgh");
        assert_eq!(
            header(Some(Spoil::Altered)).unwrap(),
            "Bearer abcdefghAjklmnop"
        );
        assert_eq!(header(Some(Spoil::Bare)).unwrap(), "abcdefghijklmnop");
        assert_eq!(
            header(Some(Spoil::OtherScheme)).unwrap(),
            "Token abcdefghijklmnop"
        );
        for (how, line) in [
            (Spoil::LowerScheme, "bearer abcdefghijklmnop"),
            (Spoil::UpperScheme, "BEARER abcdefghijklmnop"),
            (Spoil::TwoSpaces, "Bearer  abcdefghijklmnop"),
            (Spoil::Tab, "Bearer\tabcdefghijklmnop"),
        ] {
            assert_eq!(header(Some(how)).unwrap(), line);
        }
        assert_eq!(
            place(&bearer(), "abc", Some(Spoil::Twice)).unwrap().len(),
            2
        );
        assert!(
            place(&bearer(), "abc", Some(Spoil::Absent))
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn a_key_without_scheme_has_no_other_scheme() {
        let key = Carriage {
            header: Some("x-key".into()),
            ..Carriage::default()
        };
        assert_eq!(place(&key, "abc", Some(Spoil::OtherScheme)), None);
        assert_eq!(place(&key, "abc", Some(Spoil::Blank)), None);
        assert_eq!(place(&key, "abc", Some(Spoil::LowerScheme)), None);
    }

    #[test]
    fn unknown_values_keep_their_form() {
        let made = unknown("pk_test_0123456789abcdef");
        assert!(
            made.starts_with("pk_test_") && made.len() == 24 && made != "pk_test_0123456789abcdef"
        );
        assert!(made[8..].chars().all(|c| c.is_ascii_hexdigit()));
        assert_eq!(unknown("aa.bb.cc").chars().filter(|c| *c == '.').count(), 2);
        let uuid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
        let made = unknown(uuid);
        assert_ne!(made, uuid);
        for (at, (old, new)) in uuid.chars().zip(made.chars()).enumerate() {
            match at {
                8 | 13 | 14 | 18 | 19 | 23 => assert_eq!(old, new, "{made}"),
                _ => assert!(
                    new.is_ascii_hexdigit() && !new.is_ascii_uppercase(),
                    "{made}"
                ),
            }
        }
    }
}
