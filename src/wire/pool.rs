//! Connections kept for another request.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Instant;

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
    kept: Arc<Mutex<HashMap<Origin, Kept>>>,
    /// Whether somebody comes to close what was idle too long.
    is_swept: Arc<AtomicBool>,
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
        idle.retain(still_good);
        if idle.len() < IDLE_PER_ORIGIN {
            idle.push((link, Instant::now()));
        }
        drop(kept);
        if !self.is_swept.swap(true, Ordering::AcqRel) {
            let (kept, is_swept) = (Arc::downgrade(&self.kept), Arc::clone(&self.is_swept));
            tokio::spawn(sweep(kept, is_swept));
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
        lock(&self.kept)
    }
}

fn still_good((_, since): &(Link, Instant)) -> bool {
    since.elapsed() < IDLE_FOR
}

/// Closes what was idle too long, until nothing is left: a run that waits for the window of a limit would hold hundreds of
/// connections that it does not use again, tens of kilobytes each, and as many places at the target.
async fn sweep(kept: Weak<Mutex<HashMap<Origin, Kept>>>, is_swept: Arc<AtomicBool>) {
    loop {
        tokio::time::sleep(IDLE_FOR).await;
        let Some(kept) = kept.upgrade() else { return };
        let mut kept = lock(&kept);
        kept.values_mut()
            .for_each(|kept| kept.http1.retain(still_good));
        if kept.values().all(|kept| kept.http1.is_empty()) {
            // Under the lock: who keeps one from now on finds that nobody comes.
            is_swept.store(false, Ordering::Release);
            return;
        }
    }
}

fn lock(kept: &Mutex<HashMap<Origin, Kept>>) -> MutexGuard<'_, HashMap<Origin, Kept>> {
    // Nothing that can panic runs under the lock, and a map of idle connections is never half changed.
    kept.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::wire::{Connection, Scheme};

    #[tokio::test(start_paused = true)]
    async fn what_is_idle_too_long_is_closed_although_nobody_asks() {
        let pool = Pool::default();
        let origin = Origin::new(Scheme::Https, "localhost", 443);
        for _ in 0..2 {
            let (ours, mut theirs) = tokio::io::duplex(64);
            pool.keep(
                &origin,
                Link {
                    stream: Box::new(ours),
                    buffer: BytesMut::new(),
                    facts: Connection::default(),
                },
            );
            tokio::time::sleep(IDLE_FOR / 2).await;
            let early = tokio::time::timeout(IDLE_FOR / 4, theirs.read_u8());
            assert!(early.await.is_err(), "it is open still");
            let late = tokio::time::timeout(IDLE_FOR * 2, theirs.read_u8());
            let end = late.await.expect("it is closed").expect_err("with nothing");
            assert_eq!(end.kind(), std::io::ErrorKind::UnexpectedEof);
        }
    }
}
