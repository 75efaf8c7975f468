//! What answers say is left of a declared limit (draft-ietf-httpapi-ratelimit-headers-10 §4.1), and the most that can be.

use serde_json::{Map, Value, json};

use super::{Limited, Sent, accepted};
use crate::journal::{Exchange, RecordedAnswer};
use crate::judge::fields::Field;
use crate::suite::model::{LimitKind, RateLimit};

/// What one answer says of the limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Told {
    /// `r`: requests that are left after this one.
    pub left: f64,
    /// `t`: seconds until there are more.
    pub reset: Option<f64>,
}

/// The item of `RateLimit` that is about this limit: the only one whose policy in `RateLimit-Policy` has its quota and
/// window, or the only one at all where no policies are told.
pub(super) fn told(limit: &RateLimit, exchange: &Exchange) -> Option<Told> {
    let answer = exchange.answer.as_ref()?;
    let all = items(answer, "ratelimit", Field::RateLimit, "limits")?;
    let policies = items(
        answer,
        "ratelimit-policy",
        Field::RateLimitPolicy,
        "policies",
    );
    let own = match (all.as_slice(), policies) {
        ([one], None) => one,
        (all, policies) => {
            let policies = policies?;
            let is_own = |policy: &&Value| {
                policy["q"] == json!(limit.requests)
                    && policy["w"]
                        .as_f64()
                        .is_none_or(|w| w == limit.window_s.ceil())
            };
            let name = sole(policies.iter().filter(is_own))?.get("name")?;
            sole(all.iter().filter(|item| item.get("name") == Some(name)))?
        }
    };
    Some(Told {
        left: own["r"].as_f64()?,
        reset: own["t"].as_f64(),
    })
}

/// Whether a refusal says that it is for another limit: something is used up, and not this one.
pub(super) fn is_of_another(limit: &RateLimit, exchange: &Exchange) -> bool {
    let Some(answer) = &exchange.answer else {
        return false;
    };
    let all = items(answer, "ratelimit", Field::RateLimit, "limits").unwrap_or_default();
    let is_used_up = told(limit, exchange).is_some_and(|told| told.left == 0.0);
    !all.is_empty() && !is_used_up
}

fn items(answer: &RecordedAnswer, name: &str, field: Field, member: &str) -> Option<Vec<Value>> {
    let lines = answer.header(name);
    let lines: Vec<&str> = lines.iter().map(AsRef::as_ref).collect();
    match field.parse(&lines).ok()?.get_mut(member)?.take() {
        Value::Array(items) => Some(items),
        _ => None,
    }
}

fn sole<T>(mut all: impl Iterator<Item = T>) -> Option<T> {
    let one = all.next()?;
    all.next().is_none().then_some(one)
}

impl Limited<'_> {
    /// Of the last burst: `left` (what the last answer before the first 429 says is left; `null` where it does not, and
    /// where the refusal is for another limit) and `overstated` (by how much that is above what can be left, going by
    /// what the first answer of the burst said; `null` where a window may have begun anew in between).
    pub(super) fn remaining(&self, last: &[Sent]) -> Map<String, Value> {
        let before: Vec<Sent> = last
            .iter()
            .copied()
            .take_while(|one| !one.limited)
            .collect();
        let refusal = last.iter().find(|one| one.limited);
        let is_own = refusal.is_none_or(|one| !one.is_of_another);
        let told = accepted(&before).last().and_then(|one| one.told);
        let left = told.filter(|_| is_own).map(|told| told.left);
        let overstated = self
            .left_at_most(&before)
            .zip(told)
            .map(|(most, told)| told.left - most);
        let whole = |number: Option<f64>| json!(number.map(|number| number.ceil() as i64));
        Map::from_iter([
            ("left".to_owned(), whole(left)),
            ("overstated".to_owned(), whole(overstated)),
        ])
    }

    /// The most that can be left when the last of these was answered.
    fn left_at_most(&self, sent: &[Sent]) -> Option<f64> {
        let mut own = accepted(sent);
        let first = own.next()?;
        let said = first.told?;
        let (later, until) = own.fold((0.0, first.done), |(many, until), one| {
            (many + 1.0, one.done.max(until))
        });
        let requests = f64::from(self.limit.requests);
        // Whoever spent of it before may have what falls out of the window.
        let others = (requests - 1.0 - said.left).max(0.0);
        let logged = others + self.of_log(&accepted_at(sent), until);
        let refilled = (requests * (until - first.left) / self.limit.window_s).ceil();
        // A window ends when the answer says, which was rounded to whole seconds, and not before.
        let is_same_window = || {
            said.reset
                .is_some_and(|reset| until < first.left + reset - 1.0)
        };
        let back = match self.limit.kind {
            Some(LimitKind::SlidingLog) => logged,
            Some(LimitKind::SlidingCounter | LimitKind::TokenBucket) => refilled,
            Some(LimitKind::Fixed) => is_same_window().then_some(0.0)?,
            None => is_same_window().then_some(logged.max(refilled))?,
            // Comes back with every answer.
            Some(LimitKind::Concurrency) => return None,
        };
        Some((said.left - later + back).min(requests - 1.0))
    }
}

