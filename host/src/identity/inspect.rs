//! What a certificate may be used for here, and why not: every rule by itself.
//!
//! The verifier stops at the first rule that is broken; somebody who has to mend a
//! certificate wants to know all of them. A test holds the two together: what
//! passes every rule here passes the verifier, and the other way round.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use serde::Serialize;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::material::MaterialError;
use super::pki::hex;
use super::spiffe::{SpiffeId, TrustDomain};
use super::svid::thumbprint;
use super::verifier::{SvidVerifier, refusal_code};
use crate::clock::Timestamp;

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
    /// Whether.
    pub fit: bool,
    /// Why, or why not.
    pub why: String,
}

/// The rules of one certificate, while they are gathered.
#[derive(Default)]
struct Rules(Vec<Rule>);

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
    let mut rules = Rules::default();
    rules.add(
        "one certificate in DER",
        rest.is_empty(),
        "bytes after its end",
        "nothing follows it",
    );
    let (uris, names) = names(&certificate);
    let id = spiffe_rules(&mut rules, &uris, grounds.trust_domain.as_ref());
    let authority = usage_rules(&mut rules, &certificate);
    let (not_before, not_after) = validity(&certificate);
    rules.add(
        "in its time",
        (not_before..=not_after).contains(&now),
        if now < not_before {
            "it is not valid yet"
        } else {
            "it has expired"
        },
        "it is valid now",
    );
    trust_rules(&mut rules, chain, grounds, authority, now)?;
    let uses = uses(&rules, id.as_ref(), authority, &names, grounds);
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

// === the rules ===

fn spiffe_rules(
    rules: &mut Rules,
    uris: &[String],
    trust_domain: Option<&TrustDomain>,
) -> Option<SpiffeId> {
    let count = format!("it has {}", uris.len());
    rules.add("exactly one URI name", uris.len() == 1, &count, &count);
    let parsed = uris.first().map(|uri| SpiffeId::parse(uri));
    let id = match parsed {
        None => {
            rules.put(
                "the URI is a workload's SPIFFE id",
                Some(false),
                "there is none",
            );
            None
        }
        Some(Err(error)) => {
            let found = error.to_string();
            rules.put("the URI is a workload's SPIFFE id", Some(false), &found);
            None
        }
        Some(Ok(id)) => {
            rules.put("the URI is a workload's SPIFFE id", Some(true), id.as_str());
            Some(id)
        }
    };
    match (trust_domain, &id) {
        (Some(wanted), Some(id)) => {
            let found = format!("`{}`, wanted is `{wanted}`", id.trust_domain());
            rules.add(
                "of the trust domain",
                id.trust_domain() == wanted,
                &found,
                &found,
            );
        }
        (Some(_), None) => rules.put("of the trust domain", Some(false), "it has no SPIFFE id"),
        (None, _) => rules.put(
            "of the trust domain",
            None,
            "give --trust-domain to judge it",
        ),
    }
    id
}

/// Whether it is an authority.
fn usage_rules(rules: &mut Rules, certificate: &X509Certificate<'_>) -> bool {
    let constraints = certificate.basic_constraints().ok().flatten();
    rules.add(
        "basic constraints present",
        constraints.is_some(),
        "they are missing: issue it with cA=false",
        "they are there",
    );
    let authority = constraints.is_some_and(|constraints| constraints.value.ca);
    rules.add(
        "not a certificate authority",
        !authority,
        "cA=true: a signing certificate never identifies a workload",
        "it is none",
    );
    let usage = certificate.key_usage().ok().flatten();
    let critical = usage.as_ref().is_some_and(|usage| usage.critical);
    rules.add(
        "key usage present and critical",
        critical,
        if usage.is_some() {
            "it is not critical"
        } else {
            "it is missing"
        },
        "it is",
    );
    let has = |bit: fn(&x509_parser::extensions::KeyUsage) -> bool| {
        usage.as_ref().is_some_and(|usage| bit(usage.value))
    };
    rules.add(
        "key usage digitalSignature",
        has(x509_parser::extensions::KeyUsage::digital_signature),
        "it is not set",
        "it is set",
    );
    rules.add(
        "no key usage keyCertSign, cRLSign",
        !has(x509_parser::extensions::KeyUsage::key_cert_sign)
            && !has(x509_parser::extensions::KeyUsage::crl_sign),
        "one is set: only a CA may have them",
        "neither is set",
    );
    let extended = certificate.extended_key_usage();
    let both = match &extended {
        Ok(None) => true,
        Ok(Some(usage)) => usage.value.server_auth && usage.value.client_auth,
        Err(_) => false,
    };
    rules.add(
        "for both sides of TLS",
        both,
        "extended key usage lacks serverAuth or clientAuth: name both, or leave it out",
        if matches!(extended, Ok(None)) {
            "there is no extended key usage"
        } else {
            "serverAuth and clientAuth"
        },
    );
    authority
}

