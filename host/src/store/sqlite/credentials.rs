//! Passkeys in SQLite.

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Sqlite, SqliteConnection};

use super::readers::Readers;
use crate::store::changes::{
    AlterCredential, InsertCredential, RecordUse, RemoveCredential, RenameCredential,
};
use crate::store::columns::{decode, list, time, to_list};
use crate::store::job::{Applies, Failure};
use crate::store::rows::Found;
use crate::store::{Credential, CredentialForm, Error};

const INSERT: &str = "
    INSERT INTO credentials (rp_id, user_id, id, label, status, created_at, last_used_at,
        public_key, algorithm, sign_count, aaguid, transports, backup_eligible, backup_state,
        user_verified, discoverable, attestation_format, suspended_at, clone_alarm_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)";

/// What stands in for a passkey that is not there, after its id and its user: one row at
/// least in each answer, since how long that takes must not tell that there is none.
macro_rules! stand_in {
    () => {
        "'Passkey', 'active', 0, NULL, zeroblob(77), -7, 0, zeroblob(16),
        '[\"hybrid\",\"internal\"]', 0, 0, 0, 1, 'none', NULL, NULL"
    };
}

pub(super) const GET: &str = concat!(
    "SELECT 1 AS found, * FROM credentials WHERE rp_id = ?1 AND id = ?2
    UNION ALL SELECT 0, ?1, ?2, '00000000-0000-0000-0000-000000000000', ",
    stand_in!(),
    " WHERE NOT EXISTS (SELECT 1 FROM credentials WHERE rp_id = ?1 AND id = ?2)"
);

pub(super) const LIST: &str = concat!(
    "SELECT 1 AS found, * FROM credentials WHERE rp_id = ?1 AND user_id = ?2
    UNION ALL SELECT 0, ?1, zeroblob(32), ?2, ",
    stand_in!(),
    " WHERE NOT EXISTS (SELECT 1 FROM credentials WHERE rp_id = ?1 AND user_id = ?2)
    ORDER BY created_at, id"
);

const RENAME: &str = "
    UPDATE credentials SET label = ?4 WHERE rp_id = ?1 AND user_id = ?2 AND id = ?3 RETURNING *";

/// ?4 label, ?5 status, ?6 now, ?7 whether an active one must stay.
const CHANGE: &str = "
    UPDATE credentials SET label = coalesce(?4, label), status = coalesce(?5, status),
        suspended_at = CASE WHEN ?5 = 'suspended' THEN ?6 ELSE suspended_at END,
        clone_alarm_at = CASE WHEN ?5 = 'active' THEN NULL ELSE clone_alarm_at END
    WHERE rp_id = ?1 AND user_id = ?2 AND id = ?3
        AND (NOT ?7 OR ?5 IS NOT 'suspended' OR EXISTS (SELECT 1 FROM credentials other
            WHERE other.rp_id = ?1 AND other.user_id = ?2 AND other.id <> ?3
                AND other.status = 'active'))
    RETURNING *";

const REMOVE: &str = "
    DELETE FROM credentials WHERE rp_id = ?1 AND user_id = ?2 AND id = ?3
        AND (NOT ?4 OR EXISTS (SELECT 1 FROM credentials other
            WHERE other.rp_id = ?1 AND other.user_id = ?2 AND other.id <> ?3
                AND other.status = 'active'))";

const OWNED: &str = "
    SELECT count(*) FROM credentials WHERE rp_id = ?1 AND user_id = ?2";

const IS_OWNED: &str = "
    SELECT count(*) FROM credentials WHERE rp_id = ?1 AND user_id = ?2 AND id = ?3";

/// ?3 and ?5 what the verification read, ?9 now.
const RECORD_USE: &str = "
    UPDATE credentials SET sign_count = ?4, backup_state = ?6, backup_eligible = ?7,
        last_used_at = ?8,
        clone_alarm_at = CASE WHEN ?10 THEN ?8 ELSE clone_alarm_at END
    WHERE rp_id = ?1 AND id = ?2 AND sign_count = ?3 AND backup_state = ?5
        AND (NOT backup_eligible OR ?7) AND status = 'active' AND NOT EXISTS (SELECT 1 FROM failures
            WHERE failures.rp_id = ?1 AND failures.subject = credentials.user_id
                AND failures.locked_until > ?9)
    RETURNING *";

const WHY_NOT_USED: &str = "
    SELECT EXISTS (SELECT 1 FROM failures WHERE failures.rp_id = ?1
        AND failures.subject = credentials.user_id AND failures.locked_until > ?3)
    FROM credentials WHERE rp_id = ?1 AND id = ?2";

const FORGIVE: &str = "DELETE FROM failures WHERE rp_id = ?1 AND subject = ?2";

const TYPICAL: &str = "
    SELECT length(id) AS id_length, transports FROM credentials
    WHERE rp_id = ?1 ORDER BY created_at, id LIMIT 1";

pub(super) async fn get(db: &Readers, rp_id: &str, id: &[u8]) -> Result<Credential, Error> {
    let query = sqlx::query(GET).bind(rp_id).bind(id);
    let found: Found<Credential> = db.one(query).await?;
    found.real().ok_or(Error::NotFound)
}

pub(super) async fn list_for_user(
    db: &Readers,
    rp_id: &str,
    user_id: &str,
) -> Result<Vec<Credential>, Error> {
    let query = sqlx::query(LIST).bind(rp_id).bind(user_id);
    let found: Vec<Found<Credential>> = db.all(query).await?;
    Ok(found.into_iter().filter_map(Found::real).collect())
}

pub(super) async fn typical(db: &Readers, rp_id: &str) -> Result<Option<CredentialForm>, Error> {
    let query = sqlx::query(TYPICAL).bind(rp_id);
    db.optional(query).await
}

