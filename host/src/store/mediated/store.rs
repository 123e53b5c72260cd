//! [`Store`] over any [`Database`].

use async_trait::async_trait;

use super::{Database, Mediated, new};
use crate::audit::{Trail, target};
use crate::clock::Timestamp;
use crate::policy::Permit;
use crate::policy::action::{
    AccountsActivate, AccountsChange, AccountsCreate, AccountsFindById, AccountsFindByName, Action,
    CeremoniesPut, CeremoniesTake, CredentialsChange, CredentialsGet, CredentialsInsert,
    CredentialsListForUser, CredentialsRecordUse, CredentialsRemove, CredentialsRename,
    CredentialsSetStatus, CredentialsTypical, SessionsCreate, SessionsGet, SessionsRevoke,
    SessionsTouch,
};
use crate::store::changes::{
    ActivateAccount, AlterAccount, AlterCredential, CountFailure, CreateAccount, CreateSession,
    InsertCredential, PutCeremony, RecordUse, RemoveCredential, RenameCredential, RevokeSession,
    TakeCeremony, TouchSession,
};
use crate::store::job::Errand;
use crate::store::rates::TakeCells;
use crate::store::settle::{checked, read};
use crate::store::{
    Account, AccountChange, Ceremony, CeremonyKind, Credential, CredentialChange, CredentialForm,
    CredentialStatus, CredentialUse, Error, Failed, LockoutPolicy, NewAccount, NewSession,
    RateLimit, Rollouts, Session, Store, StoredRecord, Swept, Taken, check,
};

#[async_trait]
impl<D: Database> Store for Mediated<D> {
    async fn credentials_insert(
        &self,
        permit: Permit<CredentialsInsert>,
        credential: Credential,
        only_first: bool,
    ) -> Result<(), Error> {
        let arguments = check::credential(permit.relying_party(), credential);
        let (permit, credential) = checked(permit, arguments)?;
        let target = target::credential(&credential.id);
        let change = InsertCredential {
            credential,
            only_first,
        };
        self.credentials().submit(permit, target, change).await
    }

    async fn credentials_get(
        &self,
        permit: Permit<CredentialsGet>,
        id: Vec<u8>,
    ) -> Result<Credential, Error> {
        let (permit, ()) = checked(permit, check::credential_id(&id))?;
        let rp_id = permit.relying_party().to_owned();
        let found = self.database.credential(&rp_id, &id);
        read(permit, target::credential(&id), found).await
    }

    async fn credentials_list_for_user(
        &self,
        permit: Permit<CredentialsListForUser>,
        user_id: String,
    ) -> Result<Vec<Credential>, Error> {
        let (permit, user_id) = checked(permit, check::uuid("user id", &user_id))?;
        let rp_id = permit.relying_party().to_owned();
        let found = self.database.credentials_of(&rp_id, &user_id);
        read(permit, user_id.clone(), found).await
    }

    async fn credentials_rename(
        &self,
        permit: Permit<CredentialsRename>,
        user_id: String,
        id: Vec<u8>,
        label: String,
    ) -> Result<Credential, Error> {
        let arguments =
            owned(&user_id, &id).and_then(|user_id| check::name("label", &label).map(|()| user_id));
        let (permit, user_id) = checked(permit, arguments)?;
        let target = target::credential(&id);
        let change = RenameCredential {
            rp_id: permit.relying_party().to_owned(),
            user_id,
            id,
            label,
        };
        self.credentials().submit(permit, target, change).await
    }

    async fn credentials_set_status(
        &self,
        permit: Permit<CredentialsSetStatus>,
        user_id: String,
        id: Vec<u8>,
        status: CredentialStatus,
        keep_last: bool,
    ) -> Result<Credential, Error> {
        let change = CredentialChange {
            label: None,
            status: Some(status),
            keep_last,
        };
        self.alter(permit, user_id, id, change).await
    }

    async fn credentials_change(
        &self,
        permit: Permit<CredentialsChange>,
        user_id: String,
        id: Vec<u8>,
        change: CredentialChange,
    ) -> Result<Credential, Error> {
        self.alter(permit, user_id, id, change).await
    }

    async fn credentials_remove(
        &self,
        permit: Permit<CredentialsRemove>,
        user_id: String,
        id: Vec<u8>,
        keep_last: bool,
    ) -> Result<(), Error> {
        let (permit, user_id) = checked(permit, owned(&user_id, &id))?;
        let target = target::credential(&id);
        let change = RemoveCredential {
            rp_id: permit.relying_party().to_owned(),
            user_id,
            id,
            keep_last,
        };
        self.credentials().submit(permit, target, change).await
    }

