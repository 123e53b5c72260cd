//! Finding nothing is no less work: what a sign-in asks about names and passkeys has a row of the same
//! shape in its answer whether there is something to find or not. A row is a message
//! between threads and a value to decode, which a clock could tell.

use std::sync::Arc;

use sqlx::sqlite::{SqliteRow, SqliteValueRef};
use sqlx::{Column as _, Row as _, TypeInfo as _, ValueRef as _};

use super::SqliteStore;
use super::accounts::{FIND_BY_ID, FIND_BY_NAME};
use super::credentials::{GET, LIST};
use crate::clock::FixedClock;
use crate::store::contract::{Kit, LIFETIME, NOW, RP};

const NOBODY: &str = "3f0e6f0e-6a7c-4f3b-8f43-5b7f1d2c9a10";

/// What is asked for: an account's name or id, or a passkey's id.
#[derive(Clone, Copy, Debug)]
enum Key<'a> {
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// The columns of a row with their names and types.
fn shape(row: &SqliteRow) -> Vec<(String, String)> {
    let columns = row.columns().iter();
    let typed = |column: &str| {
        let value: SqliteValueRef<'_> = row.try_get_raw(column).unwrap();
        value.type_info().name().to_owned()
    };
    columns
        .map(|column| (column.name().to_owned(), typed(column.name())))
        .collect()
}

async fn rows(store: &SqliteStore, statement: &'static str, key: Key<'_>) -> Vec<SqliteRow> {
    let asked = sqlx::query(statement).bind(RP);
    let asked = match key {
        Key::Text(key) => asked.bind(key),
        Key::Bytes(key) => asked.bind(key),
    };
    let mut reader = store.database.readers.take().await.unwrap();
    let rows = asked.fetch_all(reader.db().unwrap()).await.unwrap();
    reader.give_back();
    rows
}

#[tokio::test]
async fn nothing_is_answered_with_a_row_like_something() {
    let clock = Arc::new(FixedClock::new(NOW));
    let store = SqliteStore::temporary(LIFETIME, clock.clone()).await;
    let store = Arc::new(store.unwrap());
    let kit = Kit::over(store.clone(), clock);
    let ada = kit.create(RP, "ada").await;
    let ada = kit.activate(RP, &ada.id).await.unwrap();
    kit.insert(Kit::credential(&ada, b"key")).await.unwrap();
    kit.create(RP, "pending").await;

    for (statement, known, unknown) in [
        (
            FIND_BY_NAME,
            Key::Text("ada"),
            ["bob", "pending"].map(Key::Text),
        ),
        (
            FIND_BY_ID,
            Key::Text(&ada.id),
            [NOBODY, "ada"].map(Key::Text),
        ),
        (LIST, Key::Text(&ada.id), [NOBODY, "ada"].map(Key::Text)),
        (GET, Key::Bytes(b"key"), [&b"yek"[..], b""].map(Key::Bytes)),
    ] {
        let known = rows(&store, statement, known).await;
        assert_eq!(known.len(), 1);
        assert!(known[0].get::<bool, _>("found"));
        for key in unknown {
            let nothing = rows(&store, statement, key).await;
            assert_eq!(nothing.len(), 1, "{statement}: {key:?}");
            assert!(!nothing[0].get::<bool, _>("found"));
            assert_eq!(shape(&known[0]), shape(&nothing[0]), "{statement}");
        }
    }
}
