//! From a component file to a store that is ready for one call.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;
use wasmtime::Store;
use wasmtime::component::{Component, InstancePre, Linker};
use zeropass::audit::ComponentIdentity;
use zeropass::hex::hex;
use zeropass::runtime::engine::Options;
use zeropass::runtime::{Deadline, Limits, LinkInterface, Runtime};

use super::link::SharedLink;
use super::memory::World;
use super::state::State;
use super::{Code, Rejection, code_name};

/// Why a file is not a component of the wanted kind.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file can't be read.
    #[error("{path}: {source}; build the components first: cargo xtask test does")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not a component, or one that imports or exports something else than its world.
    #[error("{path}: {reason}")]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What wasmtime said.
        reason: String,
    },
}

/// What came of a call instead of a value.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CallError {
    /// The component's answer: no, and why.
    #[error("{}: {}", code_name(.0.code), .0.detail)]
    Rejected(Rejection),
    /// The component trapped, ran into a limit or gave no valid answer.
    #[error("the component failed: {0}")]
    Failed(String),
}

/// A loaded file, before its exports are looked up.
pub(super) struct Loaded {
    pub pre: InstancePre<State>,
    pub sandboxed: Sandboxed,
}

/// What every instance of one kit has in common.
#[derive(Clone)]
pub(super) struct Sandboxed {
    identity: Arc<ComponentIdentity>,
    limits: Limits,
    pub world: Arc<World>,
}

/// The component file that the build made: `name` is `passkey-manager` or
/// `auth-service`. The folder is `ZEROPASS_COMPONENTS`, or else where
/// `cargo xtask` puts components.
pub fn built(name: &str) -> PathBuf {
    let folder = std::env::var_os("ZEROPASS_COMPONENTS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/wasm32-wasip2/component"),
        PathBuf::from,
    );
    folder.join(format!("{}.wasm", name.replace('-', "_")))
}

/// One engine for the process, configured like the host's but without the pool.
fn runtime() -> wasmtime::Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let runtime = Runtime::new(&Options {
        pooling: false,
        ..Options::default()
    })?;
    Ok(RUNTIME.get_or_init(|| runtime))
}

/// The tests of one binary share what was compiled: the lock is held while
/// compiling, so that they do not all compile the same at once.
fn compile(digest: &str, wasm: &[u8]) -> wasmtime::Result<Component> {
    static COMPILED: Mutex<Option<HashMap<String, Component>>> = Mutex::new(None);
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    let compiled = compiled.get_or_insert_default();
    if let Some(component) = compiled.get(digest) {
        return Ok(component.clone());
    }
    let component = Component::new(runtime()?.engine(), wasm)?;
    compiled.insert(digest.to_owned(), component.clone());
    Ok(component)
}

/// Load `path` with these interfaces and no others.
pub(super) fn load(
    name: &str,
    path: &Path,
    interfaces: &[(&'static str, LinkInterface<State>)],
) -> Result<Loaded, LoadError> {
    let wasm = std::fs::read(path).map_err(|source| LoadError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let digest = hex(digest::digest(&digest::SHA256, &wasm).as_ref());
    let pre = link(&digest, &wasm, interfaces).map_err(unfit(path))?;
    Ok(Loaded {
        pre,
        sandboxed: Sandboxed {
            identity: Arc::new(ComponentIdentity {
                name: name.to_owned(),
                revision: digest.chars().take(12).collect(),
                digest,
            }),
            limits: Limits {
                // Machines that run tests are busy; a guest that loops still ends.
                deadline: Duration::from_secs(30),
                ..Limits::default()
            },
            world: World::new(),
        },
    })
}

pub(super) fn unfit(path: &Path) -> impl FnOnce(wasmtime::Error) -> LoadError {
    move |error| LoadError::Unfit {
        path: path.to_owned(),
        reason: format!("{error:#}"),
    }
}

fn link(
    digest: &str,
    wasm: &[u8],
    interfaces: &[(&'static str, LinkInterface<State>)],
) -> wasmtime::Result<InstancePre<State>> {
    let component = compile(digest, wasm)?;
    let mut linker = Linker::new(component.engine());
    for (_, add) in interfaces {
        add(&mut linker)?;
    }
    linker.instantiate_pre(&component)
}

// === impl CallError ===

impl CallError {
    /// The code of a rejection; `failed` when there was no answer.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Rejected(rejection) => code_name(rejection.code),
            Self::Failed(_) => "failed",
        }
    }

    /// The rejection that this is to whoever called over a link.
    pub(super) fn into_rejection(self) -> Rejection {
        match self {
            Self::Rejected(rejection) => rejection,
            Self::Failed(detail) => Rejection {
                code: Code::Busy,
                detail,
                remedy: None,
            },
        }
    }

    pub(super) fn failed(error: &wasmtime::Error) -> Self {
        Self::Failed(format!("{error:#}"))
    }
}

impl From<Rejection> for CallError {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

// === impl Sandboxed ===

impl Sandboxed {
    /// A store for one call, with its limits armed.
    pub fn store(&self, engine: &wasmtime::Engine, link: Option<SharedLink>) -> Store<State> {
        let state = State::new(Arc::clone(&self.identity), &self.limits, &self.world, link);
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.sandbox.limiter);
        store.set_hostcall_fuel(self.limits.hostcall_bytes);
        Deadline::within(self.limits.deadline).arm(&mut store);
        store
    }
}
