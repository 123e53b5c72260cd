//! The `zeropass` binary: everything is in the library.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    zeropass::cli::run(zeropass::cli::Arguments::parse())
}
