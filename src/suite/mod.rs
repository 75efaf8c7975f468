//! What suites, contracts and target files say: model, loading, and expansion into a plan.

pub mod model;
