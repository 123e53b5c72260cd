//! Rows that are put in with one statement: each statement is a way to SQLite's thread and
//! back, and costs more than a row. Of a row most is the binding of its columns, so that what
//! all rows of a statement have in common is bound once.
//!
//! A statement has room for 1, 2, 4 ... [`TOGETHER`] rows, so that a connection keeps few of them
//! prepared. In places that nobody fills everything is NULL, and they are left out.

use std::sync::{Arc, OnceLock};

use futures::TryStreamExt as _;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments};
use sqlx::{AssertSqlSafe, Executor as _, SqliteConnection};

use crate::store::job::TOGETHER;

/// How many sizes of statements there are.
const SIZES: usize = TOGETHER.ilog2() as usize + 1;

/// A statement without its arguments.
pub(super) type Rows = Query<'static, Sqlite, SqliteArguments>;

/// Where rows go.
pub(super) struct Insertion {
    /// The table and its columns: those that all rows have in common, then each row's own. The
    /// first of a row's own is never NULL.
    into: &'static str,
    common: usize,
    own: usize,
    /// What follows in the same text.
    then: &'static str,
    /// By size; made once.
    statements: [OnceLock<Arc<str>>; SIZES],
}

/// Which half of [`Insertion::put_and_commit`] failed.
#[derive(Debug)]
pub(super) enum Unfinished {
    /// The rows are not there, and COMMIT was not tried.
    Put(sqlx::Error),
    /// COMMIT: nobody knows what became of the transaction.
    Commit(sqlx::Error),
}

// === impl Insertion ===

impl Insertion {
    /// Into a table and its columns, so many of them `common` to all rows and so many each row's
    /// `own`.
    pub(super) const fn new(into: &'static str, common: usize, own: usize) -> Self {
        Self::followed_by("", into, common, own)
    }

    /// The same, for [`Insertion::put_and_commit`].
    pub(super) const fn last(into: &'static str, common: usize, own: usize) -> Self {
        Self::followed_by("; COMMIT", into, common, own)
    }

    const fn followed_by(
        then: &'static str,
        into: &'static str,
        common: usize,
        own: usize,
    ) -> Self {
        Self {
            into,
            common,
            own,
            then,
            statements: [const { OnceLock::new() }; SIZES],
        }
    }

    /// Put at most [`TOGETHER`] rows in, in order. `common` gives the arguments that they have in
    /// common, `own` those of one; one for each column.
    ///
    /// # Errors
    /// A constraint refused one: none is put in.
    pub(super) async fn put<T>(
        &self,
        db: &mut SqliteConnection,
        rows: &[T],
        common: impl FnOnce(Rows) -> Result<Rows, sqlx::Error>,
        own: impl Fn(Rows, &T) -> Result<Rows, sqlx::Error>,
    ) -> Result<(), sqlx::Error> {
        let query = self.query(rows, common, own)?;
        let done = query.execute(db).await?;
        expect(rows, done.rows_affected())
    }

    /// As [`Insertion::put`], and then COMMIT, with one way to SQLite's thread.
    ///
    /// # Errors
    /// Which of the two failed, and why.
    pub(super) async fn put_and_commit<T>(
        &self,
        db: &mut SqliteConnection,
        rows: &[T],
        common: impl FnOnce(Rows) -> Result<Rows, sqlx::Error>,
        own: impl Fn(Rows, &T) -> Result<Rows, sqlx::Error>,
    ) -> Result<(), Unfinished> {
        let query = self.query(rows, common, own).map_err(Unfinished::Put)?;
        let mut results = db.fetch_many(query);
        let put = results.try_next().await.map_err(Unfinished::Put)?;
        let put = put.and_then(|put| put.left());
        let put = put.map_or(0, |put| put.rows_affected());
        let commit = results.try_collect::<Vec<_>>().await;
        commit
            .and_then(|_done| expect(rows, put))
            .map_err(Unfinished::Commit)
    }

    fn query<T>(
        &self,
        rows: &[T],
        common: impl FnOnce(Rows) -> Result<Rows, sqlx::Error>,
        own: impl Fn(Rows, &T) -> Result<Rows, sqlx::Error>,
    ) -> Result<Rows, sqlx::Error> {
        let query = common(sqlx::query(AssertSqlSafe(self.statement(rows.len()))))?;
        rows.iter().try_fold(query, own)
    }

    /// With room for so many rows. Nothing but text of ours.
    fn statement(&self, rows: usize) -> Arc<str> {
        let size = rows.next_power_of_two().ilog2() as usize;
        let made = self.statements.get(size);
        let made = made.map(|made| made.get_or_init(|| self.make(1 << size)));
        made.map_or_else(|| self.make(rows), Arc::clone)
    }

    fn make(&self, room: usize) -> Arc<str> {
        let Self { into, then, .. } = self;
        let common = "?,".repeat(self.common);
        let row = format!("({})", vec!["?"; self.own].join(","));
        let rows = vec![row; room].join(",");
        let text = format!(
            "INSERT INTO {into} SELECT {common}rows.* FROM (VALUES {rows}) AS rows
             WHERE column1 IS NOT NULL{then}"
        );
        text.into()
    }
}

/// That many rows were written, and no other number.
fn expect<T>(rows: &[T], written: u64) -> Result<(), sqlx::Error> {
    match written == rows.len() as u64 {
        true => Ok(()),
        false => Err(sqlx::Error::RowNotFound),
    }
}
