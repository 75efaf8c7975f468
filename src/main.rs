//! The door: arguments in, exit code out.

use std::process::ExitCode;

/// Exchanges are made and dropped on every thread at once, where the allocator of the C library waits for itself.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    proofmark::cli::main()
}
