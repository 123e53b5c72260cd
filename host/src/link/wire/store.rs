//! Accounts and sessions on the wire: what auth-service has of `zeropass:store`.
#![allow(missing_docs, reason = "the fields are documented in WIT")]

use serde::{Deserialize, Serialize};

use super::mirror::{record, words};
use super::{Bytes, Function, Package, Wire};
use crate::policy::action;
use crate::store;

words! { AccountStatus = store::AccountStatus { Pending, Active } }

record! {
    Account = store::Account {
        id: String,
        rp_id: String,
        name: String,
        display_name: String,
        status: AccountStatus,
        created_at: u64,
    }
}
record! {
    NewAccount = store::NewAccount {
        #[serde(default)]
        id: Option<String>,
        name: String,
        display_name: String,
    }
}
record! {
    AccountChange = store::AccountChange {
        #[serde(default)]
        name: Option<String>,
        #[serde(default)]
        display_name: Option<String>,
    }
}
record! {
    Session = store::Session {
        id: String,
        rp_id: String,
        user_id: String,
        credential_id: Bytes,
        created_at: u64,
        expires_at: u64,
        #[serde(default)]
        revoked_at: Option<u64>,
        user_verified: bool,
        last_used_at: u64,
    }
}
record! {
    NewSession = store::NewSession {
        user_id: String,
        credential_id: Bytes,
        user_verified: bool,
    }
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Error {
    NotPermitted,
    NotFound,
    Exists,
    Expired,
    Used,
    Conflict,
    Last,
    Locked,
    Malformed(String),
    Busy,
}

impl Wire<store::Error> for Error {
    fn of(native: store::Error) -> Self {
        match native {
            store::Error::NotPermitted => Self::NotPermitted,
            store::Error::NotFound => Self::NotFound,
            store::Error::Exists => Self::Exists,
            store::Error::Expired => Self::Expired,
            store::Error::Used => Self::Used,
            store::Error::Conflict => Self::Conflict,
            store::Error::Last => Self::Last,
            store::Error::Locked => Self::Locked,
            store::Error::Malformed(detail) => Self::Malformed(detail),
            store::Error::Busy => Self::Busy,
        }
    }

    fn native(self) -> store::Error {
        match self {
            Self::NotPermitted => store::Error::NotPermitted,
            Self::NotFound => store::Error::NotFound,
            Self::Exists => store::Error::Exists,
            Self::Expired => store::Error::Expired,
            Self::Used => store::Error::Used,
            Self::Conflict => store::Error::Conflict,
            Self::Last => store::Error::Last,
            Self::Locked => store::Error::Locked,
            Self::Malformed(detail) => store::Error::Malformed(detail),
            Self::Busy => store::Error::Busy,
        }
    }
}

// ---- Functions.

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CreateAccount {
    pub rp_id: String,
    pub account: NewAccount,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CreateSession {
    pub rp_id: String,
    pub session: NewSession,
}

/// Names one account or session.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ById {
    pub rp_id: String,
    pub id: String,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ChangeAccount {
    pub rp_id: String,
    pub id: String,
    pub change: AccountChange,
}

/// A session that may rest for `idle` milliseconds.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TouchSession {
    pub rp_id: String,
    pub id: String,
    pub idle: u64,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ByName {
    pub rp_id: String,
    pub name: String,
}

macro_rules! functions {
    ($($action:ident($arguments:ident) -> $answer:ty, $repeatable:literal;)+) => {
        $(impl Function for action::$action {
            const PACKAGE: Package = Package::Store;
            const REPEATABLE: bool = $repeatable;
            type Arguments = $arguments;
            type Answer = $answer;
            type Error = Error;
        })+
    };
}

functions! {
    AccountsCreate(CreateAccount) -> Account, false;
    AccountsActivate(ById) -> Account, false;
    AccountsChange(ChangeAccount) -> Account, false;
    AccountsFindById(ById) -> Account, true;
    AccountsFindByName(ByName) -> Account, true;
    SessionsCreate(CreateSession) -> Session, false;
    SessionsGet(ById) -> Session, true;
    SessionsTouch(TouchSession) -> Session, true;
    SessionsRevoke(ById) -> (), false;
}
