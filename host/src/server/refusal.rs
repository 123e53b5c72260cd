//! Why a listener turns a connection away or ends it, as stable codes for audit records.
//!
//! What goes wrong in the handshake itself has its code from
//! [`crate::identity::refusal`]; those here are about all that can go wrong around it.

/// The handshake took longer than `handshake_timeout`.
pub const HANDSHAKE_TIMEOUT: &str = "handshake-timeout";

/// The handshake was the oldest of `max_handshakes` when another one began.
pub const HANDSHAKE_DISPLACED: &str = "handshake-displaced";

/// There were `max_connections` connections already.
pub const TOO_MANY_CONNECTIONS: &str = "too-many-connections";

/// The peer had `identity_connections` connections already.
pub const TOO_MANY_FOR_IDENTITY: &str = "too-many-connections-of-identity";
