//! Where the admin listener is, who asks, and who has to answer.
//!
//! The host is judged as the host judges its clients: by the X.509-SVID profile, by
//! revocation lists where there are any, and by its SPIFFE id. Its names and address
//! prove nothing and are not asked for. Whoever else is there gets no request.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::Args;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::clock::{Clock as _, SystemClock};
use crate::identity::refusal::{handshake_code, handshake_reason};
use crate::identity::tls::{ALPN_HTTP1, pinned_client_config};
use crate::identity::{KeyExchange, Material, MaterialFiles, SpiffeId, certificates, parse_svid};

/// Where the admin listener is, who asks, and who has to answer.
#[derive(Debug, Args)]
pub struct Access {
    /// The admin listener.
    #[arg(
        long,
        env = "ZEROPASS_ADMIN",
        value_name = "URL",
        default_value = "https://127.0.0.1:8444"
    )]
    pub(super) admin: String,
    /// The SPIFFE id that the host must have: /host in the operator's trust domain, where
    /// left out.
    #[arg(long, env = "ZEROPASS_HOST_ID", value_name = "ID")]
    host_id: Option<String>,
    /// The authority of the host's certificate, PEM.
    #[arg(long, env = "ZEROPASS_CA", value_name = "FILE")]
    ca: PathBuf,
    /// Revocation lists that the host's certificate must not be on, PEM; repeatable.
    /// Without any, revocation is not checked.
    #[arg(long, env = "ZEROPASS_CRL", value_name = "FILE")]
    crl: Vec<PathBuf>,
    /// The operator's certificate, PEM.
    #[arg(long, env = "ZEROPASS_CERT", value_name = "FILE")]
    cert: PathBuf,
    /// The operator's key, PEM.
    #[arg(long, env = "ZEROPASS_KEY", value_name = "FILE")]
    key: PathBuf,
}

// === impl Access ===

impl Access {
    /// HOST:PORT or HOST, as it stands in the URL.
    pub(super) fn authority(&self) -> anyhow::Result<&str> {
        self.admin
            .strip_prefix("https://")
            .map(|rest| rest.trim_end_matches('/'))
            .filter(|rest| !rest.is_empty() && !rest.contains('/'))
            .with_context(|| self.expected())
    }

    /// A connection to the host itself, made `within` this time.
    ///
    /// # Errors
    /// Own files can't be used, nobody answers in time, or somebody else does.
    pub(super) async fn connect(&self, within: Duration) -> anyhow::Result<TlsStream<TcpStream>> {
        let authority = self.authority()?;
        let (name, port) = match authority.rsplit_once(':') {
            Some((name, port)) if !name.is_empty() => (name, port.parse::<u16>().ok()),
            _ => (authority, Some(443)),
        };
        let port = port.with_context(|| self.expected())?;
        let name = name.trim_start_matches('[').trim_end_matches(']');
        let server =
            ServerName::try_from(name.to_owned()).with_context(|| format!("--admin {name}"))?;
        let (material, host) = self.identity()?;
        let tls = pinned_client_config(
            &material,
            &host,
            Arc::new(SystemClock),
            KeyExchange::default(),
            ALPN_HTTP1,
        )?;

        let late = |what: &str| anyhow!("{}: {what} within {within:?}", self.admin);
        let socket = timeout(within, TcpStream::connect((name, port)))
            .await
            .map_err(|_| late("no connection"))?
            .with_context(|| {
                format!(
                    "{}: no host answers there; is it running, and has it an [admin] section?",
                    self.admin
                )
            })?;
        timeout(
            within,
            TlsConnector::from(Arc::new(tls)).connect(server, socket),
        )
        .await
        .map_err(|_| late("somebody is there, but the TLS handshake was not done"))?
        .map_err(|error| {
            anyhow!(
                "{}: no trusted connection to {host} (`{}`: {})",
                self.admin,
                handshake_code(&error),
                handshake_reason(&error)
            )
        })
    }

    /// Who asks, and who has to answer.
    fn identity(&self) -> anyhow::Result<(Material, SpiffeId)> {
        let chain = certificates(&self.cert, "an operator's certificate")?;
        let leaf = chain
            .first()
            .with_context(|| format!("--cert {}: no certificate", self.cert.display()))?;
        let svid = parse_svid(leaf).with_context(|| format!("--cert {}", self.cert.display()))?;
        let own = svid.id.trust_domain();
        let host = match &self.host_id {
            Some(id) => SpiffeId::parse(id).context("--host-id")?,
            None => SpiffeId::parse(&format!("spiffe://{own}/host"))?,
        };
        let files = MaterialFiles {
            certificate: self.cert.clone(),
            key: self.key.clone(),
            roots: self.ca.clone(),
            crls: self.crl.clone(),
            trust_domains: vec![own.clone(), host.trust_domain().clone()],
        };
        Ok((Material::load(&files, SystemClock.now())?, host))
    }

    fn expected(&self) -> String {
        format!("--admin {}: expected https://HOST:PORT", self.admin)
    }
}
