//! Requests that meet the server in the same instant.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::client::undone;
use super::http1::hold;
use super::http2::Session;
use super::{Client, Failure, Outcome, Request, Version};

impl Client {
    /// Sends requests so that their last octets leave together: each has a connection of its own, opened and written
    /// up to the last octet before any is let go. A request that finds no connection does not hold up the others. Over
    /// HTTP/2 the whole request waits, as its frames are small. Outcomes are in the order of the requests, one each.
    pub async fn race(&self, requests: &[Request]) -> Vec<Outcome> {
        let line = Arc::new(Barrier::new(requests.len()));
        let mut runners = JoinSet::new();
        for (place, request) in requests.iter().enumerate() {
            let (client, request, line) = (self.clone(), request.clone(), Arc::clone(&line));
            runners.spawn(async move {
                let start = async {
                    line.wait().await;
                };
                (place, client.run_from(&request, start).await)
            });
        }
        let mut outcomes: Vec<Option<Outcome>> = vec![None; requests.len()];
        while let Some(finished) = runners.join_next().await {
            if let Ok((place, outcome)) = finished {
                outcomes[place] = Some(outcome);
            }
        }
        let lost = || undone(Failure::Unsendable("the request was given up".into()));
        outcomes
            .into_iter()
            .map(|outcome| outcome.unwrap_or_else(lost))
            .collect()
    }

    /// Every path waits for `start` exactly once, or the others would wait for ever.
    async fn run_from(&self, request: &Request, start: impl Future<Output = ()>) -> Outcome {
        match request.version {
            Version::H1 => {
                let held = match self.dial(&request.origin).await {
                    Ok(link) => hold(link, request, self.bounds()).await,
                    Err(failure) => Err(undone(failure)),
                };
                start.await;
                match held {
                    Ok(held) => held.release(self.bounds(), self.shared.lenient).await,
                    Err(outcome) => outcome,
                }
            }
            Version::H2 => {
                let opened = match self.dial_h2(&request.origin).await {
                    Ok(link) => Session::open(&request.origin, link, self.bounds()).await,
                    Err(failure) => Err(failure),
                };
                start.await;
                match opened {
                    Ok(session) => self.exchange_h2(&session, request).await,
                    Err(failure) => undone(failure),
                }
            }
        }
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
