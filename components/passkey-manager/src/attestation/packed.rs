//! `packed` (WebAuthn L3 section 8.2), with certificates or signed by the new
//! credential itself.

use x509_parser::oid_registry::Oid;

use super::certificate::Certificate;
use super::statement::Members;
use super::{Evidence, TrustPath, chain, invalid, oids, signature};
use crate::bindings::Rejection;
use crate::host::Host;

pub(super) fn verify<'a>(
    host: &impl Host,
    evidence: &Evidence<'_, 'a>,
) -> Result<TrustPath<'a>, Rejection> {
    // Step 1.
    let members = Members::new("packed", evidence.statement, &["alg", "sig", "x5c"])?;
    let algorithm = members.algorithm()?;
    let sig = members.bytes("sig")?;
    let message = evidence.signed_bytes();

    // Step 3: self attestation.
    if !members.has("x5c") {
        if algorithm != evidence.key.algorithm {
            return Err(invalid(format!(
                "self attestation states COSE algorithm {algorithm}, and the credential's is {}",
                evidence.key.algorithm
            )));
        }
        let key = &evidence.key.key;
        signature::check_raw(host, algorithm, key, &message, sig, "the statement")?;
        return Ok(TrustPath::SelfSigned);
    }

    // Step 2: a signature by the first certificate's key, ...
    let (attesting, issuers) = members.certificates()?;
    signature::check(host, algorithm, &attesting.key()?, &message, sig)?;
    // ... a certificate made for this, ...
    check_certificate(&attesting)?;
    // ... of this very model, if it names one.
    attesting.check_aaguid(evidence.attested.aaguid)?;
    chain::verified(host, attesting, issuers).map(TrustPath::Certificates)
}

/// Section 8.2.1.
fn check_certificate(certificate: &Certificate<'_>) -> Result<(), Rejection> {
    certificate.check_version_3()?;
    let country = subject(certificate, &oids::COUNTRY, "country")?;
    if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err(invalid(
            "the country in the attestation certificate's subject is not an ISO 3166 code",
        ));
    }
    subject(certificate, &oids::ORGANIZATION, "organisation")?;
    subject(certificate, &oids::COMMON_NAME, "common name")?;
    if subject(certificate, &oids::ORGANIZATIONAL_UNIT, "unit")? != "Authenticator Attestation" {
        return Err(invalid(
            "the unit in the attestation certificate's subject is not \"Authenticator Attestation\"",
        ));
    }
    certificate.check_not_ca()
}

fn subject<'c>(
    certificate: &'c Certificate<'_>,
    oid: &Oid<'static>,
    what: &str,
) -> Result<&'c str, Rejection> {
    certificate.subject_attribute(oid).ok_or_else(|| {
        invalid(format!(
            "the attestation certificate's subject has no {what}, or several"
        ))
    })
}
