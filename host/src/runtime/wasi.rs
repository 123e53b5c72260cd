//! WASI as far as a component needs it to exist: time, randomness, and plumbing
//! that leads nowhere.
//!
//! There are no arguments, no environment, no files, no sockets and no outgoing
//! requests; what the guest prints becomes trace events.

use wasmtime::component::{Linker, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{
    RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use super::limits::{Limiter, Limits};
use super::output::{Level, Output};

/// The WASI side of a store's data, with its limiter.
pub struct Sandbox {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
    hooks: NoOutgoingRequests,
    /// Memory and tables.
    pub limiter: Limiter,
    /// Everything the guest prints.
    pub output: Output,
}

/// Refuses every outgoing request. No linker offers the interface; this is the
/// second lock on the same door.
#[derive(Debug, Default)]
pub struct NoOutgoingRequests;

/// Bytes that a guest's header maps may take in memory.
const HEADER_BYTES: usize = 64 << 10;
/// Handles a guest may hold at once.
const HANDLES: usize = 256;

// === impl Sandbox ===

impl Sandbox {
    /// A sandbox with the whole allowance left.
    pub fn new(limits: &Limits, output: Output) -> Self {
        Self::with_wasi(limits, output, &mut WasiCtxBuilder::new())
    }

    /// The same over a prepared context: the test kit fixes clocks and randomness.
    pub fn with_wasi(limits: &Limits, output: Output, builder: &mut WasiCtxBuilder) -> Self {
        let wasi = builder
            .stdout(output.stream(Level::Info))
            .stderr(output.stream(Level::Warn))
            .build();
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(HEADER_BYTES);
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES);
        Self {
            wasi,
            http,
            table,
            hooks: NoOutgoingRequests,
            limiter: Limiter::new(limits),
            output,
        }
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox")
            .field("limiter", &self.limiter)
            .finish_non_exhaustive()
    }
}

impl WasiView for Sandbox {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for Sandbox {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.hooks,
        }
    }
}

// === impl NoOutgoingRequests ===

type Answer = (
    http::Response<WasiBody>,
    Box<dyn Future<Output = Result<(), wasmtime_wasi_http::Error>> + Send>,
);

impl WasiHttpHooks for NoOutgoingRequests {
    fn send_request(
        &mut self,
        _request: http::Request<WasiBody>,
        _options: Option<RequestOptions>,
        _body: Box<dyn Future<Output = Result<(), wasmtime_wasi_http::Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Answer, wasmtime_wasi_http::Error>> + Send> {
        Box::new(async { Err(wasmtime_wasi_http::Error::HttpRequestDenied) })
    }
}

/// Adds one interface to a linker.
pub type LinkInterface<T> = fn(&mut Linker<T>) -> wasmtime::Result<()>;

/// Every WASI interface that can be granted, with what adds it to a linker. The
/// names carry the versions that matter for compatibility: `wasi:clocks/wall-clock@0.2`.
pub fn interfaces<T: WasiView + WasiHttpView + 'static>() -> Vec<(&'static str, LinkInterface<T>)> {
    use wasmtime_wasi::cli::{WasiCli, WasiCliView};
    use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
    use wasmtime_wasi::p2::bindings::{cli, clocks, random};
    use wasmtime_wasi::random::WasiRandom;
    use wasmtime_wasi_http::WasiHttp;
    use wasmtime_wasi_http::p2::bindings::http;
    use wasmtime_wasi_io::bindings::wasi::io;

    struct Io;
    impl wasmtime::component::HasData for Io {
        type Data<'a> = &'a mut ResourceTable;
    }

    vec![
        ("wasi:io/error@0.2", |l| {
            io::error::add_to_linker::<T, Io>(l, |t| t.ctx().table)
        }),
        ("wasi:io/poll@0.2", |l| {
            io::poll::add_to_linker::<T, Io>(l, |t| t.ctx().table)
        }),
        ("wasi:io/streams@0.2", |l| {
            io::streams::add_to_linker::<T, Io>(l, |t| t.ctx().table)
        }),
        ("wasi:clocks/wall-clock@0.2", |l| {
            clocks::wall_clock::add_to_linker::<T, WasiClocks>(l, T::clocks)
        }),
        ("wasi:clocks/monotonic-clock@0.2", |l| {
            clocks::monotonic_clock::add_to_linker::<T, WasiClocks>(l, T::clocks)
        }),
        ("wasi:random/random@0.2", |l| {
            random::random::add_to_linker::<T, WasiRandom>(l, |t| t.ctx().ctx.random())
        }),
        ("wasi:random/insecure@0.2", |l| {
            random::insecure::add_to_linker::<T, WasiRandom>(l, |t| t.ctx().ctx.random())
        }),
        ("wasi:random/insecure-seed@0.2", |l| {
            random::insecure_seed::add_to_linker::<T, WasiRandom>(l, |t| t.ctx().ctx.random())
        }),
        ("wasi:cli/environment@0.2", |l| {
            cli::environment::add_to_linker::<T, WasiCli>(l, T::cli)
        }),
        ("wasi:cli/exit@0.2", |l| {
            cli::exit::add_to_linker::<T, WasiCli>(l, T::cli)
        }),
        ("wasi:cli/stdin@0.2", |l| {
            cli::stdin::add_to_linker::<T, WasiCli>(l, T::cli)
        }),
        ("wasi:cli/stdout@0.2", |l| {
            cli::stdout::add_to_linker::<T, WasiCli>(l, T::cli)
        }),
        ("wasi:cli/stderr@0.2", |l| {
            cli::stderr::add_to_linker::<T, WasiCli>(l, T::cli)
        }),
        ("wasi:cli/terminal-input@0.2", |l| {
            cli::terminal_input::add_to_linker::<T, WasiCli>(l, T::cli)
        }),
        ("wasi:cli/terminal-output@0.2", |l| {
            cli::terminal_output::add_to_linker::<T, WasiCli>(l, T::cli)
        }),
        ("wasi:cli/terminal-stdin@0.2", |l| {
            cli::terminal_stdin::add_to_linker::<T, WasiCli>(l, T::cli)
        }),
        ("wasi:cli/terminal-stdout@0.2", |l| {
            cli::terminal_stdout::add_to_linker::<T, WasiCli>(l, T::cli)
        }),
        ("wasi:cli/terminal-stderr@0.2", |l| {
            cli::terminal_stderr::add_to_linker::<T, WasiCli>(l, T::cli)
        }),
        ("wasi:http/types@0.2", |l| {
            let options = wasmtime_wasi_http::p2::bindings::LinkOptions::default();
            http::types::add_to_linker::<T, WasiHttp>(l, &(&options).into(), T::http)
        }),
    ]
}
