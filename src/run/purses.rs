//! What checks of rate limits spend: one case at a time, and each finds its limit as if nobody had used it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use super::stop::Stop;

/// Beyond the window itself: the target's clock and ours do not tick together.
const REST: Duration = Duration::from_millis(200);

/// When a purse was last spent from; `None` if never in this run.
type Purse = Arc<tokio::sync::Mutex<Option<Instant>>>;

/// All purses of a run, by name.
#[derive(Default)]
pub struct Purses(Mutex<HashMap<String, Purse>>);

/// Purses that one case holds.
pub struct Held(Vec<(OwnedMutexGuard<Option<Instant>>, Duration)>);

impl Purses {
    /// Waits until nobody else holds any of these: names in ascending order, so that two cases cannot wait for each
    /// other, and the seconds that each must be left alone.
    pub async fn hold(&self, wanted: &[(String, f64)]) -> Held {
        let mut held = Vec::with_capacity(wanted.len());
        for (name, window_s) in wanted {
            let purse = self.purse(name);
            held.push((purse.lock_owned().await, Duration::from_secs_f64(*window_s)));
        }
        Held(held)
    }

    /// From now on these count as spent, as nobody holds them and others have been at them.
    pub fn spent_by_others(&self, spent: impl IntoIterator<Item = (String, f64)>) {
        for (name, _) in spent {
            if let Ok(mut last) = self.purse(&name).try_lock() {
                *last = Some(Instant::now());
            }
        }
    }

    fn purse(&self, name: &str) -> Purse {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(name.to_owned()).or_default())
    }
}

impl Held {
    /// Waits until each has been left alone for its window; ends early where the run is to end.
    pub async fn rest(&self, stop: &Stop) {
        let ready = self.0.iter().filter_map(|(spent, window)| {
            let spent = (**spent)?;
            Some(spent + *window + REST)
        });
        if let Some(at) = ready.max() {
            tokio::select! {
                () = tokio::time::sleep_until(at) => {}
                () = stop.asked() => {}
            }
        }
    }

    /// From now on they count as spent.
    pub fn spent(&mut self) {
        for (spent, _) in &mut self.0 {
            **spent = Some(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(names: &[&str]) -> Vec<(String, f64)> {
        names
            .iter()
            .map(|name| ((*name).to_owned(), 60.0))
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_purse_is_left_alone_for_its_window() {
        let purses = Purses::default();
        let stop = Stop::default();
        let began = Instant::now();
        let mut held = purses.hold(&wanted(&["a", "b"])).await;
        held.rest(&stop).await;
        assert_eq!(began.elapsed(), Duration::ZERO, "never spent");
        held.spent();
        drop(held);
        purses.hold(&wanted(&["c"])).await.rest(&stop).await;
        assert_eq!(began.elapsed(), Duration::ZERO, "another purse");
        purses.hold(&wanted(&["b", "c"])).await.rest(&stop).await;
        assert_eq!(began.elapsed(), Duration::from_secs(60) + REST);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_holds_what_another_holds() {
        let purses = Arc::new(Purses::default());
        let held = purses.hold(&wanted(&["a"])).await;
        let others = Arc::clone(&purses);
        let other = tokio::spawn(async move { drop(others.hold(&wanted(&["a", "b"])).await) });
        tokio::task::yield_now().await;
        assert!(!other.is_finished());
        drop(held);
        other.await.unwrap();
    }
}
