//! One request out, one answer in, at the same time: a server may answer and close before it read all of ours.

use std::future::{Future, pending};
use std::io;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::oneshot;

use super::framing::Asked;
use super::reader::{Go, Read, Reader};
use crate::wire::dial::{Link, broken};
use crate::wire::{Answer, Bounds, Cut, Failure, Outcome, Phase, Request, Timing};

/// What became of a request on a connection.
pub(in crate::wire) struct Exchanged {
    pub answer: Result<Answer, Failure>,
    pub timing: Timing,
    /// The connection may carry another request.
    pub reusable: bool,
}

/// Octets of a body that are written in one with the head, so that a small request leaves in one piece.
const WRITTEN_WITH_HEAD: usize = 16 * 1024;

/// Writes the request and reads its answer. Never fails: every way it can end is in the result.
pub(in crate::wire) async fn exchange(
    link: &mut Link,
    request: &Request,
    bounds: &Bounds,
    lenient: bool,
) -> Exchanged {
    let asked = Asked::of(&request.method);
    let mut head = head_octets(request);
    let (reading, writing) = tokio::io::split(&mut link.stream);
    let mut reader = Reader::new(reading, &mut link.buffer, bounds, lenient);
    let started = Instant::now();
    if request.await_continue && !request.body.is_empty() {
        let (go, wait) = oneshot::channel();
        reader.go = Some(go);
        let patience = bounds.answer / 4;
        let write = write_held_back(writing, &head, &request.body, wait, patience);
        converse(&mut reader, write, asked, started, bounds).await
    } else {
        let mut body: &[u8] = &request.body;
        if body.len() <= WRITTEN_WITH_HEAD {
            head.extend_from_slice(std::mem::take(&mut body));
        }
        let write = write_both(writing, &head, body);
        converse(&mut reader, write, asked, started, bounds).await
    }
}

/// Writes octets as they are and reads up to `want` answers; stops after the first failure, which tells how the
/// connection ended (or that it stayed open: [`Failure::Timeout`]). Each answer has the whole time bound. Whether the
/// first answer has a body is told by whether the octets start with `HEAD `; later ones are taken to have theirs.
pub(in crate::wire) async fn exchange_raw(
    link: &mut Link,
    octets: &[u8],
    want: usize,
    bounds: &Bounds,
    lenient: bool,
) -> Vec<Outcome> {
    let (reading, writing) = tokio::io::split(&mut link.stream);
    let started = Instant::now();
    let mut asked = if octets.starts_with(b"HEAD ") {
        Asked::Head
    } else {
        Asked::Other
    };
    let mut outcomes = Vec::new();
    let mut writing = Box::pin(write(writing, octets));
    let mut writer_left = true;
    let mut stream = reading;
    while outcomes.len() < want {
        let mut reader = Reader::new(&mut stream, &mut link.buffer, bounds, lenient);
        let write = async {
            if writer_left {
                let end = writing.as_mut().await;
                writer_left = false;
                end
            } else {
                Ok(())
            }
        };
        let exchanged = converse(&mut reader, write, asked, started, bounds).await;
        let failed = exchanged.answer.is_err();
        outcomes.push(Outcome {
            answer: exchanged.answer,
            connection: link.facts.clone(),
            timing: exchanged.timing,
        });
        if failed {
            break;
        }
        asked = Asked::Other;
    }
    outcomes
}

/// Writes the request as far as `cut` says and closes in good order: a reset could overtake what was written. Within
/// [`Bounds::connect`], or [`Bounds::answer`] where the first octet of an answer is awaited.
pub(in crate::wire) async fn cut_off(
    mut link: Link,
    request: &Request,
    cut: Cut,
    bounds: &Bounds,
) -> Outcome {
    let mut octets = head_octets(request);
    octets.extend_from_slice(match cut {
        Cut::MidBody => &request.body[..request.body.len() / 2],
        Cut::AfterRequest | Cut::MidAnswer => &request.body,
    });
    let started = Instant::now();
    let stream = &mut link.stream;
    let sent = async {
        write(&mut *stream, &octets).await?;
        if cut == Cut::MidAnswer {
            stream.read_u8().await?;
        }
        stream.shutdown().await
    };
    let patience = match cut {
        Cut::MidAnswer => bounds.answer,
        Cut::MidBody | Cut::AfterRequest => bounds.connect,
    };
    let failure = match tokio::time::timeout(patience, sent).await {
        Ok(Ok(())) => Failure::Cut,
        Ok(Err(error)) => broken(&error),
        Err(_) => Failure::Timeout(Phase::Answer),
    };
    Outcome {
        answer: Err(failure),
        connection: link.facts,
        timing: Timing {
            first_byte: None,
            total: started.elapsed(),
            released: None,
        },
    }
}

