//! Opening a SQLite store: the file, the connections, the schema.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, SqlSafeStr as _, SqliteConnection};

use super::audit;

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
    ])
});

/// How long to wait for another program's lock, and for a free reader.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Readers do not wait for the writer; a few are enough for the cores there are.
const READERS: u32 = 4;

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
    /// The schema can't be brought up to date.
    #[error("{path}: {source}; restore a backup, and tell the makers of zeropass")]
    Schema {
        /// The file.
        path: PathBuf,
        /// What failed.
        source: MigrateError,
    },
}

/// What an open store runs on.
pub(super) struct Opened {
    pub(super) options: SqliteConnectOptions,
    pub(super) connection: SqliteConnection,
    pub(super) readers: SqlitePool,
}

/// Open or create the store at `path`, in a folder that is there.
pub(super) async fn open(path: &Path, durable: bool) -> Result<Opened, OpenError> {
    create(path).map_err(|source| OpenError::File {
        path: path.to_owned(),
        source,
    })?;
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
        // One for each number of records that are appended together, and all the others.
        .statement_cache_capacity(2 * audit::ROWS)
        // Else INSERT OR REPLACE would delete audit rows past their trigger.
        .pragma("recursive_triggers", "ON");
    let mut connection = writing.connect().await.map_err(database)?;
    migrate(&mut connection, path).await?;
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(LOCK_WAIT)
        .test_before_acquire(false)
        .connect_with(options.read_only(true))
        .await
        .map_err(database)?;
    Ok(Opened {
        options: writing,
        connection,
        readers,
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

async fn migrate(connection: &mut SqliteConnection, path: &Path) -> Result<(), OpenError> {
    let known = MIGRATIONS
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0);
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
