//! Steps that measure how long requests take side by side.

use std::io;

use rand::seq::SliceRandom;

use super::case::{Walk, captured_secrets};
use super::race::harness;
use super::send::Sent;
use crate::journal::{RecordedAnswer, Slot};
use crate::suite::model::Compare;

/// Most requests of one comparison, whatever the suite says.
pub const MOST_OF_A_COMPARISON: usize = 20_000;

impl Walk<'_> {
    /// All on one connection, so that nothing that two would differ in is measured. A request for which it has to be
    /// made anew, as for the first, does not count.
    pub(super) async fn compare(&mut self, slot: Slot, compare: &Compare) -> io::Result<()> {
        let requests = compare.compare.len();
        let rounds = match self.number(&compare.times) {
            Ok(times) if times * compare.runs() * requests <= MOST_OF_A_COMPARISON => {
                times * compare.runs()
            }
            Ok(_) => {
                let says = format!("a comparison has at most {MOST_OF_A_COMPARISON} requests");
                self.hindered(slot, harness(says)).await;
                return Ok(());
            }
            Err(fault) => {
                self.hindered(slot, fault).await;
                return Ok(());
            }
        };
        let client = self.field.line.client.alone();
        let captures = self.resolved(&compare.capture);
        let mut order: Vec<usize> = (0..requests).collect();
        let mut all: Vec<Sent> = Vec::with_capacity(rounds * requests);
        for round in 0..rounds {
            order.shuffle(&mut rand::rng());
            let mut of_round: Vec<Option<Sent>> = order.iter().map(|_| None).collect();
            for at in &order {
                let send = &compare.compare[*at];
                let request = match self.numbered(send, round).await {
                    Ok(request) => request,
                    Err(fault) => {
                        self.hindered(slot, fault).await;
                        return Ok(());
                    }
                };
                let sends_as = self.field.sends_as(send, &self.scope());
                self.keep_to_budgets(&sends_as).await;
                if self.field.stop.is_asked() {
                    self.is_cut_short = true;
                    return Ok(());
                }
                let check = &self.check.id;
                let learn = |answer: &RecordedAnswer| captured_secrets(check, &captures, answer);
                let (line, subject) = (self.field.line, self.of_many());
                let sent =
                    line.send_together(&client, std::slice::from_ref(&request), subject, learn);
                of_round[*at] = sent.await?.pop();
            }
            all.extend(of_round.into_iter().flatten());
        }
        self.took_many(slot, all, &compare.capture);
        Ok(())
    }
}
