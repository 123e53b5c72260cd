//! What identities have taken, in SQLite: asked by the front hosts of a back tier.

use async_trait::async_trait;
use sqlx::{Sqlite, SqliteConnection};

use crate::store::columns::time;
use crate::store::job::{Applies, Failure};
use crate::store::rates::{TakeCells, Taken, nanoseconds};

const FIND: &str = "SELECT owed_until FROM rates WHERE identity = ?1";

const KEEP: &str = "
    INSERT INTO rates (identity, owed_until, taken) VALUES (?1, ?2, ?3)
    ON CONFLICT (identity) DO UPDATE SET owed_until = ?2, taken = ?3";

// === TakeCells ===

#[async_trait]
impl Applies<TakeCells> for Sqlite {
    /// There is one writer, so nobody takes between the two statements.
    async fn apply(taking: &TakeCells, db: &mut SqliteConnection) -> Result<Taken, Failure> {
        let before: Option<i64> = sqlx::query_scalar(FIND)
            .bind(&taking.identity)
            .fetch_optional(&mut *db)
            .await?;
        let before = before.and_then(|owed| u64::try_from(owed).ok());
        let now = nanoseconds(taking.now);
        let (taken, owed) = taking.limit.take(before, taking.cells, now);
        sqlx::query(KEEP)
            .bind(&taking.identity)
            .bind(time(owed))
            .bind(i64::from(taken.cells))
            .execute(db)
            .await?;
        Ok(taken)
    }
}
