//! HTTP/1.1 on one connection, written by hand: a server library would answer what it cannot parse by itself, without
//! the headers and the error body that the contract promises for every answer.

use std::io;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use super::h1_head::{self, Framing, framing};
use super::http::{Body, Line, Request, Response, Version};
use super::site::{Malformed, Site};

/// Octets of a head that are read before giving up; the deployment's own bound is lower and answered in its own form.
const HEAD_READ: usize = 256 * 1024;
/// Octets of an over-long body that are read and thrown away so that the client gets to see the answer.
const BODY_DISCARD: usize = 32 * 1024 * 1024;
/// Octets of a chunk-size line or of the trailer section.
const CHUNK_LINE: usize = 4 * 1024;
const IDLE: Duration = Duration::from_secs(75);
const HEAD_TIME: Duration = Duration::from_secs(30);
const BODY_TIME: Duration = Duration::from_secs(60);
const LINGER: Duration = Duration::from_secs(2);

/// Serves requests until the peer or an answer ends the connection. `ahead` holds octets that were read already.
pub async fn serve<IO>(io: IO, site: &dyn Site, line: Line, ahead: &[u8])
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let mut wire = Wire {
        io,
        buffer: BytesMut::from(ahead),
        deadline: Instant::now() + IDLE,
    };
    // Whatever goes wrong on the wire ends the connection; there is nobody left to tell.
    let _ = conversation(&mut wire, site, line).await;
}

async fn conversation<IO>(wire: &mut Wire<IO>, site: &dyn Site, line: Line) -> io::Result<()>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        let stop = match exchange(wire, site, line).await {
            Ok(next) => next,
            Err(Stop::Wire(error)) => return Err(error),
            Err(Stop::Malformed(fault)) => match site.malformed(fault, line.encrypted) {
                None => Next::HangUp,
                Some(mut response) => {
                    response.close = true;
                    wire.write(&response, false, false).await?;
                    Next::Linger
                }
            },
        };
        match stop {
            Next::Continue => {}
            Next::HangUp => return Ok(()),
            Next::Linger => return wire.linger().await,
        }
    }
}

enum Next {
    Continue,
    HangUp,
    /// Close, but read on for a while: closing with unread octets resets the connection, and the answer is lost.
    Linger,
}

enum Stop {
    Wire(io::Error),
    Malformed(Malformed),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Stop::Wire(error)
    }
}

impl From<Malformed> for Stop {
    fn from(fault: Malformed) -> Self {
        Stop::Malformed(fault)
    }
}

async fn exchange<IO>(wire: &mut Wire<IO>, site: &dyn Site, line: Line) -> Result<Next, Stop>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let Some(mut request) = wire.head(line).await? else {
        return Ok(Next::HangUp);
    };
    let framing = framing(&request)?;
    let is_head = request.method == "HEAD";
    let last = request.version == Version::Http10 || wants_close(&request);

    if let Some(expectation) = request.fields.get("expect") {
        if !expectation.eq_ignore_ascii_case("100-continue") {
            return Err(Malformed::Expectation.into());
        }
        if framing != Framing::None && request.version == Version::Http11 {
            if let Some(mut response) = site.screen(&request) {
                response.close = true;
                wire.write(&response, is_head, false).await?;
                return Ok(Next::Linger);
            }
            wire.io.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
            wire.io.flush().await?;
        }
    }
    if framing != Framing::None {
        site.head_came(&request);
    }
    let drained = wire.body(framing, &mut request, site.body_bound()).await?;
    let Some(mut response) = site.answer(&request) else {
        return Ok(Next::HangUp);
    };
    if wire.has_ended().await {
        site.undelivered(&request);
    }
    response.close |= last || !drained;
    wire.write(&response, is_head, request.version == Version::Http10)
        .await?;
    Ok(match (response.close, drained) {
        (false, _) => Next::Continue,
        (true, _) => Next::Linger,
    })
}

fn wants_close(request: &Request) -> bool {
    request.fields.all("connection").any(|value| {
        value
            .split(|octet| *octet == b',')
            .any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
    })
}

