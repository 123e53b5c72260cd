//! Failed sign-ins in SQLite: counted by account, in one step each.

use async_trait::async_trait;
use sqlx::{Sqlite, SqliteConnection};

use crate::store::Failed;
use crate::store::changes::CountFailure;
use crate::store::columns::time;
use crate::store::job::{Applies, Failure};
use crate::store::lockout::Counted;

const FIND: &str = "SELECT * FROM failures WHERE rp_id = ?1 AND subject = ?2";

const KEEP: &str = "
    INSERT INTO failures (rp_id, subject, count, since, locked_until) VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT (rp_id, subject) DO UPDATE SET count = ?3, since = ?4, locked_until = ?5";

// === CountFailure ===

#[async_trait]
impl Applies<CountFailure> for Sqlite {
    /// There is one writer, so nobody counts between the two statements.
    async fn apply(change: &CountFailure, db: &mut SqliteConnection) -> Result<Failed, Failure> {
        let before: Option<Counted> = sqlx::query_as(FIND)
            .bind(&change.rp_id)
            .bind(&change.subject)
            .fetch_optional(&mut *db)
            .await?;
        let (failed, after) = Counted::one_more(before, change.policy, change.now);
        if let Some(after) = after {
            sqlx::query(KEEP)
                .bind(&change.rp_id)
                .bind(&change.subject)
                .bind(after.count)
                .bind(time(after.since))
                .bind(after.locked_until.map(time))
                .execute(db)
                .await?;
        }
        Ok(failed)
    }
}
