//! Opening a SQLite store: the file, the connections, the schema.

use std::cmp::Ordering;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqlSafeStr as _, SqliteConnection};

use super::readers::Readers;

/// The schema that this binary knows, oldest step first. Listed by hand: sqlx's macro
/// for it would compile SQLite a second time, for the compiler's own use.
static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let step = |version, name: &'static str, sql: &'static str| {
        let sql = sql.into_sql_str();
        Migration::new(version, name.into(), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(vec![
        step(1, "store", include_str!("migrations/0001_store.sql")),
        step(
            2,
            "audit-log",
            include_str!("migrations/0002_audit_log.sql"),
        ),
        step(
            3,
            "lifecycle",
            include_str!("migrations/0003_lifecycle.sql"),
        ),
        step(10, "rollouts", include_str!("migrations/0010_rollouts.sql")),
        step(20, "rates", include_str!("migrations/0020_rates.sql")),
        step(
            21,
            "credential age",
            include_str!("migrations/0021_credential_age.sql"),
        ),
        step(
            22,
            "audit blocks",
            include_str!("migrations/0022_audit_blocks.sql"),
        ),
        step(
            23,
            "revision file last",
            include_str!("migrations/0023_revision_file_last.sql"),
        ),
    ])
});

/// Whether any step was taken.
const THERE: &str = "SELECT count(*) FROM sqlite_master WHERE name = '_sqlx_migrations'";

/// The last of them.
const FOUND: &str = "SELECT max(version) FROM _sqlx_migrations WHERE success";

/// How long to wait for another program's lock, and for a free reader.
pub(super) const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Pages of the write-ahead log, 16 MiB, after which they are brought into the file: each time
/// two files are synced, and a page that was written often goes once.
const CHECKPOINT: &str = "4000";

/// Pages that a reader keeps, as SQLite has it: KiB, negative. Each commit empties it, and a
/// component's file would fill it.
const READER_CACHE: &str = "-256";

/// Why a store can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file can't be made or opened.
    #[error("{path}: {source}; the host needs a folder in which it may write")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is there, but it is no database, or it is locked.
    #[error("{path}: {source}")]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: sqlx::Error,
    },
    /// A newer zeropass has been here.
    #[error(
        "{path} has schema version {found}, this zeropass knows versions up to {known}; \
         run the newer zeropass, or restore the backup from before its first start"
    )]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        found: i64,
        /// The last version of this binary.
        known: i64,
    },
    /// The host of this version has not been here yet, and only a host changes a schema.
    #[error(
        "{path} has schema version {found}, this zeropass needs version {known}; start its host, \
         which brings the store up to date, or use the zeropass that the host is of (older-schema)"
    )]
    OlderSchema {
        /// The file.
        path: PathBuf,
        /// The version in the file; 0 without any.
        found: i64,
        /// The version of this binary.
        known: i64,
    },
    /// There is no store, and only a host makes one.
    #[error("{path}: there is no store; its host makes it when it starts (no-store)")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The schema can't be brought up to date.
    #[error("{path}: {source}; restore a backup, and tell the makers of zeropass")]
    Schema {
        /// The file.
        path: PathBuf,
        /// What failed.
        source: MigrateError,
    },
}

/// What is done with a schema of an older version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Older {
    /// Bring it up to date; make the store when there is none. For a host.
    BringUp,
    /// Refuse it. For a command beside a host, which may be of another version.
    Refuse,
}

/// What an open store runs on.
pub(super) struct Opened {
    pub(super) options: SqliteConnectOptions,
    pub(super) connection: SqliteConnection,
    pub(super) readers: Readers,
}

/// Open the store at `path`, in a folder that is there.
pub(super) async fn open(path: &Path, durable: bool, older: Older) -> Result<Opened, OpenError> {
    match older {
        Older::BringUp => create(path).map_err(|source| OpenError::File {
            path: path.to_owned(),
            source,
        })?,
        Older::Refuse => check(path).await?,
    }
    let database = |source| OpenError::Database {
        path: path.to_owned(),
        source,
    };
    let options = SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(LOCK_WAIT)
        .pragma("trusted_schema", "OFF")
        .disable_statement_logging();
    let writing = options
        .clone()
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(if durable {
            SqliteSynchronous::Full
        } else {
            SqliteSynchronous::Off
        })
        .pragma("wal_autocheckpoint", CHECKPOINT)
        // Else INSERT OR REPLACE would delete audit rows past their trigger.
        .pragma("recursive_triggers", "ON");
    let mut connection = writing.connect().await.map_err(database)?;
    if older == Older::BringUp {
        migrate(&mut connection, path).await?;
    }
    let reading = options.read_only(true).pragma("cache_size", READER_CACHE);
    let readers = Readers::open(reading).await.map_err(database)?;
    Ok(Opened {
        options: writing,
        connection,
        readers,
    })
}

/// Bring the schema of a store that nobody uses up to date.
///
/// # Errors
/// As of a host that opens it; and it is no store.
pub async fn bring_up_to_date(path: &Path) -> Result<(), OpenError> {
    match check(path).await {
        Err(OpenError::OlderSchema { found: 1.., .. }) => {}
        other => return other,
    }
    let opened = open(path, true, Older::BringUp).await?;
    opened.readers.close().await;
    let closed = opened.connection.close().await;
    closed.map_err(|source| OpenError::Database {
        path: path.to_owned(),
        source,
    })
}

/// Make the file ourselves, readable for its owner only. SQLite gives the same
/// mode to the files that it puts beside it.
fn create(path: &Path) -> io::Result<()> {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map(drop),
    }
}

/// Whether the schema is the one that this binary was made for. The file stays as it is.
async fn check(path: &Path) -> Result<(), OpenError> {
    if !path.exists() {
        return Err(OpenError::Missing {
            path: path.to_owned(),
        });
    }
    let looked = async {
        let mut connection = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .busy_timeout(LOCK_WAIT)
            .disable_statement_logging()
            .connect()
            .await?;
        let there: i64 = sqlx::query_scalar(THERE).fetch_one(&mut connection).await?;
        let found: Option<i64> = match there {
            0 => None,
            _ => sqlx::query_scalar(FOUND).fetch_one(&mut connection).await?,
        };
        connection.close().await?;
        Ok::<i64, sqlx::Error>(found.unwrap_or(0))
    };
    let found = looked.await.map_err(|source| OpenError::Database {
        path: path.to_owned(),
        source,
    })?;
    let (path, known) = (path.to_owned(), known());
    match found.cmp(&known) {
        Ordering::Less => Err(OpenError::OlderSchema { path, found, known }),
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(OpenError::NewerSchema { path, found, known }),
    }
}

pub(super) fn known() -> i64 {
    let versions = MIGRATIONS.iter().map(|migration| migration.version);
    versions.max().unwrap_or(0)
}

async fn migrate(connection: &mut SqliteConnection, path: &Path) -> Result<(), OpenError> {
    let known = known();
    MIGRATIONS
        .run(connection)
        .await
        .map_err(|source| match source {
            MigrateError::VersionMissing(found) if found > known => OpenError::NewerSchema {
                path: path.to_owned(),
                found,
                known,
            },
            source => OpenError::Schema {
                path: path.to_owned(),
                source,
            },
        })
}
