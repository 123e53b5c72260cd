//! Audit records: who did what to which target, and what came of it.
//!
//! A [`Record`] describes one mediated call, denial or refused connection with
//! the fields of PCI DSS v4.0.1 requirement 10.2.2. Records gather in the
//! [`Trail`] of their request; the store writes them in the transaction of the
//! next change, or before the answer leaves the host. This module knows neither
//! where records are kept nor how they are sealed.

mod record;
mod trail;

pub use record::{Actor, ComponentIdentity, Origin, Outcome, Record};
pub use trail::Trail;
