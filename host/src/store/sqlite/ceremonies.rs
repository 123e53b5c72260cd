//! Ceremonies in SQLite: put once, taken once.

use async_trait::async_trait;
use sqlx::{Sqlite, SqliteConnection};

use super::insertion::{Insertion, Rows};
use crate::store::changes::{PutCeremony, TakeCeremony};
use crate::store::columns::{time, to_byte_list, to_list};
use crate::store::job::{Applies, Failure};
use crate::store::{Ceremony, Error};

/// The columns of a ceremony, in the order of [`bind`].
static CEREMONIES: Insertion = Insertion::new(
    "ceremonies (rp_id, id, kind, challenge, expires_at, user_id, user_name, user_display_name,
        user_verification, resident_key, attestation, algorithms, credentials, extensions)",
    14,
);

/// Everything that must hold stands in the one statement that marks it used.
const TAKE: &str = "
    UPDATE ceremonies SET used_at = ?4
    WHERE rp_id = ?1 AND id = ?2 AND kind = ?3 AND used_at IS NULL AND expires_at > ?4
    RETURNING *";

const WHY_NOT: &str = "
    SELECT used_at IS NOT NULL FROM ceremonies WHERE rp_id = ?1 AND id = ?2 AND kind = ?3";

// === PutCeremony ===

#[async_trait]
impl Applies<PutCeremony> for Sqlite {
    async fn apply(change: &PutCeremony, db: &mut SqliteConnection) -> Result<(), Failure> {
        CEREMONIES.put(db, &[change], bind).await?;
        Ok(())
    }

    async fn apply_all(
        changes: &[&PutCeremony],
        db: &mut SqliteConnection,
    ) -> Result<Option<Vec<()>>, Failure> {
        CEREMONIES.put(db, changes, bind).await?;
        Ok(Some(vec![(); changes.len()]))
    }
}

fn bind(query: Rows, change: &&PutCeremony) -> Result<Rows, sqlx::Error> {
    let PutCeremony(ceremony) = change;
    let user = ceremony.user.as_ref();
    Ok(query
        .bind(ceremony.rp_id.clone())
        .bind(ceremony.id.clone())
        .bind(ceremony.kind.as_str())
        .bind(ceremony.challenge.clone())
        .bind(time(ceremony.expires_at))
        .bind(user.map(|user| user.id.clone()))
        .bind(user.map(|user| user.name.clone()))
        .bind(user.map(|user| user.display_name.clone()))
        .bind(ceremony.user_verification.as_str())
        .bind(ceremony.resident_key.as_str())
        .bind(ceremony.attestation.as_str())
        .bind(to_list(&ceremony.algorithms)?)
        .bind(to_byte_list(&ceremony.credentials)?)
        .bind(to_list(&ceremony.extensions)?))
}

// === TakeCeremony ===

#[async_trait]
impl Applies<TakeCeremony> for Sqlite {
    async fn apply(change: &TakeCeremony, db: &mut SqliteConnection) -> Result<Ceremony, Failure> {
        let taken = sqlx::query_as(TAKE)
            .bind(&change.rp_id)
            .bind(&change.id)
            .bind(change.kind.as_str())
            .bind(time(change.now))
            .fetch_optional(&mut *db)
            .await?;
        if let Some(ceremony) = taken {
            return Ok(ceremony);
        }
        let used: Option<bool> = sqlx::query_scalar(WHY_NOT)
            .bind(&change.rp_id)
            .bind(&change.id)
            .bind(change.kind.as_str())
            .fetch_optional(db)
            .await?;
        let error = match used {
            Some(true) => Error::Used,
            Some(false) => Error::Expired,
            None => Error::NotFound,
        };
        Err(error.into())
    }
}
