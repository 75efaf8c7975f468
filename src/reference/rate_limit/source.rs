//! The address that a request is counted for (RFC 7239 §5.2, §8.1).

use std::net::IpAddr;

use crate::reference::http::Request;

/// The peer; behind proxies that are trusted the last address that one of them was called from. What else stands in
/// `X-Forwarded-For` the client wrote itself. Behind an `edge` of one's own that is the peer, and has added a line with
/// the address that it was called from.
pub fn address(request: &Request, trusted: &[IpAddr], edge: Option<IpAddr>) -> IpAddr {
    let peer = request.peer.to_canonical();
    let added = edge.map(|_| peer.to_string());
    let mut lines: Vec<&str> = request
        .fields
        .all("x-forwarded-for")
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    lines.extend(added.as_deref());
    let mut address = edge.unwrap_or(peer);
    let hops = lines.iter().rev().flat_map(|line| line.rsplit(','));
    for hop in hops {
        if Some(address) != edge && !trusted.contains(&address) {
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
