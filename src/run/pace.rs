//! Keeps the rate of requests below the cap of the target file.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// Hands out moments to send at, in order of asking.
pub struct Pace {
    gap: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    /// At most `per_second` requests in any second, evenly spread. Zero means one.
    pub fn new(per_second: u32) -> Self {
        Self {
            gap: Duration::from_secs(1) / per_second.max(1),
            next: Mutex::new(Instant::now()),
        }
    }

    /// Returns when the caller may send.
    pub async fn turn(&self) {
        let at = {
            let mut next = self.next.lock().await;
            let at = (*next).max(Instant::now());
            *next = at + self.gap;
            at
        };
        tokio::time::sleep_until(at).await;
    }

    /// Nobody sends before this much time has passed; what a `Retry-After` asks for.
    pub async fn hold(&self, pause: Duration) {
        let mut next = self.next.lock().await;
        *next = (*next).max(Instant::now() + pause);
    }
}
