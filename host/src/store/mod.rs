//! The credential store: accounts, passkeys, ceremonies, sessions and the audit log.
//!
//! One trait, [`Store`], that each database implements; [`sqlite`] is the
//! embedded one, [`postgres`] the one of several hosts. What every implementation
//! guarantees:
//!
//! - Nothing happens without a [`Permit`]. The permit's relying party is the only
//!   one whose data a call can see or change.
//! - A change and its audit record commit together, or neither does. A change
//!   that was refused leaves its record all the same.
//! - A read leaves its record on the trail of its request; the server owes the
//!   trail to [`Store::append`] before the answer leaves the host.
//! - What returned success is durable, but for a ceremony that was put on behalf of a trail that
//!   withholds: that is durable when [`Store::append`] has returned success for the trail.
//!
//! Sizes and forms are checked in [`check`], alike for all databases. The store
//! knows nothing about HTTP, components or the meaning of policies.

mod changes;
mod check;
mod columns;
mod error;
mod gap;
mod job;
mod lockout;
mod mediated;
pub mod postgres;
mod rates;
pub mod rollouts;
mod rows;
mod settle;
pub mod sqlite;
mod types;
mod writer;

#[cfg(test)]
mod contract;

use async_trait::async_trait;

pub use crate::audit::StoredRecord;
use crate::audit::Trail;
use crate::clock::Timestamp;
use crate::policy::{Permit, action};

pub use error::Error;
use gap::gap;
pub use lockout::{Failed, LockoutPolicy};
pub use rates::{RateLimit, Taken};
pub use rollouts::Rollouts;
pub use types::{
    Account, AccountChange, AccountStatus, AttestationConveyance, Ceremony, CeremonyKind,
    CeremonyUser, Credential, CredentialChange, CredentialForm, CredentialStatus, CredentialUse,
    NewAccount, NewSession, ResidentKey, Session, Swept, UserVerification,
};

