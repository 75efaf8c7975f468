//! Reads answers off a connection, never holding more than the bounds say.

use std::time::{Duration, Instant};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::oneshot;

use super::framing::{Asked, Framing, chunk_size, delimit};
use super::head::{Head, empty_line, excerpt, parse_head, parse_trailers};
use crate::wire::dial::broken;
use crate::wire::{Answer, Bounds, Failure};

/// What the writer of a held-back body waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Go {
    /// `100 Continue` came.
    Ahead,
    /// A final answer came first, so the body stays here.
    NoFurther,
}

pub(super) struct Reader<'a, R> {
    stream: R,
    /// What arrived and is not consumed yet; outlives the reader, as it may hold the next answer.
    buffer: &'a mut BytesMut,
    bounds: &'a Bounds,
    lenient: bool,
    /// Told once, at the first `100` or at the final head.
    pub go: Option<oneshot::Sender<Go>>,
    pub first_octet: Option<Instant>,
    /// TLS ended without `close_notify`.
    cut: bool,
    interim: Vec<u16>,
}

/// An answer, and whether the connection is fit for another request.
pub(super) struct Read {
    pub answer: Answer,
    pub reusable: bool,
}

struct Body {
    octets: Bytes,
    truncated: bool,
    trailers: Vec<(String, Vec<u8>)>,
    /// All lines of the framing ended in CR LF.
    strict: bool,
}

/// How much is read at once.
const STRIDE: usize = 8 * 1024;

/// Octets kept of what comes where no body is allowed, and how long they are waited for.
const SURPLUS: usize = 4 * 1024;
const SURPLUS_PATIENCE: Duration = Duration::from_secs(1);

impl<'a, R: AsyncRead + Unpin> Reader<'a, R> {
    pub fn new(stream: R, buffer: &'a mut BytesMut, bounds: &'a Bounds, lenient: bool) -> Self {
        let first_octet = (!buffer.is_empty()).then(Instant::now);
        Self {
            stream,
            buffer,
            bounds,
            lenient,
            go: None,
            first_octet,
            cut: false,
            interim: Vec::new(),
        }
    }

    /// Reads one final answer. `101` counts as final, as HTTP/1.1 ends with it on this connection.
    pub async fn answer(&mut self, asked: Asked) -> Result<Read, Failure> {
        let head = loop {
            let head = self.head().await?;
            if head.status >= 200 || head.status == 101 {
                break head;
            }
            if self.interim.len() == self.bounds.interim {
                return Err(Failure::TooLarge(format!(
                    "more than {} interim answers",
                    self.bounds.interim
                )));
            }
            self.interim.push(head.status);
            if head.status == 100 {
                self.tell(Go::Ahead);
            }
        };
        self.tell(Go::NoFurther);
        let delimited = delimit(&head, asked)?;
        let body = match delimited.framing {
            Framing::None if delimited.surplus_shows => self.surplus().await,
            Framing::None => Body::of(Bytes::new(), false),
            Framing::Length(length) => self.body_of(length).await?,
            Framing::UntilClose => self.body_until_close().await?,
            Framing::Chunked => self.chunked_body().await?,
        };
        let reusable =
            delimited.reusable && !body.truncated && body.strict && self.buffer.is_empty();
        Ok(Read {
            reusable,
            answer: Answer {
                version: head.version,
                status: head.status,
                reason: head.reason,
                headers: head.fields,
                body: body.octets,
                truncated: body.truncated,
                interim: std::mem::take(&mut self.interim),
                trailers: body.trailers,
            },
        })
    }

    fn tell(&mut self, go: Go) {
        if let Some(writer) = self.go.take() {
            // A writer that no longer listens has sent its body already.
            let _ = writer.send(go);
        }
    }

