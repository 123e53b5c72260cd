//! Passkeys in PostgreSQL.

use async_trait::async_trait;
use sqlx::postgres::{PgConnection, PgPool};

use super::job::{Change, Failure};
use super::read::read;
use super::rows::{list, time, to_list};
use crate::store::{Credential, CredentialStatus, CredentialUse, Error, Typical};

/// Named, so that a newer schema can add one under a running host.
macro_rules! columns {
    () => {
        "rp_id, user_id, id, label, status, created_at, last_used_at, public_key, algorithm,
        sign_count, aaguid, transports, backup_eligible, backup_state, user_verified,
        discoverable, attestation_format"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO zeropass.credentials (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)"
);

const GET: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM zeropass.credentials WHERE rp_id = $1 AND id = $2"
);

const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM zeropass.credentials WHERE rp_id = $1 AND user_id = $2 ORDER BY created_at, id"
);

const RENAME: &str = concat!(
    "UPDATE zeropass.credentials SET label = $4
    WHERE rp_id = $1 AND user_id = $2 AND id = $3 RETURNING ",
    columns!()
);

const SET_STATUS: &str = concat!(
    "UPDATE zeropass.credentials SET status = $4
    WHERE rp_id = $1 AND user_id = $2 AND id = $3 RETURNING ",
    columns!()
);

const REMOVE: &str = "
    DELETE FROM zeropass.credentials WHERE rp_id = $1 AND user_id = $2 AND id = $3";

/// The counter that the verification rested on is compared in the statement that sets the
/// new one: of two hosts that saw the same counter, one succeeds.
const RECORD_USE: &str = concat!(
    "UPDATE zeropass.credentials SET sign_count = $4, backup_state = $5, last_used_at = $6
    WHERE rp_id = $1 AND id = $2 AND sign_count = $3 AND status = 'active' RETURNING ",
    columns!()
);

const IS_THERE: &str = "
    SELECT count(*) FROM zeropass.credentials WHERE rp_id = $1 AND id = $2";

/// Ids are random, so the first ones in their order are a fair sample; the bound
/// keeps answers about unknown names cheap however many passkeys there are.
const TYPICAL: &str = "
    SELECT id_length, transports FROM (
        SELECT length(id)::bigint AS id_length, transports COLLATE \"C\" AS transports
        FROM zeropass.credentials WHERE rp_id = $1 ORDER BY id LIMIT 256) AS sample
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

pub(super) async fn get(db: &PgPool, rp_id: &str, id: &[u8]) -> Result<Credential, Error> {
    let found = read(db, |db| async move {
        sqlx::query_as(GET)
            .bind(rp_id)
            .bind(id)
            .fetch_optional(&db)
            .await
    });
    found.await?.ok_or(Error::NotFound)
}

pub(super) async fn list_for_user(
    db: &PgPool,
    rp_id: &str,
    user_id: &str,
) -> Result<Vec<Credential>, Error> {
    read(db, |db| async move {
        sqlx::query_as(LIST)
            .bind(rp_id)
            .bind(user_id)
            .fetch_all(&db)
            .await
    })
    .await
}

pub(super) async fn typical(db: &PgPool, rp_id: &str) -> Result<Typical, Error> {
    let found = read(db, |db| async move {
        let row = sqlx::query(TYPICAL).bind(rp_id).fetch_optional(&db).await?;
        row.map(|row| {
            Ok(Typical {
                id_length: super::rows::decode(&row, "id_length")?,
                transports: list(&row, "transports")?,
            })
        })
        .transpose()
    });
    Ok(found.await?.unwrap_or_else(|| Typical {
        id_length: COMMON_ID_LENGTH,
        transports: COMMON_TRANSPORTS.map(String::from).to_vec(),
    }))
}

// === impl Insert ===

#[async_trait]
impl Change for Insert {
    type Output = ();
    /// The id may be taken, or the account gone.
    const SAVEPOINT: bool = true;

    async fn apply(&self, db: &mut PgConnection) -> Result<(), Failure> {
        let Self(credential) = self;
        sqlx::query(INSERT)
            .bind(&credential.rp_id)
            .bind(&credential.user_id)
            .bind(&credential.id)
            .bind(&credential.label)
            .bind(credential.status.as_str())
            .bind(time(credential.created_at))
            .bind(credential.last_used_at.map(time))
            .bind(&credential.public_key)
            .bind(i64::from(credential.algorithm))
            .bind(i64::from(credential.sign_count))
            .bind(&credential.aaguid)
            .bind(to_list(&credential.transports)?)
            .bind(credential.backup_eligible)
            .bind(credential.backup_state)
            .bind(credential.user_verified)
            .bind(credential.discoverable)
            .bind(&credential.attestation_format)
            .execute(db)
            .await?;
        Ok(())
    }
}

// === impl Rename ===

#[async_trait]
impl Change for Rename {
    type Output = Credential;

    async fn apply(&self, db: &mut PgConnection) -> Result<Credential, Failure> {
        let renamed = sqlx::query_as(RENAME)
            .bind(&self.rp_id)
            .bind(&self.user_id)
            .bind(&self.id)
            .bind(&self.label)
            .fetch_optional(db)
            .await?;
        renamed.ok_or(Error::NotFound.into())
    }
}

// === impl SetStatus ===

#[async_trait]
impl Change for SetStatus {
    type Output = Credential;

    async fn apply(&self, db: &mut PgConnection) -> Result<Credential, Failure> {
        let changed = sqlx::query_as(SET_STATUS)
            .bind(&self.rp_id)
            .bind(&self.user_id)
            .bind(&self.id)
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

    async fn apply(&self, db: &mut PgConnection) -> Result<(), Failure> {
        let done = sqlx::query(REMOVE)
            .bind(&self.rp_id)
            .bind(&self.user_id)
            .bind(&self.id)
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

    /// A credential that was suspended after the verification read it counts as
    /// changed: a suspended passkey signs nobody in, however close the race.
    async fn apply(&self, db: &mut PgConnection) -> Result<Credential, Failure> {
        let used = sqlx::query_as(RECORD_USE)
            .bind(&self.rp_id)
            .bind(&self.id)
            .bind(i64::from(self.recorded.previous_sign_count))
            .bind(i64::from(self.recorded.sign_count))
            .bind(self.recorded.backup_state)
            .bind(time(self.recorded.at))
            .fetch_optional(&mut *db)
            .await?;
        if let Some(used) = used {
            return Ok(used);
        }
        let there: i64 = sqlx::query_scalar(IS_THERE)
            .bind(&self.rp_id)
            .bind(&self.id)
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
