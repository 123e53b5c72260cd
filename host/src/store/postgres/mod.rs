//! The credential store in PostgreSQL, for one host or many.
//!
//! Hosts share the tables and nothing else: whatever must happen once (a ceremony, a
//! counter, a name) is decided by one statement in the database. Least privilege is the
//! database's own: each duty has its role, its certificate and its connections, and the
//! audit log can only be appended to through functions of its owner ([`privileges`]).
//!
//! - [`tunnel`] carries every connection through TLS of our own;
//! - [`writer`] is a writer for each duty, with group commit; [`ledger`] is the host's audit
//!   log, which all of them append to in the transaction of the change;
//! - [`impostor`] tries whether the server lets in who is not the role;
//! - [`schema`] brings a database up to date and refuses one of another version.
//!
//! A database must keep READ COMMITTED with row locks, unique and foreign keys, functions that
//! run as their owner, and the catalog of PostgreSQL 15.

mod accounts;
mod audit;
mod ceremonies;
mod connect;
mod credentials;
mod error;
mod failures;
mod history;
mod import;
mod impostor;
mod ledger;
mod privileges;
mod prune;
mod rates;
mod read;
mod role;
mod rollouts;
mod schema;
mod sessions;
mod settings;
mod socket;
mod sweep;
mod tls;
mod tunnel;
mod wire;
mod writer;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::Connection as _;
use sqlx::postgres::{PgConnection, PgPool, Postgres};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use self::connect::Gateway;
use self::ledger::Ledger;
use crate::audit::{Log, Trail};
use crate::clock::{Clock, Timestamp};
use crate::store::mediated::{Database, Mediated};
use crate::store::rates::{TakeCells, Taken};
use crate::store::writer::Writer;
use crate::store::{Account, Credential, CredentialForm, Error, Session, StoredRecord, Swept};

pub use self::error::OpenError;
pub use self::history::PostgresHistory;
pub use self::import::{ImportError, Imported, import};
pub use self::prune::prune;
pub use self::role::Role;
pub use self::schema::{Migrated, migrate, migration, roles};
pub use self::settings::{Login, Server, Settings};
pub use self::tls::TlsFault;

/// A store in PostgreSQL.
pub type PostgresStore = Mediated<PostgresDatabase>;

/// Its roles' connections.
pub struct PostgresDatabase {
    accounts: Duty,
    credentials: Duty,
    rollouts: Duty,
    /// For records without a change.
    recorder: Writer<Postgres>,
    records: PgPool,
    ledger: Arc<Ledger>,
    running: Mutex<Option<Running>>,
}

/// What a role that reads and writes has.
struct Duty {
    writer: Writer<Postgres>,
    readers: PgPool,
}

/// The writer tasks, the ways to end them, and the ways to the database.
struct Running {
    writers: Vec<(oneshot::Sender<()>, JoinHandle<()>)>,
    gateways: Vec<Arc<Gateway>>,
}

// === impl PostgresStore ===

impl PostgresStore {
    /// Connect as every role, check the schema, each role's privileges and that nobody else can
    /// be it, and go on with this host's log of records. Sessions last `session_lifetime` milliseconds.
    ///
    /// # Errors
    /// A role that can't connect, has other privileges than it needs or lets others in, a
    /// schema of another version, or a log that is somebody else's.
    pub async fn open(
        settings: &Settings,
        log: Arc<Log>,
        session_lifetime: u64,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let open = async |role, login| {
            let gateway = Gateway::open(&settings.server, role, login)?;
            let mut connection = schema::connect(&gateway).await?;
            check(&mut connection, role).await?;
            let durable = writer::durable(&mut connection).await;
            durable.map_err(OpenError::Database)?;
            Ok::<_, OpenError>((Arc::new(gateway), connection))
        };
        let (accounts_gateway, accounts) = open(Role::Accounts, &settings.accounts).await?;
        let (credentials_gateway, credentials) =
            open(Role::Credentials, &settings.credentials).await?;
        let (rollouts_gateway, rollouts) = open(Role::Rollouts, &settings.rollouts).await?;
        let (recorder_gateway, mut recorder) =
            open(Role::AuditWriter, &settings.audit_writer).await?;
        let (records_gateway, records) = open(Role::AuditReader, &settings.audit_reader).await?;
        let _ = records.close().await;
        impostor::refused(settings).await?;
        let size: i64 = sqlx::query_scalar("SELECT zeropass.open_audit($1, $2)")
            .bind(log.id())
            .bind(log.secret().bytes())
            .fetch_one(&mut recorder)
            .await
            .map_err(|source| OpenError::of_log(log.id(), source))?;
        log.resume(u64::try_from(size).unwrap_or_default());

        let ledger = Arc::new(Ledger::new(log));
        let mut writers = Vec::new();
        let mut start = |gateway: &Arc<Gateway>, connection| {
            let (writer, writing) =
                writer::writer(Arc::clone(gateway), Arc::clone(&ledger), connection);
            let (stop, stopped) = oneshot::channel();
            writers.push((stop, tokio::spawn(writing.run(stopped))));
            writer
        };
        let database = PostgresDatabase {
            accounts: Duty {
                writer: start(&accounts_gateway, accounts),
                readers: accounts_gateway.pool(settings.accounts.connections),
            },
            credentials: Duty {
                writer: start(&credentials_gateway, credentials),
                readers: credentials_gateway.pool(settings.credentials.connections),
            },
            rollouts: Duty {
                writer: start(&rollouts_gateway, rollouts),
                readers: rollouts_gateway.pool(settings.rollouts.connections),
            },
            recorder: start(&recorder_gateway, recorder),
            records: records_gateway.pool(settings.audit_reader.connections),
            ledger,
            running: Mutex::new(Some(Running {
                writers,
                gateways: vec![
                    accounts_gateway,
                    credentials_gateway,
                    rollouts_gateway,
                    recorder_gateway,
                    records_gateway,
                ],
            })),
        };
        Ok(Self::new(database, session_lifetime, clock))
    }
}

