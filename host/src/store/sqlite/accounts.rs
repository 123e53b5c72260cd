//! Accounts in SQLite.

use async_trait::async_trait;
use sqlx::{Sqlite, SqliteConnection};

use super::readers::Readers;
use crate::store::changes::{ActivateAccount, AlterAccount, CreateAccount};
use crate::store::columns::time;
use crate::store::job::{Applies, Failure};
use crate::store::rows::Found;
use crate::store::{Account, Error};

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

pub(super) async fn find_by_id(db: &Readers, rp_id: &str, id: &str) -> Result<Account, Error> {
    find(db, FIND_BY_ID, rp_id, id).await
}

pub(super) async fn find_by_name(db: &Readers, rp_id: &str, name: &str) -> Result<Account, Error> {
    find(db, FIND_BY_NAME, rp_id, name).await
}

async fn find(
    db: &Readers,
    statement: &'static str,
    rp_id: &str,
    key: &str,
) -> Result<Account, Error> {
    let query = sqlx::query(statement).bind(rp_id).bind(key);
    let found: Found<Account> = db.one(query).await?;
    found.real().ok_or(Error::NotFound)
}

// === CreateAccount ===

#[async_trait]
impl Applies<CreateAccount> for Sqlite {
    async fn apply(change: &CreateAccount, db: &mut SqliteConnection) -> Result<Account, Failure> {
        let CreateAccount(account) = change;
        sqlx::query(CREATE)
            .bind(&account.rp_id)
            .bind(&account.id)
            .bind(&account.name)
            .bind(&account.display_name)
            .bind(account.status.as_str())
            .bind(time(account.created_at))
            .execute(db)
            .await?;
        Ok(account.clone())
    }
}

// === ActivateAccount ===

#[async_trait]
impl Applies<ActivateAccount> for Sqlite {
    async fn apply(
        change: &ActivateAccount,
        db: &mut SqliteConnection,
    ) -> Result<Account, Failure> {
        let active = sqlx::query_as(ACTIVATE)
            .bind(&change.rp_id)
            .bind(&change.id)
            .fetch_optional(db)
            .await?;
        active.ok_or(Error::NotFound.into())
    }
}

// === AlterAccount ===

#[async_trait]
impl Applies<AlterAccount> for Sqlite {
    async fn apply(change: &AlterAccount, db: &mut SqliteConnection) -> Result<Account, Failure> {
        let changed = sqlx::query_as(CHANGE)
            .bind(&change.rp_id)
            .bind(&change.id)
            .bind(&change.to.name)
            .bind(&change.to.display_name)
            .fetch_optional(db)
            .await?;
        changed.ok_or(Error::NotFound.into())
    }
}
