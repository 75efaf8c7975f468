//! Races and bursts in words.

use super::model::{Burst, Race, Runners, Send};
use super::narrate::{control, plain};
use super::template::show;

/// `Send copy orders as the buyer 20 times in the same instant, each an exact copy`.
pub(super) fn narrate_race(race: &Race) -> String {
    let each: Vec<String> = race.race.iter().map(narrate_runners).collect();
    match each.as_slice() {
        [only] => format!("In the same instant, {only}"),
        all => format!("In the same instant, {}", all.join("; and ")),
    }
}

fn narrate_runners(runners: &Runners) -> String {
    let what = lower_first(&request(runners.request()));
    let number = plain(&show(runners.number()));
    match runners {
        Runners::Copies(_) => format!("{what}, {number} times octet for octet"),
        Runners::Times(_) => format!("{what}, {number} times, each prepared by itself"),
    }
}

pub(super) fn narrate_burst(burst: &Burst) -> String {
    let mut what = request(&burst.burst);
    what.push_str(&format!(", {} times", plain(&show(&burst.times))));
    if burst.until_refused {
        what.push_str(" or until the first 429");
    }
    match &burst.over_s {
        Some(seconds) => {
            what.push_str(&format!(", spread over {} seconds", plain(&show(seconds))));
        }
        None => what.push_str(", as fast as the target file allows"),
    }
    if let Some(number) = &burst.at_once {
        what.push_str(&format!(", {} at once", plain(&show(number))));
    }
    if let Some(number) = &burst.from {
        let number = plain(&show(number));
        what.push_str(&format!(", from address {number} of the target file's"));
    }
    what
}

fn request(send: &Send) -> String {
    control(send).does
}

pub(super) fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    }
}
