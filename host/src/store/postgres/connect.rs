//! Connections and pools of one role, through its tunnel.

use std::time::Duration;

use rustls::pki_types::ServerName;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgSslMode};
use sqlx::{ConnectOptions as _, Connection as _};

use super::OpenError;
use super::role::Role;
use super::settings::{Login, Server};
use super::socket;
use super::tls::{FreshTls, Own, TlsFiles};
use super::tunnel::{Destination, Tunnel};

/// For a free connection of a pool; after it the caller hears `busy`.
const ACQUIRE: Duration = Duration::from_secs(2);

/// A connection that has rested longer than this is tried out before it is used.
const RESTED: Duration = Duration::from_millis(500);

/// After which a connection is made anew, and with it the certificates are.
pub(super) const LIFETIME: Duration = Duration::from_secs(15 * 60);

/// From the first byte to an open session.
const CONNECT: Duration = Duration::from_secs(6);

/// One role's way to the database.
pub(super) struct Gateway {
    role: Role,
    options: PgConnectOptions,
    _tunnel: Tunnel,
}

// === impl Gateway ===

impl Gateway {
    /// Check the role's material and serve its tunnel; nothing is dialled yet.
    ///
    /// # Errors
    /// Files that can't be used, or a name that no certificate can have.
    pub(super) fn open(server: &Server, role: Role, login: &Login) -> Result<Self, OpenError> {
        let own = Own {
            certificate: login.certificate.clone(),
            key: login.key.clone(),
        };
        Self::with(server, role, Some(own))
    }

    /// The way of somebody who has no certificate at all.
    ///
    /// # Errors
    /// As [`Gateway::open`].
    pub(super) fn bare(server: &Server, role: Role) -> Result<Self, OpenError> {
        Self::with(server, role, None)
    }

    fn with(server: &Server, role: Role, own: Option<Own>) -> Result<Self, OpenError> {
        let tls = FreshTls::open(TlsFiles {
            ca: server.ca.clone(),
            own,
        })
        .map_err(|source| OpenError::Material { role, source })?;
        let server_name = ServerName::try_from(server.server_name.clone())
            .map_err(|_| OpenError::ServerName(server.server_name.clone()))?;
        let tunnel = Tunnel::open(Destination {
            host: server.host.clone(),
            port: server.port,
            server_name,
            database: server.database.clone(),
            role,
            tls,
        })
        .map_err(OpenError::Tunnel)?;
        // The tunnel opens the session in its own words. Everything is set here all
        // the same, so that no variable of the environment leads elsewhere.
        let options = PgConnectOptions::new_without_pgpass()
            .host("localhost")
            .port(socket::PORT)
            .socket(tunnel.folder())
            .username(role.name())
            .password("")
            .database(&server.database)
            .ssl_mode(PgSslMode::Disable)
            .application_name("zeropass")
            .statement_cache_capacity(100)
            .disable_statement_logging();
        Ok(Self {
            role,
            options,
            _tunnel: tunnel,
        })
    }

    /// The role that connects here.
    pub(super) fn role(&self) -> Role {
        self.role
    }

    /// A connection of its own.
    pub(super) async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        tokio::time::timeout(CONNECT, self.options.connect())
            .await
            .unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    /// A pool of at most so many connections, all of them made when they are needed.
    pub(super) fn pool(&self, connections: u32) -> PgPool {
        PgPoolOptions::new()
            .max_connections(connections)
            .min_connections(0)
            .acquire_timeout(ACQUIRE)
            .max_lifetime(LIFETIME)
            .idle_timeout(Some(LIFETIME / 3))
            .test_before_acquire(false)
            .before_acquire(|connection, metadata| {
                Box::pin(async move {
                    if metadata.idle_for > RESTED {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(self.options.clone())
    }
}
