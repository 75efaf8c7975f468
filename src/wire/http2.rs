//! HTTP/2 (RFC 9113) through the `h2` library, on connections dialled like all others: same roots, same overrides,
//! same bounds, and the target as it was given.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use h2::client::SendRequest;
use tokio::task::JoinHandle;

use super::dial::{Link, broken};
use super::{Answer, Bounds, Connection, Failure, Origin, Phase, Request, Scheme, Timing};

/// A connection that carries many requests at once; clones share it, and it ends with the last.
#[derive(Clone)]
pub(super) struct Session {
    send: SendRequest<Bytes>,
    pub facts: Connection,
    _driver: Arc<Driver>,
}

struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub(super) struct Exchanged {
    pub answer: Result<Answer, Failure>,
    pub timing: Timing,
    /// The session may carry more requests.
    pub usable: bool,
}

impl Session {
    /// Takes over a connection whose peer agreed to `h2`, or, on an `http` origin, is known to speak it.
    pub async fn open(origin: &Origin, link: Link, bounds: &Bounds) -> Result<Self, Failure> {
        if origin.scheme == Scheme::Https && link.facts.alpn.as_deref() != Some("h2") {
            return Err(Failure::Tls("h2 was offered and not chosen".into()));
        }
        let octets = u32::try_from(bounds.head).unwrap_or(u32::MAX);
        let opening = h2::client::Builder::new()
            .enable_push(false)
            .max_header_list_size(octets)
            .handshake(link.stream);
        let (send, connection) = tokio::time::timeout(bounds.connect, opening)
            .await
            .map_err(|_| Failure::Timeout(Phase::Handshake))?
            .map_err(|error| failure(&error))?;
        let driver = tokio::spawn(async move {
            // Every stream learns of the connection's end by itself.
            let _ = connection.await;
        });
        Ok(Self {
            send,
            facts: link.facts,
            _driver: Arc::new(Driver(driver)),
        })
    }

    /// The connection is still there. A request on one that is not was never sent, whatever its method.
    pub async fn alive(&self) -> bool {
        let mut send = self.send.clone();
        poll_fn(|context| Poll::Ready(!matches!(send.poll_ready(context), Poll::Ready(Err(_)))))
            .await
    }

    pub async fn exchange(&self, request: &Request, bounds: &Bounds) -> Exchanged {
        let started = Instant::now();
        let mut first_byte = None;
        let answer = match message(request) {
            Err(failure) => Err(failure),
            Ok(message) => {
                let whole = self.converse(message, request.body.clone(), bounds, || {
                    first_byte.get_or_insert_with(|| started.elapsed());
                });
                tokio::time::timeout(bounds.answer, whole)
                    .await
                    .unwrap_or(Err(Failure::Timeout(Phase::Answer)))
            }
        };
        let usable = matches!(answer, Ok(_) | Err(Failure::Unsendable(_)));
        Exchanged {
            answer,
            usable,
            timing: Timing {
                first_byte,
                total: started.elapsed(),
                released: None,
            },
        }
    }

    async fn converse(
        &self,
        message: http::Request<()>,
        body: Bytes,
        bounds: &Bounds,
        mut arrived: impl FnMut(),
    ) -> Result<Answer, Failure> {
        let mut send = self.send.clone().ready().await.map_err(|e| failure(&e))?;
        let (mut response, mut upload) = send
            .send_request(message, body.is_empty())
            .map_err(|e| failure(&e))?;
        if !body.is_empty() {
            upload.send_data(body, true).map_err(|e| failure(&e))?;
        }
        let mut interim = Vec::new();
        let head = loop {
            let next = poll_fn(|context| {
                if let Poll::Ready(Some(early)) = response.poll_informational(context) {
                    return Poll::Ready(Err(early));
                }
                std::pin::Pin::new(&mut response).poll(context).map(Ok)
            })
            .await;
            match next {
                Ok(head) => break head.map_err(|e| failure(&e))?,
                Err(early) => {
                    let early = early.map_err(|e| failure(&e))?;
                    arrived();
                    if interim.len() == bounds.interim {
                        return Err(Failure::TooLarge(format!(
                            "more than {} interim answers",
                            bounds.interim
                        )));
                    }
                    interim.push(early.status().as_u16());
                }
            }
        };
        arrived();
        let (head, mut download) = head.into_parts();
        let headers = fields(&head.headers, bounds)?;
        let mut octets = BytesMut::new();
        let mut truncated = false;
        while let Some(chunk) = download.data().await {
            let chunk = chunk.map_err(|e| failure(&e))?;
            let room = bounds.body - octets.len();
            octets.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                truncated = true;
                break;
            }
            // Fails only when the stream is gone, which the next read tells.
            let _ = download.flow_control().release_capacity(chunk.len());
        }
        let trailers = if truncated {
            Vec::new()
        } else {
            let trailers = download.trailers().await.map_err(|e| failure(&e))?;
            trailers.map_or(Ok(Vec::new()), |trailers| fields(&trailers, bounds))?
        };
        Ok(Answer {
            version: "2".into(),
            status: head.status.as_u16(),
            reason: Vec::new(),
            headers,
            body: octets.freeze(),
            truncated,
            interim,
            trailers,
        })
    }
}

/// `Host` becomes `:authority` (RFC 9113 §8.3.1).
fn message(request: &Request) -> Result<http::Request<()>, Failure> {
    let unsendable = |error: http::Error| Failure::Unsendable(format!("over HTTP/2: {error}"));
    let host = request
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("host"))
        .map(|(_, value)| value.clone());
    let authority = host.unwrap_or_else(|| request.origin.authority().into_bytes());
    let uri = http::Uri::builder()
        .scheme(match request.origin.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        })
        .authority(authority.as_slice())
        .path_and_query(request.target.as_slice())
        .build()
        .map_err(unsendable)?;
    let mut message = http::Request::builder()
        .method(request.method.as_bytes())
        .version(http::Version::HTTP_2)
        .uri(uri);
    for (name, value) in &request.headers {
        if !name.eq_ignore_ascii_case("host") {
            message = message.header(name.as_str(), value.as_slice());
        }
    }
    message.body(()).map_err(unsendable)
}

fn fields(map: &http::HeaderMap, bounds: &Bounds) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    if map.len() > bounds.fields {
        return Err(Failure::TooLarge(format!(
            "more than {} field lines",
            bounds.fields
        )));
    }
    Ok(map
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect())
}

/// `RST_STREAM` and `GOAWAY` of the peer are its refusals: [`Failure::Reset`].
fn failure(error: &h2::Error) -> Failure {
    if let Some(io) = error.get_io() {
        return broken(io);
    }
    if error.is_remote() {
        return Failure::Reset;
    }
    if error.is_library() {
        return Failure::Malformed(format!("HTTP/2: {error}"));
    }
    Failure::Unsendable(format!("over HTTP/2: {error}"))
}

#[cfg(test)]
mod tests;
