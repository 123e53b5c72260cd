//! The read-only connections.

use futures::poll;
use sqlx::sqlite::SqliteConnectOptions;

use super::{folder, in_file};
use crate::store::Error;
use crate::store::sqlite::readers::{READERS, Readers};

/// Of a store that nobody writes.
async fn readers() -> (tempfile::TempDir, Readers) {
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
        assert_eq!(readers.count(), 1, "the one that was opened at first");
    }
    let (one, mut other) = (readers.take().await.unwrap(), readers.take().await.unwrap());
    let marked = sqlx::query("CREATE TEMP TABLE marked AS SELECT 8 AS mark");
    marked.execute(&mut *other).await.unwrap();
    one.give_back();
    other.give_back();
    let mark = read(&readers, "SELECT mark FROM marked").await;
    assert_eq!(mark, Ok(Some((8,))));
    assert_eq!(readers.count(), 2);
}

#[tokio::test]
async fn connection_whose_read_failed_is_closed_and_the_next_read_goes_well() {
    let (_folder, readers) = readers().await;
    assert_eq!(
        read(&readers, "SELECT nothing FROM nowhere").await,
        Err(Error::Busy)
    );
    assert_eq!(readers.count(), 0);
    let all: Result<Vec<(i64,)>, _> = readers.all(sqlx::query("SELECT 1 UNION SELECT 2")).await;
    assert_eq!(all, Ok(vec![(1,), (2,)]));
    assert_eq!(readers.count(), 1);
}

#[tokio::test]
async fn reader_that_is_not_given_back_leaves_its_place_to_who_waits() {
    let (_folder, readers) = readers().await;
    let mut taken = Vec::new();
    for _ in 0..READERS {
        taken.push(readers.take().await.unwrap());
    }
    let next = read(&readers, "SELECT 7");
    tokio::pin!(next);
    assert!(poll!(&mut next).is_pending(), "all places are taken");
    drop(taken.pop());
    assert_eq!(next.await, Ok(Some((7,))));
}

#[tokio::test]
async fn readers_that_close_wait_for_who_reads_and_let_nobody_in() {
    let (_folder, readers) = readers().await;
    let reader = readers.take().await.unwrap();
    let close = readers.close();
    tokio::pin!(close);
    assert!(poll!(&mut close).is_pending(), "somebody reads");
    let late = read(&readers, "SELECT 7");
    tokio::pin!(late);
    assert!(poll!(&mut late).is_pending());
    reader.give_back();
    close.await;
    assert_eq!(late.await, Err(Error::Busy));
    assert_eq!(read(&readers, "SELECT 7").await, Err(Error::Busy));
    assert_eq!(readers.count(), 0);
}
