//! Passkeys in PostgreSQL.

use async_trait::async_trait;
use sqlx::postgres::{PgConnection, PgPool, Postgres};

use super::read::read;
use crate::store::changes::{
    AlterCredential, InsertCredential, RecordUse, RemoveCredential, RenameCredential,
};
use crate::store::columns::{decode, list, time, to_list};
use crate::store::job::{Applies, Failure};
use crate::store::rows::Found;
use crate::store::{Credential, CredentialForm, Error};

/// Named, so that a newer schema can add one under a running host.
macro_rules! columns {
    () => {
        "rp_id, user_id, id, label, status, created_at, last_used_at, public_key, algorithm,
        sign_count, aaguid, transports, backup_eligible, backup_state, user_verified,
        discoverable, attestation_format, suspended_at, clone_alarm_at"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO zeropass.credentials (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
        $18, $19)"
);

/// What stands in for a passkey that is not there, after its user and its id: one row at
/// least in each answer, since how long that takes must not tell that there is none.
macro_rules! stand_in {
    () => {
        "'Passkey', 'active', 0, NULL, decode(repeat('00', 77), 'hex'), -7, 0,
        decode(repeat('00', 16), 'hex'), '[\"hybrid\",\"internal\"]', false, false, false,
        true, 'none', NULL, NULL"
    };
}

const GET: &str = concat!(
    "SELECT true AS found, ",
    columns!(),
    " FROM zeropass.credentials WHERE rp_id = $1 AND id = $2
    UNION ALL SELECT false, $1, '00000000-0000-0000-0000-000000000000', $2, ",
    stand_in!(),
    " WHERE NOT EXISTS (SELECT 1 FROM zeropass.credentials WHERE rp_id = $1 AND id = $2)"
);

const LIST: &str = concat!(
    "SELECT true AS found, ",
    columns!(),
    " FROM zeropass.credentials WHERE rp_id = $1 AND user_id = $2
    UNION ALL SELECT false, $1, $2, decode(repeat('00', 32), 'hex'), ",
    stand_in!(),
    " WHERE NOT EXISTS (SELECT 1 FROM zeropass.credentials WHERE rp_id = $1 AND user_id = $2)
    ORDER BY created_at, id"
);

const RENAME: &str = concat!(
    "UPDATE zeropass.credentials SET label = $4
    WHERE rp_id = $1 AND user_id = $2 AND id = $3 RETURNING ",
    columns!()
);

/// Before one of an account's credentials may go only if another stays: of two hosts that
/// want to take the last two, the second one looks when the first has committed.
const LOCK: &str = "
    SELECT id FROM zeropass.credentials WHERE rp_id = $1 AND user_id = $2
    ORDER BY id FOR UPDATE";

/// $4 label, $5 status, $6 now, $7 whether an active one must stay.
const CHANGE: &str = concat!(
    "UPDATE zeropass.credentials SET label = coalesce($4, label), status = coalesce($5, status),
        suspended_at = CASE WHEN $5 = 'suspended' THEN $6 ELSE suspended_at END,
        clone_alarm_at = CASE WHEN $5 = 'active' THEN NULL ELSE clone_alarm_at END
    WHERE rp_id = $1 AND user_id = $2 AND id = $3
        AND (NOT $7 OR $5 IS DISTINCT FROM 'suspended' OR EXISTS (
            SELECT 1 FROM zeropass.credentials other
            WHERE other.rp_id = $1 AND other.user_id = $2 AND other.id <> $3
                AND other.status = 'active'))
    RETURNING ",
    columns!()
);

const REMOVE: &str = "
    DELETE FROM zeropass.credentials WHERE rp_id = $1 AND user_id = $2 AND id = $3
        AND (NOT $4 OR EXISTS (SELECT 1 FROM zeropass.credentials other
            WHERE other.rp_id = $1 AND other.user_id = $2 AND other.id <> $3
                AND other.status = 'active'))";

/// An account without credentials has no row here that could be locked. The statement after
/// this one sees what the one that held the lock has committed.
const LOCK_ACCOUNT: &str = "SELECT pg_advisory_xact_lock(hashtextextended($1 || ' ' || $2, 0))";

const OWNED: &str = "
    SELECT count(*) FROM zeropass.credentials WHERE rp_id = $1 AND user_id = $2";

const IS_OWNED: &str = "
    SELECT count(*) FROM zeropass.credentials WHERE rp_id = $1 AND user_id = $2 AND id = $3";

/// What the verification rested on ($3, $5) is compared in the statement that sets the new
/// values: of two hosts that saw the same counter, one succeeds. $9 is now.
const RECORD_USE: &str = concat!(
    "UPDATE zeropass.credentials SET sign_count = $4, backup_state = $6, backup_eligible = $7,
        last_used_at = $8,
        clone_alarm_at = CASE WHEN $10 THEN $8 ELSE clone_alarm_at END
    WHERE rp_id = $1 AND id = $2 AND sign_count = $3 AND backup_state = $5
        AND (NOT backup_eligible OR $7) AND status = 'active' AND NOT EXISTS (SELECT 1 FROM zeropass.failures
            WHERE failures.rp_id = $1 AND failures.subject = credentials.user_id
                AND failures.locked_until > $9)
    RETURNING ",
    columns!()
);

