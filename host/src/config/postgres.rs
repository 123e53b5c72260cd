//! `[store.postgres]`: the store in PostgreSQL, and the certificate of each role.
//!
//! There is no user, no password and no TLS mode to set: every role has its name, logs in
//! with its certificate, and speaks TLS 1.3 to a server that is verified.

use std::path::PathBuf;

use super::format::{Count, Parsed};
use super::path::Location;
use super::section::Section;

/// A database and how each duty logs in to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postgres {
    /// A host name or an IP address to dial.
    pub host: String,
    /// The port to dial.
    pub port: u16,
    /// The database's name.
    pub database: String,
    /// The DNS name or IP address that the server's certificate must have.
    pub server_name: String,
    /// The authorities that may have issued it, PEM; no other is trusted.
    pub ca: PathBuf,
    /// The role for accounts and sessions.
    pub accounts: PostgresLogin,
    /// The role for credentials and ceremonies.
    pub credentials: PostgresLogin,
    /// The role for revisions and rollouts.
    pub rollouts: PostgresLogin,
    /// The role that adds audit records.
    pub audit_writer: PostgresLogin,
    /// The role that reads audit records.
    pub audit_reader: PostgresLogin,
}

/// How one role logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresLogin {
    /// The role's certificate chain, PEM, its own first.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// Connections for reading at the same time.
    pub connections: u32,
}

/// What PostgreSQL keeps of a name, in bytes.
const NAME_BYTES: usize = 63;

const HOST: Parsed<String> = Parsed {
    expected: "a host name or an IP address",
    parse: |text| {
        let odd = |c: char| c.is_whitespace() || c.is_control() || c == '/' || c == '@';
        if text.is_empty() || text.len() > 253 || text.contains(odd) {
            return Err(String::new());
        }
        Ok(text.to_owned())
    },
};

const DATABASE: Parsed<String> = Parsed {
    expected: "the name of a database, 1 to 63 bytes",
    parse: |text| {
        let fits = (1..=NAME_BYTES).contains(&text.len()) && !text.contains(char::is_control);
        fits.then(|| text.to_owned()).ok_or_else(String::new)
    },
};

pub(super) fn read(section: &mut Section<'_>) -> Option<Postgres> {
    let host = section.required("host", HOST);
    let port = section.or("port", "5432", Count(1..=65_535));
    let database = section.or("database", r#""zeropass""#, DATABASE);
    let server_name = section.optional("server-name", HOST);
    let ca = section.required(
        "ca",
        Location::File("a PEM file with the authorities of the server's certificate"),
    );
    let accounts = section.section("accounts", |role| login(role, Some("8")));
    let credentials = section.section("credentials", |role| login(role, Some("8")));
    let rollouts = section.section("rollouts", |role| login(role, Some("2")));
    let audit_writer = section.section("audit-writer", |role| login(role, None));
    let audit_reader = section.section("audit-reader", |role| login(role, Some("2")));
    let host = host?;
    Some(Postgres {
        server_name: server_name?.unwrap_or_else(|| host.clone()),
        host,
        port: port?,
        database: database?,
        ca: ca?,
        accounts: accounts?,
        credentials: credentials?,
        rollouts: rollouts?,
        audit_writer: audit_writer?,
        audit_reader: audit_reader?,
    })
}

/// A role that only writes has the one connection that every writer has.
fn login(section: &mut Section<'_>, connections: Option<&'static str>) -> Option<PostgresLogin> {
    let certificate = section.required(
        "certificate",
        Location::File("a PEM file with the role's certificate"),
    );
    let key = section.required("key", Location::File("a PEM file with a private key"));
    let connections = match connections {
        Some(default) => section.or("connections", default, Count(1..=1000)),
        None => Some(1),
    };
    Some(PostgresLogin {
        certificate: certificate?,
        key: key?,
        connections: connections?,
    })
}
