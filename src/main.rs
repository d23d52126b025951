//! The program: arguments in, exit code out.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Costs a hit, and more so a forwarded request, less than the system's allocator.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    forebay::cli::run()
}
