//! `[link]`: how auth-service reaches passkey-manager, and what part this host has in it.

use std::cell::Cell;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use toml::de::DeTable;

use super::format::{Choice, List, Parsed, SOCKET, Time};
use super::identity::IdentitySource;
use super::path::Location;
use super::section::Section;
use super::service::Service;
use super::spiffe::{TrustDomain, WORKLOAD_ID, WorkloadId};
use super::state::Store;

/// How auth-service reaches passkey-manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The transport.
    pub kind: LinkKind,
    /// This host's part in it.
    pub role: LinkRole,
    /// What passkey-manager is served with; with `mtls` only.
    pub serving: Option<LinkServing>,
    /// What auth-service calls with; with `mtls` only.
    pub calling: Option<LinkCalling>,
}

/// A transport between components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    /// HTTP/2 over mutually authenticated TLS 1.3, each component with an identity of
    /// its own.
    Mtls,
    /// Both run in this host; no wire exists.
    InProcess,
}

/// The part of a host in the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkRole {
    /// Both ends.
    All,
    /// auth-service alone: no passkeys, accounts or sessions here, and no credentials
    /// of a database.
    Front,
    /// passkey-manager and the store, for front tiers; no service listener.
    Back,
}

/// A component's identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkIdentity {
    /// Its SPIFFE id, which must be that of the certificate.
    pub id: WorkloadId,
    /// Where the certificate comes from.
    pub source: LinkSource,
}

/// Where a component's certificate, key and trust roots come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkSource {
    /// PEM files, read again when they change.
    Files {
        /// The chain, leaf first.
        certificate: PathBuf,
        /// The private key of the leaf.
        key: PathBuf,
        /// The authorities of the components.
        ca: PathBuf,
    },
    /// The SPIFFE Workload API: of all that the agent gives, the SVID with the
    /// component's id.
    WorkloadApi {
        /// The agent's unix socket, absolute.
        socket: PathBuf,
    },
}

/// The serving end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkServing {
    /// Where the link listener listens.
    pub listen: SocketAddr,
    /// Of passkey-manager.
    pub identity: LinkIdentity,
    /// The only peer.
    pub caller: WorkloadId,
    /// Whether accounts and sessions are served too, for a front tier.
    pub store: bool,
}

/// The calling end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkCalling {
    /// `host:port` of the link listeners; empty for this host's own.
    pub targets: Vec<String>,
    /// Of auth-service.
    pub identity: LinkIdentity,
    /// The only peer.
    pub callee: WorkloadId,
    /// For a connection, up to its first answer.
    pub connect_timeout: Duration,
}

const TARGET: Parsed<String> = Parsed {
    expected: "a host and port such as \"back-1.example.net:8445\" or \"10.0.0.7:8445\"",
    parse: |text| match text.rsplit_once(':') {
        Some((host, port))
            if !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port != 0) =>
        {
            Ok(text.to_owned())
        }
        _ => Err(String::new()),
    },
};

const ROLES: [(&str, LinkRole); 3] = [
    ("all", LinkRole::All),
    ("front", LinkRole::Front),
    ("back", LinkRole::Back),
];

/// The role of a document, for sections that come before `[link]`. What is wrong with it
/// is noted when the section itself is read.
pub(super) fn role(document: &DeTable<'_>) -> LinkRole {
    let link = document
        .get("link")
        .and_then(|link| link.get_ref().as_table());
    let role = link
        .and_then(|link| link.get("role"))
        .and_then(|role| role.get_ref().as_str());
    ROLES
        .into_iter()
        .find(|(name, _)| Some(*name) == role)
        .map_or(LinkRole::All, |(_, role)| role)
}