// === impl PostgresDatabase ===

impl Database for PostgresDatabase {
    type Engine = Postgres;

    fn credentials(&self) -> &Writer<Postgres> {
        &self.credentials.writer
    }

    fn accounts(&self) -> &Writer<Postgres> {
        &self.accounts.writer
    }

    fn recorder(&self) -> &Writer<Postgres> {
        &self.recorder
    }

    async fn credential(&self, rp_id: &str, id: &[u8]) -> Result<Credential, Error> {
        credentials::get(&self.credentials.readers, rp_id, id).await
    }

    async fn credentials_of(&self, rp_id: &str, user_id: &str) -> Result<Vec<Credential>, Error> {
        credentials::list_for_user(&self.credentials.readers, rp_id, user_id).await
    }

    async fn typical(&self, rp_id: &str) -> Result<Option<CredentialForm>, Error> {
        credentials::typical(&self.credentials.readers, rp_id).await
    }

    async fn account(&self, rp_id: &str, id: &str) -> Result<Account, Error> {
        accounts::find_by_id(&self.accounts.readers, rp_id, id).await
    }

    async fn account_named(&self, rp_id: &str, name: &str) -> Result<Account, Error> {
        accounts::find_by_name(&self.accounts.readers, rp_id, name).await
    }

    async fn session(&self, rp_id: &str, id: &str) -> Result<Session, Error> {
        sessions::get(&self.accounts.readers, rp_id, id).await
    }

    async fn take_cells(&self, taking: TakeCells) -> Result<Taken, Error> {
        rates::take(&self.accounts.readers, &taking).await
    }

    async fn records(&self, after: u64, limit: u32) -> Result<Vec<StoredRecord>, Error> {
        audit::after(&self.records, self.ledger.log().id(), after, limit).await
    }

    fn waiting(&self) -> bool {
        self.ledger.waiting()
    }

    async fn keep(&self, trail: &Trail) {
        self.ledger.owe_for(trail).await;
    }

    fn away(&self) -> bool {
        self.recorder.away() && self.ledger.has_room()
    }

    async fn ready(&self) -> Result<(), Error> {
        for readers in [&self.accounts.readers, &self.credentials.readers] {
            let answer = read::read(readers, |db| async move {
                sqlx::query("SELECT 1").execute(&db).await
            });
            answer.await?;
        }
        for writer in [
            &self.recorder,
            &self.accounts.writer,
            &self.credentials.writer,
        ] {
            writer.ready().await?;
        }
        Ok(())
    }

    async fn sweep(&self, now: Timestamp) -> Result<Swept, Error> {
        let none = Trail::new();
        let first = sweep::CeremoniesAndFailures(now);
        let (ceremonies, failures) = self.credentials.writer.run(&none, first).await?;
        let rest = sweep::AccountsSessionsAndRates(now);
        let (accounts, sessions, rates) = self.accounts.writer.run(&none, rest).await?;
        Ok(Swept {
            ceremonies,
            accounts,
            sessions,
            failures,
            rates,
        })
    }

    fn commits(&self) -> u64 {
        let writers = [
            &self.accounts.writer,
            &self.credentials.writer,
            &self.rollouts.writer,
            &self.recorder,
        ];
        writers.map(Writer::commits).iter().sum()
    }

    /// Finish what was accepted, then let the database go. The tunnels stay until every
    /// connection through them is closed.
    async fn close(&self) {
        let running = self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(Running { writers, gateways }) = running else {
            return;
        };
        for pool in [
            &self.accounts.readers,
            &self.credentials.readers,
            &self.rollouts.readers,
            &self.records,
        ] {
            pool.close().await;
        }
        for (stop, task) in writers {
            let _ = stop.send(());
            if let Err(error) = task.await {
                tracing::error!(%error, "a writer of the store ended badly");
            }
        }
        self.ledger.abandon().await;
        drop(gateways);
    }
}

impl fmt::Debug for PostgresDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("log", &self.ledger.log().id())
            .field("commits", &self.commits())
            .finish_non_exhaustive()
    }
}

/// The schema first: without it, privileges are missing for a simpler reason.
async fn check(connection: &mut PgConnection, role: Role) -> Result<(), OpenError> {
    schema::check(connection).await?;
    let findings = privileges::findings(connection, role)
        .await
        .map_err(OpenError::Database)?;
    if findings.is_empty() {
        return Ok(());
    }
    Err(OpenError::Privileges { role, findings })
}

/// What a caller hears when a read fails; the reason is for the log. SQL texts
/// and columns may stand in it, values don't.
fn unavailable(error: &sqlx::Error) -> Error {
    tracing::error!(%error, "the store could not read");
    Error::Busy
}
