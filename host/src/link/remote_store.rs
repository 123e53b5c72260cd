//! The store of a front tier: accounts and sessions at the other end of the link, the
//! audit log at hand.
//!
//! A host that runs auth-service alone keeps no accounts, no sessions, no passkeys and
//! no credentials of any database. What auth-service does with accounts and sessions
//! was permitted by this host's gate and is recorded in this host's log; the host that
//! keeps them asks its own gate again and writes its own record with the change.
//! What identities may ask of all front hosts together is counted there too.
//! Passkeys and ceremonies are out of reach: no component here has them, and whatever
//! asks all the same is told that it is not permitted.
//!
//! The log is a store of its own in which nothing but records is ever written.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::mtls::{self, LinkClient};
use super::wire::envelope::{Answer, Request};
use super::wire::store as w;
use super::wire::{Function, RATES, Wire, rates};
use crate::audit::{Outcome, Trail, target};
use crate::clock::Timestamp;
use crate::policy::action::Action;
use crate::policy::{Permit, action};
use crate::runtime::Deadline;
use crate::store::rollouts::Rollouts;
use crate::store::{
    Account, AccountChange, Ceremony, CeremonyKind, Credential, CredentialChange, CredentialForm,
    CredentialStatus, CredentialUse, Error, Failed, LockoutPolicy, NewAccount, NewSession,
    RateLimit, Session, Store, StoredRecord, Swept, Taken,
};

/// Accounts and sessions over a link, and a log beside it.
pub struct RemoteStore {
    client: Arc<LinkClient>,
    log: Arc<dyn Store>,
    deadline: Duration,
}

// === impl RemoteStore ===

impl RemoteStore {
    /// Accounts and sessions through `client`, each call within `deadline` and within
    /// what is left of the call of the component that makes it; records into `log`.
    pub fn new(client: Arc<LinkClient>, log: Arc<dyn Store>, deadline: Duration) -> Self {
        Self {
            client,
            log,
            deadline,
        }
    }

    /// Call, and settle the permit with what came of it.
    async fn call<F, T>(
        &self,
        permit: Permit<F>,
        target: String,
        arguments: F::Arguments,
    ) -> Result<T, Error>
    where
        F: Function<Error = w::Error>,
        F::Answer: Wire<T>,
    {
        let called = match permit.actor() {
            Some(actor) => match &actor.component {
                Some(component) => {
                    let request = Request {
                        id: actor.origin.request_id.clone(),
                        workload: actor.origin.workload.clone(),
                        thumbprint: None,
                        place: None,
                        relying_parties: vec![permit.relying_party().to_owned()],
                    };
                    let deadline = Deadline::within(self.deadline);
                    let deadline = permit
                        .deadline()
                        .map_or(deadline, |left| left.min(deadline));
                    self.client
                        .call::<F>(request, component, deadline, arguments)
                        .await
                        .unwrap_or_else(|failed| {
                            Err(match failed {
                                mtls::Failed::NotAdmitted => w::Error::NotPermitted,
                                _ => w::Error::Busy,
                            })
                        })
                }
                None => Err(w::Error::NotPermitted),
            },
            None => Err(w::Error::NotPermitted),
        };
        let result = called.map(Wire::native).map_err(Wire::native);
        let outcome = match &result {
            Ok(_) => Outcome::Success,
            Err(error) => Error::outcome(error),
        };
        permit.settle(target, outcome);
        result
    }
}

/// What no component of a front tier may do.
fn out_of_reach<A: Action, T>(permit: Permit<A>) -> Result<T, Error> {
    permit.settle(target::NONE, Error::NotPermitted.outcome());
    Err(Error::NotPermitted)
}

#[async_trait]
impl Store for RemoteStore {
    async fn credentials_insert(
        &self,
        permit: Permit<action::CredentialsInsert>,
        _: Credential,
        _: bool,
    ) -> Result<(), Error> {
        out_of_reach(permit)
    }

    async fn credentials_get(
        &self,
        permit: Permit<action::CredentialsGet>,
        _: Vec<u8>,
    ) -> Result<Credential, Error> {
        out_of_reach(permit)
    }

    async fn credentials_list_for_user(
        &self,
        permit: Permit<action::CredentialsListForUser>,
        _: String,
    ) -> Result<Vec<Credential>, Error> {
        out_of_reach(permit)
    }

    async fn credentials_rename(
        &self,
        permit: Permit<action::CredentialsRename>,
        _: String,
        _: Vec<u8>,
        _: String,
    ) -> Result<Credential, Error> {
        out_of_reach(permit)
    }

    async fn credentials_set_status(
        &self,
        permit: Permit<action::CredentialsSetStatus>,
        _: String,
        _: Vec<u8>,
        _: CredentialStatus,
        _: bool,
    ) -> Result<Credential, Error> {
        out_of_reach(permit)
    }

    async fn credentials_change(
        &self,
        permit: Permit<action::CredentialsChange>,
        _: String,
        _: Vec<u8>,
        _: CredentialChange,
    ) -> Result<Credential, Error> {
        out_of_reach(permit)
    }

    async fn credentials_remove(
        &self,
        permit: Permit<action::CredentialsRemove>,
        _: String,
        _: Vec<u8>,
        _: bool,
    ) -> Result<(), Error> {
        out_of_reach(permit)
    }

    async fn credentials_record_use(
        &self,
        permit: Permit<action::CredentialsRecordUse>,
        _: Vec<u8>,
        _: CredentialUse,
    ) -> Result<Credential, Error> {
        out_of_reach(permit)
    }

