//! What begins in the store: ids are random, times are the host's.

use uuid::Uuid;

use crate::clock::Timestamp;
use crate::store::{Account, AccountStatus, NewAccount, NewSession, Session};

/// An account as it begins.
pub(super) fn account(rp_id: &str, account: NewAccount, now: Timestamp) -> Account {
    Account {
        id: account.id.unwrap_or_else(id),
        rp_id: rp_id.to_owned(),
        name: account.name,
        display_name: account.display_name,
        status: AccountStatus::Pending,
        created_at: now,
    }
}

/// A session of so many milliseconds as it begins.
pub(super) fn session(rp_id: &str, session: NewSession, lifetime: u64, now: Timestamp) -> Session {
    Session {
        id: id(),
        rp_id: rp_id.to_owned(),
        user_id: session.user_id,
        credential_id: session.credential_id,
        created_at: now,
        expires_at: now.saturating_add(lifetime),
        revoked_at: None,
        user_verified: session.user_verified,
        last_used_at: now,
    }
}

fn id() -> String {
    Uuid::new_v4().hyphenated().to_string()
}
