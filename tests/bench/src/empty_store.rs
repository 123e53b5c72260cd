//! A credential store without anything in it and without a database behind it: for
//! rows that measure what lies in front of the store.

use async_trait::async_trait;
use zeropass::audit::{Outcome, Trail};
use zeropass::clock::Timestamp;
use zeropass::policy::{Permit, action};
use zeropass::store::{
    Account, AccountChange, Ceremony, CeremonyKind, Credential, CredentialChange, CredentialForm,
    CredentialStatus, CredentialUse, Error, Failed, LockoutPolicy, NewAccount, NewSession,
    RateLimit, Session, Store, StoredRecord, Swept, Taken,
};

/// Lists nothing, and is busy for everything else.
#[derive(Debug)]
pub struct EmptyStore;

macro_rules! busy {
    ($($name:ident($action:ident $(, $argument:ty)*) -> $answer:ty;)*) => {
        #[async_trait]
        impl Store for EmptyStore {
            async fn credentials_list_for_user(
                &self,
                permit: Permit<action::CredentialsListForUser>,
                user_id: String,
            ) -> Result<Vec<Credential>, Error> {
                permit.settle(user_id, Outcome::Success);
                Ok(Vec::new())
            }
            $(async fn $name(
                &self,
                _: Permit<action::$action>
                $(, _: $argument)*
            ) -> Result<$answer, Error> {
                Err(Error::Busy)
            })*
            async fn authentication_failed(
                &self,
                _: &Trail,
                _: String,
                _: String,
                _: LockoutPolicy,
            ) -> Result<Failed, Error> {
                Err(Error::Busy)
            }
            async fn take_cells(&self, _: String, _: RateLimit, _: u32) -> Result<Taken, Error> {
                Err(Error::Busy)
            }
            async fn append(&self, trail: &Trail) -> Result<(), Error> {
                drop(trail.drain());
                Ok(())
            }
            async fn owe(&self, trail: &Trail) {
                drop(trail.drain());
            }
            async fn records(&self, _: u64, _: u32) -> Result<Vec<StoredRecord>, Error> {
                Ok(Vec::new())
            }
            async fn ready(&self) -> Result<(), Error> {
                Ok(())
            }
            async fn sweep(&self, _: Timestamp) -> Result<Swept, Error> {
                Err(Error::Busy)
            }
            async fn close(&self) {}
        }
    };
}

busy! {
    credentials_insert(CredentialsInsert, Credential, bool) -> ();
    credentials_get(CredentialsGet, Vec<u8>) -> Credential;
    credentials_rename(CredentialsRename, String, Vec<u8>, String) -> Credential;
    credentials_set_status(CredentialsSetStatus, String, Vec<u8>, CredentialStatus, bool) -> Credential;
    credentials_change(CredentialsChange, String, Vec<u8>, CredentialChange) -> Credential;
    credentials_remove(CredentialsRemove, String, Vec<u8>, bool) -> ();
    credentials_record_use(CredentialsRecordUse, Vec<u8>, CredentialUse) -> Credential;
    credentials_typical(CredentialsTypical) -> Option<CredentialForm>;
    ceremonies_put(CeremoniesPut, Ceremony) -> ();
    ceremonies_take(CeremoniesTake, String, CeremonyKind) -> Ceremony;
    accounts_create(AccountsCreate, NewAccount) -> Account;
    accounts_activate(AccountsActivate, String) -> Account;
    accounts_change(AccountsChange, String, AccountChange) -> Account;
    accounts_find_by_id(AccountsFindById, String) -> Account;
    accounts_find_by_name(AccountsFindByName, String) -> Account;
    sessions_create(SessionsCreate, NewSession) -> Session;
    sessions_get(SessionsGet, String) -> Session;
    sessions_touch(SessionsTouch, String, u64) -> Session;
    sessions_revoke(SessionsRevoke, String) -> ();
}