    async fn credentials_record_use(
        &self,
        permit: Permit<CredentialsRecordUse>,
        id: Vec<u8>,
        recorded: CredentialUse,
    ) -> Result<Credential, Error> {
        let arguments = check::credential_id(&id).and_then(|()| check::credential_use(&recorded));
        let (permit, ()) = checked(permit, arguments)?;
        let target = target::credential(&id);
        let permit = permit.noting(recorded.note());
        let change = RecordUse {
            rp_id: permit.relying_party().to_owned(),
            id,
            recorded,
            now: self.now(),
        };
        self.credentials().submit(permit, target, change).await
    }

    async fn credentials_typical(
        &self,
        permit: Permit<CredentialsTypical>,
    ) -> Result<Option<CredentialForm>, Error> {
        let rp_id = permit.relying_party().to_owned();
        let found = self.database.typical(&rp_id);
        read(permit, target::NONE.to_owned(), found).await
    }

    async fn ceremonies_put(
        &self,
        permit: Permit<CeremoniesPut>,
        ceremony: Ceremony,
    ) -> Result<(), Error> {
        let arguments = check::ceremony(permit.relying_party(), ceremony);
        let (permit, ceremony) = checked(permit, arguments)?;
        let target = target::ceremony(&ceremony.id);
        let change = PutCeremony(ceremony);
        self.credentials().submit(permit, target, change).await
    }

    async fn ceremonies_take(
        &self,
        permit: Permit<CeremoniesTake>,
        id: String,
        kind: CeremonyKind,
    ) -> Result<Ceremony, Error> {
        let (permit, ()) = checked(permit, check::ceremony_id(&id))?;
        let target = target::ceremony(&id);
        let change = TakeCeremony {
            rp_id: permit.relying_party().to_owned(),
            id,
            kind,
            now: self.now(),
        };
        self.credentials().submit(permit, target, change).await
    }

    async fn accounts_create(
        &self,
        permit: Permit<AccountsCreate>,
        account: NewAccount,
    ) -> Result<Account, Error> {
        let (permit, account) = checked(permit, check::new_account(account))?;
        let account = new::account(permit.relying_party(), account, self.now());
        let target = account.id.clone();
        let change = CreateAccount(account);
        self.accounts().submit(permit, target, change).await
    }

    async fn accounts_activate(
        &self,
        permit: Permit<AccountsActivate>,
        id: String,
    ) -> Result<Account, Error> {
        let (permit, id) = checked(permit, check::uuid("account id", &id))?;
        let target = id.clone();
        let rp_id = permit.relying_party().to_owned();
        let change = ActivateAccount { rp_id, id };
        self.accounts().submit(permit, target, change).await
    }

    async fn accounts_change(
        &self,
        permit: Permit<AccountsChange>,
        id: String,
        change: AccountChange,
    ) -> Result<Account, Error> {
        let arguments = check::uuid("account id", &id)
            .and_then(|id| check::account_change(&change).map(|()| id));
        let (permit, id) = checked(permit, arguments)?;
        let target = id.clone();
        let rp_id = permit.relying_party().to_owned();
        let change = AlterAccount {
            rp_id,
            id,
            to: change,
        };
        self.accounts().submit(permit, target, change).await
    }

    async fn accounts_find_by_id(
        &self,
        permit: Permit<AccountsFindById>,
        id: String,
    ) -> Result<Account, Error> {
        let (permit, id) = checked(permit, check::uuid("account id", &id))?;
        let rp_id = permit.relying_party().to_owned();
        let found = self.database.account(&rp_id, &id);
        read(permit, id.clone(), found).await
    }

    async fn accounts_find_by_name(
        &self,
        permit: Permit<AccountsFindByName>,
        name: String,
    ) -> Result<Account, Error> {
        let (permit, ()) = checked(permit, check::name("name", &name))?;
        let rp_id = permit.relying_party().to_owned();
        let found = self.database.account_named(&rp_id, &name);
        // A name is personal data, even one that is nobody's.
        read(permit, target::NONE.to_owned(), found).await
    }

    async fn sessions_create(
        &self,
        permit: Permit<SessionsCreate>,
        session: NewSession,
    ) -> Result<Session, Error> {
        let (permit, session) = checked(permit, check::new_session(session))?;
        let rp_id = permit.relying_party();
        let session = new::session(rp_id, session, self.session_lifetime, self.now());
        let target = session.id.clone();
        let change = CreateSession(session);
        self.accounts().submit(permit, target, change).await
    }

