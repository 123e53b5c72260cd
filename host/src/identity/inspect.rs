//! What a certificate may be used for here, and why not: every rule by itself.
//!
//! The verifier stops at the first rule that is broken; somebody who has to mend a
//! certificate wants to know all of them. A test holds the two together: what
//! passes every rule here passes the verifier, and the other way round.

mod rules;
mod uses;

use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use serde::Serialize;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use self::rules::{Rules, TIME, is_authority, names, spiffe_rules, trust_rules, usage_rules};
use self::uses::{Judged, uses};
use super::crypto::validity;
use super::error::MaterialError;
use super::spiffe::{SpiffeId, TrustDomain};
use super::svid::thumbprint;
use crate::clock::Timestamp;
use crate::hex::hex;

/// What a certificate is judged by.
#[derive(Debug, Clone, Default)]
pub struct Grounds {
    /// The trusted roots; without any, the chain is not judged.
    pub roots: Vec<CertificateDer<'static>>,
    /// Revocation lists; without any, revocation is not judged.
    pub crls: Vec<CertificateRevocationListDer<'static>>,
    /// The trust domain of this host; without it, any is good.
    pub trust_domain: Option<TrustDomain>,
    /// The relying parties of this host, each with the workloads that are bound to
    /// it; none where they are not known.
    pub bindings: Option<Vec<(String, Vec<String>)>>,
    /// What the link takes.
    pub link: LinkGrounds,
}

/// What a certificate for the link is judged by.
#[derive(Debug, Clone, Default)]
pub enum LinkGrounds {
    /// Nobody has said which components there are.
    #[default]
    Unknown,
    /// The link is in-process: it takes no certificate.
    None,
    /// Over mTLS.
    Mtls {
        /// The roots of the components; without any, the chain is not judged.
        roots: Vec<CertificateDer<'static>>,
        /// The components by their names, each with the one SPIFFE id that it has.
        components: Vec<(&'static str, String)>,
    },
}

/// A certificate, explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inspection {
    /// What it says about itself.
    pub says: Says,
    /// Every rule, in the order of the profile.
    pub rules: Vec<Rule>,
    /// What it may be used for.
    pub uses: Vec<Use>,
}

/// The certificate's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Says {
    /// Its subject, as RFC 4514 writes names.
    pub subject: String,
    /// Who issued it.
    pub issuer: String,
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// SHA-256 over its DER form, lower-case hexadecimal.
    pub thumbprint: String,
    /// Every name in it: `URI ...`, `DNS ...`, `IP ...`.
    pub names: Vec<String>,
    /// First moment of its validity, milliseconds since the Unix epoch.
    pub not_before: Timestamp,
    /// Last moment of its validity, milliseconds since the Unix epoch.
    pub not_after: Timestamp,
    /// The certificates that came with it, without itself.
    pub intermediates: usize,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// Kept or broken; none where there was nothing to judge it by.
    pub kept: Option<bool>,
    /// What was found.
    pub found: String,
}

/// One use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Use {
    /// For what.
    pub name: &'static str,
    /// Whether; none where the chain was not judged.
    pub fit: Option<bool>,
    /// Why, or why not.
    pub why: String,
}

/// Explain the first certificate of `chain` as of `now`.
///
/// # Errors
/// It can't be read, or the roots or lists can't be used.
pub fn inspect(
    chain: &[CertificateDer<'static>],
    grounds: &Grounds,
    now: Timestamp,
) -> Result<Inspection, MaterialError> {
    let malformed = || MaterialError::Pem {
        file: "the certificate".into(),
        expected: "one X.509 certificate",
    };
    let leaf = chain.first().ok_or_else(malformed)?;
    let (rest, certificate) = X509Certificate::from_der(leaf).map_err(|_| malformed())?;
    let (_, names) = names(&certificate);
    let (not_before, not_after) = validity(&certificate);
    let authority = is_authority(&certificate);
    let judge = |grounds: &Grounds| judge(chain, &certificate, rest, grounds, now);
    let (rules, id) = judge(grounds)?;
    let of_link = match &grounds.link {
        LinkGrounds::Mtls { roots, .. } => {
            let link = Grounds {
                roots: roots.clone(),
                ..grounds.clone()
            };
            Some(judge(&link)?.0)
        }
        LinkGrounds::Unknown | LinkGrounds::None => None,
    };
    let judged = Judged {
        rules: &rules,
        of_link: of_link.as_ref(),
        id: id.as_ref(),
        authority,
    };
    let uses = uses(&judged, &names, grounds);
    Ok(Inspection {
        says: Says {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            serial: hex(certificate.raw_serial()),
            thumbprint: hex(&thumbprint(leaf)),
            names,
            not_before,
            not_after,
            intermediates: chain.len() - 1,
        },
        rules: rules.0,
        uses,
    })
}

/// Every rule, and the id if there is one.
fn judge(
    chain: &[CertificateDer<'static>],
    certificate: &X509Certificate<'_>,
    rest: &[u8],
    grounds: &Grounds,
    now: Timestamp,
) -> Result<(Rules, Option<SpiffeId>), MaterialError> {
    let mut rules = Rules::default();
    rules.add(
        "one certificate in DER",
        rest.is_empty(),
        "bytes after its end",
        "nothing follows it",
    );
    let (uris, _) = names(certificate);
    let id = spiffe_rules(&mut rules, &uris, grounds.trust_domain.as_ref());
    usage_rules(&mut rules, certificate);
    let (not_before, not_after) = validity(certificate);
    rules.add(
        TIME,
        (not_before..=not_after).contains(&now),
        if now < not_before {
            "it is not valid yet"
        } else {
            "it has expired"
        },
        "it is valid now",
    );
    trust_rules(&mut rules, chain, grounds, is_authority(certificate), now)?;
    Ok((rules, id))
}

// === impl Inspection ===

impl Inspection {
    /// Whether no rule is broken.
    pub fn is_sound(&self) -> bool {
        self.rules.iter().all(|rule| rule.kept != Some(false))
    }
}

#[cfg(test)]
#[path = "inspect_tests.rs"]
mod tests;
