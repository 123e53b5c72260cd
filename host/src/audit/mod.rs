//! Audit records: who did what to which target, and what came of it.
//!
//! A [`Record`] describes one mediated call, denial or refused connection with
//! the fields of PCI DSS v4.0.1 requirement 10.2.2. Records gather in the
//! [`Trail`] of their request; the store writes them in the transaction of the
//! next change, or before the answer leaves the host.
//!
//! A record at its place in a log is a [`StoredRecord`]; its canonical bytes are a leaf
//! of the log's [`merkle`] tree. [`Log`] hands the leaves of what was committed to the
//! [`Sealer`], which signs the tree's root ([`note`]) and exports it to a second place
//! ([`Sink`]). Logs are read back through a [`Source`], checked by [`verify`] and written
//! out by [`export`]; [`retention`] says what may be cut of them. This module knows no database.

pub mod export;
mod key;
mod log;
pub mod merkle;
pub mod note;
mod notes;
mod placed;
mod record;
mod requests;
mod resume;
pub mod retention;
mod sealer;
mod sink;
mod source;
mod stored;
pub mod target;
mod trail;
mod verifier_key;
pub mod verify;

pub use key::{KeyError, LogSecret, SealKey, Turn};
pub use log::{Counts, Log};
pub use notes::read_notes;
pub use placed::Placed;
pub use record::{Actor, ComponentIdentity, Origin, Outcome, Record};
pub use requests::Requests;
pub use resume::ResumeError;
pub use sealer::{PATIENCE, Schedule, SealCounts, SealError, Sealer};
pub use sink::{Sink, SinkError};
pub use source::{Source, SourceError};
#[cfg(test)]
pub(crate) use stored::tests::sample;
pub use stored::{Entry, Leaf, StoredRecord};
pub use trail::{Promise, Trail};