    async fn sessions_get(
        &self,
        permit: Permit<SessionsGet>,
        id: String,
    ) -> Result<Session, Error> {
        let (permit, id) = checked(permit, check::uuid("session id", &id))?;
        let rp_id = permit.relying_party().to_owned();
        let found = self.database.session(&rp_id, &id);
        read(permit, id.clone(), found).await
    }

    async fn sessions_touch(
        &self,
        permit: Permit<SessionsTouch>,
        id: String,
        idle: u64,
    ) -> Result<Session, Error> {
        let (permit, id) = checked(permit, check::uuid("session id", &id))?;
        let rp_id = permit.relying_party().to_owned();
        let now = self.now();
        let found = self
            .database
            .session(&rp_id, &id)
            .await
            .and_then(|session| {
                if session.goes_on(now, idle) {
                    Ok(session)
                } else {
                    Err(Error::Expired)
                }
            });
        match found {
            Ok(session) if session.needs_a_note(now, idle) => {
                let target = id.clone();
                let change = TouchSession {
                    rp_id,
                    id,
                    now,
                    idle,
                };
                self.accounts().submit(permit, target, change).await
            }
            found => read(permit, id, async { found }).await,
        }
    }

    async fn sessions_revoke(
        &self,
        permit: Permit<SessionsRevoke>,
        id: String,
    ) -> Result<(), Error> {
        let (permit, id) = checked(permit, check::uuid("session id", &id))?;
        let target = id.clone();
        let change = RevokeSession {
            rp_id: permit.relying_party().to_owned(),
            id,
            now: self.now(),
        };
        self.accounts().submit(permit, target, change).await
    }

    async fn authentication_failed(
        &self,
        trail: &Trail,
        rp_id: String,
        subject: String,
        policy: LockoutPolicy,
    ) -> Result<Failed, Error> {
        let count = CountFailure {
            rp_id,
            subject,
            policy,
            now: self.now(),
        };
        self.credentials().run(trail, count).await
    }

    async fn take_cells(
        &self,
        identity: String,
        limit: RateLimit,
        cells: u32,
    ) -> Result<Taken, Error> {
        check::taking(&identity, limit, cells)?;
        let taking = TakeCells {
            identity,
            limit,
            cells,
            now: self.now(),
        };
        self.database.take_cells(taking).await
    }

    /// Also when there is nothing to append, no answer leaves before it is known which
    /// records are there. Promises are made by the writer that the errand goes to, in front of it:
    /// they were kept by the time it is answered, or never will be.
    async fn append(&self, trail: &Trail) -> Result<(), Error> {
        if trail.is_empty() && !self.database.waiting() {
            return Ok(());
        }
        self.database.recorder().run(trail, Errand).await?;
        if trail.promises_kept() {
            Ok(())
        } else {
            Err(Error::Busy)
        }
    }

    async fn owe(&self, trail: &Trail) {
        if !trail.is_empty() {
            self.database.keep(trail).await;
            // Without success they wait for the next commit.
            let _ = self.database.recorder().run(&Trail::new(), Errand).await;
        }
    }

    async fn records(&self, after: u64, limit: u32) -> Result<Vec<StoredRecord>, Error> {
        self.database.records(after, limit).await
    }

    async fn ready(&self) -> Result<(), Error> {
        self.database.ready().await
    }

    fn away(&self) -> bool {
        self.database.away()
    }

    async fn sweep(&self, now: Timestamp) -> Result<Swept, Error> {
        self.database.sweep(now).await
    }

    fn rollouts(&self) -> Option<&dyn Rollouts> {
        Some(&self.database)
    }

    async fn close(&self) {
        self.database.close().await;
    }
}

// === impl Mediated ===

impl<D: Database> Mediated<D> {
    async fn alter<A: Action>(
        &self,
        permit: Permit<A>,
        user_id: String,
        id: Vec<u8>,
        change: CredentialChange,
    ) -> Result<Credential, Error> {
        let arguments = owned(&user_id, &id)
            .and_then(|user_id| check::credential_change(&change).map(|()| user_id));
        let (permit, user_id) = checked(permit, arguments)?;
        let target = target::credential(&id);
        let change = AlterCredential {
            rp_id: permit.relying_party().to_owned(),
            user_id,
            id,
            to: change,
            now: self.now(),
        };
        self.credentials().submit(permit, target, change).await
    }
}

/// The key of a credential that a user claims as their own.
fn owned(user_id: &str, id: &[u8]) -> Result<String, Error> {
    check::credential_id(id)?;
    check::uuid("user id", user_id)
}
