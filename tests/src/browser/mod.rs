//! The test kit for what a person sees: the real host and the real demo relying party
//! as child processes, and Chromium with virtual authenticators in front of them.
//!
//! Guarantees: nothing here is a stand-in but the authenticator, which is the virtual one of
//! WebDriver's WebAuthn extension (WebAuthn L3 section 11); no child outlives its owner,
//! not even in a panicking test; one test at a time has a browser, because each is
//! hundreds of megabytes. Bounds: a wait gives up after [`PATIENCE`] and says what it saw
//! instead. Left to the caller: building the binaries and components, and the names
//! of their folders (see [`Environment`]).

mod authenticator;
mod child;
mod command;
mod environment;
mod inspection;
mod page;
mod service;
mod session;
mod shots;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::sync::Mutex;

pub use self::authenticator::Device;
pub use self::child::is_alive;
pub use self::environment::Environment;
pub use self::inspection::{Answer, Control};
pub use self::page::{Message, Page, Row};
pub use self::service::Service;
pub use self::session::Session;
pub use self::shots::Shots;

/// How long something may take before it counts as never happening.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How often a wait looks again.
const TICK: Duration = Duration::from_millis(20);

static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// Where tests keep what lasts longer than they do.
#[derive(Clone, Debug)]
pub struct Folders {
    /// Compiled components, shared so that only the first test compiles them.
    pub cache: PathBuf,
    /// Where pictures go.
    pub shots: PathBuf,
}

/// Starts everything, runs `test` on the open page, and stops everything.
///
/// # Errors
/// What the test says, with a picture of the page and the end of the logs; or what
/// kept the set-up from starting.
pub async fn run<T>(folders: &Folders, name: &str, test: T) -> Result<()>
where
    T: AsyncFnOnce(&mut Page, &mut Service) -> Result<()>,
{
    let _turn = ONE_AT_A_TIME.lock().await;
    let environment = Environment::from_env()?;
    let mut service = Service::start(&environment, &folders.cache).await?;
    let session = Session::start(&environment).await?;
    let shots = Shots::new(&folders.shots, name)?;
    let mut page = Page::open(session, service.origin().to_owned(), shots).await?;
    let outcome = test(&mut page, &mut service).await;
    if let Err(error) = outcome {
        let picture = match page.shoot_failure().await {
            Ok(file) => format!("picture: {}", file.display()),
            Err(error) => format!("no picture: {error:#}"),
        };
        return Err(error.context(format!("{name}; {picture}\n{}", service.last_words())));
    }
    page.close().await
}

/// Asks until the answer is there.
///
/// # Errors
/// `PATIENCE` is over: the message has what was waited for and what was seen last.
async fn poll<V, F>(what: &str, mut look: impl FnMut() -> F) -> Result<V>
where
    F: Future<Output = Result<Seen<V>>>,
{
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let seen = match look().await? {
            Seen::Done(value) => return Ok(value),
            Seen::NotYet(seen) => seen,
        };
        if tokio::time::Instant::now() >= deadline {
            bail!("waited {} s for {what}, but saw {seen}", PATIENCE.as_secs());
        }
        tokio::time::sleep(TICK).await;
    }
}

/// One look at what is waited for.
enum Seen<V> {
    Done(V),
    /// In words, for the error.
    NotYet(String),
}

fn create_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("can't create {}", folder.display()))
}
