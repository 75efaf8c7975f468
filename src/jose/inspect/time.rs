//! Claims that are times, as dates and as spans from now.

use serde::Serialize;
use serde_json::{Map, Value};

/// Claims of RFC 7519 §4.1 and OpenID Connect Core §2 that hold seconds since 1970, and what comes before a span.
const TIMES: [(&str, &str, &str); 5] = [
    ("exp", "expired", "expires"),
    ("nbf", "good since", "good"),
    ("iat", "issued", "issued"),
    ("auth_time", "logged in", "logs in"),
    ("updated_at", "updated", "updated"),
];

/// A claim that says when.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimeClaim {
    pub claim: &'static str,
    /// RFC 3339, UTC; none where the number is no time between the years -9999 and 9999.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// `expired 3 min ago`.
    pub says: String,
    /// Seconds since 1970, rounded down.
    pub seconds: i64,
}

pub(super) fn of(claims: &Map<String, Value>, now: i64) -> Vec<TimeClaim> {
    let time = |(claim, past, future): (&'static str, &str, &str)| {
        let seconds = seconds(claims.get(claim)?)?;
        let says = match now.saturating_sub(seconds) {
            0 => format!("{past} now"),
            ago @ 1.. if claim == "nbf" => format!("{past} {}", span_in_words(ago)),
            ago @ 1.. => format!("{past} {} ago", span_in_words(ago)),
            to_go => format!("{future} in {}", span_in_words(to_go.saturating_neg())),
        };
        let date = jiff::Timestamp::from_second(seconds).ok();
        Some(TimeClaim {
            claim,
            date: date.map(|date| date.to_string()),
            says,
            seconds,
        })
    };
    TIMES.into_iter().filter_map(time).collect()
}

/// A NumericDate (RFC 7519 §2), also one that a careless issuer wrote as text.
pub(super) fn seconds(value: &Value) -> Option<i64> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    // `as` saturates; what is no number has gone.
    number.is_finite().then(|| number.floor() as i64)
}

/// The two largest units of a span of seconds: `3 min`, `2 h 5 min`, `400 d`.
pub fn span_in_words(seconds: i64) -> String {
    const UNITS: [(i64, &str); 4] = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let mut rest = seconds.saturating_abs();
    let mut words = Vec::new();
    for (length, unit) in UNITS {
        let count = rest / length;
        if count > 0 {
            words.push(format!("{count} {unit}"));
            rest %= length;
        }
        let enough =
            words.len() == 2 || (unit == "d" && count >= 10) || (unit == "min" && count > 0);
        if enough {
            break;
        }
    }
    if words.is_empty() {
        words.push("0 s".to_owned());
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn spans_have_two_units_at_most() {
        for (seconds, words) in [
            (0, "0 s"),
            (59, "59 s"),
            (185, "3 min"),
            (7500, "2 h 5 min"),
            (90_000, "1 d 1 h"),
            (400 * 86_400, "400 d"),
            (i64::MIN, "106751991167300 d"),
        ] {
            assert_eq!(span_in_words(seconds), words);
        }
    }

    #[test]
    fn times_are_dates_and_spans() {
        let claims = json!({"exp": 1000, "nbf": "1185", "iat": 1e300, "auth_time": 1181.9, "updated_at": null});
        let times = of(claims.as_object().unwrap(), 1180);
        let says: Vec<&str> = times.iter().map(|time| time.says.as_str()).collect();
        assert_eq!(says[0], "expired 3 min ago");
        assert_eq!(says[1], "good in 5 s");
        assert!(says[2].starts_with("issued in 106751991167300 d"));
        assert_eq!(says[3], "logs in in 1 s");
        assert_eq!(times[0].date.as_deref(), Some("1970-01-01T00:16:40Z"));
        assert_eq!((times[2].date.as_ref(), times.len()), (None, 4));
    }
}
