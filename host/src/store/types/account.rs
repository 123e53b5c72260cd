//! Accounts of persons.

use super::words::words;
use crate::clock::Timestamp;

words! {
    /// How far an account has come.
    AccountStatus {
        /// Reserved by a registration that has not finished.
        Pending = "pending",
        /// A person's account.
        Active = "active",
    }
}

/// A person's account at a relying party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// A UUID.
    pub id: String,
    /// The relying party that it belongs to.
    pub rp_id: String,
    /// 1 to 64 characters, unique among active accounts.
    pub name: String,
    /// 1 to 64 characters.
    pub display_name: String,
    /// How far it has come.
    pub status: AccountStatus,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A new account, before the store has given it an id and a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccount {
    /// A UUID chosen by the relying party, or none to let the store choose.
    pub id: Option<String>,
    /// 1 to 64 characters.
    pub name: String,
    /// 1 to 64 characters.
    pub display_name: String,
}

/// What may change in an account, in one step. Nothing stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountChange {
    /// 1 to 64 characters.
    pub name: Option<String>,
    /// 1 to 64 characters.
    pub display_name: Option<String>,
}
