//! Moving a store from SQLite into an empty database, and proving that it is the same.
//!
//! Everything is read in one snapshot and written in one transaction of the migrator. Before
//! it commits, every table is read back from PostgreSQL, and its count and digest are
//! compared with those of the SQLite file: all of it is there, or nothing is.
//!
//! A digest is SHA-256 over the rows in the order of their keys, each as the JSON array of
//! its columns (bytes in hexadecimal), and so the same for both databases.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use futures::TryStreamExt as _;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use super::connect::Gateway;
use super::role::Role;
use super::settings::{Login, Server};
use super::{OpenError, schema};

/// Rows in one statement, and what they may weigh: a revision is a whole component.
const BATCH: usize = 500;
const BATCH_BYTES: usize = 4 << 20;

/// The version of SQLite's schema whose tables are listed below.
const SQLITE_SCHEMA: i64 = 10;

/// A table of both databases.
struct Table {
    name: &'static str,
    columns: &'static [(&'static str, Kind)],
    /// The columns of the primary key, compared byte by byte.
    key: &'static [&'static str],
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Int,
    Text,
    Bytes,
    Flag,
}

use Kind::{Bytes, Flag, Int, Text};

/// Those that others refer to come first.
const TABLES: &[Table] = &[
    Table {
        name: "accounts",
        columns: &[
            ("rp_id", Text),
            ("id", Text),
            ("name", Text),
            ("display_name", Text),
            ("status", Text),
            ("created_at", Int),
        ],
        key: &["rp_id", "id"],
    },
    Table {
        name: "credentials",
        columns: &[
            ("rp_id", Text),
            ("id", Bytes),
            ("user_id", Text),
            ("label", Text),
            ("status", Text),
            ("created_at", Int),
            ("last_used_at", Int),
            ("public_key", Bytes),
            ("algorithm", Int),
            ("sign_count", Int),
            ("aaguid", Bytes),
            ("transports", Text),
            ("backup_eligible", Flag),
            ("backup_state", Flag),
            ("user_verified", Flag),
            ("discoverable", Flag),
            ("attestation_format", Text),
            ("suspended_at", Int),
            ("clone_alarm_at", Int),
        ],
        key: &["rp_id", "id"],
    },
    Table {
        name: "ceremonies",
        columns: &[
            ("rp_id", Text),
            ("id", Text),
            ("kind", Text),
            ("challenge", Bytes),
            ("expires_at", Int),
            ("used_at", Int),
            ("user_id", Text),
            ("user_name", Text),
            ("user_display_name", Text),
            ("user_verification", Text),
            ("resident_key", Text),
            ("attestation", Text),
            ("algorithms", Text),
            ("credentials", Text),
            ("extensions", Text),
        ],
        key: &["rp_id", "id"],
    },
    Table {
        name: "sessions",
        columns: &[
            ("rp_id", Text),
            ("id", Text),
            ("user_id", Text),
            ("credential_id", Bytes),
            ("created_at", Int),
            ("expires_at", Int),
            ("revoked_at", Int),
            ("user_verified", Flag),
            ("last_used_at", Int),
        ],
        key: &["rp_id", "id"],
    },
    Table {
        name: "failures",
        columns: &[
            ("rp_id", Text),
            ("subject", Text),
            ("count", Int),
            ("since", Int),
            ("locked_until", Int),
        ],
        key: &["rp_id", "subject"],
    },
    Table {
        name: "revisions",
        columns: &[
            ("component", Text),
            ("digest", Text),
            ("version", Text),
            ("wasm", Bytes),
            ("minisig", Text),
            ("pushed_at", Int),
            ("pushed_by", Text),
        ],
        key: &["component", "digest"],
    },
    Table {
        name: "rollouts",
        columns: &[
            ("component", Text),
            ("epoch", Int),
            ("stable", Text),
            ("canary", Text),
            ("canary_weight", Int),
            ("predecessors", Text),
        ],
        key: &["component"],
    },
    Table {
        name: "rollout_history",
        columns: &[
            ("component", Text),
            ("epoch", Int),
            ("time", Int),
            ("who", Text),
            ("what", Text),
            ("from_digest", Text),
            ("to_digest", Text),
            ("why", Text),
        ],
        key: &["component", "epoch"],
    },
    Table {
        name: "rollout_hosts",
        columns: &[
            ("host", Text),
            ("component", Text),
            ("epoch", Int),
            ("stable", Text),
            ("canary", Text),
            ("problem", Text),
            ("seen_at", Int),
        ],
        key: &["host", "component"],
    },
    Table {
        name: "audit",
        columns: &[
            ("log", Text),
            ("seq", Int),
            ("time", Int),
            ("request_id", Text),
            ("workload", Text),
            ("address", Text),
            ("component_name", Text),
            ("component_digest", Text),
            ("component_revision", Text),
            ("action", Text),
            ("relying_party", Text),
            ("target", Text),
            ("outcome", Text),
            ("policies", Text),
        ],
        key: &["log", "seq"],
    },
    Table {
        name: "audit_pruned",
        columns: &[("log", Text), ("seq", Int), ("leaf", Bytes)],
        key: &["log", "seq"],
    },
];

