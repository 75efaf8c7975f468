//! Requests that meet the server in the same instant.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Barrier, Mutex};
use tokio::task::JoinSet;

use super::client::undone;
use super::http1::hold;
use super::http2::Session;
use super::{Client, Failure, Origin, Outcome, Request, Version};

/// The HTTP/2 connections of a race, one to each origin.
type Sessions = Mutex<HashMap<Origin, Result<Session, Failure>>>;

impl Client {
    /// Sends requests so that their last octets leave together. Over HTTP/1.1 each has a connection of its own, opened
    /// and written up to the last octet before any is let go; those over HTTP/2 are streams of one connection, whole
    /// requests that leave in one flight. A request that finds no connection does not hold up the others. Outcomes are
    /// in the order of the requests, one each; [`super::Timing::released`] of each says how far apart they left.
    pub async fn race(&self, requests: &[Request]) -> Vec<Outcome> {
        let line = Arc::new(Barrier::new(requests.len()));
        let sessions = Arc::new(Sessions::default());
        let mut runners = JoinSet::new();
        for (place, request) in requests.iter().enumerate() {
            let (client, request, line) = (self.clone(), request.clone(), Arc::clone(&line));
            let sessions = Arc::clone(&sessions);
            runners.spawn(async move {
                let start = async {
                    line.wait().await;
                    Instant::now()
                };
                (place, client.run_from(&request, &sessions, start).await)
            });
        }
        let mut outcomes: Vec<Option<(Outcome, Instant)>> = vec![None; requests.len()];
        while let Some(finished) = runners.join_next().await {
            if let Ok((place, outcome)) = finished {
                outcomes[place] = Some(outcome);
            }
        }
        let first = outcomes
            .iter()
            .flatten()
            .map(|(_, released)| *released)
            .min();
        let lost = || undone(Failure::Unsendable("the request was given up".into()));
        outcomes
            .into_iter()
            .map(|finished| match finished {
                Some((mut outcome, released)) => {
                    let since = first.map_or(Duration::ZERO, |first| released - first);
                    outcome.timing.released = Some(since);
                    outcome
                }
                None => lost(),
            })
            .collect()
    }

    /// Every path waits for `start` exactly once, or the others would wait for ever.
    async fn run_from(
        &self,
        request: &Request,
        sessions: &Sessions,
        start: impl Future<Output = Instant>,
    ) -> (Outcome, Instant) {
        match request.version {
            Version::H1 => {
                let held = match self.dial(&request.origin).await {
                    Ok(link) => hold(link, request, self.bounds()).await,
                    Err(failure) => Err(undone(failure)),
                };
                let released = start.await;
                let outcome = match held {
                    Ok(held) => held.release(self.bounds(), self.shared.lenient).await,
                    Err(outcome) => outcome,
                };
                (outcome, released)
            }
            Version::H2 => {
                let opened = self.session_of(&request.origin, sessions).await;
                let released = start.await;
                let outcome = match opened {
                    Ok(session) => self.exchange_h2(&session, request).await,
                    Err(failure) => undone(failure),
                };
                (outcome, released)
            }
        }
    }

    async fn session_of(&self, origin: &Origin, sessions: &Sessions) -> Result<Session, Failure> {
        let mut sessions = sessions.lock().await;
        if let Some(opened) = sessions.get(origin) {
            return opened.clone();
        }
        let opened = match self.dial_h2(origin).await {
            Ok(link) => Session::open(origin, link, self.bounds()).await,
            Err(failure) => Err(failure),
        };
        sessions.insert(origin.clone(), opened.clone());
        opened
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::{Semaphore, mpsc};

    use crate::wire::loopback::{client, get, read_head, request, serve};
    use crate::wire::{Scheme, Version};

    #[tokio::test]
    async fn nobody_starts_before_all_are_ready_and_nobody_waits_for_the_lost() {
        let (told, mut early) = mpsc::unbounded_channel();
        let origin = serve(move |mut stream, _| {
            let told = told.clone();
            async move {
                read_head(&mut stream).await;
                let mut body = [0; 4];
                stream.read_exact(&mut body).await.unwrap();
                told.send(stream.try_read(&mut [0; 2]).is_ok()).unwrap();
                assert_eq!(stream.read_u8().await.unwrap(), b'!');
                let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
                stream.write_all(answer).await.unwrap();
            }
        })
        .await;
        // Its handshake hangs until it is let go, and then fails.
        let gate = Arc::new(Semaphore::new(0));
        let shut = Arc::clone(&gate);
        let mut late = serve(move |_stream, _| {
            let shut = Arc::clone(&shut);
            async move { drop(shut.acquire().await) }
        })
        .await;
        late.scheme = Scheme::Https;

        let mut h2 = get(&late);
        h2.version = Version::H2;
        let runners = [
            request(&origin, "POST", "body!"),
            get(&late),
            request(&origin, "POST", "body!"),
            h2,
        ];
        let race = tokio::spawn(async move { client().race(&runners).await });
        for _ in 0..2 {
            assert_eq!(early.recv().await, Some(false), "the last octet came early");
        }
        gate.add_permits(2);
        let outcomes = race.await.unwrap();
        let statuses: Vec<_> = outcomes
            .iter()
            .map(|outcome| outcome.answer.as_ref().ok().map(|answer| answer.status))
            .collect();
        assert_eq!(statuses, [Some(204), None, Some(204), None]);
        assert!(outcomes.iter().all(|outcome| !outcome.connection.reused));
    }

    #[tokio::test]
    async fn a_race_of_nobody_ends() {
        assert!(client().race(&[]).await.is_empty());
    }
}
