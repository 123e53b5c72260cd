//! Read-only connections: a few, each for one caller at a time.
//!
//! sqlx's pool asks a connection that comes back whether it is well, on a task of its own and by
//! another way to SQLite's thread. There is no wire here that could break meanwhile: a connection
//! comes back when what was read is there, and else it is closed, whatever was the matter, and
//! keeps its place until its thread is through. The one that came back last goes first; its
//! thread and its pages are warm.
//!
//! Bounds: [`READERS`] connections, [`LOCK_WAIT`] until one is there.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions as _, Connection as _, FromRow, SqliteConnection};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::open::LOCK_WAIT;
use super::unavailable;
use crate::store::Error;

/// Readers do not wait for the writer; a few are enough for the cores there are.
pub(super) const READERS: u32 = 4;

/// Connections that are open when they are needed.
#[derive(Debug)]
pub(super) struct Readers {
    options: SqliteConnectOptions,
    idle: Mutex<Vec<SqliteConnection>>,
    /// Closed for good with the readers.
    places: Arc<Semaphore>,
}

/// A connection that is closed unless it is given back.
pub(super) struct Reader<'a> {
    readers: &'a Readers,
    /// None only while it is dropped.
    held: Option<(SqliteConnection, OwnedSemaphorePermit)>,
}

// === impl Readers ===

impl Readers {
    /// With one connection, to see that there can be any.
    ///
    /// # Errors
    /// There can't.
    pub(super) async fn open(options: SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        let first = options.connect().await?;
        Ok(Self {
            options,
            idle: Mutex::new(vec![first]),
            places: Arc::new(Semaphore::new(READERS as usize)),
        })
    }

    /// A connection, for reads that belong together.
    ///
    /// # Errors
    /// None is free in time, none can be opened, or the readers are closed.
    pub(super) async fn take(&self) -> Result<Reader<'_>, sqlx::Error> {
        let taken = timeout(LOCK_WAIT, async {
            let place = Arc::clone(&self.places).acquire_owned().await;
            let place = place.map_err(|_| sqlx::Error::PoolClosed)?;
            let idle = self.idle().pop();
            let connection = match idle {
                Some(connection) => connection,
                None => self.options.connect().await?,
            };
            Ok(Reader {
                readers: self,
                held: Some((connection, place)),
            })
        });
        taken.await.map_err(|_| sqlx::Error::PoolTimedOut)?
    }

    /// The row of a query that has one, whatever is in the store.
    ///
    /// # Errors
    /// [`Error::Busy`]: it could not be read.
    pub(super) async fn one<T>(&self, query: Query<'_, Sqlite, SqliteArguments>) -> Result<T, Error>
    where
        T: for<'r> FromRow<'r, SqliteRow>,
    {
        let row = self.optional(query).await?;
        row.ok_or_else(|| unavailable(sqlx::Error::RowNotFound))
    }

    /// The row of a query that has one at most.
    ///
    /// # Errors
    /// [`Error::Busy`]: it could not be read.
    pub(super) async fn optional<T>(
        &self,
        query: Query<'_, Sqlite, SqliteArguments>,
    ) -> Result<Option<T>, Error>
    where
        T: for<'r> FromRow<'r, SqliteRow>,
    {
        let mut reader = self.take().await.map_err(unavailable)?;
        let row = query
            .fetch_optional(reader.db().map_err(unavailable)?)
            .await;
        let row = row.map_err(unavailable)?;
        reader.give_back();
        let row = row.map(|row| T::from_row(&row)).transpose();
        row.map_err(unavailable)
    }

    /// All rows of a query.
    ///
    /// # Errors
    /// [`Error::Busy`]: they could not be read.
    pub(super) async fn all<T>(
        &self,
        query: Query<'_, Sqlite, SqliteArguments>,
    ) -> Result<Vec<T>, Error>
    where
        T: for<'r> FromRow<'r, SqliteRow>,
    {
        let mut reader = self.take().await.map_err(unavailable)?;
        let rows = query.fetch_all(reader.db().map_err(unavailable)?).await;
        let rows = rows.map_err(unavailable)?;
        reader.give_back();
        let rows = rows.iter().map(T::from_row).collect::<Result<_, _>>();
        rows.map_err(unavailable)
    }

    /// Wait for whoever reads, and close all connections. Nobody gets one any more.
    pub(super) async fn close(&self) {
        let all = self.places.acquire_many(READERS).await;
        self.places.close();
        drop(all);
        let idle = std::mem::take(&mut *self.idle());
        for connection in idle {
            if let Err(error) = connection.close().await {
                tracing::warn!(%error, "closing a reader of the store");
            }
        }
    }

    /// Connections that wait for a caller.
    #[cfg(test)]
    pub(super) fn idle_count(&self) -> usize {
        self.idle().len()
    }

    /// Callers that could have a connection at once.
    #[cfg(test)]
    pub(super) fn free_places(&self) -> usize {
        self.places.available_permits()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<SqliteConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Reader ===

impl Reader<'_> {
    /// The connection.
    pub(super) fn db(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        let held = self.held.as_mut();
        let (connection, _) = held.ok_or(sqlx::Error::WorkerCrashed)?;
        Ok(connection)
    }

    /// Nothing is under way on it: the next one may have it.
    pub(super) fn give_back(mut self) {
        if let Some((connection, place)) = self.held.take() {
            self.readers.idle().push(connection);
            drop(place);
        }
    }
}

/// Whoever read has gone away, or could not read. What it asked may still be under way.
impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let Some((connection, place)) = self.held.take() else {
            return;
        };
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = connection.close().await {
                    tracing::warn!(%error, "closing a reader of the store");
                }
                drop(place);
            });
        }
    }
}