struct Wire<IO> {
    io: IO,
    buffer: BytesMut,
    deadline: Instant,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Wire<IO> {
    /// More octets into the buffer; `false` at the end of the stream.
    async fn fill(&mut self) -> Result<bool, Stop> {
        self.buffer.reserve(8 * 1024);
        match timeout_at(self.deadline, self.io.read_buf(&mut self.buffer)).await {
            Err(_) => Err(Malformed::Slow.into()),
            Ok(read) => Ok(read? > 0),
        }
    }

    /// Whether the peer has closed its side by now. Octets that came are kept.
    async fn has_ended(&mut self) -> bool {
        self.buffer.reserve(1024);
        let read = self.io.read_buf(&mut self.buffer);
        // Waits for nothing: what has come is there at the first poll.
        matches!(timeout(Duration::ZERO, read).await, Ok(Ok(0)))
    }

    /// The next head; `None` when the peer went away between requests or stayed silent for too long.
    async fn head(&mut self, line: Line) -> Result<Option<Request>, Stop> {
        self.deadline = Instant::now() + IDLE;
        loop {
            // An empty line before the request line is skipped (RFC 9112 §2.2).
            while self.buffer.starts_with(b"\r\n") {
                self.buffer.advance(2);
            }
            if !self.buffer.is_empty() {
                break;
            }
            match self.fill().await {
                Ok(true) => {}
                Ok(false) | Err(Stop::Malformed(_)) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        self.deadline = Instant::now() + HEAD_TIME;
        loop {
            if let Some((length, request)) = h1_head::parse(&self.buffer, line)? {
                self.buffer.advance(length);
                return Ok(Some(request));
            }
            if self.buffer.len() > HEAD_READ {
                return Err(Malformed::HeadTooLarge.into());
            }
            if !self.fill().await? {
                return Ok(None);
            }
        }
    }

    /// Reads the body into the request. `false` when it was too long to be read to its end.
    async fn body(
        &mut self,
        framing: Framing,
        request: &mut Request,
        bound: usize,
    ) -> Result<bool, Stop> {
        self.deadline = Instant::now() + BODY_TIME;
        let mut sink = Sink::up_to(bound);
        match framing {
            Framing::None => {}
            Framing::Length(length) => {
                if length > BODY_DISCARD as u64 {
                    request.body = Body::TooLarge;
                    return Ok(false);
                }
                self.take(length as usize, &mut sink).await?;
            }
            Framing::Chunked => loop {
                let size = self.chunk_size().await?;
                if size == 0 {
                    self.trailers().await?;
                    break;
                }
                if sink.seen.saturating_add(size) > BODY_DISCARD {
                    request.body = Body::TooLarge;
                    return Ok(false);
                }
                self.take(size, &mut sink).await?;
                if self.line().await?.as_slice() != b"" {
                    return Err(Malformed::Syntax.into());
                }
            },
        }
        request.body = if sink.seen > bound {
            Body::TooLarge
        } else {
            Body::Bytes(sink.kept)
        };
        Ok(true)
    }

    async fn take(&mut self, mut length: usize, sink: &mut Sink) -> Result<(), Stop> {
        while length > 0 {
            if self.buffer.is_empty() && !self.fill().await? {
                return Err(Stop::Wire(io::ErrorKind::UnexpectedEof.into()));
            }
            let part = length.min(self.buffer.len());
            sink.push(&self.buffer[..part]);
            self.buffer.advance(part);
            length -= part;
        }
        Ok(())
    }

    /// A line without its CRLF.
    async fn line(&mut self) -> Result<Vec<u8>, Stop> {
        loop {
            if let Some(end) = self.buffer.iter().position(|octet| *octet == b'\n') {
                let line = self.buffer.split_to(end + 1);
                return match line.strip_suffix(b"\r\n") {
                    Some(line) => Ok(line.to_vec()),
                    None => Err(Malformed::Syntax.into()),
                };
            }
            if self.buffer.len() > CHUNK_LINE {
                return Err(Malformed::Syntax.into());
            }
            if !self.fill().await? {
                return Err(Stop::Wire(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    async fn chunk_size(&mut self) -> Result<usize, Stop> {
        let line = self.line().await?;
        let digits = line.split(|octet| *octet == b';').next().unwrap_or(&[]);
        if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(Malformed::Syntax.into());
        }
        let digits = std::str::from_utf8(digits).map_err(|_| Malformed::Syntax)?;
        Ok(usize::from_str_radix(digits, 16).map_err(|_| Malformed::Syntax)?)
    }

    async fn trailers(&mut self) -> Result<(), Stop> {
        let mut octets = 0;
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                return Ok(());
            }
            octets += line.len();
            if octets > CHUNK_LINE {
                return Err(Malformed::Syntax.into());
            }
        }
    }

    async fn write(&mut self, response: &Response, is_head: bool, old: bool) -> io::Result<()> {
        let bytes = serialise(response, is_head, old);
        self.io.write_all(&bytes).await?;
        self.io.flush().await
    }

    async fn linger(&mut self) -> io::Result<()> {
        self.io.shutdown().await?;
        let deadline = Instant::now() + LINGER;
        let mut octets = 0;
        while octets < BODY_DISCARD {
            self.buffer.clear();
            self.buffer.reserve(16 * 1024);
            match timeout_at(deadline, self.io.read_buf(&mut self.buffer)).await {
                Ok(Ok(read)) if read > 0 => octets += read,
                _ => break,
            }
        }
        Ok(())
    }
}

struct Sink {
    bound: usize,
    kept: Vec<u8>,
    seen: usize,
}

impl Sink {
    fn up_to(bound: usize) -> Self {
        Self {
            bound,
            kept: Vec::new(),
            seen: 0,
        }
    }

    fn push(&mut self, part: &[u8]) {
        self.seen += part.len();
        if self.seen <= self.bound {
            self.kept.extend_from_slice(part);
        } else {
            self.kept = Vec::new();
        }
    }
}

/// The body as one chunk, and the trailer section (RFC 9112 §7.1).
fn push_chunked(out: &mut Vec<u8>, response: &Response) {
    if !response.body.is_empty() {
        out.extend_from_slice(format!("{:x}\r\n", response.body.len()).as_bytes());
        out.extend_from_slice(&response.body);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n");
    for (name, value) in &response.trailers {
        out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

fn serialise(response: &Response, is_head: bool, old: bool) -> Vec<u8> {
    let reason = http::StatusCode::from_u16(response.status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Unknown");
    let bodiless = matches!(response.status, 100..=199 | 204 | 304);
    let mut out = Vec::with_capacity(512 + response.body.len());
    out.extend_from_slice(format!("HTTP/1.1 {} {reason}\r\n", response.status).as_bytes());
    for (name, value) in &response.fields {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    let has_body = response.forbidden_body || !(bodiless || is_head);
    let is_chunked = has_body && !old && !response.trailers.is_empty();
    if is_chunked {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    } else if !bodiless {
        out.extend_from_slice(format!("Content-Length: {}\r\n", response.body.len()).as_bytes());
    }
    if response.close || old {
        out.extend_from_slice(b"Connection: close\r\n");
    }
    out.extend_from_slice(b"\r\n");
    if is_chunked {
        push_chunked(&mut out, response);
    } else if has_body {
        out.extend_from_slice(&response.body);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailers_stand_behind_a_chunked_body() {
        let mut response = Response::new(200);
        response.body = b"{\"id\":1}".to_vec();
        response.trailers = vec![("RateLimit", "\"all\";r=3".to_owned())];
        let text = |is_head, old| String::from_utf8(serialise(&response, is_head, old)).unwrap();
        assert_eq!(
            text(false, false),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{\"id\":1}\r\n0\r\nRateLimit: \"all\";r=3\r\n\r\n"
        );
        // Neither an answer to HEAD nor HTTP/1.0 has any.
        assert_eq!(
            text(true, false),
            "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n"
        );
        assert!(text(false, true).ends_with("Connection: close\r\n\r\n{\"id\":1}"));
    }
}
