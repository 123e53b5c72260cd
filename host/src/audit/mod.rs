//! Audit records: who did what to which target, and what came of it.
//!
//! A [`Record`] describes one mediated call, denial or refused connection with
//! the fields of PCI DSS v4.0.1 requirement 10.2.2. Records gather in the
//! [`Trail`] of their request; the store writes them in the transaction of the
//! next change, or before the answer leaves the host.
//!
//! A record at its place in a log is a [`StoredRecord`]; its canonical bytes are a leaf
//! of the log's [`merkle`] tree. [`Log`] hands the leaves of what was committed on to
//! be sealed. This module knows nothing of databases.

mod log;
pub mod merkle;
mod record;
mod stored;
mod trail;

pub use log::{Counts, Log};
pub use record::{Actor, ComponentIdentity, Origin, Outcome, Record};
pub use stored::{Entry, StoredRecord};
pub use trail::Trail;
