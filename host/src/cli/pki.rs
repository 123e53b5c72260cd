//! `zeropass pki`: the development PKI in one folder, and any certificate explained.

mod inspect;

use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use self::inspect::Inspect;
use super::caution::Caution;
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::identity::pki::{self, Done, List, Step, Wish};
use crate::identity::{SpiffeId, TrustDomain};
use crate::registry::signing_key;

const DAY: Timestamp = 24 * 60 * 60 * 1000;

/// The commands of `zeropass pki`.
#[derive(Debug, Subcommand)]
pub enum PkiCommand {
    /// Make a certificate authority, certificates for all roles and a key that signs
    /// components; what is there and valid is kept.
    Init {
        /// Where the files go.
        #[arg(long, value_name = "FOLDER")]
        dir: PathBuf,
        /// The SPIFFE trust domain of a new authority: zeropass.internal, where left out.
        /// An authority that is there keeps its own.
        #[arg(long, value_name = "DOMAIN")]
        trust_domain: Option<String>,
    },
    /// Issue one more certificate.
    Issue(Issue),
    /// Replace a certificate and its key by new ones that say the same.
    Renew {
        /// The folder of the certificate authority.
        #[arg(long, value_name = "FOLDER")]
        dir: PathBuf,
        /// The certificate's name: NAME.pem and NAME.key are replaced.
        name: String,
    },
    /// Write the revocation list crl.pem, with these certificates added.
    Revoke {
        /// The folder of the certificate authority.
        #[arg(long, value_name = "FOLDER")]
        dir: PathBuf,
        /// PEM files of certificates, or names in the folder. None: the list is only
        /// made good for longer.
        certificates: Vec<PathBuf>,
        /// How many days the list is good; write it again before.
        #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3650))]
        days: u64,
        /// Whether to ask.
        #[command(flatten)]
        caution: Caution,
    },
    /// Explain a certificate: every rule, and what it may be used for here.
    Inspect(Inspect),
}

/// A certificate to issue.
#[derive(Debug, Args)]
pub struct Issue {
    /// The folder of the certificate authority.
    #[arg(long, value_name = "FOLDER")]
    dir: PathBuf,
    /// What it is for: the SPIFFE id follows from it.
    #[arg(long, value_enum, required_unless_present = "spiffe_id")]
    role: Option<Role>,
    /// The SPIFFE id, instead of a role.
    #[arg(long, value_name = "ID", conflicts_with = "role")]
    spiffe_id: Option<String>,
    /// The files are NAME.pem and NAME.key; the role, where left out.
    #[arg(long)]
    name: Option<String>,
    /// A DNS name, for clients that verify a host by name.
    #[arg(long, value_name = "NAME")]
    dns: Vec<String>,
    /// An IP address, likewise.
    #[arg(long, value_name = "ADDRESS")]
    ip: Vec<IpAddr>,
    /// How many days it is good.
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u64).range(1..=3650))]
    days: u64,
}

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// A zeropass host.
    Host,
    /// A relying party's backend, `/workload/NAME`.
    RelyingParty,
    /// Somebody who administers the host, `/operator/NAME`.
    Operator,
    /// The component auth-service, on the link.
    AuthService,
    /// The component passkey-manager, on the link.
    PasskeyManager,
}

// === impl PkiCommand ===

impl PkiCommand {
    /// True when all is well; false when `inspect` found a broken rule.
    ///
    /// # Errors
    /// What could not be done, with the file and the mend.
    pub fn run(self, out: &mut dyn Write) -> anyhow::Result<bool> {
        let now = SystemClock.now();
        match self {
            Self::Init { dir, trust_domain } => {
                init(&dir, trust_domain.as_deref(), out)?;
                Ok(true)
            }
            Self::Issue(wanted) => {
                let dir = wanted.dir.clone();
                let step = pki::issue(&dir, &wanted.wish()?, now)?;
                tell(&step, out)?;
                Ok(true)
            }
            Self::Renew { dir, name } => {
                tell(&pki::renew(&dir, &name, now)?, out)?;
                Ok(true)
            }
            Self::Revoke {
                dir,
                certificates,
                days,
                caution,
            } => {
                let files: Vec<_> = certificates
                    .into_iter()
                    .map(|one| in_folder(&dir, one))
                    .collect();
                let named: Vec<_> = files.iter().map(|one| one.display().to_string()).collect();
                let what = format!("revoked for good: {}", named.join(", "));
                if caution.dry_run() {
                    let (list, _) = pki::revocation(&dir, &files, days * DAY, now)?;
                    writeln!(out, "would write {}, {what}", list.file.display())?;
                    return Ok(true);
                }
                // A list that is only made good for longer takes nothing from anybody.
                if !files.is_empty() {
                    caution.confirmed(&what)?;
                }
                tell_list(&pki::revoke(&dir, &files, days * DAY, now)?, out)?;
                Ok(true)
            }
            Self::Inspect(wanted) => wanted.run(now, out),
        }
    }
}

