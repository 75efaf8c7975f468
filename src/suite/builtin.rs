//! The suites, contracts and forgeries that are part of the binary: path as in the repository, and text.

include!(concat!(env!("OUT_DIR"), "/suites.rs"));
