//! Forgetting what is a day out of date, a bounded number of rows at a time so
//! that no caller waits long behind it.

use async_trait::async_trait;
use sqlx::{Sqlite, SqliteConnection};

use crate::clock::Timestamp;
use crate::store::Swept;
use crate::store::columns::time;
use crate::store::job::{Applies, Change, Failure};
use crate::store::rates::nanoseconds;

/// One day, in milliseconds.
const DAY: u64 = 24 * 60 * 60 * 1000;

/// Rows of each table.
const BATCH: i64 = 500;

const CEREMONIES: &str = "
    DELETE FROM ceremonies WHERE rowid IN (
        SELECT rowid FROM ceremonies WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)";

/// A ceremony that is kept keeps its account: it may be finishing just now.
const ACCOUNTS: &str = "
    DELETE FROM accounts WHERE rowid IN (
        SELECT a.rowid FROM accounts a
        WHERE a.status = 'pending' AND a.created_at < ?1
            AND NOT EXISTS (SELECT 1 FROM credentials c
                WHERE c.rp_id = a.rp_id AND c.user_id = a.id)
            AND NOT EXISTS (SELECT 1 FROM ceremonies y
                WHERE y.rp_id = a.rp_id AND y.user_id = a.id)
        ORDER BY a.created_at LIMIT ?2)";

const SESSIONS: &str = "
    DELETE FROM sessions WHERE rowid IN (
        SELECT rowid FROM sessions WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)";

const FAILURES: &str = "
    DELETE FROM failures WHERE rowid IN (
        SELECT rowid FROM failures
        WHERE since < ?1 AND (locked_until IS NULL OR locked_until < ?1)
        ORDER BY since LIMIT ?2)";

const RATES: &str = "
    DELETE FROM rates WHERE rowid IN (
        SELECT rowid FROM rates WHERE owed_until < ?1 ORDER BY owed_until LIMIT ?2)";

pub(super) struct Sweep(pub(super) Timestamp);

// === impl Sweep ===

impl Change for Sweep {
    type Output = Swept;
}

#[async_trait]
impl Applies<Sweep> for Sqlite {
    /// A constraint may be broken after other rows are gone.
    const SAVEPOINT: bool = true;

    /// Ceremonies first, so that the accounts they kept can go at once.
    async fn apply(change: &Sweep, db: &mut SqliteConnection) -> Result<Swept, Failure> {
        let before = change.0.saturating_sub(DAY);
        Ok(Swept {
            ceremonies: delete(db, CEREMONIES, before).await?,
            accounts: delete(db, ACCOUNTS, before).await?,
            sessions: delete(db, SESSIONS, before).await?,
            failures: delete(db, FAILURES, before).await?,
            rates: delete(db, RATES, nanoseconds(before)).await?,
        })
    }
}

async fn delete(
    db: &mut SqliteConnection,
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
