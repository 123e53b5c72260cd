//! Rows that are put in with one statement: each statement is a way to SQLite's thread and
//! back, and costs more than a row.
//!
//! A statement has room for 1, 2, 4 ... [`TOGETHER`] rows, so that a connection keeps few of them
//! prepared. In places that nobody fills everything is NULL, and they are left out.

use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments};
use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::store::job::TOGETHER;

/// A statement without its arguments.
pub(super) type Rows<'q> = Query<'q, Sqlite, SqliteArguments>;

/// Where rows go.
pub(super) struct Insertion {
    /// The table and its columns; the first of them is never NULL.
    pub(super) into: &'static str,
    /// How many columns.
    pub(super) columns: usize,
}

// === impl Insertion ===

impl Insertion {
    /// Put rows in, in order and [`TOGETHER`] with each statement. `bind` gives the arguments of one, one for each column.
    ///
    /// # Errors
    /// A constraint refused one: those that went with it in one statement are not put in.
    pub(super) async fn put<T>(
        &self,
        db: &mut SqliteConnection,
        rows: &[T],
        bind: impl for<'q> Fn(Rows<'q>, &T) -> Result<Rows<'q>, sqlx::Error>,
    ) -> Result<(), sqlx::Error> {
        for rows in rows.chunks(TOGETHER) {
            let room = rows.len().next_power_of_two();
            let mut query = sqlx::query(AssertSqlSafe(self.statement(room)));
            for row in rows {
                query = bind(query, row)?;
            }
            let done = query.execute(&mut *db).await?;
            if done.rows_affected() != rows.len() as u64 {
                return Err(sqlx::Error::RowNotFound);
            }
        }
        Ok(())
    }

    /// Nothing but text of ours.
    fn statement(&self, room: usize) -> String {
        let row = format!("({})", vec!["?"; self.columns].join(","));
        let rows = vec![row; room].join(",");
        format!(
            "INSERT INTO {} SELECT * FROM (VALUES {rows}) WHERE column1 IS NOT NULL",
            self.into
        )
    }
}
