//! Sessions, and when they are over.

use crate::clock::Timestamp;

/// What a sign-in leaves behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// A UUID.
    pub id: String,
    /// The relying party that it belongs to.
    pub rp_id: String,
    /// The account that signed in.
    pub user_id: String,
    /// The credential that signed in.
    pub credential_id: Vec<u8>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// When it was ended early.
    pub revoked_at: Option<Timestamp>,
    /// Whether the user was verified.
    pub user_verified: bool,
    /// When it was last used, as far as that was written down.
    pub last_used_at: Timestamp,
}

/// A new session, before the store has given it an id and times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// The account that signed in.
    pub user_id: String,
    /// The credential that signed in.
    pub credential_id: Vec<u8>,
    /// Whether the user was verified.
    pub user_verified: bool,
}

// === impl Session ===

impl Session {
    /// Whether it goes on at `now`, when it may rest for `idle` milliseconds.
    pub fn goes_on(&self, now: Timestamp, idle: u64) -> bool {
        self.revoked_at.is_none()
            && now < self.expires_at
            && now < self.last_used_at.saturating_add(idle)
    }

    /// Whether a use at `now` must be written down: when the last one that was is a
    /// tenth of the idle time past, or a minute.
    pub fn needs_a_note(&self, now: Timestamp, idle: u64) -> bool {
        now >= self.last_used_at.saturating_add((idle / 10).min(60_000))
    }
}
