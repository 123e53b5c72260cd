//! The read-only connections.

use futures::{future, poll};
use sqlx::sqlite::SqliteConnectOptions;
use tempfile::TempDir;

use super::{folder, in_file};
use crate::store::Error;
use crate::store::sqlite::readers::{READERS, Readers};

/// Takes its connection's thread a while.
const LONG: &str = "
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1000000)
    SELECT max(n) FROM numbers";

/// Of a store that nobody writes.
async fn readers() -> (TempDir, Readers) {
    let (folder, path) = folder();
    drop(in_file(&path).await);
    let options = SqliteConnectOptions::new().filename(&path).read_only(true);
    (folder, Readers::open(options).await.unwrap())
}

async fn read(readers: &Readers, statement: &'static str) -> Result<Option<(i64,)>, Error> {
    readers.optional(sqlx::query(statement)).await
}

#[tokio::test]
async fn connection_that_came_back_last_goes_first() {
    let (_folder, readers) = readers().await;
    for _ in 0..3 {
        assert_eq!(read(&readers, "SELECT 7").await, Ok(Some((7,))));
        assert_eq!(readers.idle_count(), 1, "the one that was opened at first");
    }
    let (one, mut other) = (readers.take().await.unwrap(), readers.take().await.unwrap());
    let marked = sqlx::query("CREATE TEMP TABLE marked AS SELECT 8 AS mark");
    marked.execute(other.db().unwrap()).await.unwrap();
    one.give_back();
    other.give_back();
    let mark = read(&readers, "SELECT mark FROM marked").await;
    assert_eq!(mark, Ok(Some((8,))));
    assert_eq!(readers.idle_count(), 2);
}

#[tokio::test]
async fn connection_whose_read_failed_is_closed_and_the_next_read_goes_well() {
    let (_folder, readers) = readers().await;
    let failed = read(&readers, "SELECT nothing FROM nowhere").await;
    assert_eq!(failed, Err(Error::Busy));
    assert_eq!(readers.idle_count(), 0);
    let all: Result<Vec<(i64,)>, _> = readers.all(sqlx::query("SELECT 1 UNION SELECT 2")).await;
    assert_eq!(all, Ok(vec![(1,), (2,)]));
    assert_eq!(readers.idle_count(), 1);
}

#[tokio::test]
async fn row_that_must_be_there_and_is_not_is_no_answer() {
    let (_folder, readers) = readers().await;
    let none = sqlx::query("SELECT 7 WHERE false");
    assert_eq!(readers.one::<(i64,)>(none).await, Err(Error::Busy));
}

#[tokio::test]
async fn reader_that_went_away_keeps_its_place_until_its_thread_is_through() {
    let (_folder, readers) = readers().await;
    let mut counting = Box::pin(read(&readers, LONG));
    assert!(poll!(&mut counting).is_pending());
    drop(counting);
    assert_eq!(
        (readers.idle_count(), readers.free_places()),
        (0, READERS as usize - 1)
    );
    // It waits for that place.
    readers.close().await;
    assert_eq!(readers.free_places(), READERS as usize);
}

#[tokio::test]
async fn no_more_read_at_a_time_than_there_are_places() {
    let (_folder, readers) = readers().await;
    let taken = (0..READERS).map(|_| readers.take());
    let mut taken = future::try_join_all(taken).await.unwrap();
    assert_eq!(readers.free_places(), 0);
    let mut next = Box::pin(readers.take());
    assert!(poll!(&mut next).is_pending());
    // A connection is there, but a place is not.
    let connection = taken.pop().unwrap();
    connection.give_back();
    next.await.unwrap().give_back();
    assert_eq!((readers.idle_count(), readers.free_places()), (1, 1));
}

#[tokio::test]
async fn readers_that_close_wait_for_who_reads_and_let_nobody_in() {
    let (_folder, readers) = readers().await;
    let reader = readers.take().await.unwrap();
    let mut close = Box::pin(readers.close());
    assert!(poll!(&mut close).is_pending(), "somebody reads");
    reader.give_back();
    let (late, ()) = future::join(readers.take(), close).await;
    assert!(matches!(late.map(drop), Err(sqlx::Error::PoolClosed)));
    let later = readers.take().await.map(drop);
    assert!(matches!(later, Err(sqlx::Error::PoolClosed)));
    assert_eq!(readers.idle_count(), 0);
}
