//! What becomes of connections, told to whoever keeps the audit log.

use tokio::sync::mpsc;

use crate::identity::SpiffeId;

/// A connection that was not made, or not kept, because of who is at the other end.
///
/// That a host can't be reached is no such thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Which host, as the link's targets name it.
    pub address: String,
    /// What happened.
    pub kind: NoticeKind,
    /// Why, such as `revoked`.
    pub code: &'static str,
}

/// What happened to a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoticeKind {
    /// The handshake failed. While attempts go on failing for one reason, it is told once.
    Refused,
    /// The connection to this peer was ended.
    Ended(SpiffeId),
}

/// Where notices go. They are as few as changes of material, and wait without a bound.
pub type Notices = mpsc::UnboundedSender<Notice>;
