//! Keeps the rate of requests below the cap of the target file.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

/// A request may leave this much before its moment: timers are no finer.
const SLACK: Duration = Duration::from_millis(2);

/// Hands out moments to send at, in order of asking.
pub struct Pace {
    gap: Duration,
    next: Mutex<Instant>,
    /// Who holds it is the next to send.
    turnstile: tokio::sync::Mutex<()>,
}

impl Pace {
    /// At most `per_second` requests in any second, evenly spread. Zero means one.
    pub fn new(per_second: u32) -> Self {
        Self {
            gap: Duration::from_secs(1) / per_second.max(1),
            next: Mutex::new(Instant::now()),
            turnstile: tokio::sync::Mutex::new(()),
        }
    }

    /// Returns when the caller may send. The gap counts from the moment that the last one truly left: after a stall
    /// nobody makes up for lost time, which would be more in a second than is allowed.
    pub async fn turn(&self) {
        let _mine = self.turnstile.lock().await;
        while let Err(at) = self.pass() {
            tokio::time::sleep_until(at).await;
        }
    }

    /// `Err` with the moment to ask again.
    fn pass(&self) -> Result<(), Instant> {
        let mut next = self.next();
        let now = Instant::now();
        let at = (*next).max(now);
        if at.duration_since(now) > SLACK {
            return Err(at);
        }
        *next = at + self.gap;
        Ok(())
    }

    /// Nobody sends before this much time has passed; what a `Retry-After` asks for.
    pub fn hold(&self, pause: Duration) {
        let mut next = self.next();
        *next = (*next).max(Instant::now() + pause);
    }

    fn next(&self) -> std::sync::MutexGuard<'_, Instant> {
        self.next
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
