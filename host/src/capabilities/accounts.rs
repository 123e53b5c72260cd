//! `zeropass:store/accounts`: people, through the gate into the store.

use super::bindings::accounts::{Account, AccountChange, Host, Status};
use super::bindings::store::Error;
use super::state::CallState;
use crate::policy::action;
use crate::store;

impl Host for CallState {
    async fn create(
        &mut self,
        rp_id: String,
        id: Option<String>,
        name: String,
        display_name: String,
    ) -> Result<Account, Error> {
        let permit = self.context.permit::<action::AccountsCreate>(&rp_id)?;
        let account = store::NewAccount {
            id,
            name,
            display_name,
        };
        let store = &self.context.services.store;
        Ok(store.accounts_create(permit, account).await?.into())
    }

    async fn activate(&mut self, rp_id: String, id: String) -> Result<Account, Error> {
        let permit = self.context.permit::<action::AccountsActivate>(&rp_id)?;
        let store = &self.context.services.store;
        Ok(store.accounts_activate(permit, id).await?.into())
    }

    async fn change(
        &mut self,
        rp_id: String,
        id: String,
        change: AccountChange,
    ) -> Result<Account, Error> {
        let permit = self.context.permit::<action::AccountsChange>(&rp_id)?;
        let change = store::AccountChange {
            name: change.name,
            display_name: change.display_name,
        };
        let store = &self.context.services.store;
        Ok(store.accounts_change(permit, id, change).await?.into())
    }

    async fn find_by_id(&mut self, rp_id: String, id: String) -> Result<Account, Error> {
        let permit = self.context.permit::<action::AccountsFindById>(&rp_id)?;
        let store = &self.context.services.store;
        Ok(store.accounts_find_by_id(permit, id).await?.into())
    }

    async fn find_by_name(&mut self, rp_id: String, name: String) -> Result<Account, Error> {
        let permit = self.context.permit::<action::AccountsFindByName>(&rp_id)?;
        let store = &self.context.services.store;
        Ok(store.accounts_find_by_name(permit, name).await?.into())
    }
}

impl From<store::Account> for Account {
    fn from(account: store::Account) -> Self {
        Self {
            id: account.id,
            rp_id: account.rp_id,
            name: account.name,
            display_name: account.display_name,
            status: match account.status {
                store::AccountStatus::Pending => Status::Pending,
                store::AccountStatus::Active => Status::Active,
            },
            created_at: account.created_at,
        }
    }
}