/// The credential store. The mediated functions are named as their actions, and
/// `zeropass:store` documents what each answers; [`Error::Malformed`] and
/// [`Error::Busy`] are possible everywhere.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// [`Error::Exists`] when the relying party has a credential of that id,
    /// [`Error::NotFound`] when the account is missing, [`Error::Conflict`] when only the
    /// account's first one is to be inserted and it has one.
    async fn credentials_insert(
        &self,
        permit: Permit<action::CredentialsInsert>,
        credential: Credential,
        only_first: bool,
    ) -> Result<(), Error>;

    /// [`Error::NotFound`] when the relying party has no credential of that id.
    async fn credentials_get(
        &self,
        permit: Permit<action::CredentialsGet>,
        id: Vec<u8>,
    ) -> Result<Credential, Error>;

    /// Oldest first; empty for an account that is not there.
    async fn credentials_list_for_user(
        &self,
        permit: Permit<action::CredentialsListForUser>,
        user_id: String,
    ) -> Result<Vec<Credential>, Error>;

    /// [`Error::NotFound`] when that user has no such credential.
    async fn credentials_rename(
        &self,
        permit: Permit<action::CredentialsRename>,
        user_id: String,
        id: Vec<u8>,
        label: String,
    ) -> Result<Credential, Error>;

    /// [`Error::NotFound`] when that user has no such credential, [`Error::Last`] when
    /// a suspension would leave no active one and `keep_last` says that one must stay.
    /// Active ends a clone alarm, suspended notes when.
    async fn credentials_set_status(
        &self,
        permit: Permit<action::CredentialsSetStatus>,
        user_id: String,
        id: Vec<u8>,
        status: CredentialStatus,
        keep_last: bool,
    ) -> Result<Credential, Error>;

    /// Label and status in one step; errors as [`Store::credentials_set_status`].
    async fn credentials_change(
        &self,
        permit: Permit<action::CredentialsChange>,
        user_id: String,
        id: Vec<u8>,
        change: CredentialChange,
    ) -> Result<Credential, Error>;

    /// [`Error::NotFound`] when that user has no such credential, [`Error::Last`] when
    /// no other active one is left and `keep_last` says that one must stay.
    async fn credentials_remove(
        &self,
        permit: Permit<action::CredentialsRemove>,
        user_id: String,
        id: Vec<u8>,
        keep_last: bool,
    ) -> Result<(), Error>;

    /// [`Error::Locked`] when too many sign-ins of the account failed
    /// ([`Store::authentication_failed`]), [`Error::Conflict`] when counter or backup
    /// state is not what the verification rested on, or the credential has been
    /// suspended since. Ends the account's count of failures. The record's outcome is
    /// [`CredentialUse::note`].
    async fn credentials_record_use(
        &self,
        permit: Permit<action::CredentialsRecordUse>,
        id: Vec<u8>,
        recorded: CredentialUse,
    ) -> Result<Credential, Error>;

    /// The form of the relying party's oldest credential: whoever registers later does
    /// not change it.
    async fn credentials_typical(
        &self,
        permit: Permit<action::CredentialsTypical>,
    ) -> Result<Option<CredentialForm>, Error>;

    /// [`Error::Exists`] when the relying party has a ceremony of that id. A trail that withholds
    /// may only have a promise of it ([`Trail::that_withholds`]).
    async fn ceremonies_put(
        &self,
        permit: Permit<action::CeremoniesPut>,
        ceremony: Ceremony,
    ) -> Result<(), Error>;

    /// Once. [`Error::Used`] after that, [`Error::Expired`] when it is too late,
    /// [`Error::NotFound`] for the other kind or another relying party's.
    async fn ceremonies_take(
        &self,
        permit: Permit<action::CeremoniesTake>,
        id: String,
        kind: CeremonyKind,
    ) -> Result<Ceremony, Error>;

    /// [`Error::Exists`] when the id is taken.
    async fn accounts_create(
        &self,
        permit: Permit<action::AccountsCreate>,
        account: NewAccount,
    ) -> Result<Account, Error>;

    /// [`Error::Exists`] when another active account has the name,
    /// [`Error::NotFound`] when there is no such account.
    async fn accounts_activate(
        &self,
        permit: Permit<action::AccountsActivate>,
        id: String,
    ) -> Result<Account, Error>;

    /// Give an active account other names, in one step. [`Error::NotFound`] when there is
    /// none, [`Error::Exists`] when another active account has the name.
    async fn accounts_change(
        &self,
        permit: Permit<action::AccountsChange>,
        id: String,
        change: AccountChange,
    ) -> Result<Account, Error>;

    /// [`Error::NotFound`] when there is no such account, pending or active.
    async fn accounts_find_by_id(
        &self,
        permit: Permit<action::AccountsFindById>,
        id: String,
    ) -> Result<Account, Error>;

    /// [`Error::NotFound`] when no active account has the name.
    async fn accounts_find_by_name(
        &self,
        permit: Permit<action::AccountsFindByName>,
        name: String,
    ) -> Result<Account, Error>;

    /// A new session of the configured lifetime.
    async fn sessions_create(
        &self,
        permit: Permit<action::SessionsCreate>,
        session: NewSession,
    ) -> Result<Session, Error>;

    /// [`Error::NotFound`] when there is no such session. Whether it is over is
    /// the caller's to judge.
    async fn sessions_get(
        &self,
        permit: Permit<action::SessionsGet>,
        id: String,
    ) -> Result<Session, Error>;

    /// Use a session that may rest for `idle` milliseconds. [`Error::Expired`] when it is
    /// over, [`Error::NotFound`] when there is none. Writes only as
    /// [`Session::needs_a_note`] says.
    async fn sessions_touch(
        &self,
        permit: Permit<action::SessionsTouch>,
        id: String,
        idle: u64,
    ) -> Result<Session, Error>;

    /// [`Error::NotFound`] when there is no such session.
    async fn sessions_revoke(
        &self,
        permit: Permit<action::SessionsRevoke>,
        id: String,
    ) -> Result<(), Error>;

    /// Host duty: count a failed sign-in to `subject`, the id of an account or what
    /// stands for the account of an unknown name. The count is shared by all hosts on
    /// one store and survives them; of any number of parallel failures exactly
    /// `policy.failures` are counted. The trail's records become durable with it.
    async fn authentication_failed(
        &self,
        trail: &Trail,
        rp_id: String,
        subject: String,
        policy: LockoutPolicy,
    ) -> Result<Failed, Error>;

    /// Host duty: take up to `cells` requests of what `identity` may send to all hosts on one
    /// store together, by the clock of whoever keeps the count. Of any number of parallel
    /// takings no more are given than there are. It leaves no record.
    async fn take_cells(
        &self,
        identity: String,
        limit: RateLimit,
        cells: u32,
    ) -> Result<Taken, Error>;

    /// Host duty: make the records of a trail durable, and see that what it was promised is. On
    /// [`Error::Busy`] the answer must not leave the host; records that are not with the store are
    /// on the trail still. Where a promise was broken it is busy each time. Call it when no
    /// store call of the request is under way any more.
    async fn append(&self, trail: &Trail) -> Result<(), Error>;

    /// Host duty: take over the records of a trail that nobody will append any more,
    /// that of a request which was dropped or whose answer was withheld. They become
    /// durable with the store's next commit, at once if it can. What can't be kept
    /// until then is counted as lost, and a `log.gap` record says how many they were.
    async fn owe(&self, trail: &Trail);

    /// Host duty: the records of this host's log after `seq`, oldest first, at most
    /// `limit`.
    async fn records(&self, after: u64, limit: u32) -> Result<Vec<StoredRecord>, Error>;

    /// Host duty: whether calls would be answered now.
    async fn ready(&self) -> Result<(), Error>;

    /// Host duty: whether the database could not be reached the last time it was to write, by a cut
    /// wire or because its server is down, and records that wait for it have room.
    fn away(&self) -> bool {
        false
    }

    /// Host duty: forget what is a day out of date, a bounded number of rows at a
    /// time. Call again soon when it forgot anything.
    async fn sweep(&self, now: Timestamp) -> Result<Swept, Error>;

    /// Host duty: the revisions and rollouts that this store keeps; none for a store
    /// that only fronts another.
    fn rollouts(&self) -> Option<&dyn Rollouts> {
        None
    }

    /// Host duty: finish what was accepted, then let the database go. Later calls
    /// answer [`Error::Busy`].
    async fn close(&self);
}
