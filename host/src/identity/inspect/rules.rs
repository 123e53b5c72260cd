//! The rules, each judged by itself.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use x509_parser::prelude::{GeneralName, X509Certificate};

use super::{Grounds, Rule};
use crate::clock::Timestamp;
use crate::hex::hex;
use crate::identity::MaterialError;
use crate::identity::roots::Roots;
use crate::identity::spiffe::{SpiffeId, TrustDomain};
use crate::identity::svid::URI_TAG;
use crate::identity::verifier::{SvidVerifier, refusal_code};

/// The name of the rule that needs roots.
pub(super) const CHAIN: &str = "the chain ends at the CA";

/// The name of the rule that an authority has to keep as well.
pub(super) const TIME: &str = "in its time";

/// The rules of one certificate, while they are gathered.
#[derive(Default)]
pub(super) struct Rules(pub(super) Vec<Rule>);

pub(super) fn spiffe_rules(
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

/// Whether it says that it is an authority.
pub(super) fn is_authority(certificate: &X509Certificate<'_>) -> bool {
    let constraints = certificate.basic_constraints().ok().flatten();
    constraints.is_some_and(|constraints| constraints.value.ca)
}

pub(super) fn usage_rules(rules: &mut Rules, certificate: &X509Certificate<'_>) {
    let constraints = certificate.basic_constraints().ok().flatten();
    rules.add(
        "basic constraints present",
        constraints.is_some(),
        "they are missing: issue it with cA=false",
        "they are there",
    );
    rules.add(
        "not a certificate authority",
        !is_authority(certificate),
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
}

/// Chain and revocation, as the verifier of listeners judges them.
pub(super) fn trust_rules(
    rules: &mut Rules,
    chain: &[CertificateDer<'static>],
    grounds: &Grounds,
    authority: bool,
    now: Timestamp,
) -> Result<(), MaterialError> {
    let (chain_rule, list_rule) = (CHAIN, "not revoked");
    if grounds.roots.is_empty() || authority {
        let why = if authority {
            "not asked of an authority"
        } else {
            "no authorities are known: give --ca to judge it"
        };
        rules.put(chain_rule, None, why);
        rules.put(list_rule, None, why);
        return Ok(());
    }
    let roots = Roots::new(grounds.roots.iter().cloned())
        .map_err(|error| MaterialError::root(Path::new("--ca"), error))?;
    let verdict = |crls: Vec<CertificateRevocationListDer<'static>>| {
        let domains: Arc<[TrustDomain]> = Arc::from([]);
        let verifier = SvidVerifier::new(roots.clone(), crls, domains)?;
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

// === impl Rules ===

impl Rules {
    pub(super) fn add(&mut self, name: &'static str, kept: bool, no: &str, yes: &str) {
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

// === helpers ===

/// The URI names, and all names.
pub(super) fn names(certificate: &X509Certificate<'_>) -> (Vec<String>, Vec<String>) {
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
            GeneralName::Invalid(tag, _) if tag.0 == URI_TAG => {
                uris.push(String::new());
                all.push("URI that is no text".to_owned());
            }
            _ => all.push("another kind of name".to_owned()),
        }
    }
    (uris, all)
}
