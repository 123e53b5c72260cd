//! Sessions in PostgreSQL.

use async_trait::async_trait;
use sqlx::postgres::{PgConnection, PgPool};

use super::job::{Change, Failure};
use super::read::read;
use super::rows::time;
use crate::clock::Timestamp;
use crate::store::{Error, Session};

const CREATE: &str = "
    INSERT INTO zeropass.sessions (rp_id, id, user_id, credential_id, created_at, expires_at,
        user_verified)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";

const GET: &str = "
    SELECT rp_id, id, user_id, credential_id, created_at, expires_at, revoked_at, user_verified
    FROM zeropass.sessions WHERE rp_id = $1 AND id = $2";

/// The first revocation's time stays.
const REVOKE: &str = "
    UPDATE zeropass.sessions SET revoked_at = coalesce(revoked_at, $3)
    WHERE rp_id = $1 AND id = $2";

pub(super) struct Create(pub(super) Session);

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
            .execute(db)
            .await?;
        if done.rows_affected() == 0 {
            return Err(Error::Exists.into());
        }
        Ok(session.clone())
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
