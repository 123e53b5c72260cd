//! The credential store in SQLite, embedded: no wire, no second process.
//!
//! WAL with synchronous FULL: what returned success survives a power cut. All
//! changes go through the one [`writer`], reads through a few read-only connections
//! ([`readers`]), which see everything that was committed when they begin. The file
//! is readable for its owner only; whoever owns it can do everything, so the
//! triggers on the audit table guard against our own mistakes, not against them.

mod accounts;
mod audit;
mod blocks;
mod ceremonies;
mod credentials;
mod debts;
mod done;
mod doubt;
mod failures;
mod files;
mod history;
mod insertion;
mod open;
mod rates;
mod readers;
mod rollouts;
mod sessions;
mod sweep;
mod writer;

#[cfg(test)]
mod alike_tests;
#[cfg(test)]
mod tamper_tests;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::sqlite::Sqlite;
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::audit::{Log, Trail};
use crate::clock::{Clock, Timestamp};
use crate::store::mediated::{Database, Mediated};
use crate::store::rates::{TakeCells, Taken};
use crate::store::writer::Writer;
use crate::store::{Account, Credential, CredentialForm, Error, Session, StoredRecord, Swept};
use debts::Debts;
use done::done;

pub use files::{copy, prune};
pub use history::SqliteHistory;
pub use open::{OpenError, bring_up_to_date};

use open::Older;
use readers::Readers;

/// The embedded store.
pub type SqliteStore = Mediated<SqliteDatabase>;

/// Its file.
pub struct SqliteDatabase {
    writer: Writer<Sqlite>,
    debts: Arc<Debts>,
    readers: Readers,
    log: Arc<Log>,
    running: Mutex<Option<Running>>,
    /// The folder of a temporary store, gone with it.
    _folder: Option<TempDir>,
}

/// The writer's thread: the way to end it, and what it says at its end.
struct Running {
    stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
}

// === impl SqliteStore ===

impl SqliteStore {
    /// Open the store at `path`, which is created when it is not there, and bring
    /// its schema up to date. Sessions last `session_lifetime` milliseconds.
    ///
    /// Its records are not sealed; a host uses [`SqliteStore::open_with`].
    ///
    /// # Errors
    /// When the file can't be opened, is no database, or is of a newer schema.
    pub async fn open(
        path: &Path,
        session_lifetime: u64,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let log = Arc::new(Log::unsealed());
        Self::open_with(path, session_lifetime, clock, log).await
    }

    /// As [`SqliteStore::open`], writing this log of records.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub async fn open_with(
        path: &Path,
        session_lifetime: u64,
        clock: Arc<dyn Clock>,
        log: Arc<Log>,
    ) -> Result<Self, OpenError> {
        let older = Older::BringUp;
        Self::start(path, true, older, session_lifetime, clock, log, None).await
    }

    /// As [`SqliteStore::open_with`], a store that is there and has this program's schema: for
    /// what works beside a host, whose version is its own affair.
    ///
    /// # Errors
    /// As [`SqliteStore::open`], and when there is no store or its schema is older.
    pub async fn open_as_it_is(
        path: &Path,
        session_lifetime: u64,
        clock: Arc<dyn Clock>,
        log: Arc<Log>,
    ) -> Result<Self, OpenError> {
        let older = Older::Refuse;
        Self::start(path, true, older, session_lifetime, clock, log, None).await
    }

    /// A store for tests that ends with its value: the same code over a file in a
    /// temporary folder, but without waiting for the disk.
    ///
    /// # Errors
    /// When there is no temporary folder to write in.
    pub async fn temporary(
        session_lifetime: u64,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let folder = TempDir::new().map_err(|source| OpenError::File {
            path: PathBuf::from("the temporary folder"),
            source,
        })?;
        let path = folder.path().join("zeropass.db");
        let log = Arc::new(Log::unsealed());
        let older = Older::BringUp;
        let folder = Some(folder);
        Self::start(&path, false, older, session_lifetime, clock, log, folder).await
    }

    async fn start(
        path: &Path,
        durable: bool,
        older: Older,
        session_lifetime: u64,
        clock: Arc<dyn Clock>,
        log: Arc<Log>,
        folder: Option<TempDir>,
    ) -> Result<Self, OpenError> {
        let mut opened = open::open(path, durable, older).await?;
        let head = audit::head(&mut opened.connection, log.id()).await;
        log.resume(head.map_err(|source| OpenError::Database {
            path: path.to_owned(),
            source,
        })?);
        let debts = Arc::new(Debts::new(Arc::clone(&log)));
        let (writer, writing) = writer::writer(
            opened.options,
            opened.connection,
            Arc::clone(&log),
            Arc::clone(&debts),
        );
        let (stop, stopped) = oneshot::channel();
        let ended = writing
            .on_a_thread(stopped)
            .map_err(|source| OpenError::File {
                path: path.to_owned(),
                source,
            })?;
        let database = SqliteDatabase {
            writer,
            debts,
            readers: opened.readers,
            log,
            running: Mutex::new(Some(Running { stop, ended })),
            _folder: folder,
        };
        Ok(Self::new(database, session_lifetime, clock))
    }
}

