//! The data of a component's store: one instance, one call.

use std::sync::Arc;

use wasmtime_wasi::{WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtxView, WasiHttpView};

use super::context::CallContext;
use super::link::PasskeysLink;
use crate::runtime::Sandbox;

/// The data of a component's store.
pub struct CallState {
    /// WASI, limits and output.
    pub sandbox: Sandbox,
    /// What the host knows about the call.
    pub context: CallContext,
    /// The way to passkey-manager: of an auth-service that answers a request, and of
    /// nothing else.
    pub passkeys: Option<Arc<dyn PasskeysLink>>,
}

// === impl CallState ===

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.sandbox.ctx()
    }
}

impl WasiHttpView for CallState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        self.sandbox.http()
    }
}