/// Hosts go on with the logs where they end.
const HEADS: &str = "
    INSERT INTO zeropass.audit_logs
    SELECT log, max(seq), '-' FROM (
        SELECT log, seq FROM zeropass.audit UNION ALL SELECT log, seq FROM zeropass.audit_pruned
    ) AS records GROUP BY log";

/// What came of one table, the same in both databases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The table.
    pub table: &'static str,
    /// Its rows.
    pub rows: u64,
    /// SHA-256 over them, in hexadecimal.
    pub digest: String,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The database can't be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The file can't be read.
    #[error("{path}: {source}; expected the SQLite store of a host that has been stopped")]
    File {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: sqlx::Error,
    },
    /// The file is of another time.
    #[error(
        "{path} has schema version {found}, this zeropass imports version {SQLITE_SCHEMA}; \
         open it once with this zeropass, or import it with the one that wrote it"
    )]
    Schema {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
    },
    /// There is something in the database already.
    #[error("the table {table} has {rows} rows already; import into an empty database")]
    NotEmpty {
        /// The table.
        table: &'static str,
        /// Its rows.
        rows: u64,
    },
    /// The database did not take a row.
    #[error("the table {table}: {source}; nothing was imported")]
    Write {
        /// The table.
        table: &'static str,
        /// What it said.
        source: sqlx::Error,
    },
    /// What was read back is not what was read.
    #[error("the table {} came out as {read:?} instead of {written:?}; nothing was imported", written.table)]
    Differs {
        /// As it is in PostgreSQL.
        read: Imported,
        /// As it is in SQLite.
        written: Imported,
    },
}

/// Import the SQLite store at `path` as the migrator; `done` hears of each table.
///
/// # Errors
/// [`ImportError`]; then nothing was imported.
pub async fn import(
    server: &Server,
    migrator: &Login,
    path: &Path,
    mut done: impl FnMut(&Imported),
) -> Result<Vec<Imported>, ImportError> {
    let file = |source| ImportError::File {
        path: path.to_owned(),
        source,
    };
    let mut from = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .pragma("trusted_schema", "OFF")
        .disable_statement_logging()
        .connect()
        .await
        .map_err(file)?;
    // One snapshot for all that is read.
    let mut from = from.begin().await.map_err(file)?;
    let found: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations")
        .fetch_one(&mut *from)
        .await
        .map_err(file)?;
    let found = found.unwrap_or(0);
    if found != SQLITE_SCHEMA {
        return Err(ImportError::Schema {
            path: path.to_owned(),
            found,
        });
    }

    let gateway = Gateway::open(server, Role::Migrator, migrator)?;
    let mut to = schema::connect(&gateway).await?;
    schema::check(&mut to).await?;
    let mut to = to.begin().await.map_err(OpenError::Database)?;
    for table in TABLES {
        let write = |source| ImportError::Write {
            table: table.name,
            source,
        };
        let rows = table.count(&mut to).await.map_err(write)?;
        if rows > 0 {
            return Err(ImportError::NotEmpty {
                table: table.name,
                rows,
            });
        }
    }
    let mut all = Vec::new();
    for table in TABLES {
        let write = |source| ImportError::Write {
            table: table.name,
            source,
        };
        let mut sum = Sum::default();
        let (mut batch, mut weight) = (Vec::with_capacity(BATCH), 0);
        let select = table.select_sqlite();
        let mut rows = sqlx::query_scalar::<_, String>(AssertSqlSafe(select)).fetch(&mut *from);
        while let Some(row) = rows.try_next().await.map_err(file)? {
            sum.add(&row).map_err(write)?;
            weight += row.len();
            batch.push(row);
            if batch.len() == BATCH || weight >= BATCH_BYTES {
                table.insert(&mut to, &batch).await.map_err(write)?;
                batch.clear();
                weight = 0;
            }
        }
        drop(rows);
        table.insert(&mut to, &batch).await.map_err(write)?;
        let written = sum.finish(table.name);
        let read = table.read_back(&mut to).await.map_err(write)?;
        if read != written {
            return Err(ImportError::Differs { read, written });
        }
        done(&written);
        all.push(written);
    }
    let heads = sqlx::query(HEADS).execute(&mut *to).await;
    heads.map_err(OpenError::Database)?;
    to.commit().await.map_err(OpenError::Database)?;
    Ok(all)
}

