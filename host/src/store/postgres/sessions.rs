//! Sessions in PostgreSQL.

use async_trait::async_trait;
use sqlx::postgres::{PgConnection, PgPool, Postgres};

use super::read::read;
use crate::store::changes::{CreateSession, RevokeSession, TouchSession};
use crate::store::columns::time;
use crate::store::job::{Applies, Failure};
use crate::store::{Error, Session};

const CREATE: &str = "
    INSERT INTO zeropass.sessions (rp_id, id, user_id, credential_id, created_at, expires_at,
        user_verified, last_used_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";

const GET: &str = "
    SELECT rp_id, id, user_id, credential_id, created_at, expires_at, revoked_at, user_verified,
        last_used_at
    FROM zeropass.sessions WHERE rp_id = $1 AND id = $2";

/// Two uses at once leave the later time, and none brings back what is over.
const TOUCH: &str = "
    UPDATE zeropass.sessions SET last_used_at = greatest(last_used_at, $3)
    WHERE rp_id = $1 AND id = $2 AND revoked_at IS NULL AND expires_at > $3
        AND last_used_at > $4
    RETURNING rp_id, id, user_id, credential_id, created_at, expires_at, revoked_at,
        user_verified, last_used_at";

/// The first revocation's time stays.
const REVOKE: &str = "
    UPDATE zeropass.sessions SET revoked_at = coalesce(revoked_at, $3)
    WHERE rp_id = $1 AND id = $2";

pub(super) async fn get(db: &PgPool, rp_id: &str, id: &str) -> Result<Session, Error> {
    let found = read(db, |db| async move {
        sqlx::query_as(GET)
            .bind(rp_id)
            .bind(id)
            .fetch_optional(&db)
            .await
    });
    found.await?.ok_or(Error::NotFound)
}

// === CreateSession ===

#[async_trait]
impl Applies<CreateSession> for Postgres {
    async fn apply(change: &CreateSession, db: &mut PgConnection) -> Result<Session, Failure> {
        let CreateSession(session) = change;
        let done = sqlx::query(CREATE)
            .bind(&session.rp_id)
            .bind(&session.id)
            .bind(&session.user_id)
            .bind(&session.credential_id)
            .bind(time(session.created_at))
            .bind(time(session.expires_at))
            .bind(session.user_verified)
            .bind(time(session.last_used_at))
            .execute(db)
            .await?;
        if done.rows_affected() == 0 {
            return Err(Error::Exists.into());
        }
        Ok(session.clone())
    }
}

// === TouchSession ===

#[async_trait]
impl Applies<TouchSession> for Postgres {
    async fn apply(change: &TouchSession, db: &mut PgConnection) -> Result<Session, Failure> {
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
impl Applies<RevokeSession> for Postgres {
    async fn apply(change: &RevokeSession, db: &mut PgConnection) -> Result<(), Failure> {
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