    async fn credentials_typical(
        &self,
        permit: Permit<action::CredentialsTypical>,
    ) -> Result<Option<CredentialForm>, Error> {
        out_of_reach(permit)
    }

    async fn ceremonies_put(
        &self,
        permit: Permit<action::CeremoniesPut>,
        _: Ceremony,
    ) -> Result<(), Error> {
        out_of_reach(permit)
    }

    async fn ceremonies_take(
        &self,
        permit: Permit<action::CeremoniesTake>,
        _: String,
        _: CeremonyKind,
    ) -> Result<Ceremony, Error> {
        out_of_reach(permit)
    }

    async fn accounts_create(
        &self,
        permit: Permit<action::AccountsCreate>,
        account: NewAccount,
    ) -> Result<Account, Error> {
        let target = account.id.clone().unwrap_or_else(|| target::NONE.into());
        let (rp_id, account) = (permit.relying_party().to_owned(), Wire::of(account));
        self.call(permit, target, w::CreateAccount { rp_id, account })
            .await
    }

    async fn accounts_activate(
        &self,
        permit: Permit<action::AccountsActivate>,
        id: String,
    ) -> Result<Account, Error> {
        let rp_id = permit.relying_party().to_owned();
        self.call(permit, id.clone(), w::ById { rp_id, id }).await
    }

    async fn accounts_change(
        &self,
        permit: Permit<action::AccountsChange>,
        id: String,
        change: AccountChange,
    ) -> Result<Account, Error> {
        let (rp_id, change) = (permit.relying_party().to_owned(), Wire::of(change));
        self.call(permit, id.clone(), w::ChangeAccount { rp_id, id, change })
            .await
    }

    async fn accounts_find_by_id(
        &self,
        permit: Permit<action::AccountsFindById>,
        id: String,
    ) -> Result<Account, Error> {
        let rp_id = permit.relying_party().to_owned();
        self.call(permit, id.clone(), w::ById { rp_id, id }).await
    }

    async fn accounts_find_by_name(
        &self,
        permit: Permit<action::AccountsFindByName>,
        name: String,
    ) -> Result<Account, Error> {
        let rp_id = permit.relying_party().to_owned();
        // A name is no target: records hold ids only.
        self.call(permit, target::NONE.into(), w::ByName { rp_id, name })
            .await
    }

    async fn sessions_create(
        &self,
        permit: Permit<action::SessionsCreate>,
        session: NewSession,
    ) -> Result<Session, Error> {
        let target = session.user_id.clone();
        let (rp_id, session) = (permit.relying_party().to_owned(), Wire::of(session));
        self.call(permit, target, w::CreateSession { rp_id, session })
            .await
    }

    async fn sessions_get(
        &self,
        permit: Permit<action::SessionsGet>,
        id: String,
    ) -> Result<Session, Error> {
        let rp_id = permit.relying_party().to_owned();
        self.call(permit, id.clone(), w::ById { rp_id, id }).await
    }

    async fn sessions_touch(
        &self,
        permit: Permit<action::SessionsTouch>,
        id: String,
        idle: u64,
    ) -> Result<Session, Error> {
        let rp_id = permit.relying_party().to_owned();
        self.call(permit, id.clone(), w::TouchSession { rp_id, id, idle })
            .await
    }

    async fn sessions_revoke(
        &self,
        permit: Permit<action::SessionsRevoke>,
        id: String,
    ) -> Result<(), Error> {
        let rp_id = permit.relying_party().to_owned();
        self.call(permit, id.clone(), w::ById { rp_id, id }).await
    }

    /// Failures are counted where passkey-manager runs.
    async fn authentication_failed(
        &self,
        _: &Trail,
        _: String,
        _: String,
        _: LockoutPolicy,
    ) -> Result<Failed, Error> {
        Err(Error::NotPermitted)
    }

    /// Counted where the store is, for all hosts of the front tier.
    async fn take_cells(
        &self,
        identity: String,
        limit: RateLimit,
        cells: u32,
    ) -> Result<Taken, Error> {
        let taking = rates::TakeCells {
            identity,
            interval: limit.interval,
            burst: limit.burst,
            cells,
        };
        let asked = self.client.ask_host(RATES, &taking, self.deadline).await;
        let answer: Answer<rates::Taken, w::Error> = asked.map_err(|error| {
            tracing::debug!(%error, "the other end counts no requests of identities");
            Error::Busy
        })?;
        match answer {
            Answer::Ok(taken) => Ok(taken.native()),
            Answer::Error(error) => Err(error.native()),
        }
    }

    async fn append(&self, trail: &Trail) -> Result<(), Error> {
        self.log.append(trail).await
    }

    async fn owe(&self, trail: &Trail) {
        self.log.owe(trail).await;
    }

    async fn records(&self, after: u64, limit: u32) -> Result<Vec<StoredRecord>, Error> {
        self.log.records(after, limit).await
    }

    /// Ready with a log that can be written and a host that can be called.
    async fn ready(&self) -> Result<(), Error> {
        if !self.client.ready().await {
            return Err(Error::Busy);
        }
        self.log.ready().await
    }

    fn away(&self) -> bool {
        self.log.away()
    }

    async fn sweep(&self, now: Timestamp) -> Result<Swept, Error> {
        self.log.sweep(now).await
    }

    /// A front's components are its own, and so is what it knows of their revisions.
    fn rollouts(&self) -> Option<&dyn Rollouts> {
        self.log.rollouts()
    }

    async fn close(&self) {
        self.log.close().await;
    }
}

impl std::fmt::Debug for RemoteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteStore")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}
