//! What a suite, a contract and a target file say.

pub mod load;