/// A request that is written but for its last octet.
pub(in crate::wire) struct Held {
    link: Link,
    last: [u8; 1],
    asked: Asked,
}

/// Writes all but the last octet, within [`Bounds::connect`]. A request that cannot be written so far has its outcome.
pub(in crate::wire) async fn hold(
    mut link: Link,
    request: &Request,
    bounds: &Bounds,
) -> Result<Held, Outcome> {
    let mut octets = head_octets(request);
    octets.extend_from_slice(&request.body);
    // A head ends with LF at least, so there is a last octet.
    let last = [octets.pop().unwrap_or(b'\n')];
    let started = Instant::now();
    let failure = match tokio::time::timeout(bounds.connect, write(&mut link.stream, &octets)).await
    {
        Ok(Ok(())) => {
            return Ok(Held {
                link,
                last,
                asked: Asked::of(&request.method),
            });
        }
        Ok(Err(error)) => broken(&error),
        Err(_) => Failure::Timeout(Phase::Answer),
    };
    Err(Outcome {
        answer: Err(failure),
        connection: link.facts,
        timing: Timing {
            first_byte: None,
            total: started.elapsed(),
            released: None,
        },
    })
}

impl Held {
    /// Writes the last octet and reads the answer; times count from here. The connection is not used again.
    pub async fn release(mut self, bounds: &Bounds, lenient: bool) -> Outcome {
        let (reading, writing) = tokio::io::split(&mut self.link.stream);
        let mut reader = Reader::new(reading, &mut self.link.buffer, bounds, lenient);
        let write = write(writing, &self.last);
        let exchanged = converse(&mut reader, write, self.asked, Instant::now(), bounds).await;
        Outcome {
            answer: exchanged.answer,
            connection: self.link.facts,
            timing: exchanged.timing,
        }
    }
}

async fn converse<R: AsyncRead + Unpin>(
    reader: &mut Reader<'_, R>,
    write: impl Future<Output = io::Result<()>>,
    asked: Asked,
    started: Instant,
    bounds: &Bounds,
) -> Exchanged {
    let mut written = None;
    let read = tokio::time::timeout(bounds.answer, async {
        tokio::pin!(write);
        let answer = reader.answer(asked);
        tokio::pin!(answer);
        loop {
            tokio::select! {
                biased;
                // A write that fails is no end yet: the answer that explains it may lie in the receive buffer.
                end = &mut write, if written.is_none() => written = Some(end.is_ok()),
                read = &mut answer => return read,
            }
        }
    })
    .await
    .unwrap_or(Err(Failure::Timeout(Phase::Answer)));
    let timing = Timing {
        first_byte: reader.first_octet.map(|at| at.duration_since(started)),
        total: started.elapsed(),
        released: None,
    };
    let (answer, reusable) = match read {
        Ok(Read { answer, reusable }) => (Ok(answer), reusable && written == Some(true)),
        Err(Failure::Closed) if written == Some(false) => (Err(Failure::Reset), false),
        Err(failure) => (Err(failure), false),
    };
    Exchanged {
        answer,
        timing,
        reusable,
    }
}

async fn write(mut stream: impl AsyncWrite + Unpin, octets: &[u8]) -> io::Result<()> {
    stream.write_all(octets).await?;
    stream.flush().await
}

async fn write_both(
    mut stream: impl AsyncWrite + Unpin,
    head: &[u8],
    body: &[u8],
) -> io::Result<()> {
    stream.write_all(head).await?;
    write(stream, body).await
}

async fn write_held_back(
    mut stream: impl AsyncWrite + Unpin,
    head: &[u8],
    body: &[u8],
    go: oneshot::Receiver<Go>,
    patience: Duration,
) -> io::Result<()> {
    write(&mut stream, head).await?;
    match tokio::time::timeout(patience, go).await {
        // Left unwritten for good: the exchange ends with the answer, and the connection with it.
        Ok(Ok(Go::NoFurther)) => pending().await,
        _ => write(&mut stream, body).await,
    }
}

fn head_octets(request: &Request) -> Vec<u8> {
    let mut octets = Vec::with_capacity(256 + request.body.len().min(WRITTEN_WITH_HEAD));
    octets.extend_from_slice(request.method.as_bytes());
    octets.push(b' ');
    octets.extend_from_slice(&request.target);
    octets.extend_from_slice(b" HTTP/1.1\r\n");
    for (name, value) in &request.headers {
        octets.extend_from_slice(name.as_bytes());
        octets.extend_from_slice(b": ");
        octets.extend_from_slice(value);
        octets.extend_from_slice(b"\r\n");
    }
    octets.extend_from_slice(b"\r\n");
    octets
}
