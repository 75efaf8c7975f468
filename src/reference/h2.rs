//! HTTP/2 on one connection, by way of hyper.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::WithTrailers;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Body as _, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::http::{Body, Fields, Line, Request, Response, Version};
use super::site::{Malformed, Site};

/// Octets of a field section that hyper lets through; the deployment's own bound is lower.
const HEAD_READ: u32 = 256 * 1024;
/// Octets of an over-long body that are read and thrown away.
const BODY_DISCARD: usize = 32 * 1024 * 1024;

/// Serves streams until the connection ends.
pub async fn serve<IO>(io: IO, site: Arc<dyn Site>, line: Line)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        let site = Arc::clone(&site);
        async move { Ok::<_, Infallible>(exchange(request, &*site, line).await) }
    });
    let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_header_list_size(HEAD_READ)
        .max_concurrent_streams(200)
        .auto_date_header(false);
    // A connection that breaks ends here; there is nobody left to tell.
    let _ = builder.serve_connection(TokioIo::new(io), service).await;
}

async fn exchange(
    request: http::Request<Incoming>,
    site: &dyn Site,
    line: Line,
) -> http::Response<Outgoing> {
    let (head, incoming) = request.into_parts();
    let authority = head
        .uri
        .authority()
        .map(ToString::to_string)
        .or_else(|| {
            let host = head.headers.get(http::header::HOST)?;
            Some(host.to_str().ok()?.to_owned())
        })
        .unwrap_or_default();
    let mut fields = Fields::default();
    for (name, value) in &head.headers {
        fields.push(name.as_str(), value.as_bytes());
    }
    let mut request = Request {
        method: head.method.as_str().to_owned(),
        target: head
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str())
            .to_owned(),
        authority,
        version: Version::H2,
        fields,
        body: Body::Bytes(Vec::new()),
        encrypted: line.encrypted,
        peer: line.peer,
        node: line.node,
    };
    if !incoming.is_end_stream()
        && request.fields.has("expect")
        && let Some(response) = site.screen(&request)
    {
        return render(response, &request.method);
    }
    let answer = match collect(incoming, site.body_bound()).await {
        Ok(body) => {
            request.body = body;
            site.answer(&request)
        }
        Err(_) => site.malformed(Malformed::Syntax, line.encrypted),
    };
    render(
        answer.unwrap_or_else(|| Response::new(421)),
        &request.method,
    )
}

async fn collect(mut incoming: Incoming, bound: usize) -> Result<Body, hyper::Error> {
    let mut kept = Vec::new();
    let mut seen = 0;
    while let Some(frame) = incoming.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        seen += data.len();
        if seen > BODY_DISCARD {
            return Ok(Body::TooLarge);
        }
        if seen <= bound {
            kept.extend_from_slice(&data);
        } else {
            kept = Vec::new();
        }
    }
    Ok(if seen > bound {
        Body::TooLarge
    } else {
        Body::Bytes(kept)
    })
}

/// Field lines behind a body.
type Trailers = std::future::Ready<Option<Result<http::HeaderMap, Infallible>>>;
type Outgoing = Either<Full<Bytes>, WithTrailers<Full<Bytes>, Trailers>>;

fn body(octets: Vec<u8>, trailers: Vec<(&'static str, String)>) -> Outgoing {
    let octets = Full::new(Bytes::from(octets));
    if trailers.is_empty() {
        return Either::Left(octets);
    }
    let line = |(name, value): (&'static str, String)| {
        let name = http::HeaderName::from_bytes(name.as_bytes()).ok()?;
        Some((name, http::HeaderValue::from_str(&value).ok()?))
    };
    let lines: http::HeaderMap = trailers.into_iter().filter_map(line).collect();
    Either::Right(octets.with_trailers(std::future::ready(Some(Ok(lines)))))
}

/// Lines that HTTP/2 cannot carry (RFC 9113 §8.2.1, §8.2.2) are left out.
fn render(mut response: Response, method: &str) -> http::Response<Outgoing> {
    if method == "HEAD" && !response.forbidden_body && !matches!(response.status, 204 | 304) {
        let length = response.body.len().to_string();
        response.set("Content-Length", length);
        response.body.clear();
    }
    let mut out = http::Response::new(body(response.body, response.trailers));
    *out.status_mut() = http::StatusCode::from_u16(response.status).unwrap_or(http::StatusCode::OK);
    for (name, value) in response.fields {
        let (Ok(name), Ok(value)) = (
            http::HeaderName::from_bytes(name.as_bytes()),
            http::HeaderValue::from_bytes(value.as_bytes()),
        ) else {
            continue;
        };
        if !matches!(
            name.as_str(),
            "connection" | "transfer-encoding" | "upgrade" | "keep-alive"
        ) {
            out.headers_mut().append(name, value);
        }
    }
    out
}
