//! What every verb has in common, in one place.

use indexmap::IndexMap;

use super::expectation::{Conditions, Expectation};
use super::matching::OneOrMany;
use super::step::{Capture, Send, Step};

/// What a step says of the answer, whatever its verb.
#[derive(Debug, Clone, Copy)]
pub struct Sayings<'a> {
    pub control: Option<&'a OneOrMany<Expectation>>,
    pub expect: Option<&'a OneOrMany<Expectation>>,
    pub should: Option<&'a OneOrMany<Expectation>>,
    pub advise: Option<&'a OneOrMany<Expectation>>,
    pub save: Option<&'a str>,
    pub capture: Option<&'a IndexMap<String, Capture>>,
}

impl<'a> Sayings<'a> {
    /// Everything that is expected, from the control to the advice, under its key.
    pub fn expected(&self) -> impl Iterator<Item = (&'static str, &'a Expectation)> + use<'a> {
        [
            ("control", self.control),
            ("expect", self.expect),
            ("should", self.should),
            ("advise", self.advise),
        ]
        .into_iter()
        .filter_map(|(key, all)| Some((key, all?)))
        .flat_map(|(key, all)| all.as_slice().iter().map(move |one| (key, one)))
    }
}

macro_rules! sayings {
    ($step:expr, $capture:expr) => {
        Sayings {
            control: $step.control.as_ref(),
            expect: $step.expect.as_ref(),
            should: $step.should.as_ref(),
            advise: $step.advise.as_ref(),
            save: $step.save.as_deref(),
            capture: $capture,
        }
    };
}

impl Send {
    pub fn sayings(&self) -> Sayings<'_> {
        sayings!(self, Some(&self.capture))
    }
}

impl Step {
    /// `None` for a step that has no answer.
    pub fn sayings(&self) -> Option<Sayings<'_>> {
        Some(match self {
            Step::Send(step) => step.sayings(),
            Step::Observe(step) => sayings!(step, Some(&step.capture)),
            Step::Resend(step) => sayings!(step, Some(&step.capture)),
            Step::Probe(step) => sayings!(step, None),
            Step::Race(step) => sayings!(step, Some(&step.capture)),
            Step::Burst(step) => sayings!(step, Some(&step.capture)),
            Step::Poll(step) => sayings!(step, Some(&step.capture)),
            Step::Compare(step) => sayings!(step, Some(&step.capture)),
            Step::Wait(_) | Step::Rotate(_) => return None,
        })
    }

    /// The requests that it spells out.
    pub fn requests(&self) -> Vec<&Send> {
        match self {
            Step::Send(send) => vec![send],
            Step::Race(race) => race.race.iter().map(|runners| runners.request()).collect(),
            Step::Burst(burst) => vec![&burst.burst],
            Step::Poll(poll) => poll.requests().collect(),
            Step::Compare(compare) => compare.compare.iter().collect(),
            Step::Observe(_)
            | Step::Resend(_)
            | Step::Probe(_)
            | Step::Wait(_)
            | Step::Rotate(_) => Vec::new(),
        }
    }

    /// The conditions that its promises spell out; those inside of `any_of` and `not` are not among them.
    pub fn promises(&self) -> impl Iterator<Item = &Conditions> {
        let expected = self.sayings().map(|sayings| sayings.expected());
        expected
            .into_iter()
            .flatten()
            .filter(|(key, _)| *key != "control")
            .filter_map(|(_, expectation)| match expectation {
                Expectation::Conditions(conditions) => Some(&**conditions),
                Expectation::Answer(_) => None,
            })
    }
}
