//! Passkeys in SQLite.

use async_trait::async_trait;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqlitePool;

use super::job::{Change, Failure};
use super::rows::{list, time, to_list};
use super::unavailable;
use crate::store::{Credential, CredentialStatus, CredentialUse, Error, Typical};

const INSERT: &str = "
    INSERT INTO credentials (rp_id, user_id, id, label, status, created_at, last_used_at,
        public_key, algorithm, sign_count, aaguid, transports, backup_eligible, backup_state,
        user_verified, discoverable, attestation_format)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";

const GET: &str = "SELECT * FROM credentials WHERE rp_id = ?1 AND id = ?2";

const LIST: &str = "
    SELECT * FROM credentials WHERE rp_id = ?1 AND user_id = ?2 ORDER BY created_at, id";

const RENAME: &str = "
    UPDATE credentials SET label = ?4 WHERE rp_id = ?1 AND user_id = ?2 AND id = ?3 RETURNING *";

const SET_STATUS: &str = "
    UPDATE credentials SET status = ?4 WHERE rp_id = ?1 AND user_id = ?2 AND id = ?3 RETURNING *";

const REMOVE: &str = "DELETE FROM credentials WHERE rp_id = ?1 AND user_id = ?2 AND id = ?3";

const RECORD_USE: &str = "
    UPDATE credentials SET sign_count = ?4, backup_state = ?5, last_used_at = ?6
    WHERE rp_id = ?1 AND id = ?2 AND sign_count = ?3 AND status = 'active' RETURNING *";

const IS_THERE: &str = "SELECT count(*) FROM credentials WHERE rp_id = ?1 AND id = ?2";

/// Ids are random, so the first ones in their order are a fair sample; the bound
/// keeps answers about unknown names cheap however many passkeys there are.
const TYPICAL: &str = "
    SELECT id_length, transports FROM (
        SELECT length(id) AS id_length, transports FROM credentials
        WHERE rp_id = ?1 ORDER BY id LIMIT 256)
    GROUP BY id_length, transports ORDER BY count(*) DESC, id_length, transports LIMIT 1";

/// What passkey providers in wide use answer with.
const COMMON_ID_LENGTH: u32 = 32;
const COMMON_TRANSPORTS: [&str; 2] = ["hybrid", "internal"];

pub(super) struct Insert(pub(super) Credential);

pub(super) struct Rename {
    pub(super) rp_id: String,
    pub(super) user_id: String,
    pub(super) id: Vec<u8>,
    pub(super) label: String,
}

pub(super) struct SetStatus {
    pub(super) rp_id: String,
    pub(super) user_id: String,
    pub(super) id: Vec<u8>,
    pub(super) status: CredentialStatus,
}

pub(super) struct Remove {
    pub(super) rp_id: String,
    pub(super) user_id: String,
    pub(super) id: Vec<u8>,
}

pub(super) struct RecordUse {
    pub(super) rp_id: String,
    pub(super) id: Vec<u8>,
    pub(super) recorded: CredentialUse,
}

pub(super) async fn get(db: &SqlitePool, rp_id: &str, id: &[u8]) -> Result<Credential, Error> {
    sqlx::query_as(GET)
        .bind(rp_id)
        .bind(id)
        .fetch_optional(db)
        .await
        .map_err(unavailable)?
        .ok_or(Error::NotFound)
}

pub(super) async fn list_for_user(
    db: &SqlitePool,
    rp_id: &str,
    user_id: &str,
) -> Result<Vec<Credential>, Error> {
    sqlx::query_as(LIST)
        .bind(rp_id)
        .bind(user_id)
        .fetch_all(db)
        .await
        .map_err(unavailable)
}

