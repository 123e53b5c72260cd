//! Forgetting what is a day out of date, a bounded number of rows at a time, each duty its
//! own. Several hosts sweep the same tables: what another one has locked is left to it.

use async_trait::async_trait;
use sqlx::postgres::{PgConnection, Postgres};

use crate::clock::Timestamp;
use crate::store::columns::time;
use crate::store::job::{Applies, Change, Failure};
use crate::store::rates::nanoseconds;

/// One day, in milliseconds.
const DAY: u64 = 24 * 60 * 60 * 1000;

/// Rows of each table.
const BATCH: i64 = 500;

const CEREMONIES: &str = "
    DELETE FROM zeropass.ceremonies WHERE (rp_id, id) IN (
        SELECT rp_id, id FROM zeropass.ceremonies WHERE expires_at < $1
        ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)";

const FAILURES: &str = "
    DELETE FROM zeropass.failures WHERE (rp_id, subject) IN (
        SELECT rp_id, subject FROM zeropass.failures
        WHERE since < $1 AND (locked_until IS NULL OR locked_until < $1)
        ORDER BY since LIMIT $2 FOR UPDATE SKIP LOCKED)";

const SESSIONS: &str = "
    DELETE FROM zeropass.sessions WHERE (rp_id, id) IN (
        SELECT rp_id, id FROM zeropass.sessions WHERE expires_at < $1
        ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)";

const RATES: &str = "
    DELETE FROM zeropass.rates WHERE identity IN (
        SELECT identity FROM zeropass.rates WHERE owed_until < $1
        ORDER BY owed_until LIMIT $2 FOR UPDATE SKIP LOCKED)";

const ACCOUNTS: &str = "SELECT zeropass.sweep_accounts($1, $2)";

pub(super) struct CeremoniesAndFailures(pub(super) Timestamp);

/// After [`CeremoniesAndFailures`], so that the accounts they kept can go at once.
pub(super) struct AccountsSessionsAndRates(pub(super) Timestamp);

// === impl CeremoniesAndFailures ===

impl Change for CeremoniesAndFailures {
    type Output = (u64, u64);
}

#[async_trait]
impl Applies<CeremoniesAndFailures> for Postgres {
    async fn apply(
        change: &CeremoniesAndFailures,
        db: &mut PgConnection,
    ) -> Result<(u64, u64), Failure> {
        let ceremonies = delete(db, CEREMONIES, before(change.0)).await?;
        Ok((ceremonies, delete(db, FAILURES, before(change.0)).await?))
    }
}

// === impl AccountsSessionsAndRates ===

impl Change for AccountsSessionsAndRates {
    type Output = (u64, u64, u64);
}

#[async_trait]
impl Applies<AccountsSessionsAndRates> for Postgres {
    /// A passkey may have been registered for an account that was just seen without any.
    const SAVEPOINT: bool = true;

    async fn apply(
        change: &AccountsSessionsAndRates,
        db: &mut PgConnection,
    ) -> Result<(u64, u64, u64), Failure> {
        let sessions = delete(db, SESSIONS, before(change.0)).await?;
        let rates = delete(db, RATES, nanoseconds(before(change.0))).await?;
        let accounts: i64 = sqlx::query_scalar(ACCOUNTS)
            .bind(time(before(change.0)))
            .bind(BATCH)
            .fetch_one(db)
            .await?;
        Ok((u64::try_from(accounts).unwrap_or(0), sessions, rates))
    }
}

async fn delete(
    db: &mut PgConnection,
    statement: &'static str,
    before: u64,
) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(statement)
        .bind(time(before))
        .bind(BATCH)
        .execute(db)
        .await?;
    Ok(done.rows_affected())
}

fn before(now: Timestamp) -> Timestamp {
    now.saturating_sub(DAY)
}