/// Chain and revocation, as the verifier of listeners judges them.
fn trust_rules(
    rules: &mut Rules,
    chain: &[CertificateDer<'static>],
    grounds: &Grounds,
    authority: bool,
    now: Timestamp,
) -> Result<(), MaterialError> {
    let (chain_rule, list_rule) = ("the chain ends at the CA", "not revoked");
    if grounds.roots.is_empty() || authority {
        let why = if authority {
            "not asked of an authority"
        } else {
            "give --ca to judge it"
        };
        rules.put(chain_rule, None, why);
        rules.put(list_rule, None, why);
        return Ok(());
    }
    let mut roots = RootCertStore::empty();
    for (index, root) in grounds.roots.iter().enumerate() {
        roots
            .add(root.clone())
            .map_err(|source| MaterialError::Root {
                file: "--ca".into(),
                position: index + 1,
                source: Box::new(source),
            })?;
    }
    let roots = Arc::new(roots);
    let verdict = |crls: Vec<CertificateRevocationListDer<'static>>| {
        let domains: Arc<[TrustDomain]> = Arc::from([]);
        let verifier = SvidVerifier::new(Arc::clone(&roots), crls, domains)
            .map_err(MaterialError::Revocation)?;
        Ok::<_, MaterialError>(match verifier.judge(chain, now) {
            Ok(()) => "good",
            Err(error) => refusal_code(&error),
        })
    };
    // No trust domain is allowed, so a good chain ends there, or at the profile.
    let of_chain = verdict(Vec::new())?;
    let broken = matches!(
        of_chain,
        "unknown-ca" | "bad-signature" | "invalid-certificate" | "expired" | "not-yet-valid"
    );
    rules.add(chain_rule, !broken, of_chain, "it does");
    if grounds.crls.is_empty() {
        rules.put(list_rule, None, "give --crl to judge it");
        return Ok(());
    }
    let of_list = verdict(grounds.crls.clone())?;
    let revoked = of_list.starts_with("revo");
    if broken {
        rules.put(list_rule, None, "the chain has to be mended first");
    } else {
        let found = match of_list {
            "revoked" => "it, or an authority of its chain, is on a list",
            "revocation-unknown" => "a certificate of its chain has no list of its issuer",
            "revocation-expired" => "a list that speaks about it has expired",
            other => other,
        };
        rules.add(list_rule, !revoked, found, "no list names it");
    }
    Ok(())
}

// === the uses ===

