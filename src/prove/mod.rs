//! Shows of every check that it can fail: the reference deployments with each flaw in turn, every check fired at each,
//! and every surprise in either direction named.

mod deployments;
mod matrix;
mod reach;

pub use deployments::{Beholder, Target, fire};
pub use matrix::{Cell, Matrix, Row, Surprise, compare};
