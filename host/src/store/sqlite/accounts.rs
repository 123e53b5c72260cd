//! Accounts in SQLite.

use async_trait::async_trait;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqlitePool;

use super::job::{Change, Failure};
use super::unavailable;
use crate::store::columns::time;
use crate::store::rows::Found;
use crate::store::{Account, AccountChange, Error};

const CREATE: &str = "
    INSERT INTO accounts (rp_id, id, name, display_name, status, created_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

/// Active accounts match too, and stay as they are.
const ACTIVATE: &str = "
    UPDATE accounts SET status = 'active' WHERE rp_id = ?1 AND id = ?2 RETURNING *";

/// ?3 name, ?4 display name; a pending account has no name yet.
const CHANGE: &str = "
    UPDATE accounts SET name = coalesce(?3, name), display_name = coalesce(?4, display_name)
    WHERE rp_id = ?1 AND id = ?2 AND status = 'active' RETURNING *";

/// One row of a find, whether there is such an account or not: how long the answer takes
/// must not tell.
macro_rules! find {
    ($which:literal) => {
        concat!(
            "SELECT 1 AS found, * FROM accounts WHERE rp_id = ?1 AND ",
            $which,
            " UNION ALL SELECT 0, ?1, '00000000-0000-0000-0000-000000000000', 'somebody',
                'somebody', 'active', 0
            WHERE NOT EXISTS (SELECT 1 FROM accounts WHERE rp_id = ?1 AND ",
            $which,
            ")"
        )
    };
}

pub(super) const FIND_BY_ID: &str = find!("id = ?2");

pub(super) const FIND_BY_NAME: &str = find!("name = ?2 AND status = 'active'");

pub(super) struct Create(pub(super) Account);

pub(super) struct Activate {
    pub(super) rp_id: String,
    pub(super) id: String,
}

pub(super) struct Alter {
    pub(super) rp_id: String,
    pub(super) id: String,
    pub(super) change: AccountChange,
}

pub(super) async fn find_by_id(db: &SqlitePool, rp_id: &str, id: &str) -> Result<Account, Error> {
    find(db, FIND_BY_ID, rp_id, id).await
}

pub(super) async fn find_by_name(
    db: &SqlitePool,
    rp_id: &str,
    name: &str,
) -> Result<Account, Error> {
    find(db, FIND_BY_NAME, rp_id, name).await
}

async fn find(
    db: &SqlitePool,
    statement: &'static str,
    rp_id: &str,
    key: &str,
) -> Result<Account, Error> {
    let found: Found<Account> = sqlx::query_as(statement)
        .bind(rp_id)
        .bind(key)
        .fetch_one(db)
        .await
        .map_err(unavailable)?;
    found.real().ok_or(Error::NotFound)
}

// === impl Create ===

#[async_trait]
impl Change for Create {
    type Output = Account;
    const SINGLE_WRITE: bool = true;

    async fn apply(self, db: &mut SqliteConnection) -> Result<Account, Failure> {
        let Self(account) = self;
        sqlx::query(CREATE)
            .bind(&account.rp_id)
            .bind(&account.id)
            .bind(&account.name)
            .bind(&account.display_name)
            .bind(account.status.as_str())
            .bind(time(account.created_at))
            .execute(db)
            .await?;
        Ok(account)
    }
}

// === impl Activate ===

#[async_trait]
impl Change for Activate {
    type Output = Account;
    const SINGLE_WRITE: bool = true;

    async fn apply(self, db: &mut SqliteConnection) -> Result<Account, Failure> {
        let active = sqlx::query_as(ACTIVATE)
            .bind(self.rp_id)
            .bind(self.id)
            .fetch_optional(db)
            .await?;
        active.ok_or(Error::NotFound.into())
    }
}

// === impl Alter ===

#[async_trait]
impl Change for Alter {
    type Output = Account;
    const SINGLE_WRITE: bool = true;

    async fn apply(self, db: &mut SqliteConnection) -> Result<Account, Failure> {
        let changed = sqlx::query_as(CHANGE)
            .bind(self.rp_id)
            .bind(self.id)
            .bind(self.change.name)
            .bind(self.change.display_name)
            .fetch_optional(db)
            .await?;
        changed.ok_or(Error::NotFound.into())
    }
}
