//! A small certificate authority: P-256 keys, X.509-SVIDs, revocation lists.
//!
//! [`IssueRequest::workload`] asks for a proper SVID. Everything in a request
//! can be changed, so that tests get certificates that must be refused.

mod request;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName,
    DnType, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    RevokedCertParams, SanType, SerialNumber,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use thiserror::Error;
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer as _, X509Certificate};

pub use self::request::{IssueRequest, Issued, Revoked};
use super::spiffe::TrustDomain;
use crate::clock::Timestamp;

const MINUTE: Timestamp = 60 * 1000;
const DAY: Timestamp = 24 * 60 * MINUTE;
/// How far before now a certificate's validity begins, for clocks that differ.
pub(super) const SKEW: Timestamp = 5 * MINUTE;
pub(super) const CA_LIFE: Timestamp = 3653 * DAY;
pub(super) const LEAF_LIFE: Timestamp = 365 * DAY;

/// A signing authority.
pub struct Ca {
    certificate: CertificateDer<'static>,
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// Why a certificate or list can't be made.
#[derive(Debug, Error)]
pub enum CaError {
    /// A name that X.509 can't hold, or no randomness.
    #[error("can't make the certificate: {0}")]
    Issue(#[from] rcgen::Error),
    /// A moment outside the years that X.509 can say.
    #[error("{0} ms since the epoch is no date that a certificate can hold")]
    Date(Timestamp),
}

/// Why an existing CA does not sign any more.
pub(super) enum CaFault {
    Expired,
    Unusable(&'static str),
}

// === impl Ca ===

impl Ca {
    /// A new authority for a trust domain, with a name that no other has. It signs
    /// leaves only.
    ///
    /// # Errors
    /// No randomness, or a date that a certificate can't hold.
    pub fn new(trust_domain: &TrustDomain, now: Timestamp) -> Result<Self, CaError> {
        Self::above(trust_domain, now, 0)
    }

    /// The same, with so many generations of subordinate authorities under it.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn above(
        trust_domain: &TrustDomain,
        now: Timestamp,
        generations: u8,
    ) -> Result<Self, CaError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let params = authority(trust_domain, now, generations)?;
        let certificate = params.self_signed(&key)?;
        Ok(Self {
            pem: certificate.pem(),
            certificate: certificate.der().clone(),
            issuer: Issuer::new(params, key),
        })
    }

