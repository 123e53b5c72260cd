//! The `zeropass` binary: everything is in the library.

use std::process::ExitCode;

use clap::Parser;
use tikv_jemallocator::Jemalloc;

/// What a revision, a connection or a busy minute has needed goes back to the system when it is
/// free. The C library's allocator keeps it, in a place for each thread.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    zeropass::cli::run(zeropass::cli::Arguments::parse())
}
