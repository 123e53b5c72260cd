//! Accounts in PostgreSQL.

use async_trait::async_trait;
use sqlx::postgres::{PgConnection, PgPool, Postgres};

use super::read::read;
use crate::store::changes::{ActivateAccount, AlterAccount, CreateAccount};
use crate::store::columns::time;
use crate::store::job::{Applies, Failure};
use crate::store::rows::Found;
use crate::store::{Account, Error};

/// Named, so that a newer schema can add one under a running host.
macro_rules! columns {
    () => {
        "rp_id, id, name, display_name, status, created_at"
    };
}

const CREATE: &str = "
    INSERT INTO zeropass.accounts (rp_id, id, name, display_name, status, created_at)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";

/// Active accounts match too, and stay as they are.
const ACTIVATE: &str = concat!(
    "UPDATE zeropass.accounts SET status = 'active' WHERE rp_id = $1 AND id = $2 RETURNING ",
    columns!()
);

/// $3 name, $4 display name; a pending account has no name yet.
const CHANGE: &str = concat!(
    "UPDATE zeropass.accounts SET name = coalesce($3, name),
        display_name = coalesce($4, display_name)
    WHERE rp_id = $1 AND id = $2 AND status = 'active' RETURNING ",
    columns!()
);

/// One row, whether there is such an account or not: how long the answer takes must not
/// tell.
macro_rules! find {
    ($which:literal) => {
        concat!(
            "SELECT true AS found, ",
            columns!(),
            " FROM zeropass.accounts WHERE rp_id = $1 AND ",
            $which,
            " UNION ALL SELECT false, $1, '00000000-0000-0000-0000-000000000000', 'somebody',
                'somebody', 'active', 0
            WHERE NOT EXISTS (SELECT 1 FROM zeropass.accounts WHERE rp_id = $1 AND ",
            $which,
            ")"
        )
    };
}

const FIND_BY_ID: &str = find!("id = $2");

const FIND_BY_NAME: &str = find!("name = $2 AND status = 'active'");

pub(super) async fn find_by_id(db: &PgPool, rp_id: &str, id: &str) -> Result<Account, Error> {
    find(db, FIND_BY_ID, rp_id, id).await
}

pub(super) async fn find_by_name(db: &PgPool, rp_id: &str, name: &str) -> Result<Account, Error> {
    find(db, FIND_BY_NAME, rp_id, name).await
}

async fn find(
    db: &PgPool,
    statement: &'static str,
    rp_id: &str,
    key: &str,
) -> Result<Account, Error> {
    let found = read(db, |db| async move {
        sqlx::query_as(statement)
            .bind(rp_id)
            .bind(key)
            .fetch_one(&db)
            .await
    });
    let found: Found<Account> = found.await?;
    found.real().ok_or(Error::NotFound)
}

// === CreateAccount ===

#[async_trait]
impl Applies<CreateAccount> for Postgres {
    async fn apply(change: &CreateAccount, db: &mut PgConnection) -> Result<Account, Failure> {
        let CreateAccount(account) = change;
        let done = sqlx::query(CREATE)
            .bind(&account.rp_id)
            .bind(&account.id)
            .bind(&account.name)
            .bind(&account.display_name)
            .bind(account.status.as_str())
            .bind(time(account.created_at))
            .execute(db)
            .await?;
        if done.rows_affected() == 0 {
            return Err(Error::Exists.into());
        }
        Ok(account.clone())
    }
}

// === ActivateAccount ===

#[async_trait]
impl Applies<ActivateAccount> for Postgres {
    /// Another active account may have the name.
    const SAVEPOINT: bool = true;

    async fn apply(change: &ActivateAccount, db: &mut PgConnection) -> Result<Account, Failure> {
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
impl Applies<AlterAccount> for Postgres {
    /// Another active account may have the name.
    const SAVEPOINT: bool = true;

    async fn apply(change: &AlterAccount, db: &mut PgConnection) -> Result<Account, Failure> {
        let changed = sqlx::query_as(CHANGE)
            .bind(&change.rp_id)
            .bind(&change.id)
            .bind(change.to.name.as_deref())
            .bind(change.to.display_name.as_deref())
            .fetch_optional(db)
            .await?;
        changed.ok_or(Error::NotFound.into())
    }
}
