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
    /// One after the other.
    At(Clock),
    /// With the first request after the last window. `eager`: what may belong to either belongs to the new one.
    WithRequest { eager: bool },
}

/// Windows of the target's clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clock {
    /// One of them begins here.
    pub edge: f64,
    /// Which moment of its time decides to which window a request belongs, the same for all: 0 the first, 1 the last.
    pub lean: f64,
}

impl Clock {
    fn moment(self, one: &Asked) -> f64 {
        one.left + self.lean * (one.done - one.left)
    }

    /// The number of the window that a request belongs to. What is on the edge is after it, however it was rounded.
    fn window(self, size: Size, one: &Asked) -> f64 {
        ((self.moment(one) - self.edge) / size.window + 1e-9).floor()
    }
}

/// One way of counting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Model {
    Fixed(Edge),
    Log,
    Counter(Clock),
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
    all: Vec<Asked>,
}

impl Taken {
    /// How many were counted at this moment or after it, at least.
    fn least_since(&self, at: f64) -> f64 {
        self.since(at, |one| one.left)
    }

    /// The same, at most.
    fn most_since(&self, at: f64) -> f64 {
        self.since(at, |one| one.done)
    }

    /// The same, where each was counted at this moment; moments are in order.
    fn since(&self, at: f64, moment: impl Fn(&Asked) -> f64) -> f64 {
        (self.all.len() - self.all.partition_point(|one| moment(one) < at)) as f64
    }

    /// What counts of the window of this number, and of the one before it.
    fn of_windows(&self, clock: Clock, size: Size, window: f64) -> (f64, f64) {
        let this = self.since(window, |one| clock.window(size, one));
        let both = self.since(window - 1.0, |one| clock.window(size, one));
        (this, both - this)
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
            Model::Fixed(Edge::At(clock)) => {
                let (used, _) = taken.of_windows(clock, size, clock.window(size, one));
                (size.requests - used, size.requests - used)
            }
            Model::Fixed(Edge::WithRequest { eager }) => {
                let left = Began::at(&mut began, one, size, eager);
                (left, left)
            }
            Model::Log => (
                size.requests - taken.most_since(one.left - size.window),
                size.requests - taken.least_since(one.done - size.window),
            ),
            Model::Counter(clock) => {
                let window = clock.window(size, one);
                let (this, before) = taken.of_windows(clock, size, window);
                let began = clock.edge + window * size.window;
                // The window before counts by its share of a window that ends now.
                let left = |at: f64| {
                    let share = 1.0 - ((at - began) / size.window).clamp(0.0, 1.0);
                    size.requests - this - before * share
                };
                (left(one.left), left(one.done))
            }
            Model::Tokens => tokens.left(size, one),
        };
        if one.accepted {
            worst = worst.max(1.0 - most);
            taken.all.push(*one);
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
