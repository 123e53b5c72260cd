//! Retention: records that are old enough are cut to their leaves.
//!
//! No role of a running host can do it. The migrator becomes the owner for it, as for a
//! change of the schema, and the triggers hold the owner back too: nothing younger than
//! 365 days goes, and nothing whose leaf does not stay.

use sqlx::Connection as _;
use sqlx::postgres::PgConnection;

use super::connect::Gateway;
use super::schema;
use super::settings::{Login, Server};
use super::{OpenError, Role};
use crate::audit::merkle::Hash;
use crate::store::columns::time;

/// Records that are cut in one transaction: a host that waits for it waits shortly.
const BATCH: usize = 5_000;

const KEEP: &str = "
    INSERT INTO zeropass.audit_pruned (log, seq, leaf)
    SELECT $1, seq, leaf FROM unnest($2::bigint[], $3::bytea[]) AS one (seq, leaf)";

const CUT: &str = "DELETE FROM zeropass.audit WHERE log = $1 AND seq = ANY ($2::bigint[])";

/// Cut these records of `log` to their leaves, as the migrator.
///
/// # Errors
/// No connection, a schema of another version, or the database refuses; transactions
/// before it stay.
pub async fn prune(
    server: &Server,
    migrator: &Login,
    log: &str,
    leaves: &[(u64, Hash)],
) -> Result<(), OpenError> {
    let gateway = Gateway::open(server, Role::Migrator, migrator)?;
    let mut db = schema::connect(&gateway).await?;
    for batch in leaves.chunks(BATCH) {
        cut(&mut db, log, batch)
            .await
            .map_err(OpenError::Database)?;
    }
    let _ = db.close().await;
    Ok(())
}

async fn cut(db: &mut PgConnection, log: &str, leaves: &[(u64, Hash)]) -> Result<(), sqlx::Error> {
    let places: Vec<i64> = leaves.iter().map(|(seq, _)| time(*seq)).collect();
    let hashes: Vec<&[u8]> = leaves.iter().map(|(_, leaf)| leaf.0.as_slice()).collect();
    let mut change = db.begin().await?;
    sqlx::query(KEEP)
        .bind(log)
        .bind(&places)
        .bind(&hashes)
        .execute(&mut *change)
        .await?;
    sqlx::query(CUT)
        .bind(log)
        .bind(&places)
        .execute(&mut *change)
        .await?;
    change.commit().await
}