/// When those left that were accepted.
fn accepted_at(sent: &[Sent]) -> Vec<f64> {
    accepted(sent).map(|one| one.left).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{limit, spent_of};
    use super::*;
    use crate::judge::tally::tests::exchange;
    use crate::suite::model::LimitKind::{Fixed, SlidingCounter, SlidingLog, TokenBucket};

    fn answered(rate_limit: &str, policy: &str) -> Exchange {
        let mut exchange = exchange(200, "{}");
        if let Some(answer) = &mut exchange.answer {
            for (name, value) in [("RateLimit", rate_limit), ("RateLimit-Policy", policy)] {
                let octets = crate::journal::Octets(value.into());
                answer.headers.push((name.to_owned(), octets));
            }
        }
        exchange
    }

    #[test]
    fn of_several_limits_the_one_of_its_quota_and_window_counts() {
        let two = r#""a";r=3;t=9, "b";r=70"#;
        let policies = r#""a";q=10;w=60, "b";q=100;w=60"#;
        let left = |requests, window_s, policies| {
            let limit = limit(requests, window_s, None);
            told(&limit, &answered(two, policies)).map(|told| (told.left, told.reset))
        };
        assert_eq!(left(10, 60.0, policies), Some((3.0, Some(9.0))));
        assert_eq!(left(100, 59.5, policies), Some((70.0, None)));
        assert_eq!(left(100, 30.0, policies), None);
        assert_eq!(left(10, 60.0, r#""a";q=10;w=60, "b";q=10;w=60"#), None);
        let sole = answered(r#""a";r=3"#, "unreadable");
        let five = limit(5, 1.0, None);
        assert_eq!(told(&five, &sole).map(|told| told.left), Some(3.0));
        let day = answered(r#""day";r=900"#, r#""day";q=1000;w=86400"#);
        assert_eq!(told(&five, &day), None, "that of another limit");
    }

    #[test]
    fn a_refusal_for_another_limit_says_nothing_of_this_one() {
        let limit = limit(10, 60.0, None);
        let policies = r#""a";q=10;w=60, "b";q=100;w=60"#;
        let other = answered(r#""a";r=3, "b";r=0"#, policies);
        assert!(is_of_another(&limit, &other));
        let own = answered(r#""a";r=0, "b";r=3"#, policies);
        assert!(!is_of_another(&limit, &own));
        assert!(!is_of_another(&limit, &exchange(429, "")));
    }

    fn overstated(kind: Option<LimitKind>, takes: f64, told: &[(f64, Option<f64>)]) -> Value {
        let limit = limit(10, 60.0, kind);
        let burst = spent_of(takes, told);
        let limited = Limited {
            limit: &limit,
            bursts: vec![burst.clone()],
        };
        limited.remaining(&burst)["overstated"].take()
    }

    #[test]
    fn what_is_left_has_to_fall_by_what_was_accepted() {
        let t = Some(50.0);
        for kind in [
            None,
            Some(Fixed),
            Some(SlidingLog),
            Some(SlidingCounter),
            Some(TokenBucket),
        ] {
            let refills = match kind {
                None | Some(SlidingCounter | TokenBucket) => 1,
                _ => 0,
            };
            let falls = overstated(kind, 0.001, &[(9.0, t), (8.0, t), (7.0, t)]);
            assert_eq!(falls, json!(-refills), "{kind:?}");
            let stands = overstated(kind, 0.001, &[(9.0, t), (9.0, t), (9.0, t), (9.0, t)]);
            assert_eq!(stands, json!(3 - refills), "{kind:?}");
        }
    }

    #[test]
    fn where_a_window_may_have_begun_anew_nothing_is_said() {
        // Ended between the first and the last; and nothing is known of its end.
        for told in [
            [(9.0, Some(2.0)), (9.0, Some(60.0))],
            [(9.0, None), (9.0, None)],
        ] {
            for kind in [None, Some(Fixed)] {
                assert_eq!(overstated(kind, 0.6, &told), Value::Null, "{told:?}");
            }
            assert_eq!(overstated(Some(SlidingLog), 0.6, &told), json!(1));
        }
    }

    #[test]
    fn what_others_spent_before_may_have_come_back() {
        let told = [(4.0, Some(50.0)), (5.0, Some(50.0))];
        assert_eq!(overstated(Some(SlidingLog), 0.1, &told), json!(-3));
        assert_eq!(overstated(Some(Fixed), 0.1, &told), json!(2));
    }
}
