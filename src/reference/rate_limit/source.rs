//! The address that a request is counted for (RFC 7239 §5.2, §8.1).

use std::net::IpAddr;

use crate::reference::http::Request;

/// The peer; behind proxies that are trusted the last address that one of them was called from. What else stands in
/// `X-Forwarded-For` the client wrote itself.
pub fn address(request: &Request, trusted: &[IpAddr]) -> IpAddr {
    let lines: Vec<&str> = request
        .fields
        .all("x-forwarded-for")
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    let mut address = request.peer.to_canonical();
    let hops = lines.iter().rev().flat_map(|line| line.rsplit(','));
    for hop in hops {
        if !trusted.contains(&address) {
            break;
        }
        match hop.trim().parse::<IpAddr>() {
            Ok(hop) => address = hop.to_canonical(),
            // A proxy of ours writes addresses; whoever wrote this is not one.
            Err(_) => break,
        }
    }
    address
}