// === impl SqliteDatabase ===

impl Database for SqliteDatabase {
    type Engine = Sqlite;

    fn credentials(&self) -> &Writer<Sqlite> {
        &self.writer
    }

    fn accounts(&self) -> &Writer<Sqlite> {
        &self.writer
    }

    fn recorder(&self) -> &Writer<Sqlite> {
        &self.writer
    }

    async fn credential(&self, rp_id: &str, id: &[u8]) -> Result<Credential, Error> {
        credentials::get(&self.readers, rp_id, id).await
    }

    async fn credentials_of(&self, rp_id: &str, user_id: &str) -> Result<Vec<Credential>, Error> {
        credentials::list_for_user(&self.readers, rp_id, user_id).await
    }

    async fn typical(&self, rp_id: &str) -> Result<Option<CredentialForm>, Error> {
        credentials::typical(&self.readers, rp_id).await
    }

    async fn account(&self, rp_id: &str, id: &str) -> Result<Account, Error> {
        accounts::find_by_id(&self.readers, rp_id, id).await
    }

    async fn account_named(&self, rp_id: &str, name: &str) -> Result<Account, Error> {
        accounts::find_by_name(&self.readers, rp_id, name).await
    }

    async fn session(&self, rp_id: &str, id: &str) -> Result<Session, Error> {
        sessions::get(&self.readers, rp_id, id).await
    }

    async fn take_cells(&self, taking: TakeCells) -> Result<Taken, Error> {
        self.writer.run(&Trail::new(), taking).await
    }

    async fn records(&self, after: u64, limit: u32) -> Result<Vec<StoredRecord>, Error> {
        audit::after(&self.readers, self.log.id(), after, limit).await
    }

    fn waiting(&self) -> bool {
        self.debts.in_doubt()
    }

    async fn keep(&self, trail: &Trail) {
        self.debts.owe(trail);
    }

    async fn ready(&self) -> Result<(), Error> {
        let one = sqlx::query("SELECT 1");
        self.readers.one::<(i64,)>(one).await?;
        self.writer.ready().await
    }

    async fn sweep(&self, now: Timestamp) -> Result<Swept, Error> {
        self.writer.run(&Trail::new(), sweep::Sweep(now)).await
    }

    fn commits(&self) -> u64 {
        self.writer.commits()
    }

    /// Readers go first, so that the writer is the last one and tidies up the WAL.
    async fn close(&self) {
        let running = self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(Running { stop, ended }) = running {
            self.readers.close().await;
            let _ = stop.send(());
            if ended.await.is_err() {
                tracing::error!("the store's writer ended badly");
            }
        }
    }
}

impl fmt::Debug for SqliteDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("commits", &self.writer.commits())
            .finish_non_exhaustive()
    }
}

/// What a caller hears when a read fails; the reason is for the log. SQL texts
/// and columns may stand in it, values don't.
fn unavailable(error: sqlx::Error) -> Error {
    tracing::error!(%error, "the store could not read");
    Error::Busy
}
