//! How much of a limit a way of counting leaves at a moment that is not known exactly.
//!
//! The target counted a request between when it left and when its answer was complete. Every bound here holds wherever in
//! between that was.

/// One request, in seconds: it was counted between `left` and `done`, or refused then.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Asked {
    pub left: f64,
    pub done: f64,
    pub accepted: bool,
}

/// When the windows of a limit begin that has such.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Edge {
    /// One after the other; one of them begins here.
    At(f64),
    /// With the first request after the last window. `eager`: what may belong to either belongs to the new one.
    WithRequest { eager: bool },
}

/// One way of counting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Model {
    Fixed(Edge),
    Log,
    /// One of its windows begins here.
    Counter(f64),
    Tokens,
}

/// So many requests in so many seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Size {
    pub requests: f64,
    pub window: f64,
}

/// Requests that were accepted until now, in the order in which they were counted.
#[derive(Debug, Default)]
struct Taken {
    left: Vec<f64>,
    done: Vec<f64>,
}

impl Taken {
    /// How many were counted at this moment or after it, at least.
    fn least_since(&self, at: f64) -> f64 {
        (self.left.len() - self.left.partition_point(|one| *one < at)) as f64
    }

    /// The same, at most.
    fn most_since(&self, at: f64) -> f64 {
        (self.done.len() - self.done.partition_point(|one| *one < at)) as f64
    }
}

/// By how many requests a model is wrong at most, however favourably the times are taken: how many more were accepted than
/// it had left, or how many it had left when one was refused. 0 explains all. `asked` is in the order of counting.
pub fn off(model: Model, size: Size, asked: &[Asked]) -> f64 {
    let mut taken = Taken::default();
    let mut tokens = Tokens::default();
    let mut began: Option<Began> = None;
    let mut worst: f64 = 0.0;
    for one in asked {
        let (least, most) = match model {
            Model::Fixed(Edge::At(edge)) => (
                size.requests - taken.most_since(start(edge, size, one.left)),
                size.requests - taken.least_since(start(edge, size, one.done)),
            ),
            Model::Fixed(Edge::WithRequest { eager }) => {
                let left = Began::at(&mut began, one, size, eager);
                (left, left)
            }
            Model::Log => (
                size.requests - taken.most_since(one.left - size.window),
                size.requests - taken.least_since(one.done - size.window),
            ),
            Model::Counter(edge) => (
                size.requests - weighed(edge, size, one.left, |at| taken.most_since(at)),
                size.requests - weighed(edge, size, one.done, |at| taken.least_since(at)),
            ),
            Model::Tokens => tokens.left(size, one),
        };
        if one.accepted {
            worst = worst.max(1.0 - most);
            taken.left.push(one.left);
            taken.done.push(one.done);
            tokens.take(size, one);
            if let Some(began) = &mut began {
                began.used += 1.0;
            }
        } else if least >= 1.0 {
            worst = worst.max(least);
        }
    }
    worst.max(0.0)
}

/// The beginning of the window that holds this moment.
fn start(edge: f64, size: Size, at: f64) -> f64 {
    edge + ((at - edge) / size.window).floor() * size.window
}

/// What counts at a moment where the window before counts by its share.
fn weighed(edge: f64, size: Size, at: f64, since: impl Fn(f64) -> f64) -> f64 {
    let began = start(edge, size, at);
    let this = since(began);
    let before = since(began - size.window) - this;
    this + before * (1.0 - (at - began) / size.window)
}

/// A window that began with a request.
#[derive(Debug)]
struct Began {
    left: f64,
    done: f64,
    used: f64,
}

impl Began {
    /// What is left when this request comes, in the window that it comes in.
    fn at(now: &mut Option<Began>, one: &Asked, size: Size, eager: bool) -> f64 {
        let is_new = now.as_ref().is_none_or(|began| {
            let is_over = one.left - began.done >= size.window;
            let may_be_over = one.done - began.left >= size.window;
            // Where it may be either, what came of the request may say it.
            is_over || (may_be_over && one.accepted && (eager || began.used >= size.requests))
        });
        if is_new {
            *now = Some(Began {
                left: one.left,
                done: one.done,
                used: 0.0,
            });
        }
        size.requests - now.as_ref().map_or(0.0, |began| began.used)
    }
}

/// A bucket that never holds more than the limit has, since any request since it was last full, what came back and what
/// was taken since then.
#[derive(Debug)]
struct Tokens {
    taken: f64,
    /// The least of what it held before a request, as if nothing came back before that and nothing was taken after it.
    most: f64,
    least: f64,
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            taken: 0.0,
            most: f64::INFINITY,
            least: f64::INFINITY,
        }
    }
}

impl Tokens {
    fn left(&self, size: Size, one: &Asked) -> (f64, f64) {
        let refill = size.requests / size.window;
        let least = self.least + refill * one.left - self.taken;
        let most = self.most + refill * one.done - self.taken;
        (least.min(size.requests), most.min(size.requests))
    }

    fn take(&mut self, size: Size, one: &Asked) {
        let refill = size.requests / size.window;
        let full = size.requests + self.taken;
        self.most = self.most.min(full - refill * one.left);
        self.least = self.least.min(full - refill * one.done);
        self.taken += 1.0;
    }
}
