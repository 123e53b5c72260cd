//! Read-only connections: a few, each for one caller at a time.
//!
//! sqlx's pool asks a connection that comes back whether it is well, on a task of its own and by
//! another way to SQLite's thread. There is no wire here that could break meanwhile: a connection
//! comes back when what was read is there, and else it is closed, whatever was the matter. The
//! one that came back last goes first; its thread and its pages are warm.
//!
//! Bounds: [`READERS`] connections, [`LOCK_WAIT`] until one is free.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions as _, Connection as _, FromRow, SqliteConnection};
use tokio::sync::{Semaphore, SemaphorePermit};
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
    places: Semaphore,
}

/// A connection that is closed unless it is given back.
pub(super) struct Reader<'a> {
    connection: SqliteConnection,
    readers: &'a Readers,
    _place: SemaphorePermit<'a>,
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
            places: Semaphore::new(READERS as usize),
        })
    }

    /// A connection, for reads that belong together.
    ///
    /// # Errors
    /// None is free in time, none can be opened, or the readers are closed.
    pub(super) async fn take(&self) -> Result<Reader<'_>, sqlx::Error> {
        let place = timeout(LOCK_WAIT, self.places.acquire())
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?
            .map_err(|_| sqlx::Error::PoolClosed)?;
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.options.connect().await?,
        };
        Ok(Reader {
            connection,
            readers: self,
            _place: place,
        })
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
        let row = query.fetch_optional(&mut *reader).await;
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
        let rows = query.fetch_all(&mut *reader).await;
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
    pub(super) fn count(&self) -> usize {
        self.idle().len()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<SqliteConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Reader ===

impl Reader<'_> {
    /// Nothing is under way on it: the next one may have it.
    pub(super) fn give_back(self) {
        self.readers.idle().push(self.connection);
    }
}

impl Deref for Reader<'_> {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.connection
    }
}

impl DerefMut for Reader<'_> {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}
