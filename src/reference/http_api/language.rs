//! The language of problems (RFC 9457 §3.1.3; RFC 9110 §8.5, §12.5.4): English, and German for whoever prefers that.

use serde_json::{Map, Value};

use crate::reference::flaw::{Flaw, FlawSet, flaw};
use crate::reference::http::{Request, Response};

pub const FLAWS: &[Flaw] = &[
    flaw(
        "problem-language-fixed",
        "Tells its problems in English whatever language is asked for.",
        "RFC 9110 §12.5.4",
    ),
    flaw(
        "problem-language-mislabelled",
        "Says that its problems are in the language asked for, and tells them in English.",
        "RFC 9110 §8.5",
    ),
    flaw(
        "problem-language-without-vary",
        "Chooses the language of its problems by Accept-Language and does not say so in Vary.",
        "RFC 9110 §12.5.5",
    ),
];

const ENGLISH: &str = "en";
const GERMAN: &str = "de";

/// Puts the title into the language that the request prefers, and says so.
pub fn translate(
    request: &Request,
    response: &mut Response,
    problem: &mut Map<String, Value>,
    flaws: &FlawSet,
) {
    let mut language = preferred(request);
    if flaws.has("problem-language-fixed") {
        language = ENGLISH;
    }
    let title = problem.get("title").and_then(Value::as_str);
    match title.and_then(german) {
        Some(title) if language == GERMAN && !flaws.has("problem-language-mislabelled") => {
            problem.insert("title".to_owned(), Value::from(title));
        }
        Some(_) => {}
        None => language = ENGLISH,
    }
    response.set("Content-Language", language);
    if !flaws.has("problem-language-without-vary") {
        response.add("Vary", "Accept-Language");
    }
}

/// The language with the greatest weight; of several the first, of none English.
fn preferred(request: &Request) -> &'static str {
    let lines = request.fields.all("accept-language");
    let ranges = lines
        .filter_map(|line| std::str::from_utf8(line).ok())
        .flat_map(|line| line.split(','))
        .filter_map(range);
    let first = (ENGLISH, 0.0);
    let heavier = |best: (&'static str, f64), next: (&'static str, f64)| {
        if next.1 > best.1 { next } else { best }
    };
    ranges.fold(first, heavier).0
}

/// A language of ours that this range matches (RFC 4647 §3.4), and its weight (RFC 9110 §12.4.2).
fn range(text: &str) -> Option<(&'static str, f64)> {
    let mut parts = text.split(';').map(str::trim);
    let primary = parts.next()?.split('-').next()?;
    let language = match primary.to_ascii_lowercase().as_str() {
        "en" | "*" => ENGLISH,
        "de" => GERMAN,
        _ => return None,
    };
    let weight = parts.find_map(|part| part.strip_prefix("q="));
    match weight.map(str::parse::<f64>) {
        None => Some((language, 1.0)),
        Some(Ok(weight)) => Some((language, weight)),
        Some(Err(_)) => None,
    }
}

fn german(title: &str) -> Option<&'static str> {
    Some(match title {
        "Bad Request" => "Fehlerhafte Anfrage",
        "Unauthorized" => "Nicht angemeldet",
        "Forbidden" => "Nicht erlaubt",
        "Not Found" => "Nicht gefunden",
        "Method Not Allowed" => "Methode nicht erlaubt",
        "Not Acceptable" => "Nicht annehmbar",
        "Conflict" => "Widerspruch",
        "Precondition Failed" => "Vorbedingung nicht erfüllt",
        "Unsupported Media Type" => "Medientyp nicht unterstützt",
        "Unprocessable Entity" => "Inhalt nicht verarbeitbar",
        "Internal Server Error" => "Interner Fehler",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn ranges_have_subtags_and_weights() {
        assert_eq!(range(" de-CH ;q=0.5"), Some(("de", 0.5)));
        assert_eq!(range("*"), Some(("en", 1.0)));
        assert_eq!(range("fr"), None);
        assert_eq!(range("en;q=x"), None);
    }
}