// === impl Table ===

/// The statements are put together from the constants above and nothing else.
impl Table {
    fn select_sqlite(&self) -> String {
        let columns = self.columns.iter().map(|(name, kind)| match kind {
            Kind::Bytes => format!("lower(hex({name}))"),
            Kind::Int | Kind::Text | Kind::Flag => (*name).to_owned(),
        });
        let columns = columns.collect::<Vec<_>>().join(", ");
        let key = self.key.join(", ");
        format!(
            "SELECT json_array({columns}) FROM {} ORDER BY {key}",
            self.name
        )
    }

    fn select_postgres(&self) -> String {
        let columns = self.columns.iter().map(|(name, kind)| match kind {
            Kind::Bytes => format!("encode({name}, 'hex')"),
            Kind::Flag => format!("{name}::int"),
            Kind::Int | Kind::Text => (*name).to_owned(),
        });
        let columns = columns.collect::<Vec<_>>().join(", ");
        let key = self.key.iter().map(|name| match self.kind(name) {
            Some(Kind::Text) => format!("{name} COLLATE \"C\""),
            _ => (*name).to_owned(),
        });
        let key = key.collect::<Vec<_>>().join(", ");
        format!(
            "SELECT json_build_array({columns})::text FROM zeropass.{} ORDER BY {key}",
            self.name
        )
    }

    fn insert_postgres(&self) -> String {
        let (mut names, mut values) = (String::new(), String::new());
        for (place, (name, kind)) in self.columns.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            let _ = write!(names, "{comma}{name}");
            let _ = match kind {
                Kind::Bytes => write!(values, "{comma}decode(r ->> {place}, 'hex')"),
                Kind::Flag => write!(values, "{comma}(r ->> {place})::int::boolean"),
                Kind::Int => write!(values, "{comma}(r ->> {place})::bigint"),
                Kind::Text => write!(values, "{comma}r ->> {place}"),
            };
        }
        format!(
            "INSERT INTO zeropass.{} ({names}) SELECT {values} FROM json_array_elements($1::json) r",
            self.name
        )
    }

    fn kind(&self, name: &str) -> Option<Kind> {
        let mut columns = self.columns.iter();
        columns.find(|(one, _)| *one == name).map(|(_, kind)| *kind)
    }

    async fn count(&self, db: &mut PgConnection) -> Result<u64, sqlx::Error> {
        let count = format!("SELECT count(*) FROM zeropass.{}", self.name);
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(count))
            .fetch_one(db)
            .await?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    async fn insert(&self, db: &mut PgConnection, rows: &[String]) -> Result<(), sqlx::Error> {
        if rows.is_empty() {
            return Ok(());
        }
        let json = format!("[{}]", rows.join(","));
        sqlx::query(AssertSqlSafe(self.insert_postgres()))
            .bind(json)
            .execute(db)
            .await?;
        Ok(())
    }

    async fn read_back(&self, db: &mut PgConnection) -> Result<Imported, sqlx::Error> {
        let mut sum = Sum::default();
        let select = AssertSqlSafe(self.select_postgres());
        let mut rows = sqlx::query_scalar::<_, String>(select).fetch(db);
        while let Some(row) = rows.try_next().await? {
            sum.add(&row)?;
        }
        Ok(sum.finish(self.name))
    }
}

/// Count and digest of rows.
struct Sum {
    rows: u64,
    digest: Context,
}

// === impl Sum ===

impl Default for Sum {
    fn default() -> Self {
        Self {
            rows: 0,
            digest: Context::new(&SHA256),
        }
    }
}

impl Sum {
    /// The databases set spaces otherwise: what counts is the array.
    fn add(&mut self, row: &str) -> Result<(), sqlx::Error> {
        let unreadable = |error: serde_json::Error| sqlx::Error::Decode(Box::new(error));
        let row: Vec<serde_json::Value> = serde_json::from_str(row).map_err(unreadable)?;
        self.digest
            .update(&serde_json::to_vec(&row).map_err(unreadable)?);
        self.digest.update(b"\n");
        self.rows += 1;
        Ok(())
    }

    fn finish(self, table: &'static str) -> Imported {
        let digest = self.digest.finish();
        let digest = digest
            .as_ref()
            .iter()
            .fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            });
        Imported {
            table,
            rows: self.rows,
            digest,
        }
    }
}

#[cfg(test)]
impl Table {
    /// What the catalogs must say.
    fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.columns.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names
    }
}

#[cfg(test)]
#[path = "tests/import.rs"]
mod tests;
