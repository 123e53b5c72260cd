//! `zeropass pki inspect`: a certificate explained, as tables for people or as JSON.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use rustls::pki_types::CertificateDer;

use super::date;
use crate::clock::Timestamp;
use crate::config::{Config, IdentitySource, LinkIdentity, LinkSource};
use crate::identity::inspect::{Grounds, Inspection, LinkGrounds, inspect};
use crate::identity::parts::{certificates, revocation_lists};

const AUTHORITIES: &str = "the trusted authorities";

/// A certificate to explain.
#[derive(Debug, Args)]
pub struct Inspect {
    /// A PEM file: the certificate first, then intermediates.
    file: PathBuf,
    /// The configuration of the host that shall judge it: authorities, revocation
    /// lists, trust domain and relying parties are those of the file.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ca", "crl", "trust_domain"])]
    config: Option<PathBuf>,
    /// PEM file of the trusted authorities.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// PEM file of revocation lists; may be repeated.
    #[arg(long, value_name = "FILE")]
    crl: Vec<PathBuf>,
    /// The trust domain of this host.
    #[arg(long, value_name = "DOMAIN")]
    trust_domain: Option<String>,
    /// JSON for scripts.
    #[arg(long)]
    json: bool,
}

// === impl Inspect ===

impl Inspect {
    fn grounds(&self) -> anyhow::Result<Grounds> {
        let roots = match &self.ca {
            Some(file) => certificates(file, AUTHORITIES)?,
            None => Vec::new(),
        };
        let trust_domain = self.trust_domain.as_deref().map(str::parse);
        Ok(Grounds {
            roots,
            crls: revocation_lists(&self.crl)?,
            trust_domain: trust_domain.transpose().context("--trust-domain")?,
            bindings: None,
            link: LinkGrounds::Unknown,
        })
    }

    pub(super) fn run(&self, now: Timestamp, out: &mut dyn Write) -> anyhow::Result<bool> {
        let chain = certificates(&self.file, "the certificate to explain")?;
        let grounds = match &self.config {
            Some(file) => grounds_of(&Config::load(file)?)?,
            None => self.grounds()?,
        };
        let inspection = inspect(&chain, &grounds, now)
            .with_context(|| format!("{}: it can't be explained", self.file.display()))?;
        if self.json {
            writeln!(out, "{}", serde_json::to_string_pretty(&inspection)?)?;
        } else {
            table(&self.file, &inspection, out)?;
        }
        Ok(inspection.is_sound())
    }
}

/// What a host of this configuration judges by.
fn grounds_of(config: &Config) -> anyhow::Result<Grounds> {
    let roots = match &config.service.identity {
        IdentitySource::Files { client_ca, .. } => certificates(client_ca, AUTHORITIES)?,
        // Only the agent knows them.
        IdentitySource::WorkloadApi { .. } => Vec::new(),
    };
    let bindings = config.relying_parties.iter().map(|party| {
        let workloads = party.workloads.iter().map(|one| one.as_str().to_owned());
        (party.id.as_str().to_owned(), workloads.collect())
    });
    Ok(Grounds {
        roots,
        crls: revocation_lists(&config.service.crl)?,
        trust_domain: Some(config.service.trust_domain.as_str().parse()?),
        bindings: Some(bindings.collect()),
        link: link_of(config)?,
    })
}

/// What the link of such a host takes.
fn link_of(config: &Config) -> anyhow::Result<LinkGrounds> {
    let link = &config.link;
    // An end that is not here is known by its id alone.
    let (identity, ids) = match (&link.serving, &link.calling) {
        (Some(serving), _) => (&serving.identity, (&serving.caller, &serving.identity.id)),
        (None, Some(calling)) => (&calling.identity, (&calling.identity.id, &calling.callee)),
        (None, None) => return Ok(LinkGrounds::None),
    };
    let (auth_service, passkey_manager) = ids;
    Ok(LinkGrounds::Mtls {
        roots: roots_of(identity)?,
        components: vec![
            ("auth-service", auth_service.as_str().to_owned()),
            ("passkey-manager", passkey_manager.as_str().to_owned()),
        ],
    })
}

fn roots_of(identity: &LinkIdentity) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    Ok(match &identity.source {
        LinkSource::Files { ca, .. } => certificates(ca, AUTHORITIES)?,
        // Only the agent knows them.
        LinkSource::WorkloadApi { .. } => Vec::new(),
    })
}

fn table(file: &Path, inspection: &Inspection, out: &mut dyn Write) -> anyhow::Result<()> {
    let says = &inspection.says;
    writeln!(out, "{}\n", file.display())?;
    for name in &says.names {
        writeln!(out, "  name        {name}")?;
    }
    for (what, value) in [
        ("subject", &says.subject),
        ("issuer", &says.issuer),
        ("serial", &says.serial),
        ("thumbprint", &says.thumbprint),
        ("valid from", &date(says.not_before)),
        ("valid to", &date(says.not_after)),
    ] {
        writeln!(out, "  {what:<11} {value}")?;
    }
    if says.intermediates > 0 {
        writeln!(
            out,
            "  with        {} more certificates",
            says.intermediates
        )?;
    }
    let rows = inspection.rules.iter().map(|rule| {
        let kept = match rule.kept {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "-",
        };
        (rule.name, kept, rule.found.as_str())
    });
    rows_of("RULE", "KEPT", "FOUND", rows, out)?;
    let rows = inspection.uses.iter().map(|one| {
        let fit = match one.fit {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "?",
        };
        (one.name, fit, one.why.as_str())
    });
    rows_of("USE", "FIT", "WHY", rows, out)
}

fn rows_of<'a>(
    first: &str,
    second: &str,
    third: &str,
    rows: impl Iterator<Item = (&'a str, &'a str, &'a str)> + Clone,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let width = rows
        .clone()
        .map(|(name, ..)| name.chars().count())
        .max()
        .unwrap_or_default();
    writeln!(out, "\n{first:width$}  {second:<4}  {third}")?;
    for (name, verdict, why) in rows {
        writeln!(out, "{name:width$}  {verdict:<4}  {why}")?;
    }
    Ok(())
}
