//! Where records are read from when a log is checked: a database, or an export.

use async_trait::async_trait;

use super::{Entry, Leaf};

/// Why records can't be read: the place and the reason.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub String);

/// Whether to read a log again from its beginning, where a place was cut and one before it was not.
/// Behind a reader that retention has overtaken more of the beginning is cut than when it was
/// read; what somebody else cut out of the middle is the same when it is read again. `before` is
/// how far the beginning was cut the last time.
pub(super) fn grows(before: Option<u64>, cut: u64) -> bool {
    before.is_none_or(|before| cut > before)
}

/// Something that holds logs.
#[async_trait]
pub trait Source: Send + Sync {
    /// The ids of the logs that it holds, sorted.
    ///
    /// # Errors
    /// It can't be read.
    async fn logs(&self) -> Result<Vec<String>, SourceError>;

    /// The last place that is taken in a log, 0 when there is none.
    ///
    /// # Errors
    /// It can't be read.
    async fn head(&self, log: &str) -> Result<u64, SourceError>;

    /// What a log holds after `seq`, in order, at most `limit` of it (and all that somebody has put
    /// at the last of these places); nothing at the log's end. Holes are left out: the places say where they are. What is returned is of one
    /// moment. Between two calls retention may cut the beginning of the log, further than was
    /// read: who minds begins again while the cut goes on.
    ///
    /// # Errors
    /// It can't be read. What can be read but is no record is an
    /// [`Entry::Unreadable`].
    async fn entries(&self, log: &str, after: u64, limit: u32) -> Result<Vec<Entry>, SourceError>;

    /// As [`Source::entries`], and of each record only its leaf.
    ///
    /// # Errors
    /// It can't be read.
    async fn leaves(&self, log: &str, after: u64, limit: u32) -> Result<Vec<Leaf>, SourceError> {
        Ok(leaves_of(self.entries(log, after, limit).await?))
    }
}

/// What a verifier needs of each.
fn leaves_of(entries: Vec<Entry>) -> Vec<Leaf> {
    let mut buffer = Vec::new();
    let leaf = |entry| match entry {
        Entry::Record(record) => Leaf::of(&record.placed(), &mut buffer),
        Entry::Pruned { seq, leaf } => Leaf::Pruned { seq, leaf },
        Entry::Unreadable { seq, why } => Leaf::Unreadable { seq, why },
    };
    entries.into_iter().map(leaf).collect()
}