    /// Reads some more. `false` is the end of the stream.
    async fn fill(&mut self) -> Result<bool, Failure> {
        self.buffer.reserve(STRIDE);
        let mut room = (&mut *self.buffer).limit(STRIDE);
        match self.stream.read_buf(&mut room).await {
            Ok(0) => Ok(false),
            Ok(_) => {
                self.first_octet.get_or_insert_with(Instant::now);
                Ok(true)
            }
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                self.cut = true;
                Ok(false)
            }
            Err(error) => Err(broken(&error)),
        }
    }

    async fn more(&mut self) -> Result<(), Failure> {
        if self.fill().await? {
            Ok(())
        } else {
            Err(Failure::Closed)
        }
    }

    async fn head(&mut self) -> Result<Head, Failure> {
        const START: &[u8] = b"HTTP/";
        let mut seen = 0;
        loop {
            let start = self.buffer.len().min(START.len());
            if self.buffer[..start] != START[..start] {
                return Err(Failure::Malformed(format!(
                    "no HTTP/1 answer, starts \"{}\"",
                    excerpt(self.buffer)
                )));
            }
            if let Some(end) = empty_line(self.buffer, seen) {
                if end.end > self.bounds.head {
                    return Err(self.head_too_large());
                }
                let octets = self.buffer.split_to(end.end);
                return parse_head(&octets, self.bounds, self.lenient);
            }
            seen = self.buffer.len();
            if seen > self.bounds.head {
                return Err(self.head_too_large());
            }
            self.more().await?;
        }
    }

    fn head_too_large(&self) -> Failure {
        Failure::TooLarge(format!("head over {} octets", self.bounds.head))
    }

    async fn body_of(&mut self, length: u64) -> Result<Body, Failure> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let wanted = length.min(self.bounds.body);
        while self.buffer.len() < wanted {
            self.more().await?;
        }
        let octets = self.buffer.split_to(wanted).freeze();
        Ok(Body::of(octets, wanted < length))
    }

    async fn body_until_close(&mut self) -> Result<Body, Failure> {
        while self.buffer.len() <= self.bounds.body {
            if !self.fill().await? {
                return Ok(Body::of(self.buffer.split().freeze(), self.cut));
            }
        }
        Ok(Body::of(
            self.buffer.split_to(self.bounds.body).freeze(),
            true,
        ))
    }

    /// What comes although HTTP allows no body, up to the close that was promised. A peer that does not keep its
    /// promise soon has sent what it has.
    async fn surplus(&mut self) -> Body {
        let bound = SURPLUS.min(self.bounds.body);
        let patience = SURPLUS_PATIENCE.min(self.bounds.answer / 4);
        let read =
            async { while self.buffer.len() < bound && matches!(self.fill().await, Ok(true)) {} };
        // However it ends, what arrived is what there is.
        let _ = tokio::time::timeout(patience, read).await;
        let kept = self.buffer.len().min(bound);
        Body::of(self.buffer.split_to(kept).freeze(), false)
    }

    async fn chunked_body(&mut self) -> Result<Body, Failure> {
        let mut octets = BytesMut::new();
        // Chunk extensions are ours to skip, not to skip forever: they share the bound of a head.
        let mut overhead = 0;
        let mut strict = true;
        loop {
            let line = self
                .line(self.bounds.head.saturating_sub(overhead))
                .await?
                .ok_or_else(|| {
                    let bound = self.bounds.head;
                    Failure::TooLarge(format!("chunk extensions over {bound} octets"))
                })?;
            let size_line = line.strip_suffix(b"\r").unwrap_or(&line);
            strict &= size_line.len() < line.len();
            let size = usize::try_from(chunk_size(size_line)?).unwrap_or(usize::MAX);
            overhead += size_line.len().saturating_sub(16);
            if size == 0 {
                break;
            }
            let room = self.bounds.body - octets.len();
            let wanted = size.min(room);
            while self.buffer.len() < wanted {
                self.more().await?;
            }
            octets.extend_from_slice(&self.buffer.split_to(wanted));
            if wanted < size {
                return Ok(Body::of(octets.freeze(), true));
            }
            match self.line(1).await?.as_deref() {
                Some(b"\r") => {}
                Some(b"") => strict = false,
                _ => return Err(Failure::Malformed("chunk longer than its size".into())),
            }
        }
        let trailers = self.trailers().await?;
        Ok(Body {
            octets: octets.freeze(),
            truncated: false,
            trailers,
            strict,
        })
    }

    /// The octets up to the next LF, which is consumed. `None` when there are more than `bound`.
    async fn line(&mut self, bound: usize) -> Result<Option<BytesMut>, Failure> {
        let mut seen = 0;
        loop {
            if let Some(at) = self.buffer[seen..].iter().position(|octet| *octet == b'\n') {
                if seen + at > bound {
                    return Ok(None);
                }
                let line = self.buffer.split_to(seen + at);
                self.buffer.advance(1);
                return Ok(Some(line));
            }
            seen = self.buffer.len();
            if seen > bound {
                return Ok(None);
            }
            self.more().await?;
        }
    }

    async fn trailers(&mut self) -> Result<Vec<(String, Vec<u8>)>, Failure> {
        let mut seen = 0;
        loop {
            let end = match &**self.buffer {
                [b'\r', b'\n', ..] => Some(2),
                [b'\n', ..] => Some(1),
                octets => empty_line(octets, seen).map(|line| line.end),
            };
            if let Some(end) = end {
                let octets = self.buffer.split_to(end);
                return parse_trailers(&octets, self.bounds, self.lenient);
            }
            seen = self.buffer.len();
            if seen > self.bounds.head {
                return Err(Failure::TooLarge(format!(
                    "trailers over {} octets",
                    self.bounds.head
                )));
            }
            self.more().await?;
        }
    }
}

impl Body {
    fn of(octets: Bytes, truncated: bool) -> Self {
        Self {
            octets,
            truncated,
            trailers: Vec::new(),
            strict: true,
        }
    }
}
