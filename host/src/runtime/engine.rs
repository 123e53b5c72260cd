//! The engine: one for the process, configured once.
//!
//! Instances come from a pool that is sized by the configuration, so that a
//! fresh instance costs microseconds and memory has a known bound. The number of
//! calls in flight is bounded by semaphores below the pool's size: overload is
//! answered with `busy`, the allocator is never asked for more than it has.

use std::time::Duration;

use wasmtime::{Config, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

/// What the pool must hold.
#[derive(Debug, Clone)]
pub struct Options {
    /// Component instances alive at once, over all components.
    pub instances: u32,
    /// The largest memory limit of any component, bytes.
    pub memory: usize,
    /// The largest table limit of any component, elements.
    pub table_elements: usize,
    /// How often the epoch advances: the grain of CPU deadlines.
    pub epoch_tick: Duration,
    /// Off only for the bench, which compares the two.
    pub pooling: bool,
}

/// The engine, and the thread that advances its epoch.
#[derive(Debug, Clone)]
pub struct Runtime {
    engine: Engine,
}

/// Core instances, memories and tables that one component may consist of. A Rust
/// component is one module with memory and a few without; a guest with more than
/// this does not load.
const CORE_INSTANCES: u32 = 16;
const MEMORIES: u32 = 2;
const TABLES: u32 = 8;

// === impl Options ===

impl Default for Options {
    fn default() -> Self {
        Self {
            instances: 128,
            memory: 64 << 20,
            table_elements: 10_000,
            epoch_tick: Duration::from_millis(2),
            pooling: true,
        }
    }
}

// === impl Runtime ===

impl Runtime {
    /// Build the engine and start its epoch.
    ///
    /// # Errors
    /// When the machine can't give what the pool needs.
    pub fn new(options: &Options) -> wasmtime::Result<Self> {
        let engine = Engine::new(&config(options))?;
        let weak = engine.weak();
        let tick = options.epoch_tick;
        // A thread of its own: a timer on the executor would be late exactly when
        // guests keep the executor busy.
        std::thread::Builder::new()
            .name("epoch".into())
            .spawn(move || {
                while let Some(engine) = weak.upgrade() {
                    engine.increment_epoch();
                    drop(engine);
                    std::thread::sleep(tick);
                }
            })?;
        Ok(Self { engine })
    }

    /// The wasmtime engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }
}

/// An engine to look at a component's types with: the same language, compiled as
/// quickly as it can be, never run.
///
/// # Errors
/// The machine can't compile.
pub fn inspection() -> wasmtime::Result<Engine> {
    let mut config = config(&Options {
        pooling: false,
        ..Options::default()
    });
    config.cranelift_opt_level(OptLevel::None);
    Engine::new(&config)
}

fn config(options: &Options) -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .wasm_wide_arithmetic(true)
        .wasm_simd(true)
        .wasm_bulk_memory(true)
        .wasm_multi_memory(true)
        .epoch_interruption(true)
        .concurrency_support(false)
        .memory_init_cow(true)
        .max_wasm_stack(512 << 10)
        .async_stack_size(2 << 20)
        .wasm_backtrace_max_frames(None);
    if options.pooling {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(options.instances)
            .total_stacks(options.instances)
            .total_core_instances(options.instances.saturating_mul(CORE_INSTANCES))
            .total_memories(options.instances.saturating_mul(MEMORIES))
            .total_tables(options.instances.saturating_mul(TABLES))
            .max_core_instances_per_component(CORE_INSTANCES)
            .max_memories_per_component(MEMORIES)
            .max_tables_per_component(TABLES)
            .max_memory_size(options.memory)
            .table_elements(options.table_elements)
            .max_unused_warm_slots(options.instances);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }
    config
}
