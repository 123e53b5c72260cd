//! The store of permits over a database: [`Mediated`] checks the arguments, then reads or
//! submits a change, and leaves the record that the permit asks for.
//!
//! A [`Database`] says which of its writers makes which change and how it reads; the changes
//! themselves stand beside their statements, as [`Applies`] for its [`Engine`].

mod new;
mod store;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use sqlx::{Postgres, Sqlite};

use super::changes::{
    ActivateAccount, AlterAccount, AlterCredential, CountFailure, CreateAccount, CreateSession,
    InsertCredential, PutCeremony, RecordUse, RemoveCredential, RenameCredential, RevokeSession,
    TakeCeremony, TouchSession,
};
use super::job::Applies;
use super::rates::{TakeCells, Taken};
use super::writer::Writer;
use super::{Account, Credential, CredentialForm, Error, Rollouts, Session, StoredRecord, Swept};
use crate::audit::Trail;
use crate::clock::{Clock, Timestamp};

/// A [`Store`] over a database.
///
/// [`Store`]: super::Store
pub struct Mediated<D> {
    pub(super) database: D,
    clock: Arc<dyn Clock>,
    /// Milliseconds.
    session_lifetime: u64,
}

/// What a database does for [`Mediated`]. Its reads see everything that was committed when
/// they begin, and leave no records.
pub trait Database: Rollouts + fmt::Debug {
    /// What makes its changes.
    type Engine: Engine;

    /// Of passkeys, ceremonies and failures.
    fn credentials(&self) -> &Writer<Self::Engine>;

    /// Of accounts and sessions.
    fn accounts(&self) -> &Writer<Self::Engine>;

    /// Of records without a change.
    fn recorder(&self) -> &Writer<Self::Engine>;

    fn credential(
        &self,
        rp_id: &str,
        id: &[u8],
    ) -> impl Future<Output = Result<Credential, Error>> + Send;

    fn credentials_of(
        &self,
        rp_id: &str,
        user_id: &str,
    ) -> impl Future<Output = Result<Vec<Credential>, Error>> + Send;

    fn typical(
        &self,
        rp_id: &str,
    ) -> impl Future<Output = Result<Option<CredentialForm>, Error>> + Send;

    fn account(&self, rp_id: &str, id: &str)
    -> impl Future<Output = Result<Account, Error>> + Send;

    fn account_named(
        &self,
        rp_id: &str,
        name: &str,
    ) -> impl Future<Output = Result<Account, Error>> + Send;

    fn session(&self, rp_id: &str, id: &str)
    -> impl Future<Output = Result<Session, Error>> + Send;

    /// Take cells of an identity. Hosts share its row, which is not to be locked for as long
    /// as a group of changes lasts.
    fn take_cells(&self, taking: TakeCells) -> impl Future<Output = Result<Taken, Error>> + Send;

    fn records(
        &self,
        after: u64,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<StoredRecord>, Error>> + Send;

    /// Whether records wait for the database. Until they are there, nothing is durable,
    /// whatever a trail says.
    fn waiting(&self) -> bool;

    /// Keep the records of a trail for the next commit, or count them as lost.
    fn keep(&self, trail: &Trail) -> impl Future<Output = ()> + Send;

    /// As [`Store::away`].
    ///
    /// [`Store::away`]: super::Store::away
    fn away(&self) -> bool {
        false
    }

    fn ready(&self) -> impl Future<Output = Result<(), Error>> + Send;

    fn sweep(&self, now: Timestamp) -> impl Future<Output = Result<Swept, Error>> + Send;

    /// How many transactions have been committed.
    fn commits(&self) -> u64;

    fn close(&self) -> impl Future<Output = ()> + Send;
}

/// What makes every change that a permit allows.
pub trait Engine:
    Applies<InsertCredential>
    + Applies<RenameCredential>
    + Applies<AlterCredential>
    + Applies<RemoveCredential>
    + Applies<RecordUse>
    + Applies<PutCeremony>
    + Applies<TakeCeremony>
    + Applies<CreateAccount>
    + Applies<ActivateAccount>
    + Applies<AlterAccount>
    + Applies<CreateSession>
    + Applies<TouchSession>
    + Applies<RevokeSession>
    + Applies<CountFailure>
{
}

impl Engine for Sqlite {}
impl Engine for Postgres {}

// === impl Mediated ===

impl<D: Database> Mediated<D> {
    /// Sessions last `session_lifetime` milliseconds.
    pub(super) fn new(database: D, session_lifetime: u64, clock: Arc<dyn Clock>) -> Self {
        Self {
            database,
            clock,
            session_lifetime,
        }
    }

    /// How many transactions have been committed; a measure of how well changes
    /// share them.
    pub fn commits(&self) -> u64 {
        self.database.commits()
    }

    fn credentials(&self) -> &Writer<D::Engine> {
        self.database.credentials()
    }

    fn accounts(&self) -> &Writer<D::Engine> {
        self.database.accounts()
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl<D: Database> fmt::Debug for Mediated<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.database.fmt(f)
    }
}
