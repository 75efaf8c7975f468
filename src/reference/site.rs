//! What stands behind a port: something that answers requests.

use super::http::{Request, Response};

/// `None` in an answer means: hang up without a word.
pub trait Site: Send + Sync + 'static {
    /// The final answer when the head alone decides it; asked before `100 Continue` is sent.
    fn screen(&self, head: &Request) -> Option<Response>;

    fn answer(&self, request: &Request) -> Option<Response>;

    /// Told of a head whose body is still to come (HTTP/1 only).
    fn head_came(&self, _head: &Request) {}

    /// Told when nobody waits for the answer to this request any more (HTTP/1 only).
    fn undelivered(&self, _request: &Request) {}

    /// Octets of a body that are kept; of a longer one nothing is.
    fn body_bound(&self) -> usize;

    /// The answer to a head or body that could not be read, as far as it was understood.
    fn malformed(&self, fault: Malformed, encrypted: bool) -> Option<Response>;
}

/// Why a request could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Syntax or framing (RFC 9112 §2.2, §5.1, §6.3, §7.1).
    Syntax,
    /// The head went over every bound.
    HeadTooLarge,
    /// A transfer coding that we do not speak (RFC 9112 §6.1).
    TransferCoding,
    /// `Expect` with anything but `100-continue` (RFC 9110 §10.1.1).
    Expectation,
    /// Something took too long.
    Slow,
}

impl Malformed {
    pub fn status(self) -> u16 {
        match self {
            Malformed::Syntax => 400,
            Malformed::HeadTooLarge => 431,
            Malformed::TransferCoding => 501,
            Malformed::Expectation => 417,
            Malformed::Slow => 408,
        }
    }
}