/// Make or complete the PKI in `folder`, with the key that signs components, and say
/// what was done, a line for each certificate and the key.
///
/// # Errors
/// The trust domain is malformed or not that of the CA there, the folder can't be written, or its CA or key can't sign.
pub fn init(folder: &Path, trust_domain: Option<&str>, out: &mut dyn Write) -> anyhow::Result<()> {
    let trust_domain: Option<TrustDomain> = trust_domain
        .map(str::parse)
        .transpose()
        .context("--trust-domain")?;
    for step in pki::init(folder, trust_domain.as_ref(), SystemClock.now())? {
        tell(&step, out)?;
    }
    let done = if signing_key::init(folder)? {
        "created"
    } else {
        "kept"
    };
    let key = signing_key::development(folder)?;
    let file = folder.join("component-signing.key");
    writeln!(
        out,
        "{done:<8} {}  signs components, key {}",
        file.display(),
        key.id()
    )?;
    Ok(())
}

/// A bare name means a certificate of the folder.
fn in_folder(folder: &Path, certificate: PathBuf) -> PathBuf {
    let bare = certificate.components().count() == 1 && certificate.extension().is_none();
    if bare {
        folder.join(certificate.with_extension("pem"))
    } else {
        certificate
    }
}

fn tell(step: &Step, out: &mut dyn Write) -> anyhow::Result<()> {
    let done = match step.done {
        Done::Kept => "kept",
        Done::Created => "created",
        Done::Renewed => "renewed",
    };
    writeln!(out, "{done:<8} {}  {}", step.file.display(), step.id)?;
    Ok(())
}

fn tell_list(list: &List, out: &mut dyn Write) -> anyhow::Result<()> {
    writeln!(
        out,
        "written  {}  {} revoked, {} of them new; good until {}",
        list.file.display(),
        list.serials.len(),
        list.added,
        date(list.next_update)
    )?;
    for serial in &list.serials {
        writeln!(out, "  {serial}")?;
    }
    if !list.serials.is_empty() {
        writeln!(
            out,
            "a host refuses them once its service.crl names this file"
        )?;
    }
    Ok(())
}

// === impl Issue ===

impl Issue {
    fn wish(self) -> anyhow::Result<Wish> {
        let (name, id) = match (self.role, self.spiffe_id) {
            (_, Some(id)) => {
                let id = SpiffeId::parse(&id).context("--spiffe-id")?;
                let name = self
                    .name
                    .context("--spiffe-id needs --name, which names the files")?;
                (name, id)
            }
            (Some(role), None) => {
                let name = self.name.unwrap_or_else(|| role.name().to_owned());
                let domain = pki::trust_domain_of(&self.dir)?;
                let id = SpiffeId::parse(&format!("spiffe://{domain}{}", role.path(&name)))?;
                (name, id)
            }
            (None, None) => anyhow::bail!("--role or --spiffe-id is needed"),
        };
        Ok(Wish {
            name,
            id,
            dns: self.dns,
            ips: self.ip,
            life: self.days * DAY,
        })
    }
}

// === impl Role ===

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::RelyingParty => "relying-party",
            Self::Operator => "operator",
            Self::AuthService => "auth-service",
            Self::PasskeyManager => "passkey-manager",
        }
    }

    fn path(self, name: &str) -> String {
        match self {
            Self::Host => "/host".to_owned(),
            Self::RelyingParty => format!("/workload/{name}"),
            Self::Operator => format!("/operator/{name}"),
            Self::AuthService | Self::PasskeyManager => format!("/component/{}", self.name()),
        }
    }
}

// === helpers ===

fn date(moment: Timestamp) -> String {
    i64::try_from(moment / 1000)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .and_then(|date| date.format(&Rfc3339).ok())
        .unwrap_or_else(|| format!("{moment} ms"))
}

#[cfg(test)]
#[path = "pki_tests.rs"]
mod tests;
