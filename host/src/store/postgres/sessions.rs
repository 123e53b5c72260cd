//! Sessions in PostgreSQL.

use async_trait::async_trait;
use sqlx::postgres::{PgConnection, PgPool};

use super::job::{Change, Failure};
use super::read::read;
use crate::clock::Timestamp;
use crate::store::columns::time;
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

pub(super) struct Create(pub(super) Session);

pub(super) struct Touch {
    pub(super) rp_id: String,
    pub(super) id: String,
    pub(super) now: Timestamp,
    pub(super) idle: u64,
}

pub(super) struct Revoke {
    pub(super) rp_id: String,
    pub(super) id: String,
    pub(super) now: Timestamp,
}

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

// === impl Create ===

#[async_trait]
impl Change for Create {
    type Output = Session;

    async fn apply(&self, db: &mut PgConnection) -> Result<Session, Failure> {
        let Self(session) = self;
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

// === impl Touch ===

#[async_trait]
impl Change for Touch {
    type Output = Session;

    async fn apply(&self, db: &mut PgConnection) -> Result<Session, Failure> {
        // Signed: a session may be younger than the idle time is long.
        let rested_since = time(self.now).saturating_sub(time(self.idle));
        let touched = sqlx::query_as(TOUCH)
            .bind(&self.rp_id)
            .bind(&self.id)
            .bind(time(self.now))
            .bind(rested_since)
            .fetch_optional(db)
            .await?;
        // It was there when it was read, and is over by now.
        touched.ok_or(Error::Expired.into())
    }
}

// === impl Revoke ===

#[async_trait]
impl Change for Revoke {
    type Output = ();

    async fn apply(&self, db: &mut PgConnection) -> Result<(), Failure> {
        let done = sqlx::query(REVOKE)
            .bind(&self.rp_id)
            .bind(&self.id)
            .bind(time(self.now))
            .execute(db)
            .await?;
        if done.rows_affected() == 0 {
            return Err(Error::NotFound.into());
        }
        Ok(())
    }
}
