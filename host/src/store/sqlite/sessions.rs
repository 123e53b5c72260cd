//! Sessions in SQLite.

use async_trait::async_trait;
use sqlx::{Sqlite, SqliteConnection};

use super::insertion::{Insertion, Rows};
use super::readers::Readers;
use crate::store::changes::{CreateSession, RevokeSession, TouchSession};
use crate::store::columns::time;
use crate::store::job::{Applies, Failure};
use crate::store::{Error, Session};

/// The columns of a session, in the order of [`bind`].
static SESSIONS: Insertion = Insertion::new(
    "sessions (rp_id, id, user_id, credential_id, created_at, expires_at, user_verified,
        last_used_at)",
    8,
);

const GET: &str = "SELECT * FROM sessions WHERE rp_id = ?1 AND id = ?2";

/// Two uses at once leave the later time, and none brings back what is over.
const TOUCH: &str = "
    UPDATE sessions SET last_used_at = max(last_used_at, ?3)
    WHERE rp_id = ?1 AND id = ?2 AND revoked_at IS NULL AND expires_at > ?3
        AND last_used_at > ?4
    RETURNING *";

/// The first revocation's time stays.
const REVOKE: &str = "
    UPDATE sessions SET revoked_at = coalesce(revoked_at, ?3) WHERE rp_id = ?1 AND id = ?2";

pub(super) async fn get(db: &Readers, rp_id: &str, id: &str) -> Result<Session, Error> {
    let query = sqlx::query(GET).bind(rp_id).bind(id);
    db.optional(query).await?.ok_or(Error::NotFound)
}

// === CreateSession ===

#[async_trait]
impl Applies<CreateSession> for Sqlite {
    async fn apply(change: &CreateSession, db: &mut SqliteConnection) -> Result<Session, Failure> {
        SESSIONS.put(db, &[change], bind).await?;
        Ok(change.0.clone())
    }

    async fn apply_all(
        changes: &[&CreateSession],
        db: &mut SqliteConnection,
    ) -> Result<Option<Vec<Session>>, Failure> {
        SESSIONS.put(db, changes, bind).await?;
        Ok(Some(
            changes.iter().map(|change| change.0.clone()).collect(),
        ))
    }
}

fn bind(query: Rows, change: &&CreateSession) -> Result<Rows, sqlx::Error> {
    let CreateSession(session) = change;
    Ok(query
        .bind(session.rp_id.clone())
        .bind(session.id.clone())
        .bind(session.user_id.clone())
        .bind(session.credential_id.clone())
        .bind(time(session.created_at))
        .bind(time(session.expires_at))
        .bind(session.user_verified)
        .bind(time(session.last_used_at)))
}

// === TouchSession ===

#[async_trait]
impl Applies<TouchSession> for Sqlite {
    async fn apply(change: &TouchSession, db: &mut SqliteConnection) -> Result<Session, Failure> {
        // Signed: a session may be younger than the idle time is long.
        let rested_since = time(change.now).saturating_sub(time(change.idle));
        let touched = sqlx::query_as(TOUCH)
            .bind(&change.rp_id)
            .bind(&change.id)
            .bind(time(change.now))
            .bind(rested_since)
            .fetch_optional(db)
            .await?;
        // It was there when it was read, and is over by now.
        touched.ok_or(Error::Expired.into())
    }
}

// === RevokeSession ===

#[async_trait]
impl Applies<RevokeSession> for Sqlite {
    async fn apply(change: &RevokeSession, db: &mut SqliteConnection) -> Result<(), Failure> {
        let done = sqlx::query(REVOKE)
            .bind(&change.rp_id)
            .bind(&change.id)
            .bind(time(change.now))
            .execute(db)
            .await?;
        if done.rows_affected() == 0 {
            return Err(Error::NotFound.into());
        }
        Ok(())
    }
}
