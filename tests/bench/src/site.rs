//! A folder with all that a server needs: configuration, certificates, policies,
//! and a store in which people have passkeys already.

use std::borrow::Borrow;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::Context as _;
use zeropass::audit::Trail;
use zeropass::identity::pki;
use zeropass::policy::action::{AccountsActivate, AccountsCreate, CredentialsInsert};
use zeropass::registry::statement::parse_version;
use zeropass::registry::{SigningKey, Statement, sha256, signing_key};
use zeropass::store::sqlite::SqliteStore;
use zeropass::store::{NewAccount, Store};

use crate::authenticator::Authenticator;
use crate::postgres::Place;
use crate::process::Server;
use crate::rows::Places;
use crate::subject::{ORIGIN, RP_ID, WORKLOAD, actor, clock, gate};

/// Session lifetime, milliseconds; as configured by default.
const SESSION_LIFETIME: u64 = 12 * 3_600_000;

/// The version of the components that a site is laid out with.
pub const FIRST: &str = "1.0.0";

/// A server's folder.
#[derive(Debug)]
pub struct Site {
    folder: PathBuf,
    address: SocketAddr,
    health: SocketAddr,
    /// The operators' listener, if it has one.
    admin: Option<SocketAddr>,
    link: Link,
}

/// How the host's components reach each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Over mTLS on loopback, as delivered.
    Mtls,
    /// By typed values.
    InProcess,
}

/// Somebody with an account and a passkey.
pub struct Person {
    /// The account's name.
    pub name: String,
    /// The passkey.
    pub authenticator: Authenticator,
}

/// The signature of a component.
///
/// # Errors
/// The version is none, or the file can't be signed.
pub fn sign(key: &SigningKey, name: &str, version: &str, wasm: &[u8]) -> anyhow::Result<String> {
    let statement = Statement {
        name: name.to_owned(),
        version: parse_version(version).context("a version")?,
        digest: sha256(wasm),
        world: Statement::default_world(name),
        time: clock().now(),
    };
    Ok(key.sign(wasm, &statement)?)
}

// === impl Site ===

impl Site {
    /// Lay a site out.
    ///
    /// # Errors
    /// The folder can't be made or filled.
    pub async fn new(
        places: &Places,
        name: &str,
        link: Link,
        people: &[Person],
    ) -> anyhow::Result<Self> {
        Self::lay_out(places, name, link, people, None, None).await
    }

    /// The same, with its store in PostgreSQL.
    ///
    /// # Errors
    /// The folder or the database can't be filled.
    pub async fn on_postgres(
        places: &Places,
        name: &str,
        link: Link,
        people: &[Arc<Person>],
        database: &Place<'_>,
    ) -> anyhow::Result<Self> {
        Self::lay_out(places, name, link, people, None, Some(database)).await
    }

    /// The same, with a listener for operators.
    ///
    /// # Errors
    /// The folder can't be made or filled.
    pub async fn operated(
        places: &Places,
        name: &str,
        link: Link,
        people: &[Person],
    ) -> anyhow::Result<Self> {
        Self::lay_out(places, name, link, people, Some(free_port()?), None).await
    }

    async fn lay_out(
        places: &Places,
        name: &str,
        link: Link,
        people: &[impl Borrow<Person>],
        admin: Option<SocketAddr>,
        database: Option<&Place<'_>>,
    ) -> anyhow::Result<Self> {
        let folder = places.folder(name)?;
        pki::init(
            &folder.join("pki"),
            Some(&pki::DEFAULT_TRUST_DOMAIN.parse()?),
            clock().now(),
        )?;
        let site = Self {
            address: free_port()?,
            health: free_port()?,
            admin,
            link,
            folder,
        };
        let store = database.map_or_else(
            || "[store]\nsqlite = \"zeropass.db\"\n".to_owned(),
            Place::text,
        );
        std::fs::write(site.config(), site.text(places, &store))?;
        signing_key::init(&site.pki())?;
        let key = signing_key::development(&site.pki())?;
        for name in ["auth-service", "passkey-manager"] {
            let signature = site.folder.join(format!("{name}.minisig"));
            let wasm = std::fs::read(places.component(name))?;
            std::fs::write(signature, sign(&key, name, FIRST, &wasm)?)?;
        }
        let store: Arc<dyn Store> = match database {
            Some(database) => Arc::new(database.store(SESSION_LIFETIME).await?),
            None => Arc::new(SqliteStore::open(&site.database(), SESSION_LIFETIME, clock()).await?),
        };
        settle(places, &*store, people).await?;
        store.close().await;
        Ok(site)
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.folder.join("zeropass.toml")
    }

    /// Certificates and keys.
    pub fn pki(&self) -> PathBuf {
        self.folder.join("pki")
    }

