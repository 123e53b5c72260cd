//! Reading through a pool: what did not reach the database is asked again.

use std::future::Future;
use std::time::Duration;

use sqlx::postgres::PgPool;
use tokio::time::timeout;

use crate::store::Error;

/// The first attempt may meet a connection that the server has closed meanwhile.
const ATTEMPTS: u32 = 3;

/// For an answer, after which the way is taken for cut.
const ANSWER: Duration = Duration::from_secs(4);

/// Read, at most [`ATTEMPTS`] times. Reading changes nothing, so it may be repeated.
pub(super) async fn read<T, F>(pool: &PgPool, read: impl Fn(PgPool) -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, sqlx::Error>>,
{
    let mut attempt = 1;
    loop {
        let answer = timeout(ANSWER, read(pool.clone())).await;
        let error = match answer {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error,
            Err(_elapsed) => return Err(super::unavailable(&sqlx::Error::PoolTimedOut)),
        };
        if attempt == ATTEMPTS || !is_broken(&error) {
            return Err(super::unavailable(&error));
        }
        attempt += 1;
    }
}

/// The connection broke, or the server is on its way down.
fn is_broken(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => {
            matches!(error.code().as_deref(), Some("57P01" | "57P02" | "25P03"))
        }
        _ => false,
    }
}
