//! A PostgreSQL server for the rows that compare it with SQLite: TLS, client
//! certificates, the roles of `zeropass store roles`, and every commit on the disk.
//!
//! Its data are in the temporary folder of the system, because it runs as another user
//! than root; where that is memory, set TMPDIR to a folder on a disk.

#[path = "../../src/postgres/server/mod.rs"]
#[allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "the test kit's own file, which uses the rest"
)]
mod server;

use std::sync::Arc;

use zeropass::audit::Log;
use zeropass::store::postgres::{
    Login, PostgresStore, Role, Server as Address, Settings, migrate, roles,
};

use self::server::{HBA, SERVER_NAME, Server};
use crate::subject::clock;

/// A test's server forgets what it had when the power goes; this one must not.
const DURABLE: &str = "
fsync = on
full_page_writes = on
synchronous_commit = on
";

/// Connections for reading for each role, as a host's default.
const CONNECTIONS: u32 = 8;

/// A server with one database for each row.
pub struct Database {
    server: Server,
}

/// One database of it.
pub struct Place<'a> {
    database: &'a Database,
    name: String,
}

/// A server, or none with the reason said aloud: its rows are left out then.
///
/// # Errors
/// It can't be waited for.
pub async fn start(rows: &str) -> anyhow::Result<Option<Database>> {
    let started = tokio::task::spawn_blocking(|| Server::start_with(DURABLE, HBA)).await?;
    Ok(match started {
        Ok(server) => Some(Database { server }),
        Err(why) => {
            eprintln!("zeropass-bench: {rows}: SKIPPED, no PostgreSQL server here: {why}");
            None
        }
    })
}

// === impl Database ===

impl Database {
    /// A new database, with roles and schema.
    ///
    /// # Errors
    /// The server or the migration fails.
    pub async fn place(&self) -> anyhow::Result<Place<'_>> {
        let name = self.server.database(&roles());
        let place = Place {
            database: self,
            name,
        };
        migrate(&place.address(), &place.login(Role::Migrator)).await?;
        Ok(place)
    }
}

// === impl Place ===

impl Place<'_> {
    /// A store on it, with a log of its own.
    ///
    /// # Errors
    /// It can't be opened.
    pub async fn store(&self, session_lifetime: u64) -> anyhow::Result<PostgresStore> {
        let settings = Settings {
            server: self.address(),
            accounts: self.login(Role::Accounts),
            credentials: self.login(Role::Credentials),
            rollouts: self.login(Role::Rollouts),
            audit_writer: self.login(Role::AuditWriter),
            audit_reader: self.login(Role::AuditReader),
        };
        let log = Arc::new(Log::unsealed());
        Ok(PostgresStore::open(&settings, log, session_lifetime, clock()).await?)
    }

    /// The section `[store.postgres]` of a host's configuration.
    pub fn text(&self) -> String {
        let address = self.address();
        let mut text = format!(
            "[store.postgres]\nhost = {:?}\nport = {}\ndatabase = {:?}\nserver-name = {:?}\nca = {:?}\n",
            address.host,
            address.port,
            address.database,
            address.server_name,
            address.ca.display().to_string(),
        );
        for (section, role) in [
            ("accounts", Role::Accounts),
            ("credentials", Role::Credentials),
            ("rollouts", Role::Rollouts),
            ("audit-writer", Role::AuditWriter),
            ("audit-reader", Role::AuditReader),
        ] {
            let login = self.login(role);
            text.push_str(&format!(
                "\n[store.postgres.{section}]\ncertificate = {:?}\nkey = {:?}\n",
                login.certificate.display().to_string(),
                login.key.display().to_string(),
            ));
        }
        text
    }

    fn address(&self) -> Address {
        Address {
            host: "127.0.0.1".into(),
            port: self.database.server.port(),
            database: self.name.clone(),
            server_name: SERVER_NAME.into(),
            ca: self.database.server.ca_file(),
        }
    }

    fn login(&self, role: Role) -> Login {
        let (certificate, key) = self.database.server.login(role.name());
        Login {
            certificate,
            key,
            connections: CONNECTIONS,
        }
    }
}
