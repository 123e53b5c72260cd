//! The schema's steps, and whether a database is where this binary expects it.

use std::sync::LazyLock;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, SqlSafeStr as _};

use super::OpenError;
use super::connect::Gateway;
use super::privileges::GRANTS;
use super::role::Role;
use super::settings::{Login, Server};

/// Listed by hand, as for SQLite.
static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let step = |version, name: &'static str, sql: &'static str| {
        let sql = sql.into_sql_str();
        Migration::new(version, name.into(), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(vec![
        step(1, "store", include_str!("migrations/0001_store.sql")),
        step(
            2,
            "lifecycle",
            include_str!("migrations/0002_lifecycle.sql"),
        ),
        step(10, "rollouts", include_str!("migrations/0010_rollouts.sql")),
        step(
            20,
            "rollout role",
            include_str!("migrations/0020_rollout_role.sql"),
        ),
        step(
            30,
            "account names",
            include_str!("migrations/0030_account_names.sql"),
        ),
        step(40, "rates", include_str!("migrations/0040_rates.sql")),
        step(
            42,
            "log secrets",
            include_str!("migrations/0042_log_secrets.sql"),
        ),
        step(
            43,
            "credential age",
            include_str!("migrations/0043_credential_age.sql"),
        ),
    ])
});

/// The steps that were taken.
const FOUND: &str = "SELECT max(version) FROM zeropass._sqlx_migrations WHERE success";

const ROLES: &str = include_str!("roles.sql");

/// What a migration did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// The version that was there; 0 in a new database.
    pub from: i64,
    /// The version that is there now.
    pub to: i64,
}

/// The SQL that prepares a database, for an administrator to review and run, with the grants
/// that migrations make as comments.
pub fn roles() -> String {
    let mut text = ROLES.to_owned();
    text.push_str("\n-- What each role has in the end, on the database (-) and in it. The host\n");
    text.push_str(
        "-- compares this with the catalog when it starts, and refuses any other state.\n",
    );
    text.push_str("--\n");
    for line in GRANTS.lines() {
        text.push_str("--   ");
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// What a migration would do.
///
/// # Errors
/// No connection, or a newer schema.
pub async fn migration(server: &Server, login: &Login) -> Result<Migrated, OpenError> {
    let gateway = Gateway::open(server, Role::Migrator, login)?;
    let mut connection = connect(&gateway).await?;
    let from = match exists(&mut connection).await? {
        true => found(&mut connection).await?,
        false => 0,
    };
    refuse_newer(from)?;
    let _ = connection.close().await;
    Ok(Migrated { from, to: known() })
}

/// Bring the schema up to date, as the migrator.
///
/// # Errors
/// No connection, a newer schema, or a step that fails (and leaves nothing behind).
pub async fn migrate(server: &Server, login: &Login) -> Result<Migrated, OpenError> {
    let gateway = Gateway::open(server, Role::Migrator, login)?;
    let mut connection = connect(&gateway).await?;
    let from = match exists(&mut connection).await? {
        true => found(&mut connection).await?,
        false => 0,
    };
    refuse_newer(from)?;
    MIGRATIONS
        .run(&mut connection)
        .await
        .map_err(|source| match source {
            MigrateError::VersionMissing(found) if found > known() => OpenError::NewerSchema {
                found,
                known: known(),
            },
            source => OpenError::Schema(source),
        })?;
    let to = found(&mut connection).await?;
    let _ = connection.close().await;
    Ok(Migrated { from, to })
}

/// A connection, or the reason why there is none.
pub(super) async fn connect(gateway: &Gateway) -> Result<PgConnection, OpenError> {
    let role = gateway.role();
    gateway
        .connect()
        .await
        .map_err(|source| OpenError::Connect { role, source })
}

/// Whether the schema is the one that this binary was made for.
pub(super) async fn check(connection: &mut PgConnection) -> Result<(), OpenError> {
    let found = match exists(connection).await? {
        true => found(connection).await?,
        false => 0,
    };
    refuse_newer(found)?;
    if found < known() {
        return Err(OpenError::OlderSchema {
            found,
            known: known(),
        });
    }
    Ok(())
}

fn refuse_newer(found: i64) -> Result<(), OpenError> {
    if found > known() {
        return Err(OpenError::NewerSchema {
            found,
            known: known(),
        });
    }
    Ok(())
}

async fn exists(connection: &mut PgConnection) -> Result<bool, OpenError> {
    sqlx::query_scalar("SELECT to_regclass('zeropass._sqlx_migrations') IS NOT NULL")
        .fetch_one(connection)
        .await
        .map_err(OpenError::Database)
}

async fn found(connection: &mut PgConnection) -> Result<i64, OpenError> {
    let found: Option<i64> = sqlx::query_scalar(FOUND)
        .fetch_one(connection)
        .await
        .map_err(OpenError::Database)?;
    Ok(found.unwrap_or(0))
}

fn known() -> i64 {
    let versions = MIGRATIONS.iter().map(|migration| migration.version);
    versions.max().unwrap_or(0)
}
