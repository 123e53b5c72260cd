//! `zeropass:store/accounts`: a name belongs to one active account.

use zeropass::capabilities::bindings::accounts::{Account, AccountChange, Host, Status};

use super::super::StoreError;
use super::super::memory::Memory;
use super::super::state::State;
use super::form;

impl Host for State {
    async fn create(
        &mut self,
        rp_id: String,
        id: Option<String>,
        name: String,
        display_name: String,
    ) -> Result<Account, StoreError> {
        let mut memory = self.store("accounts", "create", format!("{rp_id} {name}"))?;
        form::name(&name)?;
        form::name(&display_name)?;
        let id = match id {
            Some(id) => form::uuid(&id)?,
            None => memory.new_id(),
        };
        if position(&memory, &rp_id, &id).is_ok() {
            return Err(StoreError::Exists);
        }
        let account = Account {
            id,
            rp_id,
            name,
            display_name,
            status: Status::Pending,
            created_at: memory.now(),
        };
        memory.accounts.push(account.clone());
        Ok(account)
    }

    async fn activate(&mut self, rp_id: String, id: String) -> Result<Account, StoreError> {
        let mut memory = self.store("accounts", "activate", format!("{rp_id} {id}"))?;
        let id = form::uuid(&id)?;
        let position = position(&memory, &rp_id, &id)?;
        let taken = |name: &str| {
            memory
                .accounts
                .iter()
                .any(|known| is_active(known, &rp_id, name) && known.id != id)
        };
        if memory
            .accounts
            .get(position)
            .is_some_and(|account| taken(&account.name))
        {
            return Err(StoreError::Exists);
        }
        let account = memory
            .accounts
            .get_mut(position)
            .ok_or(StoreError::NotFound)?;
        account.status = Status::Active;
        Ok(account.clone())
    }

    async fn change(
        &mut self,
        rp_id: String,
        id: String,
        change: AccountChange,
    ) -> Result<Account, StoreError> {
        let mut memory = self.store("accounts", "change", format!("{rp_id} {id}"))?;
        let id = form::uuid(&id)?;
        for text in [&change.name, &change.display_name].into_iter().flatten() {
            form::name(text)?;
        }
        let position = position(&memory, &rp_id, &id)?;
        if let Some(name) = &change.name
            && memory
                .accounts
                .iter()
                .any(|known| is_active(known, &rp_id, name) && known.id != id)
        {
            return Err(StoreError::Exists);
        }
        let account = memory
            .accounts
            .get_mut(position)
            .filter(|account| account.status == Status::Active)
            .ok_or(StoreError::NotFound)?;
        if let Some(name) = change.name {
            account.name = name;
        }
        if let Some(display_name) = change.display_name {
            account.display_name = display_name;
        }
        Ok(account.clone())
    }

    async fn find_by_id(&mut self, rp_id: String, id: String) -> Result<Account, StoreError> {
        let memory = self.store("accounts", "find-by-id", format!("{rp_id} {id}"))?;
        let position = position(&memory, &rp_id, &form::uuid(&id)?)?;
        memory
            .accounts
            .get(position)
            .cloned()
            .ok_or(StoreError::NotFound)
    }

    async fn find_by_name(&mut self, rp_id: String, name: String) -> Result<Account, StoreError> {
        let memory = self.store("accounts", "find-by-name", format!("{rp_id} {name}"))?;
        form::name(&name)?;
        let found = memory
            .accounts
            .iter()
            .find(|known| is_active(known, &rp_id, &name));
        found.cloned().ok_or(StoreError::NotFound)
    }
}

fn is_active(account: &Account, rp_id: &str, name: &str) -> bool {
    account.rp_id == rp_id && account.name == name && account.status == Status::Active
}

fn position(memory: &Memory, rp_id: &str, id: &str) -> Result<usize, StoreError> {
    memory
        .accounts
        .iter()
        .position(|known| known.rp_id == rp_id && known.id == id)
        .ok_or(StoreError::NotFound)
}
