//! Why a store in PostgreSQL can't be opened.

use super::role::Role;
use super::tls::TlsFault;

/// SQLSTATE of our functions: the log belongs to somebody else.
const NOT_OURS: &str = "ZP002";

/// Each message says what is wrong and how to mend it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A role's certificate files.
    #[error("the database role {role}: {source}")]
    Material {
        /// The role.
        role: Role,
        /// What is wrong with them.
        source: TlsFault,
    },
    /// The name that the server's certificate should have is none.
    #[error("{0:?} is neither a DNS name nor an IP address; set store.postgres.server-name")]
    ServerName(String),
    /// The private socket can't be made.
    #[error(
        "the tunnel to the database: {0}; the folder for temporary files must be writable and its path short"
    )]
    Tunnel(std::io::Error),
    /// A role can't connect.
    #[error("{role} can't connect to the database: {}", reason(source))]
    Connect {
        /// The role.
        role: Role,
        /// What the tunnel or the server said.
        source: sqlx::Error,
    },
    /// The database did not answer as it should.
    #[error("the database: {}", reason(.0))]
    Database(sqlx::Error),
    /// A role has more, or less, than its duty needs.
    #[error(
        "the database role {role} is not as `zeropass store roles` makes it:\n  {}\n\
         the host runs with exactly the privileges it needs; revoke what is too much, and run \
         `zeropass store migrate` for what is missing", findings.join("\n  ")
    )]
    Privileges {
        /// The role.
        role: Role,
        /// What differs.
        findings: Vec<String>,
    },
    /// Somebody else can be this role.
    #[error(
        "the server lets anybody in as {role}, {how}: set the method `cert` for it in pg_hba.conf, \
         without a map, and let no line above it match (impostor)"
    )]
    Impostor {
        /// The role.
        role: Role,
        /// As whom it was tried.
        how: String,
    },
    /// The log was opened by somebody with another secret.
    #[error(
        "audit log {log} was opened in the database by somebody who does not have its key: the \
         certificate of zeropass_audit_writer is in other hands. Issue the certificates of all roles \
         anew; then let the owner of the database clear the log's proof in zeropass.audit_logs, or \
         move the host's keys audit-* away to begin a new log (another-key)"
    )]
    AnotherKey {
        /// The log.
        log: String,
    },
    /// A newer zeropass has been here.
    #[error(
        "the database has schema version {found}, this zeropass knows versions up to {known}; \
         run the newer zeropass, or restore the backup from before its first start"
    )]
    NewerSchema {
        /// The version in the database.
        found: i64,
        /// The last version of this binary.
        known: i64,
    },
    /// The migration has not run yet.
    #[error(
        "the database has schema version {found}, this zeropass needs version {known}; \
         run `zeropass store migrate`"
    )]
    OlderSchema {
        /// The version in the database; 0 without any.
        found: i64,
        /// The version of this binary.
        known: i64,
    },
    /// A step of the migration failed; nothing of it remains.
    #[error("the schema can't be brought up to date: {0}")]
    Schema(sqlx::migrate::MigrateError),
}

// === impl OpenError ===

impl OpenError {
    /// Why the log of this id can't be opened.
    pub(super) fn of_log(log: &str, source: sqlx::Error) -> Self {
        let code = source.as_database_error().and_then(|error| error.code());
        if code.as_deref() == Some(NOT_OURS) {
            return Self::AnotherKey {
                log: log.to_owned(),
            };
        }
        Self::Database(source)
    }
}

/// A database's own words are enough.
fn reason(error: &sqlx::Error) -> String {
    match error.as_database_error() {
        Some(database) => database.message().to_owned(),
        None => error.to_string(),
    }
}
