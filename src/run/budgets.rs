//! Declared rate limits as budgets of ordinary requests: nobody is sent over a limit that a check is not about.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::stop::Stop;
use crate::suite::Target;
use crate::suite::rate_limits::{Purse, ordinary_purses};

/// Beyond the window: what was sent in turn may arrive closer together.
const REST: Duration = Duration::from_millis(100);

/// Cases that may wait for their budgets at the same time without taking the place of others that need not.
const WAITING: usize = 64;

pub struct Budgets {
    /// When requests of each purse were let go, the last window of each.
    sent: Mutex<HashMap<String, VecDeque<Instant>>>,
    /// Places of cases that are carried out at the same time. Whoever waits leaves its own to another.
    places: Arc<Semaphore>,
    waiting: Semaphore,
}

impl Budgets {
    pub fn new(places: Arc<Semaphore>) -> Self {
        Self {
            sent: Mutex::default(),
            places,
            waiting: Semaphore::new(WAITING),
        }
    }

    /// Waits until the request can go without exceeding any declared limit that counts it, and notes it. In any window no
    /// more go than the limit allows, whatever its kind. Ends early where the run is to end.
    pub async fn turn(&self, target: &Target, operation: &str, principal: &str, stop: &Stop) {
        let purses = ordinary_purses(target, operation, principal);
        self.turn_of(&purses, stop).await;
    }

    async fn turn_of(&self, purses: &[Purse], stop: &Stop) {
        if self.pass(purses).is_ok() {
            return;
        }
        let Ok(_waiting) = self.waiting.try_acquire() else {
            return self.wait(purses, stop).await;
        };
        self.places.add_permits(1);
        self.wait(purses, stop).await;
        if let Ok(place) = self.places.acquire().await {
            place.forget();
        }
    }

    async fn wait(&self, purses: &[Purse], stop: &Stop) {
        while let Err(at) = self.pass(purses) {
            tokio::select! {
                () = tokio::time::sleep_until(at) => {}
                () = stop.asked() => return,
            }
        }
    }

    /// `Err` with the moment to ask again.
    fn pass(&self, purses: &[Purse]) -> Result<(), Instant> {
        if purses.is_empty() {
            return Ok(());
        }
        let mut all = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let mut ready = now;
        for purse in purses {
            let window = Duration::from_secs_f64(purse.window_s) + REST;
            let sent = all.entry(purse.name.clone()).or_default();
            while sent.front().is_some_and(|first| *first + window <= now) {
                sent.pop_front();
            }
            let (most, spends) = (purse.requests as usize, purse.spends as usize);
            if let Some(over) = (sent.len() + spends).checked_sub(most + 1)
                && let Some(last) = sent.get(over)
            {
                ready = ready.max(*last + window);
            }
        }
        if ready > now {
            return Err(ready);
        }
        for purse in purses {
            if let Some(sent) = all.get_mut(&purse.name) {
                sent.extend(std::iter::repeat_n(now, purse.spends as usize));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purse(name: &str, requests: u32, window_s: f64) -> Purse {
        Purse {
            limit: name.to_owned(),
            name: name.to_owned(),
            requests,
            window_s,
            spends: 1,
        }
    }

    fn budgets() -> Budgets {
        Budgets::new(Arc::new(Semaphore::new(1)))
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_leaves_the_place_to_another_and_takes_one_again() {
        let places = Arc::new(Semaphore::new(1));
        let budgets = Budgets::new(Arc::clone(&places));
        let own = places.acquire().await.unwrap();
        let purses = [purse("a", 1, 60.0)];
        let stop = Stop::default();
        budgets.turn_of(&purses, &stop).await;
        assert_eq!(places.available_permits(), 0, "nobody had to wait");
        let turn = budgets.turn_of(&purses, &stop);
        let other = async {
            let place = places.acquire().await.unwrap();
            assert_eq!(places.available_permits(), 0);
            drop(place);
        };
        tokio::join!(turn, other);
        drop(own);
        assert_eq!(places.available_permits(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_carries_out_many_takes_as_much_of_the_budget() {
        let budgets = budgets();
        let own = purse("key a", 5, 60.0);
        let batch = Purse {
            spends: 3,
            ..own.clone()
        };
        let began = Instant::now();
        let mut went = Vec::new();
        for purse in [&batch, &own, &batch, &own, &own, &batch] {
            while let Err(at) = budgets.pass(std::slice::from_ref(purse)) {
                tokio::time::sleep_until(at).await;
            }
            went.push(began.elapsed().as_secs());
        }
        assert_eq!(went, [0, 0, 60, 60, 60, 120]);
    }

    #[tokio::test(start_paused = true)]
    async fn in_no_window_more_go_than_the_limit_allows() {
        let budgets = budgets();
        let purses = [purse("key a", 3, 60.0), purse("address", 5, 1.0)];
        let began = Instant::now();
        let mut went = Vec::new();
        for _ in 0..7 {
            while let Err(at) = budgets.pass(&purses) {
                tokio::time::sleep_until(at).await;
            }
            went.push(began.elapsed().as_secs());
        }
        assert_eq!(went, [0, 0, 0, 60, 60, 60, 120]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_no_limit_counts_goes_at_once() {
        let budgets = budgets();
        assert!((0..1000).all(|_| budgets.pass(&[]).is_ok()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_purse_that_is_empty_does_not_take_from_the_others() {
        let budgets = budgets();
        let both = [purse("a", 1, 60.0), purse("b", 2, 60.0)];
        assert!(budgets.pass(&both).is_ok());
        assert!(budgets.pass(&both).is_err());
        assert!(
            budgets.pass(&both[1..]).is_ok(),
            "the refused one took nothing"
        );
        assert!(budgets.pass(&both[1..]).is_err());
    }
}