    /// Where compiled components are kept.
    pub fn cache(&self) -> PathBuf {
        self.folder.join("cache")
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.folder.join("zeropass.db")
    }

    /// Where operators connect.
    ///
    /// # Errors
    /// The site has no listener for them.
    pub fn admin(&self) -> anyhow::Result<SocketAddr> {
        self.admin.context("the site has no admin listener")
    }

    /// The host on this site, ready.
    ///
    /// # Errors
    /// It does not start.
    pub async fn host(&self, places: &Places) -> anyhow::Result<Server> {
        let mut command = Command::new(places.zeropass());
        command.arg("serve").arg("--config").arg(self.config());
        self.start(&mut command).await
    }

    /// The twin on this site, ready.
    ///
    /// # Errors
    /// It does not start.
    pub async fn twin(&self) -> anyhow::Result<Server> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--twin").arg(self.config());
        self.start(&mut command).await
    }

    async fn start(&self, command: &mut Command) -> anyhow::Result<Server> {
        let log = self.folder.join("log");
        let mut server = Server::start(command, self.address, &log)?;
        let ready = server.ready(self.health).await;
        ready.map_err(|error| {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            error.context(said.lines().last().unwrap_or_default().to_owned())
        })?;
        Ok(server)
    }

    fn text(&self, places: &Places, store: &str) -> String {
        let quoted = |path: &Path| format!("{:?}", path.display().to_string());
        format!(
            r#"[service]
listen = "{address}"
certificate = "pki/host.pem"
key = "pki/host.key"
client-ca = "pki/ca.pem"
trust-domain = "{domain}"
# All connections have one identity, and as many requests as they can.
identity-rate = 0
{admin}
[health]
listen = "{health}"

{store}
[policy]
folder = {policies}
signers = "pki/signers"

[keys]
folder = "keys"

[cache]
folder = "cache"

[components.auth-service]
file = {auth_service}
signature = "auth-service.minisig"

[components.passkey-manager]
file = {passkey_manager}
signature = "passkey-manager.minisig"

[link]
{link}

[link.auth-service]
certificate = "pki/auth-service.pem"
key = "pki/auth-service.key"

[link.passkey-manager]
certificate = "pki/passkey-manager.pem"
key = "pki/passkey-manager.key"

[[relying-party]]
id = "{RP_ID}"
name = "zeropass bench"
origins = ["{ORIGIN}"]
workloads = ["{WORKLOAD}"]
"#,
            address = self.address,
            admin = self
                .admin
                .map(|admin| format!("\n[admin]\nlisten = \"{admin}\"\n"))
                .unwrap_or_default(),
            health = self.health,
            domain = pki::DEFAULT_TRUST_DOMAIN,
            policies = quoted(&places.policies),
            link = self.link.text(),
            auth_service = quoted(&places.component("auth-service")),
            passkey_manager = quoted(&places.component("passkey-manager")),
        )
    }
}

/// Give each person an account and a passkey, as registrations would have.
async fn settle(
    places: &Places,
    store: &dyn Store,
    people: &[impl Borrow<Person>],
) -> anyhow::Result<()> {
    let gate = gate(&places.policies)?;
    let trail = Trail::new();
    let (auth_service, passkey_manager) = (actor("auth-service"), actor("passkey-manager"));
    for person in people {
        let person = person.borrow();
        let id = person.authenticator.user_id.to_string();
        let account = NewAccount {
            id: Some(id.clone()),
            name: person.name.clone(),
            display_name: person.name.clone(),
        };
        let permit = gate.authorize::<AccountsCreate>(&auth_service, Some(RP_ID), &trail)?;
        store.accounts_create(permit, account).await?;
        let permit = gate.authorize::<AccountsActivate>(&auth_service, Some(RP_ID), &trail)?;
        store.accounts_activate(permit, id).await?;
        let credential = person.authenticator.credential()?;
        let permit = gate.authorize::<CredentialsInsert>(&passkey_manager, Some(RP_ID), &trail)?;
        store.credentials_insert(permit, credential, false).await?;
    }
    store.append(&trail).await?;
    Ok(())
}

// === impl Link ===

impl Link {
    fn text(self) -> &'static str {
        match self {
            Self::Mtls => "kind = \"mtls\"\nlisten = \"127.0.0.1:0\"",
            Self::InProcess => "kind = \"in-process\"",
        }
    }
}

/// So many people, each with a passkey.
///
/// # Errors
/// No randomness.
pub fn people(count: usize) -> anyhow::Result<Vec<Person>> {
    (0..count)
        .map(|number| {
            Ok(Person {
                name: format!("person-{number}"),
                authenticator: Authenticator::new()?,
            })
        })
        .collect()
}

/// A port that was free a moment ago: the server says nowhere which one it chose.
fn free_port() -> anyhow::Result<SocketAddr> {
    let socket = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(socket.local_addr()?)
}
