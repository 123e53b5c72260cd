//! Rows that are put in with one statement: each statement is a way to SQLite's thread and
//! back, and costs more than a row.
//!
//! A statement has room for 1, 2, 4 ... [`TOGETHER`] rows, so that a connection keeps few of them
//! prepared. In places that nobody fills everything is NULL, and they are left out.

use std::sync::{Arc, OnceLock};

use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments};
use sqlx::{AssertSqlSafe, SqliteConnection};

use super::done;
use crate::store::job::TOGETHER;

/// How many sizes of statements there are.
const SIZES: usize = TOGETHER.ilog2() as usize + 1;

/// A statement without its arguments.
pub(super) type Rows = Query<'static, Sqlite, SqliteArguments>;

/// Where rows go.
pub(super) struct Insertion {
    /// The table and its columns, of which the first is never NULL.
    into: &'static str,
    columns: usize,
    /// By size; made once.
    statements: [OnceLock<Arc<str>>; SIZES],
}

// === impl Insertion ===

impl Insertion {
    /// Into a table and so many of its columns.
    pub(super) const fn new(into: &'static str, columns: usize) -> Self {
        Self {
            into,
            columns,
            statements: [const { OnceLock::new() }; SIZES],
        }
    }

    /// Put at most [`TOGETHER`] rows in, in order. `bind` gives the arguments of one, one for each
    /// column.
    ///
    /// # Errors
    /// A constraint refused one: none is put in.
    pub(super) async fn put<T>(
        &self,
        db: &mut SqliteConnection,
        rows: &[T],
        bind: impl Fn(Rows, &T) -> Result<Rows, sqlx::Error>,
    ) -> Result<(), sqlx::Error> {
        let query = sqlx::query(AssertSqlSafe(self.statement(rows.len())));
        let query = rows.iter().try_fold(query, bind)?;
        let [put] = done(db, query).await?;
        match put == rows.len() as u64 {
            true => Ok(()),
            false => Err(sqlx::Error::RowNotFound),
        }
    }

    /// With room for so many rows. Nothing but text of ours.
    fn statement(&self, rows: usize) -> Arc<str> {
        let size = rows.next_power_of_two().ilog2() as usize;
        let made = self.statements.get(size);
        let made = made.map(|made| made.get_or_init(|| self.make(1 << size)));
        made.map_or_else(|| self.make(rows), Arc::clone)
    }

    fn make(&self, room: usize) -> Arc<str> {
        let into = self.into;
        let row = format!("({})", vec!["?"; self.columns].join(","));
        let rows = vec![row; room].join(",");
        let text =
            format!("INSERT INTO {into} SELECT * FROM (VALUES {rows}) WHERE column1 IS NOT NULL");
        text.into()
    }
}
