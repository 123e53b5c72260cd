//! The X.509-SVID profile of a leaf certificate, read strictly
//! (X509-SVID specification, sections 3 to 5 and appendix A).
//!
//! [`parse_svid`] answers whether a certificate has the shape of a workload's
//! identity. Whether anybody trusts it (chain, time, revocation, trust domain)
//! is what [`super::verifier`] adds. Where the specification leaves room, the
//! narrower reading is taken: basic constraints must be there, and key usage
//! must be critical.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use thiserror::Error;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::spiffe::{SpiffeId, SpiffeIdError};
use crate::clock::Timestamp;

/// The context-specific tag of a URI in a subject alternative name (RFC 5280 section 4.2.1.6).
pub(super) const URI_TAG: u32 = 6;

/// What a certificate says about the workload that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Svid {
    /// The one SPIFFE id.
    pub id: SpiffeId,
    /// The last moment of its validity, milliseconds since the Unix epoch.
    pub not_after: Timestamp,
    /// SHA-256 over the DER form (RFC 8705 `x5t#S256`).
    pub thumbprint: [u8; 32],
    /// The serial number as it stands in the certificate, big-endian.
    pub serial: Vec<u8>,
}

/// Why a certificate is not a workload's X.509-SVID.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SvidError {
    /// Not DER, trailing bytes, a repeated extension or a date before 1970.
    #[error("the certificate can't be read as one X.509 certificate in DER")]
    Malformed,
    /// No URI among the subject alternative names.
    #[error("the certificate has no URI SAN: an SVID carries exactly one, its SPIFFE id")]
    NoSpiffeId,
    /// More than one URI among the subject alternative names.
    #[error("the certificate has {0} URI SANs: an SVID carries exactly one")]
    SeveralUris(usize),
    /// The URI is not a SPIFFE id of a workload.
    #[error("the certificate's URI SAN is no SPIFFE id: {0}")]
    SpiffeId(#[from] SpiffeIdError),
    /// A signing certificate never authenticates a workload.
    #[error("the certificate belongs to a CA: a signing certificate never identifies a workload")]
    CaCertificate,
    /// Basic constraints are missing.
    #[error("the certificate has no basic constraints: issue it with cA=false")]
    NoBasicConstraints,
    /// Key usage is missing, not critical, or its bits are wrong.
    #[error("the certificate's key usage {0}")]
    KeyUsage(KeyUsageFault),
    /// Extended key usage is there, but not for both sides of TLS.
    #[error(
        "the certificate's extended key usage must name both serverAuth and clientAuth, or be absent"
    )]
    ExtendedKeyUsage,
}

/// What is wrong with a key usage extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUsageFault {
    /// The extension is not there.
    Missing,
    /// The extension is not marked critical.
    NotCritical,
    /// `digitalSignature` is not set.
    NoDigitalSignature,
    /// `keyCertSign` or `cRLSign` is set.
    Signing,
}

/// Read a leaf certificate as a workload's identity.
///
/// # Errors
/// [`SvidError`] names the first rule of the profile that the certificate breaks.
pub fn parse_svid(der: &[u8]) -> Result<Svid, SvidError> {
    let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| SvidError::Malformed)?;
    if !rest.is_empty() {
        return Err(SvidError::Malformed);
    }
    check_constraints(&certificate)?;
    check_key_usage(&certificate)?;
    check_extended_key_usage(&certificate)?;
    let id = spiffe_id(&certificate)?;
    let not_after = u64::try_from(certificate.validity().not_after.timestamp())
        .ok()
        .and_then(|seconds| seconds.checked_mul(1000))
        .ok_or(SvidError::Malformed)?;
    Ok(Svid {
        id,
        not_after,
        thumbprint: thumbprint(der),
        serial: certificate.raw_serial().to_vec(),
    })
}

/// SHA-256 over a certificate's DER form.
pub fn thumbprint(der: &[u8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, der).as_ref());
    bytes
}

fn check_constraints(certificate: &X509Certificate<'_>) -> Result<(), SvidError> {
    match certificate
        .basic_constraints()
        .map_err(|_| SvidError::Malformed)?
    {
        None => Err(SvidError::NoBasicConstraints),
        Some(constraints) if constraints.value.ca => Err(SvidError::CaCertificate),
        Some(_) => Ok(()),
    }
}

fn check_key_usage(certificate: &X509Certificate<'_>) -> Result<(), SvidError> {
    let usage = certificate
        .key_usage()
        .map_err(|_| SvidError::Malformed)?
        .ok_or(SvidError::KeyUsage(KeyUsageFault::Missing))?;
    let fault = if usage.value.key_cert_sign() || usage.value.crl_sign() {
        KeyUsageFault::Signing
    } else if !usage.value.digital_signature() {
        KeyUsageFault::NoDigitalSignature
    } else if !usage.critical {
        KeyUsageFault::NotCritical
    } else {
        return Ok(());
    };
    Err(SvidError::KeyUsage(fault))
}

fn check_extended_key_usage(certificate: &X509Certificate<'_>) -> Result<(), SvidError> {
    let usage = certificate
        .extended_key_usage()
        .map_err(|_| SvidError::Malformed)?;
    match usage {
        Some(usage) if !(usage.value.server_auth && usage.value.client_auth) => {
            Err(SvidError::ExtendedKeyUsage)
        }
        _ => Ok(()),
    }
}

fn spiffe_id(certificate: &X509Certificate<'_>) -> Result<SpiffeId, SvidError> {
    let names = certificate
        .subject_alternative_name()
        .map_err(|_| SvidError::Malformed)?;
    let mut uris = Vec::new();
    for name in names.iter().flat_map(|names| &names.value.general_names) {
        match name {
            GeneralName::URI(uri) => uris.push(*uri),
            // A URI that isn't even text counts, so that it can't hide beside a good one.
            GeneralName::Invalid(tag, _) if tag.0 == URI_TAG => return Err(SvidError::Malformed),
            _ => {}
        }
    }
    match uris.as_slice() {
        [] => Err(SvidError::NoSpiffeId),
        [uri] => Ok(SpiffeId::parse(uri)?),
        several => Err(SvidError::SeveralUris(several.len())),
    }
}

// === impl SvidError ===

impl SvidError {
    /// The stable code for audit records.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "malformed-certificate",
            Self::NoSpiffeId => "no-spiffe-id",
            Self::SeveralUris(_) => "several-uri-names",
            Self::SpiffeId(_) => "malformed-spiffe-id",
            Self::CaCertificate => "ca-certificate",
            Self::NoBasicConstraints => "no-basic-constraints",
            Self::KeyUsage(_) => "key-usage",
            Self::ExtendedKeyUsage => "extended-key-usage",
        }
    }
}

// === impl KeyUsageFault ===

impl fmt::Display for KeyUsageFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "is missing: an SVID has digitalSignature, marked critical",
            Self::NotCritical => "is not marked critical",
            Self::NoDigitalSignature => "lacks digitalSignature",
            Self::Signing => "has keyCertSign or cRLSign, which only a CA may have",
        })
    }
}

#[cfg(test)]
#[path = "svid_tests.rs"]
mod tests;
