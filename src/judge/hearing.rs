//! Whether silence at our listener says anything.

use url::{Host, Url};

use crate::journal::Exchange;
use crate::suite::model::Check;
use crate::suite::plan::Plan;

/// Why a pass of a check that rests on nobody calling our listener is worth less than it looks: nothing shows that a
/// call would have come. `None` for other checks, and where a call could come: the target has called us before, or
/// both it and the listener have addresses of loopback.
pub(super) fn unheard<'a>(
    plan: &Plan,
    check: &Check,
    mut exchanges: impl Iterator<Item = &'a Exchange>,
) -> Option<String> {
    if !check.listens() || exchanges.any(|exchange| exchange.heard || !exchange.calls.is_empty()) {
        return None;
    }
    let Some(terms) = &plan.target.listener else {
        return Some(
            "the target file has no `listener`, so that nobody would have noticed a call"
                .to_owned(),
        );
    };
    let address = match &terms.url {
        Some(url) => url.clone(),
        None => format!("http://{}", terms.listen),
    };
    let target = &plan.target.https.host;
    let is_at_hand = is_loopback(&address) && is_loopback(&format!("http://{target}"));
    (!is_at_hand).then(|| {
        "nobody had called us in this run, so that it is not shown that the target gets to our listener"
            .to_owned()
    })
}

fn is_loopback(url: &str) -> bool {
    match Url::parse(url).ok().as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}
