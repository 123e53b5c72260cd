//! Failed sign-ins in SQLite: counted by account, in one step each.

use async_trait::async_trait;
use sqlx::SqliteConnection;

use super::job::{Change, Failure};
use crate::clock::Timestamp;
use crate::store::columns::time;
use crate::store::lockout::Counted;
use crate::store::{Failed, LockoutPolicy};

const FIND: &str = "SELECT * FROM failures WHERE rp_id = ?1 AND subject = ?2";

const KEEP: &str = "
    INSERT INTO failures (rp_id, subject, count, since, locked_until) VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT (rp_id, subject) DO UPDATE SET count = ?3, since = ?4, locked_until = ?5";

pub(super) struct Count {
    pub(super) rp_id: String,
    pub(super) subject: String,
    pub(super) policy: LockoutPolicy,
    pub(super) now: Timestamp,
}

// === impl Count ===

#[async_trait]
impl Change for Count {
    type Output = Failed;
    const SINGLE_WRITE: bool = true;

    /// There is one writer, so nobody counts between the two statements.
    async fn apply(self, db: &mut SqliteConnection) -> Result<Failed, Failure> {
        let before: Option<Counted> = sqlx::query_as(FIND)
            .bind(&self.rp_id)
            .bind(&self.subject)
            .fetch_optional(&mut *db)
            .await?;
        let (failed, after) = Counted::one_more(before, self.policy, self.now);
        if let Some(after) = after {
            sqlx::query(KEEP)
                .bind(self.rp_id)
                .bind(self.subject)
                .bind(after.count)
                .bind(time(after.since))
                .bind(after.locked_until.map(time))
                .execute(db)
                .await?;
        }
        Ok(failed)
    }
}
