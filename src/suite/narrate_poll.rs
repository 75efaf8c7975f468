//! Polls and comparisons in words.

use serde_json::Value;

use super::model::{Again, Compare, Poll, Polled, STRAIGHT, Send};
use super::narrate::{control, plain};
use super::narrate_race::lower_first;
use super::template::show;
use crate::judge::describe;

/// `Again and again, send … , until the answer is …`.
pub(super) fn narrate_poll(poll: &Poll) -> String {
    let each: Vec<String> = poll.poll.iter().map(narrate_polled).collect();
    let number = |value: &Option<Value>, otherwise: &str| {
        value
            .as_ref()
            .map_or(otherwise.to_owned(), |value| plain(&show(value)))
    };
    let until: Vec<String> = poll
        .until
        .as_slice()
        .iter()
        .map(|one| describe::expectation(one, &super::narrate::Unfilled))
        .collect();
    let many = match &poll.at_once {
        Some(many) => format!("{} at once, ", plain(&show(many))),
        None => String::new(),
    };
    let mut what = format!(
        "Every {} seconds, {many}{}; until the answer is {}, {} times in a row",
        number(&poll.every_s, "0.1"),
        each.join("; or in turn "),
        until.join(" and "),
        number(&poll.straight, &STRAIGHT.to_string()),
    );
    if let Some(send) = &poll.meanwhile {
        let does = lower_first(&control(send).does);
        what.push_str(&format!(
            "; meanwhile {does}, and count the time from the answer to that"
        ));
    }
    if let Some(name) = &poll.since {
        what.push_str(&format!("; count the time from the answer to `{name}`"));
    }
    what.push_str(&format!(
        "; give up {} seconds after {}",
        number(&poll.past_s, "10"),
        match &poll.within_s {
            Some(seconds) => format!("{} seconds", plain(&show(seconds))),
            None => "it began".to_owned(),
        }
    ));
    what
}

fn narrate_polled(polled: &Polled) -> String {
    match polled {
        Polled::Send(send) => lower_first(&control(send).does),
        Polled::Again(Again {
            resend,
            fresh_connection,
            node,
        }) => {
            let own = match fresh_connection {
                true => ", on a connection of its own",
                false => "",
            };
            let node = match node {
                Some(node) => format!(", to node {}", plain(&show(node))),
                None => String::new(),
            };
            format!("send the request of `{resend}` again, byte for byte{own}{node}")
        }
    }
}

pub(super) fn narrate_compare(compare: &Compare) -> String {
    let does = |send: &Send| lower_first(&control(send).does);
    let each: Vec<String> = compare.compare.iter().map(does).collect();
    format!(
        "Measure how long each takes, {} times in each of {} runs, in an order that chance decides: {}",
        plain(&show(&compare.times)),
        compare.runs(),
        each.join("; and ")
    )
}
