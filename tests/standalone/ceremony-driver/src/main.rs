//! A command for wasm: reads recorded ceremonies from stdin, puts them through the
//! passkey-manager that it is composed with, and prints a line for each step.
//!
//! The time is the machine's: `policy.now` of a recording is noted as not applied.

#[cfg(target_arch = "wasm32")]
mod component;

#[cfg(target_arch = "wasm32")]
fn main() -> std::process::ExitCode {
    component::run()
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    eprintln!("this command runs as a component; for a native one see cargo xtask replay");
}