const WHY_NOT_USED: &str = "
    SELECT EXISTS (SELECT 1 FROM zeropass.failures WHERE failures.rp_id = $1
        AND failures.subject = credentials.user_id AND failures.locked_until > $3)
    FROM zeropass.credentials WHERE rp_id = $1 AND id = $2";

/// Not a lock that another host has set meanwhile.
const FORGIVE: &str = "
    DELETE FROM zeropass.failures WHERE rp_id = $1 AND subject = $2
        AND (locked_until IS NULL OR locked_until <= $3)";

const TYPICAL: &str = "
    SELECT length(id)::bigint AS id_length, transports FROM zeropass.credentials
    WHERE rp_id = $1 ORDER BY created_at, id LIMIT 1";

pub(super) async fn get(db: &PgPool, rp_id: &str, id: &[u8]) -> Result<Credential, Error> {
    let found = read(db, |db| async move {
        sqlx::query_as(GET)
            .bind(rp_id)
            .bind(id)
            .fetch_one(&db)
            .await
    });
    let found: Found<Credential> = found.await?;
    found.real().ok_or(Error::NotFound)
}

pub(super) async fn list_for_user(
    db: &PgPool,
    rp_id: &str,
    user_id: &str,
) -> Result<Vec<Credential>, Error> {
    let found: Vec<Found<Credential>> = read(db, |db| async move {
        sqlx::query_as(LIST)
            .bind(rp_id)
            .bind(user_id)
            .fetch_all(&db)
            .await
    })
    .await?;
    Ok(found.into_iter().filter_map(Found::real).collect())
}

pub(super) async fn typical(db: &PgPool, rp_id: &str) -> Result<Option<CredentialForm>, Error> {
    let found = read(db, |db| async move {
        let row = sqlx::query(TYPICAL).bind(rp_id).fetch_optional(&db).await?;
        row.map(|row| {
            Ok(CredentialForm {
                id_length: decode(&row, "id_length")?,
                transports: list(&row, "transports")?,
            })
        })
        .transpose()
    });
    found.await
}

// === InsertCredential ===

#[async_trait]
impl Applies<InsertCredential> for Postgres {
    /// The id may be taken, or the account gone.
    const SAVEPOINT: bool = true;

    async fn apply(change: &InsertCredential, db: &mut PgConnection) -> Result<(), Failure> {
        let InsertCredential {
            credential,
            only_first,
        } = change;
        if *only_first {
            let (rp_id, user_id) = (&credential.rp_id, &credential.user_id);
            sqlx::query(LOCK_ACCOUNT)
                .bind(rp_id)
                .bind(user_id)
                .execute(&mut *db)
                .await?;
            let owned = sqlx::query_scalar(OWNED).bind(rp_id).bind(user_id);
            let others: i64 = owned.fetch_one(&mut *db).await?;
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
            .bind(i64::from(credential.algorithm))
            .bind(i64::from(credential.sign_count))
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
impl Applies<RenameCredential> for Postgres {
    async fn apply(
        change: &RenameCredential,
        db: &mut PgConnection,
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
impl Applies<AlterCredential> for Postgres {
    async fn apply(change: &AlterCredential, db: &mut PgConnection) -> Result<Credential, Failure> {
        if change.to.keep_last {
            lock(db, &change.rp_id, &change.user_id).await?;
        }
        let changed = sqlx::query_as(CHANGE)
            .bind(&change.rp_id)
            .bind(&change.user_id)
            .bind(&change.id)
            .bind(change.to.label.as_deref())
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
impl Applies<RemoveCredential> for Postgres {
    async fn apply(change: &RemoveCredential, db: &mut PgConnection) -> Result<(), Failure> {
        if change.keep_last {
            lock(db, &change.rp_id, &change.user_id).await?;
        }
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

async fn lock(db: &mut PgConnection, rp_id: &str, user_id: &str) -> Result<(), sqlx::Error> {
    sqlx::query(LOCK)
        .bind(rp_id)
        .bind(user_id)
        .execute(db)
        .await?;
    Ok(())
}

/// Why a user's credential was not changed.
async fn last_or_absent(
    db: &mut PgConnection,
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
impl Applies<RecordUse> for Postgres {
    /// A credential that was suspended after the verification read it counts as
    /// changed: a suspended passkey signs nobody in, however close the race. Nor does
    /// one of an account that was locked meanwhile. A refused use writes nothing.
    async fn apply(change: &RecordUse, db: &mut PgConnection) -> Result<Credential, Failure> {
        let used: Option<Credential> = sqlx::query_as(RECORD_USE)
            .bind(&change.rp_id)
            .bind(&change.id)
            .bind(i64::from(change.recorded.previous_sign_count))
            .bind(i64::from(change.recorded.sign_count))
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
                .bind(time(change.now))
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
