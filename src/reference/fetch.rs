//! Fetching over plain HTTP, for deployments that read keys from elsewhere: because they should, or because they are
//! flawed and follow addresses in tokens.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// Longest for each of connecting, sending and one read.
const PATIENCE: Duration = Duration::from_millis(500);
/// Octets read of an answer.
const MOST: u64 = 256 * 1024;

/// The body of a 200 answer; `None` for everything else. Blocks the thread; the runtime goes on beside it.
pub fn get(url: &str) -> Option<Vec<u8>> {
    let runtime = tokio::runtime::Handle::try_current();
    let is_shared = runtime
        .is_ok_and(|handle| handle.runtime_flavor() == tokio::runtime::RuntimeFlavor::MultiThread);
    match is_shared {
        true => tokio::task::block_in_place(|| fetch(url)),
        false => fetch(url),
    }
}

fn fetch(url: &str) -> Option<Vec<u8>> {
    let rest = url.strip_prefix("http://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next()?;
    let address = host.to_socket_addrs().ok()?.next()?;
    let path = path.split('#').next().unwrap_or_default();
    if path.contains(|c: char| c.is_control() || c == ' ') {
        return None;
    }
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    let path = if path.is_empty() { "/" } else { path };
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut answer = Vec::new();
    stream.take(MOST).read_to_end(&mut answer).ok()?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    answer
        .starts_with(b"HTTP/1.1 200 ")
        .then(|| answer.split_off(end + 4))
}
