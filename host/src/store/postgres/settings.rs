//! Where the database is, and as whom the host goes there.

use std::path::PathBuf;

/// A store in PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The server and the database.
    pub server: Server,
    /// Accounts and sessions.
    pub accounts: Login,
    /// Credentials and ceremonies.
    pub credentials: Login,
    /// Revisions and rollouts.
    pub rollouts: Login,
    /// Adding audit records.
    pub audit_writer: Login,
    /// Reading audit records.
    pub audit_reader: Login,
}

/// A database and how to know its server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// A host name or an IP address to dial.
    pub host: String,
    /// The port to dial.
    pub port: u16,
    /// The database's name.
    pub database: String,
    /// The DNS name or IP address that the server's certificate must have.
    pub server_name: String,
    /// PEM certificates of the authorities that may have issued it.
    pub ca: PathBuf,
}

/// How one role logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// PEM certificates, the role's own first.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// Connections for reading at the same time; one more writes.
    pub connections: u32,
}