fn uses(
    rules: &Rules,
    id: Option<&SpiffeId>,
    authority: bool,
    names: &[String],
    grounds: &Grounds,
) -> Vec<Use> {
    let broken: Vec<_> = rules
        .0
        .iter()
        .filter(|rule| rule.kept == Some(false))
        .map(|rule| rule.name)
        .collect();
    let sound = broken.is_empty();
    let breaks = || format!("it breaks: {}", broken.join("; "));
    let id = id.map(SpiffeId::as_str).unwrap_or_default();
    let place = id
        .strip_prefix("spiffe://")
        .and_then(|rest| rest.split_once('/'))
        .map(|(_, path)| path)
        .unwrap_or_default();
    let role = |name, prefix: &str, what: &str| {
        let fits = place == prefix || place.starts_with(&format!("{prefix}/"));
        let why = match (sound, fits) {
            (false, _) => breaks(),
            (true, true) => what.replace("ID", id),
            (true, false) => format!("its id is not below `/{prefix}`"),
        };
        Use {
            name,
            fit: sound && fits,
            why,
        }
    };
    let named = names.iter().any(|name| !name.starts_with("URI "));
    vec![
        client(sound.then_some(id).ok_or_else(breaks), grounds),
        Use {
            name: "the host's own (service.certificate)",
            fit: sound,
            why: match (sound, named) {
                (false, _) => breaks(),
                (true, true) => "clients that verify by name find one".to_owned(),
                (true, false) => {
                    "only clients that verify its SPIFFE id: it has no DNS name and no address"
                        .to_owned()
                }
            },
        },
        role(
            "operator on the admin listener",
            "operator",
            "the policies of the operators say what ID may do",
        ),
        role(
            "component on the link",
            "component",
            "the policies of the components say what ID may do",
        ),
        Use {
            name: "trusted root (service.client-ca)",
            fit: authority,
            why: if authority {
                "it is a certificate authority".to_owned()
            } else {
                "it is no certificate authority".to_owned()
            },
        },
    ]
}

/// `sound`: the id, or what is wrong.
fn client(sound: Result<&str, String>, grounds: &Grounds) -> Use {
    let name = "client of the service listener";
    let refused = |why| Use {
        name,
        fit: false,
        why,
    };
    let id = match sound {
        Ok(id) => id,
        Err(why) => return refused(why),
    };
    let Some(bindings) = &grounds.bindings else {
        let why = format!(
            "the handshake succeeds; what it may do is for policy: bind `{id}` to a relying party"
        );
        return Use {
            name,
            fit: true,
            why,
        };
    };
    let bound: Vec<_> = bindings
        .iter()
        .filter(|(_, workloads)| workloads.iter().any(|one| one == id))
        .map(|(party, _)| party.as_str())
        .collect();
    if bound.is_empty() {
        return refused(format!(
            "the handshake succeeds, but no relying party has `{id}` among its workloads"
        ));
    }
    Use {
        name,
        fit: true,
        why: format!("acts for {}", bound.join(", ")),
    }
}

// === helpers ===

/// The URI names, and all names.
fn names(certificate: &X509Certificate<'_>) -> (Vec<String>, Vec<String>) {
    let extension = certificate.subject_alternative_name().ok().flatten();
    let (mut uris, mut all) = (Vec::new(), Vec::new());
    for name in extension
        .iter()
        .flat_map(|names| &names.value.general_names)
    {
        match name {
            GeneralName::URI(uri) => {
                uris.push((*uri).to_owned());
                all.push(format!("URI {uri}"));
            }
            GeneralName::DNSName(dns) => all.push(format!("DNS {dns}")),
            GeneralName::IPAddress(bytes) => {
                let address = <[u8; 4]>::try_from(*bytes)
                    .map(std::net::IpAddr::from)
                    .or_else(|_| <[u8; 16]>::try_from(*bytes).map(std::net::IpAddr::from));
                all.push(match address {
                    Ok(address) => format!("IP {address}"),
                    Err(_) => format!("IP {}", hex(bytes)),
                });
            }
            GeneralName::Invalid(tag, _) if tag.0 == super::svid::URI_TAG => {
                uris.push(String::new());
                all.push("URI that is no text".to_owned());
            }
            _ => all.push("another kind of name".to_owned()),
        }
    }
    (uris, all)
}

fn validity(certificate: &X509Certificate<'_>) -> (Timestamp, Timestamp) {
    let milliseconds = |seconds: i64| u64::try_from(seconds).unwrap_or_default() * 1000;
    let validity = certificate.validity();
    (
        milliseconds(validity.not_before.timestamp()),
        milliseconds(validity.not_after.timestamp()).saturating_add(999),
    )
}

// === impl Rules ===

impl Rules {
    fn add(&mut self, name: &'static str, kept: bool, no: &str, yes: &str) {
        self.put(name, Some(kept), if kept { yes } else { no });
    }

    fn put(&mut self, name: &'static str, kept: Option<bool>, found: &str) {
        self.0.push(Rule {
            name,
            kept,
            found: found.to_owned(),
        });
    }
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