/// Of [`TYPICAL`].
impl FromRow<'_, SqliteRow> for CredentialForm {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id_length: decode(row, "id_length")?,
            transports: list(row, "transports")?,
        })
    }
}

// === InsertCredential ===

#[async_trait]
impl Applies<InsertCredential> for Sqlite {
    async fn apply(change: &InsertCredential, db: &mut SqliteConnection) -> Result<(), Failure> {
        let InsertCredential {
            credential,
            only_first,
        } = change;
        if *only_first {
            let others: i64 = sqlx::query_scalar(OWNED)
                .bind(&credential.rp_id)
                .bind(&credential.user_id)
                .fetch_one(&mut *db)
                .await?;
            if others > 0 {
                return Err(Error::Conflict.into());
            }
        }
        sqlx::query(INSERT)
            .bind(&credential.rp_id)
            .bind(&credential.user_id)
            .bind(&credential.id)
            .bind(&credential.label)
            .bind(credential.status.as_str())
            .bind(time(credential.created_at))
            .bind(credential.last_used_at.map(time))
            .bind(&credential.public_key)
            .bind(credential.algorithm)
            .bind(credential.sign_count)
            .bind(&credential.aaguid)
            .bind(to_list(&credential.transports)?)
            .bind(credential.backup_eligible)
            .bind(credential.backup_state)
            .bind(credential.user_verified)
            .bind(credential.discoverable)
            .bind(&credential.attestation_format)
            .bind(credential.suspended_at.map(time))
            .bind(credential.clone_alarm_at.map(time))
            .execute(db)
            .await?;
        Ok(())
    }
}

// === RenameCredential ===

#[async_trait]
impl Applies<RenameCredential> for Sqlite {
    async fn apply(
        change: &RenameCredential,
        db: &mut SqliteConnection,
    ) -> Result<Credential, Failure> {
        let renamed = sqlx::query_as(RENAME)
            .bind(&change.rp_id)
            .bind(&change.user_id)
            .bind(&change.id)
            .bind(&change.label)
            .fetch_optional(db)
            .await?;
        renamed.ok_or(Error::NotFound.into())
    }
}

// === AlterCredential ===

#[async_trait]
impl Applies<AlterCredential> for Sqlite {
    async fn apply(
        change: &AlterCredential,
        db: &mut SqliteConnection,
    ) -> Result<Credential, Failure> {
        let changed = sqlx::query_as(CHANGE)
            .bind(&change.rp_id)
            .bind(&change.user_id)
            .bind(&change.id)
            .bind(&change.to.label)
            .bind(change.to.status.map(|status| status.as_str()))
            .bind(time(change.now))
            .bind(change.to.keep_last)
            .fetch_optional(&mut *db)
            .await?;
        match changed {
            Some(changed) => Ok(changed),
            None => Err(last_or_absent(db, &change.rp_id, &change.user_id, &change.id).await?),
        }
    }
}

// === RemoveCredential ===

#[async_trait]
impl Applies<RemoveCredential> for Sqlite {
    async fn apply(change: &RemoveCredential, db: &mut SqliteConnection) -> Result<(), Failure> {
        let done = sqlx::query(REMOVE)
            .bind(&change.rp_id)
            .bind(&change.user_id)
            .bind(&change.id)
            .bind(change.keep_last)
            .execute(&mut *db)
            .await?;
        if done.rows_affected() == 0 {
            return Err(last_or_absent(db, &change.rp_id, &change.user_id, &change.id).await?);
        }
        Ok(())
    }
}

/// Why a user's credential was not changed.
async fn last_or_absent(
    db: &mut SqliteConnection,
    rp_id: &str,
    user_id: &str,
    id: &[u8],
) -> Result<Failure, sqlx::Error> {
    let there: i64 = sqlx::query_scalar(IS_OWNED)
        .bind(rp_id)
        .bind(user_id)
        .bind(id)
        .fetch_one(db)
        .await?;
    Ok(if there > 0 {
        Error::Last
    } else {
        Error::NotFound
    }
    .into())
}

// === RecordUse ===

#[async_trait]
impl Applies<RecordUse> for Sqlite {
    /// A credential that was suspended after the verification read it counts as
    /// changed: a suspended passkey signs nobody in, however close the race. Nor does
    /// one of an account that was locked meanwhile. A refused use writes nothing, and
    /// forgiving can't be refused.
    async fn apply(change: &RecordUse, db: &mut SqliteConnection) -> Result<Credential, Failure> {
        let used: Option<Credential> = sqlx::query_as(RECORD_USE)
            .bind(&change.rp_id)
            .bind(&change.id)
            .bind(change.recorded.previous_sign_count)
            .bind(change.recorded.sign_count)
            .bind(change.recorded.previous_backup_state)
            .bind(change.recorded.backup_state)
            .bind(change.recorded.backup_eligible)
            .bind(time(change.recorded.at))
            .bind(time(change.now))
            .bind(change.recorded.clone_alarm)
            .fetch_optional(&mut *db)
            .await?;
        if let Some(used) = used {
            sqlx::query(FORGIVE)
                .bind(&change.rp_id)
                .bind(&used.user_id)
                .execute(&mut *db)
                .await?;
            return Ok(used);
        }
        let locked: Option<bool> = sqlx::query_scalar(WHY_NOT_USED)
            .bind(&change.rp_id)
            .bind(&change.id)
            .bind(time(change.now))
            .fetch_optional(db)
            .await?;
        let error = match locked {
            Some(true) => Error::Locked,
            Some(false) => Error::Conflict,
            None => Error::NotFound,
        };
        Err(error.into())
    }
}