pub(super) async fn typical(db: &SqlitePool, rp_id: &str) -> Result<Typical, Error> {
    let row = sqlx::query(TYPICAL)
        .bind(rp_id)
        .fetch_optional(db)
        .await
        .map_err(unavailable)?;
    match row {
        Some(row) => Ok(Typical {
            id_length: super::rows::decode(&row, "id_length").map_err(unavailable)?,
            transports: list(&row, "transports").map_err(unavailable)?,
        }),
        None => Ok(Typical {
            id_length: COMMON_ID_LENGTH,
            transports: COMMON_TRANSPORTS.map(String::from).to_vec(),
        }),
    }
}

// === impl Insert ===

#[async_trait]
impl Change for Insert {
    type Output = ();
    const SINGLE_WRITE: bool = true;

    async fn apply(self, db: &mut SqliteConnection) -> Result<(), Failure> {
        let Self(credential) = self;
        sqlx::query(INSERT)
            .bind(credential.rp_id)
            .bind(credential.user_id)
            .bind(credential.id)
            .bind(credential.label)
            .bind(credential.status.as_str())
            .bind(time(credential.created_at))
            .bind(credential.last_used_at.map(time))
            .bind(credential.public_key)
            .bind(credential.algorithm)
            .bind(credential.sign_count)
            .bind(credential.aaguid)
            .bind(to_list(&credential.transports)?)
            .bind(credential.backup_eligible)
            .bind(credential.backup_state)
            .bind(credential.user_verified)
            .bind(credential.discoverable)
            .bind(credential.attestation_format)
            .execute(db)
            .await?;
        Ok(())
    }
}

// === impl Rename ===

#[async_trait]
impl Change for Rename {
    type Output = Credential;
    const SINGLE_WRITE: bool = true;

    async fn apply(self, db: &mut SqliteConnection) -> Result<Credential, Failure> {
        let renamed = sqlx::query_as(RENAME)
            .bind(self.rp_id)
            .bind(self.user_id)
            .bind(self.id)
            .bind(self.label)
            .fetch_optional(db)
            .await?;
        renamed.ok_or(Error::NotFound.into())
    }
}

// === impl SetStatus ===

#[async_trait]
impl Change for SetStatus {
    type Output = Credential;
    const SINGLE_WRITE: bool = true;

    async fn apply(self, db: &mut SqliteConnection) -> Result<Credential, Failure> {
        let changed = sqlx::query_as(SET_STATUS)
            .bind(self.rp_id)
            .bind(self.user_id)
            .bind(self.id)
            .bind(self.status.as_str())
            .fetch_optional(db)
            .await?;
        changed.ok_or(Error::NotFound.into())
    }
}

// === impl Remove ===

#[async_trait]
impl Change for Remove {
    type Output = ();
    const SINGLE_WRITE: bool = true;

    async fn apply(self, db: &mut SqliteConnection) -> Result<(), Failure> {
        let done = sqlx::query(REMOVE)
            .bind(self.rp_id)
            .bind(self.user_id)
            .bind(self.id)
            .execute(db)
            .await?;
        if done.rows_affected() == 0 {
            return Err(Error::NotFound.into());
        }
        Ok(())
    }
}

// === impl RecordUse ===

#[async_trait]
impl Change for RecordUse {
    type Output = Credential;
    const SINGLE_WRITE: bool = true;

    /// A credential that was suspended after the verification read it counts as
    /// changed: a suspended passkey signs nobody in, however close the race.
    async fn apply(self, db: &mut SqliteConnection) -> Result<Credential, Failure> {
        let used = sqlx::query_as(RECORD_USE)
            .bind(&self.rp_id)
            .bind(&self.id)
            .bind(self.recorded.previous_sign_count)
            .bind(self.recorded.sign_count)
            .bind(self.recorded.backup_state)
            .bind(time(self.recorded.at))
            .fetch_optional(&mut *db)
            .await?;
        if let Some(used) = used {
            return Ok(used);
        }
        let there: i64 = sqlx::query_scalar(IS_THERE)
            .bind(self.rp_id)
            .bind(self.id)
            .fetch_one(db)
            .await?;
        Err(if there > 0 {
            Error::Conflict
        } else {
            Error::NotFound
        }
        .into())
    }
}
