//! PostgreSQL for deployments: a real server with TLS, client certificates and the roles of
//! `zeropass store roles`, and a database of its own for each test.
//!
//! Everything that uses it is in a module of this name, so that `--skip postgres` leaves it out
//! where PostgreSQL is not installed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failure of the test that uses it"
)]

#[allow(missing_docs, reason = "the host's unit tests include it too")]
pub mod server;

use std::path::PathBuf;

use zeropass::store::postgres::{Login, Role, Server as Address, migrate, roles};

pub use self::server::{SERVER_NAME, Server};

/// A database that is ready for hosts, on a server of its own.
///
/// The server can be stopped and started again; it ends with this value.
pub struct Database {
    server: Server,
}

/// The name of the database.
const NAME: &str = "zeropass";

// === impl Database ===

impl Database {
    /// A new server, with roles and schema.
    ///
    /// # Panics
    /// PostgreSQL is not installed or does not start.
    pub async fn start() -> Self {
        super::deployment::certificates::install_provider();
        let server = tokio::task::spawn_blocking(Server::start)
            .await
            .expect("the start does not panic")
            .unwrap_or_else(|error| panic!("no PostgreSQL server: {error}"));
        server
            .sql("postgres", &format!("CREATE DATABASE {NAME}"))
            .expect("a database can be made");
        server.sql(NAME, &roles()).expect("roles can be made");
        let database = Self { server };
        let (certificate, key) = database.login(Role::Migrator);
        let migrator = Login {
            certificate,
            key,
            connections: 1,
        };
        migrate(&database.address(), &migrator)
            .await
            .unwrap_or_else(|error| panic!("the schema can't be made: {error}"));
        database
    }

    /// Where hosts dial, and whom they expect.
    pub fn address(&self) -> Address {
        Address {
            host: "127.0.0.1".into(),
            port: self.server.port(),
            database: NAME.into(),
            server_name: SERVER_NAME.into(),
            ca: self.server.ca_file(),
        }
    }

    /// Certificate and key of this role.
    pub fn login(&self, role: Role) -> (PathBuf, PathBuf) {
        self.server.login(role.name())
    }

    /// Run statements as the administrator, one line for each row.
    ///
    /// # Panics
    /// The server refuses.
    pub fn sql(&self, statements: &str) -> String {
        self.server
            .sql(NAME, statements)
            .unwrap_or_else(|error| panic!("{statements}: {error}"))
    }

    /// The server, to stop and start it.
    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }

    /// The settings of a host on this database: section, key, and the value as TOML has it.
    pub fn settings(&self) -> Vec<(&'static str, &'static str, String)> {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let path = |path: PathBuf| quoted(path.to_str().expect("a path that is text"));
        let address = self.address();
        let section = "store.postgres";
        let mut settings = vec![
            (section, "host", quoted(&address.host)),
            (section, "port", address.port.to_string()),
            (section, "database", quoted(&address.database)),
            (section, "server-name", quoted(&address.server_name)),
            (section, "ca", path(address.ca)),
        ];
        for (role, section) in [
            (Role::Accounts, "store.postgres.accounts"),
            (Role::Credentials, "store.postgres.credentials"),
            (Role::Rollouts, "store.postgres.rollouts"),
            (Role::AuditWriter, "store.postgres.audit-writer"),
            (Role::AuditReader, "store.postgres.audit-reader"),
        ] {
            let (certificate, key) = self.login(role);
            settings.push((section, "certificate", path(certificate)));
            settings.push((section, "key", path(key)));
        }
        settings
    }
}
