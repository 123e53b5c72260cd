//! Retention and copies: what operators do to a store's file, beside the host.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, SqliteConnection};

use crate::audit::merkle::Hash;
use crate::store::columns::time;

/// Records that are cut in one transaction: a host that waits for it waits shortly.
const BATCH: usize = 5_000;

const KEEP: &str = "
    INSERT INTO audit_pruned (log, seq, leaf)
    SELECT ?1, value ->> 0, unhex(value ->> 1) FROM json_each(?2)";

/// Of the block in which the cut ends, what stands behind it goes into a block of its own.
const REST: &str = "
    INSERT INTO audit_blocks (log, first, records)
    SELECT ?1, ?2 + 1, group_concat(value || char(10), '' ORDER BY key)
    FROM audit_blocks,
        json_each('[' || replace(rtrim(records, char(10)), char(10), ',') || ']')
    WHERE log = ?1 AND value ->> 0 > ?2
        AND first = (SELECT max(first) FROM audit_blocks WHERE log = ?1 AND first <= ?2)
    HAVING count(*) > 0";

const CUT: &str = "DELETE FROM audit_blocks WHERE log = ?1 AND first <= ?2";

/// Cut these records of `log`, its beginning, to their leaves. The database refuses to cut what
/// is younger than 365 days, and what has no leaf.
///
/// # Errors
/// It can't be written, or refuses; transactions before it stay.
pub async fn prune(path: &Path, log: &str, leaves: &[(u64, Hash)]) -> Result<(), sqlx::Error> {
    let mut db = connect(path).await?;
    for batch in leaves.chunks(BATCH) {
        let rows: Vec<(i64, String)> = batch
            .iter()
            .map(|(seq, leaf)| {
                let hex = leaf.0.iter().map(|byte| format!("{byte:02x}")).collect();
                (time(*seq), hex)
            })
            .collect();
        let last = rows.last().map_or(0, |(last, _)| *last);
        let rows =
            serde_json::to_string(&rows).map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut db).await?;
        let done = async {
            sqlx::query(KEEP)
                .bind(log)
                .bind(&rows)
                .execute(&mut db)
                .await?;
            for statement in [REST, CUT] {
                let query = sqlx::query(statement).bind(log).bind(last);
                query.execute(&mut db).await?;
            }
            sqlx::query("COMMIT").execute(&mut db).await
        };
        done.await?;
    }
    sqlx::Connection::close(db).await
}

/// Copy the store at `path`, as it is at this moment, into the empty file `to`.
///
/// # Errors
/// One of the two can't be used.
pub async fn copy(path: &Path, to: &Path) -> Result<(), sqlx::Error> {
    let mut db = connect(path).await?;
    sqlx::query("VACUUM INTO ?1")
        .bind(to.display().to_string())
        .execute(&mut db)
        .await?;
    sqlx::Connection::close(db).await
}

async fn connect(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .busy_timeout(Duration::from_secs(5))
        .synchronous(sqlx::sqlite::SqliteSynchronous::Full)
        .pragma("trusted_schema", "OFF")
        .pragma("recursive_triggers", "ON")
        .disable_statement_logging()
        .connect()
        .await
}
