//! The data of one instance: its sandbox, and the way to the kit's memory.

use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use aws_lc_rs::digest;
use wasmtime_wasi::{
    Deterministic, HostMonotonicClock, HostWallClock, WasiCtxBuilder, WasiCtxView, WasiView,
};
use wasmtime_wasi_http::{WasiHttpCtxView, WasiHttpView};
use zeropass::audit::ComponentIdentity;
use zeropass::clock::{Clock as _, FixedClock};
use zeropass::runtime::output::Output;
use zeropass::runtime::{Limits, Sandbox};

use super::StoreError;
use super::calls::Failure;
use super::link::SharedLink;
use super::memory::{Memory, World};

/// Bytes of randomness that an instance has before they repeat. Ours draw less
/// than a hundred.
const RANDOM_BYTES: u64 = 64 * 1024;

/// The data of a component's store.
pub(super) struct State {
    pub sandbox: Sandbox,
    pub world: Arc<World>,
    /// The way to passkey-manager; none in passkey-manager itself.
    pub link: Option<SharedLink>,
}

/// Both WASI clocks show what the kit's clock shows.
struct Clocks(Arc<FixedClock>);

// === impl State ===

impl State {
    pub fn new(
        identity: Arc<ComponentIdentity>,
        limits: &Limits,
        world: &Arc<World>,
        link: Option<SharedLink>,
    ) -> Self {
        let (clock, seed) = {
            let mut memory = world.lock();
            memory.instances += 1;
            let seed = [memory.seed.to_be_bytes(), memory.instances.to_be_bytes()].concat();
            (Arc::clone(&memory.clock), seed)
        };
        let mut wasi = WasiCtxBuilder::new();
        wasi.wall_clock(Clocks(Arc::clone(&clock)))
            .monotonic_clock(Clocks(clock))
            .secure_random(Deterministic::new(random(&seed, b"secure")))
            .insecure_random(Deterministic::new(random(&seed, b"insecure")))
            .insecure_random_seed(1);
        let output = Output::new(identity, Arc::from("request-1"), limits.output_bytes);
        Self {
            sandbox: Sandbox::with_wasi(limits, output, &mut wasi),
            world: Arc::clone(world),
            link,
        }
    }

    /// Record a call; the kit's memory, or the failure that was asked for.
    pub fn enter(
        &self,
        interface: &'static str,
        function: &'static str,
        detail: impl Into<String>,
    ) -> Result<MutexGuard<'_, Memory>, Failure> {
        let mut memory = self.world.lock();
        match memory.recorder.enter(interface, function, detail.into()) {
            Some(failure) => Err(failure),
            None => Ok(memory),
        }
    }

    /// The same for interfaces whose errors are the store's.
    pub fn store(
        &self,
        interface: &'static str,
        function: &'static str,
        detail: impl Into<String>,
    ) -> Result<MutexGuard<'_, Memory>, StoreError> {
        self.enter(interface, function, detail)
            .map_err(|failure| match failure {
                Failure::Store(error) => error,
                // `fail_next` lets no other error in.
                _ => StoreError::Busy,
            })
    }
}

/// SHA-256 of seed, purpose and a counter, over and over.
fn random(seed: &[u8], purpose: &[u8]) -> Vec<u8> {
    (0..RANDOM_BYTES / 32)
        .flat_map(|block| {
            let input = [seed, purpose, &block.to_be_bytes()].concat();
            digest::digest(&digest::SHA256, &input).as_ref().to_vec()
        })
        .collect()
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.sandbox.ctx()
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        self.sandbox.http()
    }
}

// === impl Clocks ===

impl HostWallClock for Clocks {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.0.now())
    }
}

impl HostMonotonicClock for Clocks {
    fn resolution(&self) -> u64 {
        1_000_000
    }

    fn now(&self) -> u64 {
        self.0.now().saturating_mul(1_000_000)
    }
}