pub(super) fn read(
    section: &mut Section<'_>,
    service: Option<&Service>,
    store: Option<&Store>,
) -> Option<Link> {
    let kind = Choice(&[
        ("mtls", LinkKind::Mtls),
        ("in-process", LinkKind::InProcess),
    ]);
    let kind = section.or("kind", r#""mtls""#, kind);
    let mtls = kind != Some(LinkKind::InProcess);
    let role = section.or("role", r#""all""#, Choice(&ROLES));
    let part = role.unwrap_or(LinkRole::All);
    if !mtls && part != LinkRole::All {
        section.refuse("role", None, "\"all\" with link.kind = \"in-process\"");
    }
    if part == LinkRole::Front && matches!(store, Some(Store::Postgres(_))) {
        let expected = "no [store.postgres] beside \"front\": such a host keeps nothing but its audit log, in store.sqlite";
        section.refuse("role", None, expected);
    }
    let ca = Location::File("a PEM file with the authorities of the components' certificates");
    let ca = section.optional("ca", ca);
    let (shared, socket) = match service.map(|service| &service.identity) {
        Some(IdentitySource::Files { client_ca, .. }) => (Some(client_ca.clone()), None),
        Some(IdentitySource::WorkloadApi { socket }) => (None, Some(socket)),
        None => (None, None),
    };
    let ca = ca.map(|ca| ca.or(shared));
    let known = Known {
        trust_domain: service.map(|service| &service.trust_domain),
        ca: ca.as_ref().and_then(Option::as_ref),
        socket,
        lacks_ca: Cell::new(false),
    };
    let listen = section.or("listen", r#""127.0.0.1:8445""#, SOCKET);
    let targets = section.or(
        "targets",
        "[]",
        List {
            of: TARGET,
            least: 0,
        },
    );
    if part == LinkRole::Front && targets.as_ref().is_some_and(Vec::is_empty) {
        let expected = "the link listener of at least one back tier with link.role = \"front\"";
        section.refuse("targets", None, expected);
    }
    let timeout = Time(Duration::from_millis(10)..=Duration::from_secs(60));
    let connect_timeout = section.or("connect-timeout", r#""1s""#, timeout);
    let auth_service = section.section("auth-service", |section| {
        let needed = mtls && part != LinkRole::Back;
        read_component(section, needed, &known, "auth-service")
    });
    let passkey_manager = section.section("passkey-manager", |section| {
        let needed = mtls && part != LinkRole::Front;
        read_component(section, needed, &known, "passkey-manager")
    });
    if service.is_some() && known.lacks_ca.get() {
        let expected = "a PEM file, because there is no service.client-ca";
        section.refuse("ca", None, expected);
    }
    let (kind, listen, targets, connect_timeout) = (kind?, listen?, targets?, connect_timeout?);
    let (auth_service, passkey_manager) = (auth_service?, passkey_manager?);
    let serving = passkey_manager.0.map(|identity| LinkServing {
        listen,
        identity,
        caller: auth_service.1,
        store: part == LinkRole::Back,
    });
    let calling = auth_service.0.map(|identity| LinkCalling {
        targets,
        identity,
        callee: passkey_manager.1,
        connect_timeout,
    });
    ca.as_ref()?;
    let mtls = kind == LinkKind::Mtls;
    Some(Link {
        kind,
        role: role?,
        serving: serving.filter(|_| mtls && part != LinkRole::Front),
        calling: calling.filter(|_| mtls && part != LinkRole::Back),
    })
}

/// What both components share.
struct Known<'a> {
    trust_domain: Option<&'a TrustDomain>,
    ca: Option<&'a PathBuf>,
    /// Of the agent, where the host has one.
    socket: Option<&'a PathBuf>,
    /// A component has files, and nothing says which authority they are of.
    lacks_ca: Cell<bool>,
}

/// Its certificate, which must be there if `needed`, and its id.
fn read_component(
    section: &mut Section<'_>,
    needed: bool,
    known: &Known<'_>,
    name: &str,
) -> Option<(Option<LinkIdentity>, WorkloadId)> {
    let certificate = Location::File("a PEM file with the component's certificate chain");
    let key = Location::File("a PEM file with a private key");
    let (certificate, key) = if needed && known.socket.is_none() {
        (
            section.required("certificate", certificate).map(Some),
            section.required("key", key).map(Some),
        )
    } else {
        (
            section.optional("certificate", certificate),
            section.optional("key", key),
        )
    };
    let id = section.optional("id", WORKLOAD_ID);
    let source = match (certificate?, key?) {
        (Some(certificate), Some(key)) => match known.ca {
            Some(ca) => Some(LinkSource::Files {
                certificate,
                key,
                ca: ca.clone(),
            }),
            None => {
                known.lacks_ca.set(known.lacks_ca.get() || needed);
                None
            }
        },
        (None, None) => known.socket.map(|socket| LinkSource::WorkloadApi {
            socket: socket.clone(),
        }),
        _ => {
            let expected = "certificate and key together, or neither with identity.workload-api";
            section.refuse("certificate", None, expected);
            None
        }
    };
    let id = match id? {
        Some(id) => id,
        None => WorkloadId::component(known.trust_domain?, name),
    };
    let identity = source.map(|source| LinkIdentity {
        id: id.clone(),
        source,
    });
    Some((identity, id))
}
