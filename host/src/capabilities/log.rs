//! `zeropass:host/log`: lines for the operator's log.

use super::bindings::log::{Host, Level};
use super::state::CallState;
use crate::runtime::output;

impl Host for CallState {
    async fn write(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            Level::Debug => output::Level::Debug,
            Level::Info => output::Level::Info,
            Level::Warn => output::Level::Warn,
            Level::Error => output::Level::Error,
        };
        // A flood ends the call: the one place where a capability traps.
        Ok(self.sandbox.output.write(level, &message)?)
    }
}