    /// A new authority that this one vouches for; it signs leaves only.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn subordinate(&self, trust_domain: &TrustDomain, now: Timestamp) -> Result<Self, CaError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = authority(trust_domain, now, 0)?;
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Self {
            pem: certificate.pem(),
            certificate: certificate.der().clone(),
            issuer: Issuer::new(params, key),
        })
    }

    /// A new authority with the name of this one and a key of its own, as an authority
    /// has it that changes its key.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn rekeyed(&self, trust_domain: &TrustDomain, now: Timestamp) -> Result<Self, CaError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = authority(trust_domain, now, 0)?;
        if let Some(common_name) = common_name(&self.certificate) {
            params.distinguished_name = name(&common_name);
        }
        let certificate = params.self_signed(&key)?;
        Ok(Self {
            pem: certificate.pem(),
            certificate: certificate.der().clone(),
            issuer: Issuer::new(params, key),
        })
    }

    /// The CA's certificate.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The CA's certificate in PEM form.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// When it ends: nothing that it vouches for should last longer.
    pub(super) fn not_after(&self) -> Timestamp {
        X509Certificate::from_der(&self.certificate)
            .map_or(0, |(_, certificate)| not_after(&certificate))
    }

    /// The CA's private key in PEM form, for its file alone.
    pub(super) fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// A new P-256 key and a certificate for it that says what `request` says.
    ///
    /// # Errors
    /// A name that X.509 can't hold, or a date outside its years.
    pub fn issue(&self, request: &IssueRequest) -> Result<Issued, CaError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = name("zeropass development workload");
        for text in &request.uris {
            params.subject_alt_names.push(uri(text)?);
        }
        for dns in &request.dns {
            params
                .subject_alt_names
                .push(SanType::DnsName(dns.as_str().try_into()?));
        }
        let addresses = request.ips.iter().copied().map(SanType::IpAddress);
        params.subject_alt_names.extend(addresses);
        params.is_ca = request.basic_constraints;
        params.key_usages.clone_from(&request.key_usages);
        params
            .extended_key_usages
            .clone_from(&request.extended_key_usages);
        params.not_before = date(request.not_before)?;
        params.not_after = date(request.not_after)?;
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Issued {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }

    /// A revocation list in PEM form that names these serial numbers.
    ///
    /// # Errors
    /// A date outside the years that X.509 can say.
    pub fn revocation_list(
        &self,
        serials: &[Vec<u8>],
        this_update: Timestamp,
        next_update: Timestamp,
    ) -> Result<String, CaError> {
        let revoked: Vec<_> = serials
            .iter()
            .map(|serial| Revoked {
                serial: serial.clone(),
                since: this_update,
            })
            .collect();
        self.revocation_list_of(&revoked, this_update, next_update)
    }

    /// The same, where each has its own date.
    ///
    /// # Errors
    /// A date outside the years that X.509 can say.
    pub fn revocation_list_of(
        &self,
        revoked: &[Revoked],
        this_update: Timestamp,
        next_update: Timestamp,
    ) -> Result<String, CaError> {
        let entry = |one: &Revoked| {
            Ok(RevokedCertParams {
                serial_number: SerialNumber::from_slice(&one.serial),
                revocation_time: date(one.since)?,
                reason_code: None,
                invalidity_date: None,
            })
        };
        let list = CertificateRevocationListParams {
            this_update: date(this_update)?,
            next_update: date(next_update)?,
            // Greater than that of every earlier list (RFC 5280 section 5.2.3).
            crl_number: SerialNumber::from_slice(&this_update.to_be_bytes()),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect::<Result<_, CaError>>()?,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(list.signed_by(&self.issuer)?.pem()?)
    }

    /// An authority that [`Ca::new`] made earlier and that lasts at least until `until`.
    pub(super) fn from_pem(
        certificate: &[u8],
        key: &[u8],
        until: Timestamp,
    ) -> Result<Self, CaFault> {
        let unreadable = CaFault::Unusable("ca.pem holds no certificate that can be read");
        let Ok(der) = CertificateDer::from_pem_slice(certificate) else {
            return Err(unreadable);
        };
        let Ok((_, parsed)) = X509Certificate::from_der(&der) else {
            return Err(unreadable);
        };
        if not_after(&parsed) < until {
            return Err(CaFault::Expired);
        }
        let key = std::str::from_utf8(key)
            .ok()
            .and_then(|key| KeyPair::from_pem(key).ok())
            .ok_or(CaFault::Unusable(
                "ca.key holds no private key that can be read",
            ))?;
        if parsed.public_key().subject_public_key.data != key.public_key_raw() {
            return Err(CaFault::Unusable("ca.key does not belong to ca.pem"));
        }
        let Some(common_name) = common_name(&der) else {
            return Err(CaFault::Unusable(
                "ca.pem was not made by `zeropass pki init`",
            ));
        };
        let mut params = CertificateParams::default();
        params.distinguished_name = name(&common_name);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = String::from_utf8_lossy(certificate).into_owned();
        drop(parsed);
        Ok(Self {
            pem,
            certificate: der,
            issuer: Issuer::new(params, key),
        })
    }
}

/// The serial number of any certificate, a CA's too, as revocation lists name it;
/// none where it can't be read.
pub fn serial_of(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    Some(parsed.raw_serial().to_vec())
}

// === helpers ===

fn authority(
    trust_domain: &TrustDomain,
    now: Timestamp,
    generations: u8,
) -> Result<CertificateParams, CaError> {
    let mut params = CertificateParams::default();
    // Two CAs of one name would make "unknown CA" look like a bad signature.
    let tag = uuid::Uuid::new_v4().simple().to_string();
    let tag = tag.get(..8).unwrap_or_default();
    params.distinguished_name = name(&format!("zeropass development CA {tag}"));
    params.subject_alt_names = vec![uri(&format!("spiffe://{trust_domain}"))?];
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(generations));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date(now.saturating_sub(SKEW))?;
    params.not_after = date(now.saturating_add(CA_LIFE))?;
    Ok(params)
}

fn common_name(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let mut names = parsed.subject().iter_common_name();
    Some(names.next()?.as_str().ok()?.to_owned())
}

fn name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

fn uri(text: &str) -> Result<SanType, rcgen::Error> {
    Ok(SanType::URI(text.try_into()?))
}

fn date(moment: Timestamp) -> Result<OffsetDateTime, CaError> {
    i64::try_from(moment / 1000)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .ok_or(CaError::Date(moment))
}

fn not_after(certificate: &X509Certificate<'_>) -> Timestamp {
    u64::try_from(certificate.validity().not_after.timestamp())
        .unwrap_or_default()
        .saturating_mul(1000)
}
