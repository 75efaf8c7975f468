//! Which way of counting requests explains what was accepted and when.
//!
//! Each way is told when requests left and when they were answered, and asked whether it would have accepted and refused
//! the same ones. Every doubt about the times is in its favour, so a way of counting that is ruled out is not the target's.

use serde_json::{Map, Value, json};

use super::limited::GRAIN_S;
use super::room::{Asked, Clock, Edge, Model, Size, off};
use crate::suite::model::{LimitKind, RateLimit};

/// No decision about a limit of fewer requests: the ways are too close.
const FEWEST: f64 = 5.0;

/// A way of counting explains what happened where it is off by no more than this part of the limit, or by one request.
const NEAR: f64 = 0.1;

/// It is ruled out where another is nearer by this part of the limit.
const APART: f64 = 0.2;

/// Where windows follow the target's clock, their edge may be anywhere; it is looked for in so many places, and beside so
/// many requests.
const EDGES: u32 = 50;

/// Parts of the declared limit that the target may let through in place of it. What the declared kind of such a size explains
/// is a limit of another size, and tells nothing against the kind.
const SIZES: [f64; 10] = [0.5, 0.6, 0.7, 0.8, 0.9, 1.1, 1.25, 1.5, 1.75, 2.0];

/// Fewer bursts tell nothing: each way of counting lets the whole limit through at first.
const FEWEST_BURSTS: usize = 3;

const KINDS: [LimitKind; 4] = [
    LimitKind::Fixed,
    LimitKind::SlidingLog,
    LimitKind::SlidingCounter,
    LimitKind::TokenBucket,
];

/// How far a kind is from what happened, in requests: 0 explains it wholly. Windows have one of these edges.
fn distance(kind: LimitKind, size: Size, edges: &[f64], asked: &[Asked]) -> f64 {
    let clocks = || {
        let edges = edges.iter().copied();
        edges.flat_map(|edge| [0.0, 0.5, 1.0].map(|lean| Clock { edge, lean }))
    };
    let models: Vec<Model> = match kind {
        LimitKind::Fixed => {
            let with_request = [false, true].map(|eager| Edge::WithRequest { eager });
            let edges = clocks().map(Edge::At).chain(with_request);
            edges.map(Model::Fixed).collect()
        }
        LimitKind::SlidingLog => vec![Model::Log],
        LimitKind::SlidingCounter => clocks().map(Model::Counter).collect(),
        LimitKind::TokenBucket => vec![Model::Tokens],
        LimitKind::Concurrency => Vec::new(),
    };
    let all = models.into_iter().map(|model| off(model, size, asked));
    all.fold(f64::INFINITY, f64::min)
}

/// Where a window may begin: with the first request, evenly over the window, and just before requests.
fn edges(window: f64, asked: &[Asked]) -> Vec<f64> {
    let first = asked.first();
    let begins = first.iter().flat_map(|one| [one.left, one.done]);
    let even = (0..EDGES).map(|at| window * f64::from(at) / f64::from(EDGES));
    let every = asked.len().div_ceil(EDGES as usize).max(1);
    let beside = asked.iter().step_by(every).map(|one| one.left);
    begins.chain(even).chain(beside).collect()
}

/// The kind that explains what happened, where all others are ruled out, also the declared one of another size; and how
/// far each is from it.
fn told(limit: &RateLimit, asked: &[Asked]) -> (Option<LimitKind>, Vec<(LimitKind, f64)>) {
    let requests = f64::from(limit.requests);
    let near = (NEAR * requests).max(f64::from(limit.tolerance)).max(1.0);
    let off = |kind, part: f64, edges: &[f64]| {
        let size = Size {
            requests: part * requests,
            window: limit.window_s,
        };
        distance(kind, size, edges, asked)
    };
    let edges = edges(limit.window_s, asked);
    let all: Vec<(LimitKind, f64)> = KINDS.map(|kind| (kind, off(kind, 1.0, &edges))).to_vec();
    let kind = nearest(requests, near, &all);
    let declared = limit
        .kind
        .filter(|own| kind.is_some_and(|kind| kind != *own));
    // With any size and any edge nearly everything can be explained.
    let first: Vec<f64> = asked.first().iter().map(|one| one.left).collect();
    let is_of_another_size =
        declared.is_some_and(|own| SIZES.iter().any(|part| off(own, *part, &first) <= near));
    (kind.filter(|_| !is_of_another_size), all)
}

fn nearest(limit: f64, near: f64, distances: &[(LimitKind, f64)]) -> Option<LimitKind> {
    let (kind, nearest) = distances.iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
    let is_ruled_out = |off: f64| off > near && off - nearest >= APART * limit;
    let mut others = distances.iter().filter(|(other, _)| other != kind);
    let is_told = *nearest <= near && others.all(|(_, off)| is_ruled_out(*off));
    (limit >= FEWEST && is_told).then_some(*kind)
}

/// For a report: the kind, and how many requests each kind is off by.
pub fn seen(limit: &RateLimit, bursts: &[Vec<Asked>]) -> Map<String, Value> {
    let mut seen = Map::new();
    if bursts.len() < FEWEST_BURSTS {
        seen.insert("kind".to_owned(), Value::Null);
        return seen;
    }
    let (kind, all) = told(limit, &in_order(bursts));
    let rounded = |off: f64| json!((off * 100.0).round() / 100.0);
    let fits: Map<String, Value> = all
        .iter()
        .map(|(kind, off)| (kind.word().to_owned(), rounded(*off)))
        .collect();
    seen.insert("kind".to_owned(), json!(kind.map(LimitKind::word)));
    seen.insert("off_by".to_owned(), Value::Object(fits));
    seen
}

/// What was under way at the same time was counted in an order that nobody knows: then all of it at any time of all, and
/// what was refused came last.
fn in_order(bursts: &[Vec<Asked>]) -> Vec<Asked> {
    let mut all: Vec<Asked> = bursts.iter().flatten().copied().collect();
    all.sort_by(|a, b| a.left.total_cmp(&b.left));
    let mut begins = 0;
    while let Some(first) = all.get(begins) {
        let (left, mut done) = (first.left, first.done);
        let mut ends = begins + 1;
        while let Some(next) = all
            .get(ends)
            .filter(|next| next.left + 2.0 * GRAIN_S < done)
        {
            done = done.max(next.done);
            ends += 1;
        }
        let together = &mut all[begins..ends];
        for one in together.iter_mut() {
            (one.left, one.done) = (left, done);
        }
        together.sort_by_key(|one| !one.accepted);
        begins = ends;
    }
    all
}

#[cfg(test)]
mod tests;
