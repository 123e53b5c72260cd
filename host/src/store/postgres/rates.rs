//! What identities have taken, in PostgreSQL: one row that all hosts take from.
//!
//! One statement decides and is a transaction of its own, so that the row is locked no
//! longer than it takes: in a group of changes, hosts would wait for each other's
//! commits and for rows in any order.

use std::time::Duration;

use sqlx::postgres::PgPool;

use super::read::read;
use crate::store::Error;
use crate::store::columns::time;
use crate::store::rates::{TakeCells, Taken};

/// As [`RateLimit::take`], by the database's clock: the hosts' clocks differ. Whoever waits for
/// the row has the time from before the wait, and may get less than there is, never more.
///
/// [`RateLimit::take`]: crate::store::RateLimit
const TAKE: &str = "
    WITH clock AS MATERIALIZED (
        SELECT (extract(epoch FROM clock_timestamp()) * 1000000000)::bigint AS now
    )
    INSERT INTO zeropass.rates AS held (identity, owed_until, taken)
    SELECT $1, now + $3 * $2, $3 FROM clock
    ON CONFLICT (identity) DO UPDATE SET (owed_until, taken) = (
        SELECT since + $2 * given, given
        FROM clock,
            LATERAL (SELECT CASE WHEN held.owed_until BETWEEN now AND now + $5
                THEN held.owed_until ELSE now END) AS begin (since),
            LATERAL (SELECT greatest(0, least($3, (now + $4 - since) / $2))) AS room (given)
    )
    RETURNING taken, greatest(0, owed_until + $2 - $4 - (SELECT now FROM clock))";

/// A connection that broke may have taken cells already: then they are lost, and none are
/// given twice.
pub(super) async fn take(pool: &PgPool, taking: &TakeCells) -> Result<Taken, Error> {
    let limit = taking.limit;
    let answer: (i64, i64) = read(pool, |db| async move {
        sqlx::query_as(TAKE)
            .bind(&taking.identity)
            .bind(time(limit.interval))
            .bind(i64::from(taking.cells))
            .bind(time(limit.whole()))
            .bind(time(limit.furthest()))
            .fetch_one(&db)
            .await
    })
    .await?;
    let (cells, wait) = answer;
    Ok(Taken {
        cells: u32::try_from(cells).unwrap_or(0),
        wait: Duration::from_nanos(u64::try_from(wait).unwrap_or(0)),
    })
}
