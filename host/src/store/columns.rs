//! Columns to values and back: numbers, words, lists, alike for all databases.
//!
//! A column that does not decode was not written by this program; the call that met
//! it is answered `busy`, and the log names the column.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

use crate::clock::Timestamp;

/// A row of one of the databases, by the kinds of columns that the schemas have.
pub(super) trait Columns: Row {
    fn text(&self, column: &'static str) -> Result<String, sqlx::Error>;
    fn some_text(&self, column: &'static str) -> Result<Option<String>, sqlx::Error>;
    fn bytes(&self, column: &'static str) -> Result<Vec<u8>, sqlx::Error>;
    fn flag(&self, column: &'static str) -> Result<bool, sqlx::Error>;
    fn some_flag(&self, column: &'static str) -> Result<Option<bool>, sqlx::Error>;
    fn number(&self, column: &'static str) -> Result<i64, sqlx::Error>;
    fn some_number(&self, column: &'static str) -> Result<Option<i64>, sqlx::Error>;
}

macro_rules! columns {
    ($row:ty) => {
        impl Columns for $row {
            fn text(&self, column: &'static str) -> Result<String, sqlx::Error> {
                self.try_get(column)
            }
            fn some_text(&self, column: &'static str) -> Result<Option<String>, sqlx::Error> {
                self.try_get(column)
            }
            fn bytes(&self, column: &'static str) -> Result<Vec<u8>, sqlx::Error> {
                self.try_get(column)
            }
            fn flag(&self, column: &'static str) -> Result<bool, sqlx::Error> {
                self.try_get(column)
            }
            fn some_flag(&self, column: &'static str) -> Result<Option<bool>, sqlx::Error> {
                self.try_get(column)
            }
            fn number(&self, column: &'static str) -> Result<i64, sqlx::Error> {
                self.try_get(column)
            }
            fn some_number(&self, column: &'static str) -> Result<Option<i64>, sqlx::Error> {
                self.try_get(column)
            }
        }
    };
}

columns!(SqliteRow);
columns!(PgRow);

/// A time as a column; beyond the year 292 million they are all alike.
pub(super) fn time(time: Timestamp) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX)
}

/// A number that is unsigned, or smaller, in Rust.
pub(super) fn decode<T>(row: &impl Columns, column: &'static str) -> Result<T, sqlx::Error>
where
    T: TryFrom<i64>,
    T::Error: std::error::Error + Send + Sync + 'static,
{
    T::try_from(row.number(column)?).map_err(|error| bad(column, error))
}

/// As [`decode`], for a column that may be NULL.
pub(super) fn decode_some<T>(
    row: &impl Columns,
    column: &'static str,
) -> Result<Option<T>, sqlx::Error>
where
    T: TryFrom<i64>,
    T::Error: std::error::Error + Send + Sync + 'static,
{
    row.some_number(column)?
        .map(T::try_from)
        .transpose()
        .map_err(|error| bad(column, error))
}

/// A list as a JSON array.
pub(super) fn list<T: DeserializeOwned>(
    row: &impl Columns,
    column: &'static str,
) -> Result<Vec<T>, sqlx::Error> {
    serde_json::from_str(&row.text(column)?).map_err(|error| bad(column, error))
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

/// As [`to_byte_list`] wrote it.
pub(super) fn byte_list(
    row: &impl Columns,
    column: &'static str,
) -> Result<Vec<Vec<u8>>, sqlx::Error> {
    list::<String>(row, column)?
        .iter()
        .map(|text| URL_SAFE_NO_PAD.decode(text))
        .collect::<Result<_, _>>()
        .map_err(|error| bad(column, error))
}

/// A word of the schema.
pub(super) fn word<T>(
    row: &impl Columns,
    column: &'static str,
    parse: fn(&str) -> Option<T>,
) -> Result<T, sqlx::Error> {
    parse(&row.text(column)?).ok_or_else(|| sqlx::Error::ColumnDecode {
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
