//! Rows to values and back: numbers, words, lists.
//!
//! A row that does not decode was not written by this program; the call that met
//! it is answered `busy`, and the log names the column.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _};

use crate::clock::Timestamp;
use crate::store::{
    Account, AccountStatus, AttestationConveyance, Ceremony, CeremonyKind, CeremonyUser,
    Credential, CredentialStatus, ResidentKey, Session, UserVerification,
};

/// A row that was found, or what stands in for it so that finding nothing is no less work.
pub(super) struct Found<T> {
    found: bool,
    row: T,
}

/// A time as a column; beyond the year 292 million they are all alike.
pub(super) fn time(time: Timestamp) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX)
}

/// A number that is unsigned, or smaller, in Rust.
pub(super) fn decode<T>(row: &SqliteRow, column: &'static str) -> Result<T, sqlx::Error>
where
    T: TryFrom<i64>,
    T::Error: std::error::Error + Send + Sync + 'static,
{
    let number: i64 = row.try_get(column)?;
    T::try_from(number).map_err(|error| bad(column, error))
}

/// As [`decode`], for a column that may be NULL.
pub(super) fn decode_some<T>(
    row: &SqliteRow,
    column: &'static str,
) -> Result<Option<T>, sqlx::Error>
where
    T: TryFrom<i64>,
    T::Error: std::error::Error + Send + Sync + 'static,
{
    let number: Option<i64> = row.try_get(column)?;
    number
        .map(T::try_from)
        .transpose()
        .map_err(|error| bad(column, error))
}

/// A list as a JSON array.
pub(super) fn list<T: DeserializeOwned>(
    row: &SqliteRow,
    column: &'static str,
) -> Result<Vec<T>, sqlx::Error> {
    let json: String = row.try_get(column)?;
    serde_json::from_str(&json).map_err(|error| bad(column, error))
}

/// The column of a list.
pub(super) fn to_list<T: Serialize>(list: &[T]) -> Result<String, sqlx::Error> {
    serde_json::to_string(list).map_err(|error| sqlx::Error::Encode(Box::new(error)))
}

/// The column of a list of byte strings, each in base64url.
pub(super) fn to_byte_list(list: &[Vec<u8>]) -> Result<String, sqlx::Error> {
    let texts: Vec<String> = list.iter().map(|id| URL_SAFE_NO_PAD.encode(id)).collect();
    to_list(&texts)
}

fn byte_list(row: &SqliteRow, column: &'static str) -> Result<Vec<Vec<u8>>, sqlx::Error> {
    list::<String>(row, column)?
        .iter()
        .map(|text| URL_SAFE_NO_PAD.decode(text))
        .collect::<Result<_, _>>()
        .map_err(|error| bad(column, error))
}

fn word<T>(
    row: &SqliteRow,
    column: &'static str,
    parse: fn(&str) -> Option<T>,
) -> Result<T, sqlx::Error> {
    let text: &str = row.try_get(column)?;
    parse(text).ok_or_else(|| sqlx::Error::ColumnDecode {
        index: column.into(),
        source: "not a word of the schema".into(),
    })
}

fn bad(column: &str, error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::ColumnDecode {
        index: column.into(),
        source: Box::new(error),
    }
}

// === impl Found ===

impl<T> Found<T> {
    /// The row, unless it is a stand-in.
    pub(super) fn real(self) -> Option<T> {
        self.found.then_some(self.row)
    }
}

impl<'r, T: FromRow<'r, SqliteRow>> FromRow<'r, SqliteRow> for Found<T> {
    fn from_row(row: &'r SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            found: row.try_get("found")?,
            row: T::from_row(row)?,
        })
    }
}

// === impl Credential ===

impl FromRow<'_, SqliteRow> for Credential {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            rp_id: row.try_get("rp_id")?,
            user_id: row.try_get("user_id")?,
            id: row.try_get("id")?,
            label: row.try_get("label")?,
            status: word(row, "status", CredentialStatus::from_word)?,
            created_at: decode(row, "created_at")?,
            last_used_at: decode_some(row, "last_used_at")?,
            public_key: row.try_get("public_key")?,
            algorithm: decode(row, "algorithm")?,
            sign_count: decode(row, "sign_count")?,
            aaguid: row.try_get("aaguid")?,
            transports: list(row, "transports")?,
            backup_eligible: row.try_get("backup_eligible")?,
            backup_state: row.try_get("backup_state")?,
            user_verified: row.try_get("user_verified")?,
            discoverable: row.try_get("discoverable")?,
            attestation_format: row.try_get("attestation_format")?,
            suspended_at: decode_some(row, "suspended_at")?,
            clone_alarm_at: decode_some(row, "clone_alarm_at")?,
        })
    }
}

// === impl Ceremony ===

impl FromRow<'_, SqliteRow> for Ceremony {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let user: Option<String> = row.try_get("user_id")?;
        let user = match user {
            Some(id) => Some(CeremonyUser {
                id,
                name: row.try_get("user_name")?,
                display_name: row.try_get("user_display_name")?,
            }),
            None => None,
        };
        Ok(Self {
            id: row.try_get("id")?,
            rp_id: row.try_get("rp_id")?,
            kind: word(row, "kind", CeremonyKind::from_word)?,
            challenge: row.try_get("challenge")?,
            expires_at: decode(row, "expires_at")?,
            user,
            user_verification: word(row, "user_verification", UserVerification::from_word)?,
            resident_key: word(row, "resident_key", ResidentKey::from_word)?,
            attestation: word(row, "attestation", AttestationConveyance::from_word)?,
            algorithms: list(row, "algorithms")?,
            credentials: byte_list(row, "credentials")?,
            extensions: list(row, "extensions")?,
        })
    }
}

// === impl Account ===

impl FromRow<'_, SqliteRow> for Account {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            rp_id: row.try_get("rp_id")?,
            name: row.try_get("name")?,
            display_name: row.try_get("display_name")?,
            status: word(row, "status", AccountStatus::from_word)?,
            created_at: decode(row, "created_at")?,
        })
    }
}

// === impl Session ===

impl FromRow<'_, SqliteRow> for Session {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            rp_id: row.try_get("rp_id")?,
            user_id: row.try_get("user_id")?,
            credential_id: row.try_get("credential_id")?,
            created_at: decode(row, "created_at")?,
            expires_at: decode(row, "expires_at")?,
            revoked_at: decode_some(row, "revoked_at")?,
            user_verified: row.try_get("user_verified")?,
            last_used_at: decode(row, "last_used_at")?,
        })
    }
}
