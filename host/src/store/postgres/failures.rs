//! Failed sign-ins in PostgreSQL: counted by account, one after the other however many
//! hosts there are.

use async_trait::async_trait;
use sqlx::postgres::{PgConnection, Postgres};

use crate::store::Failed;
use crate::store::changes::CountFailure;
use crate::store::columns::time;
use crate::store::job::{Applies, Failure};
use crate::store::lockout::Counted;

/// A row to lock, for the first failure of an account.
const BEGIN: &str = "
    INSERT INTO zeropass.failures (rp_id, subject, count, since) VALUES ($1, $2, 0, $3)
    ON CONFLICT DO NOTHING";

/// Whoever counts next waits here until the one before has committed.
const LOCK: &str = "
    SELECT count, since, locked_until FROM zeropass.failures
    WHERE rp_id = $1 AND subject = $2 FOR UPDATE";

const KEEP: &str = "
    INSERT INTO zeropass.failures (rp_id, subject, count, since, locked_until)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (rp_id, subject) DO UPDATE SET count = $3, since = $4, locked_until = $5";

// === CountFailure ===

#[async_trait]
impl Applies<CountFailure> for Postgres {
    async fn apply(change: &CountFailure, db: &mut PgConnection) -> Result<Failed, Failure> {
        sqlx::query(BEGIN)
            .bind(&change.rp_id)
            .bind(&change.subject)
            .bind(time(change.now))
            .execute(&mut *db)
            .await?;
        // None where a sign-in has just ended the count.
        let before: Option<Counted> = sqlx::query_as(LOCK)
            .bind(&change.rp_id)
            .bind(&change.subject)
            .fetch_optional(&mut *db)
            .await?;
        let (failed, after) = Counted::one_more(before, change.policy, change.now);
        if let Some(after) = after {
            sqlx::query(KEEP)
                .bind(&change.rp_id)
                .bind(&change.subject)
                .bind(i64::from(after.count))
                .bind(time(after.since))
                .bind(after.locked_until.map(time))
                .execute(db)
                .await?;
        }
        Ok(failed)
    }
}
