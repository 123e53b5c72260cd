//! What an authority is asked for, and what it gives.

use std::net::IpAddr;

use rcgen::{ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose};

use super::{LEAF_LIFE, SKEW};
use crate::clock::Timestamp;

/// A certificate with its key, not yet written anywhere.
pub struct Issued {
    /// The certificate in PEM form.
    pub certificate: String,
    /// The private key in PEM form (PKCS #8).
    pub key: String,
}

/// One line of a revocation list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoked {
    /// The serial number as it stands in the certificate, big-endian.
    pub serial: Vec<u8>,
    /// Since when, milliseconds since the Unix epoch (cut to seconds).
    pub since: Timestamp,
}

/// What a certificate shall say. [`IssueRequest::workload`] is a proper SVID;
/// tests change fields to get improper ones.
#[derive(Debug, Clone)]
pub struct IssueRequest {
    /// URI subject alternative names, as they are.
    pub uris: Vec<String>,
    /// DNS names.
    pub dns: Vec<String>,
    /// IP addresses.
    pub ips: Vec<IpAddr>,
    /// Valid from, milliseconds since the Unix epoch (cut to seconds).
    pub not_before: Timestamp,
    /// Valid to and including, milliseconds since the Unix epoch (cut to seconds).
    pub not_after: Timestamp,
    /// What basic constraints say; `IsCa::NoCa` leaves the extension out.
    pub basic_constraints: IsCa,
    /// Key usage bits; none leaves the extension out.
    pub key_usages: Vec<KeyUsagePurpose>,
    /// Extended key usages; none leaves the extension out.
    pub extended_key_usages: Vec<ExtendedKeyUsagePurpose>,
}

// === impl IssueRequest ===

impl IssueRequest {
    /// A proper X.509-SVID for one year from now.
    pub fn workload(id: &str, now: Timestamp) -> Self {
        Self {
            uris: vec![id.to_owned()],
            dns: Vec::new(),
            ips: Vec::new(),
            not_before: now.saturating_sub(SKEW),
            not_after: now.saturating_add(LEAF_LIFE),
            basic_constraints: IsCa::ExplicitNoCa,
            key_usages: vec![KeyUsagePurpose::DigitalSignature],
            extended_key_usages: vec![
                ExtendedKeyUsagePurpose::ServerAuth,
                ExtendedKeyUsagePurpose::ClientAuth,
            ],
        }
    }
}
