//! Connections kept for another request.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, ReadBuf};

use super::Origin;
use super::dial::Link;
use super::http2::Session;

/// Idle connections kept for one origin.
const IDLE_PER_ORIGIN: usize = 32;

/// Shorter than the five seconds after which common servers close an idle connection, so that a request seldom
/// meets that close halfway.
const IDLE_FOR: Duration = Duration::from_secs(4);

#[derive(Default)]
pub(super) struct Pool {
    kept: Mutex<HashMap<Origin, Kept>>,
}

#[derive(Default)]
struct Kept {
    http1: Vec<(Link, Instant)>,
    http2: Option<Session>,
}

impl Pool {
    /// A connection that is open and silent, the latest used first.
    pub async fn take(&self, origin: &Origin) -> Option<Link> {
        loop {
            let (mut link, since) = self.lock().get_mut(origin)?.http1.pop()?;
            if since.elapsed() < IDLE_FOR && silent(&mut link).await {
                return Some(link);
            }
        }
    }

    pub fn keep(&self, origin: &Origin, mut link: Link) {
        link.facts.reused = true;
        let mut kept = self.lock();
        let idle = &mut kept.entry(origin.clone()).or_default().http1;
        idle.retain(|(_, since)| since.elapsed() < IDLE_FOR);
        if idle.len() < IDLE_PER_ORIGIN {
            idle.push((link, Instant::now()));
        }
    }

    pub fn session(&self, origin: &Origin) -> Option<Session> {
        self.lock().get(origin)?.http2.clone()
    }

    pub fn keep_session(&self, origin: &Origin, session: Session) {
        self.lock().entry(origin.clone()).or_default().http2 = Some(session);
    }

    pub fn drop_session(&self, origin: &Origin) {
        if let Some(kept) = self.lock().get_mut(origin) {
            kept.http2 = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Origin, Kept>> {
        // Nothing that can panic runs under the lock, and a map of idle connections is never half changed.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The peer neither closed nor sent what nobody asked for.
async fn silent(link: &mut Link) -> bool {
    poll_fn(|context| {
        let mut octet = [0];
        let mut room = ReadBuf::new(&mut octet);
        Poll::Ready(
            Pin::new(&mut link.stream)
                .poll_read(context, &mut room)
                .is_pending(),
        )
    })
    .await
}
