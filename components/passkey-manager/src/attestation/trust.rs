//! Trust in a verified statement (WebAuthn L3 section 7.1 steps 23 and 24).
//!
//! Anchors come from the relying party's configuration and from FIDO metadata, both by
//! way of the host; a root that a statement brings along anchors nothing. They are
//! asked for only when there are certificates to anchor. Where nothing needs to be
//! anchored, every verified statement is accepted, and means no more than a claim: dates are not looked at then, since
//! whoever makes up a chain makes up its dates.

use super::certificate::Certificate;
use super::{TrustPath, chain, invalid};
use crate::bindings::relying_party::{AttestationConveyance, AuthenticatorPolicy, Model};
use crate::bindings::{Code, Rejection};
use crate::host::Host;
use crate::rejection::reject;

/// What the relying party asks of statements.
pub struct Policy<'p> {
    /// The relying party.
    pub rp_id: &'p str,
    /// Whether certificates must be anchored, and whether there must be some.
    pub authenticators: &'p AuthenticatorPolicy,
    /// What the ceremony asked the authenticator for. With anchors, `direct` and
    /// `enterprise` take no answer that has no certificates, and neither does anybody who
    /// asks for certified models; with `none` and
    /// `indirect` browsers take the statement away, so there it is no offence.
    pub conveyance: AttestationConveyance,
}

/// Accept a trust path, or say why not.
///
/// # Errors
/// `attestation-untrusted`, `attestation-invalid` for an anchored chain that is out
/// of date.
pub(super) fn assess(
    host: &impl Host,
    path: &TrustPath<'_>,
    model: &Model,
    policy: &Policy<'_>,
) -> Result<(), Rejection> {
    let rules = policy.authenticators;
    if !rules.anchored && rules.minimum_certification.is_none() {
        return Ok(());
    }
    match path {
        TrustPath::None | TrustPath::SelfSigned => match policy.conveyance {
            AttestationConveyance::None | AttestationConveyance::Indirect
                if rules.minimum_certification.is_none() =>
            {
                Ok(())
            }
            _ => Err(untrusted(
                "this relying party asks for attestation by a certificate",
            )),
        },
        TrustPath::Certificates(certificates) | TrustPath::SecurityKey(certificates) => {
            let roots = host.attestation_anchors(policy.rp_id, model)?;
            anchor(host, certificates, &roots)
        }
        TrustPath::Several(paths) => paths
            .iter()
            .try_for_each(|path| assess(host, path, model, policy)),
    }
}

/// Find the anchor that the chain ends in: one of its certificates is an anchor, or
/// was issued by one. What a chain has beyond that does not matter.
///
/// An anchor is a name and a key that somebody chose to trust (RFC 5280 section 6.1.1
/// (d)): what its certificate says of CAs and path lengths is not asked. Several makers'
/// roots in FIDO metadata are of X.509 version 1, or say that they are no CA.
fn anchor(host: &impl Host, chain: &[Certificate<'_>], roots: &[Vec<u8>]) -> Result<(), Rejection> {
    let now = i64::try_from(host.now() / 1000).unwrap_or(i64::MAX);
    let mut anchored = false;
    for (index, certificate) in chain.iter().enumerate() {
        for root in roots {
            // What is no certificate anchors nothing.
            let Ok(root) = Certificate::parse(root) else {
                continue;
            };
            // Names first: most anchors are other makers', and signatures cost.
            let found = certificate.der() == root.der()
                || root.subject() == certificate.issuer()
                    && chain::check_issued(host, certificate, &root).is_ok();
            if !found {
                continue;
            }
            anchored = true;
            // An anchor that was renewed stands there twice.
            let mut path = chain.iter().take(index + 1).chain([&root]);
            if path.all(|certificate| certificate.is_in_date(now)) {
                return Ok(());
            }
        }
    }
    if anchored {
        return Err(invalid(
            "a certificate of the statement, or its trust anchor, is out of date",
        ));
    }
    Err(untrusted(
        "the statement's certificates do not lead to a trust anchor of this relying party",
    ))
}

fn untrusted(detail: &str) -> Rejection {
    reject(Code::AttestationUntrusted, detail)
}
