//! What statements did, heard with as few words from SQLite's thread as there are: each wakes
//! ours up, and that nothing follows is a word of its own.

use futures::TryStreamExt as _;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments};
use sqlx::{Either, Executor as _, SqliteConnection};

/// Execute all of the query's statements, of which there are `N`. Returns the numbers of their
/// rows.
///
/// # Errors
/// One of them failed: those before it were made, those behind it were not.
pub(super) async fn done<const N: usize>(
    db: &mut SqliteConnection,
    query: Query<'_, Sqlite, SqliteArguments>,
) -> Result<[u64; N], sqlx::Error> {
    let mut results = db.fetch_many(query);
    let mut rows = [0; N];
    for rows in &mut rows {
        *rows = loop {
            match results.try_next().await? {
                Some(Either::Left(done)) => break done.rows_affected(),
                Some(Either::Right(_row)) => {}
                None => return Err(sqlx::Error::WorkerCrashed),
            }
        };
    }
    Ok(rows)
}
