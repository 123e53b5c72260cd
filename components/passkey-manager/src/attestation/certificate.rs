//! X.509 certificates (RFC 5280) of attestation statements: parsed once, whole, and
//! asked for what the formats need.

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{ParsedExtension, X509Extension};
use x509_parser::oid_registry::Oid;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::{AlgorithmIdentifier, X509Version};

use super::certificate_key::CertificateKey;
use super::der::Elements;
use super::{der, invalid, oids, shape};
use crate::bindings::Rejection;
use crate::cose::CoseKey;

/// A certificate after its parse. Nothing about it is believed yet.
pub(crate) struct Certificate<'a> {
    der: &'a [u8],
    parsed: X509Certificate<'a>,
}

// === impl Certificate ===

impl<'a> Certificate<'a> {
    /// Parse a certificate that is the whole input: no extension twice, none that
    /// is known and malformed, and the algorithm inside the signature as outside.
    pub(super) fn parse(der: &'a [u8]) -> Result<Self, Rejection> {
        let not_x509 = || invalid("a certificate is not X.509 in DER");
        if !shape::is_certificate(der) {
            return Err(not_x509());
        }
        let (rest, parsed) = X509Certificate::from_der(der).map_err(|_| not_x509())?;
        if !rest.is_empty() {
            return Err(not_x509());
        }
        if parsed.signature_algorithm != parsed.tbs_certificate.signature {
            // RFC 5280 section 4.1.1.2.
            return Err(invalid(
                "a certificate names two different algorithms for its signature",
            ));
        }
        let extensions = parsed.extensions();
        for (index, extension) in extensions.iter().enumerate() {
            if matches!(
                extension.parsed_extension(),
                ParsedExtension::ParseError { .. }
            ) {
                return Err(invalid("a certificate has a malformed extension"));
            }
            if !has_its_form(extension) {
                return Err(invalid("a certificate has a malformed extension"));
            }
            // RFC 5280 section 4.2.
            if extensions
                .iter()
                .take(index)
                .any(|earlier| earlier.oid == extension.oid)
            {
                return Err(invalid("a certificate has the same extension twice"));
            }
        }
        Ok(Certificate { der, parsed })
    }

    /// The bytes as they came.
    pub(super) fn der(&self) -> &'a [u8] {
        self.der
    }

    /// The bytes that are signed.
    pub(super) fn signed_bytes(&self) -> &[u8] {
        self.parsed.tbs_certificate.as_ref()
    }

    pub(super) fn signature(&self) -> &[u8] {
        &self.parsed.signature_value.data
    }

    pub(super) fn signature_algorithm(&self) -> &AlgorithmIdentifier<'a> {
        &self.parsed.signature_algorithm
    }

    /// The subject in DER; names are compared byte by byte.
    pub(super) fn subject(&self) -> &'a [u8] {
        self.parsed.tbs_certificate.subject.as_raw()
    }

    /// The issuer in DER.
    pub(super) fn issuer(&self) -> &'a [u8] {
        self.parsed.tbs_certificate.issuer.as_raw()
    }

    pub(super) fn has_empty_subject(&self) -> bool {
        self.parsed.subject().iter_rdn().next().is_none()
    }

    /// An attribute of the subject, when it is there once and is text.
    pub(super) fn subject_attribute(&self, oid: &Oid<'static>) -> Option<&str> {
        let mut found = self
            .parsed
            .subject()
            .iter_attributes()
            .filter(|attribute| attribute.attr_type() == oid);
        match (found.next(), found.next()) {
            (Some(attribute), None) => attribute.as_str().ok().filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    /// Whether it is valid at a time in seconds since the Unix epoch.
    pub(super) fn is_in_date(&self, now: i64) -> bool {
        let validity = self.parsed.validity();
        validity.not_before.timestamp() <= now && now <= validity.not_after.timestamp()
    }

    pub(super) fn key(&self) -> Result<CertificateKey, Rejection> {
        CertificateKey::parse(self.parsed.public_key())
            .ok_or_else(|| invalid("a certificate's public key is of no known kind, or malformed"))
    }

    /// The public key as it stands in its BIT STRING, without tag, length and the
    /// number of unused bits (RFC 5280 section 4.2.1.2).
    pub(super) fn key_bits(&self) -> &[u8] {
        &self.parsed.public_key().subject_public_key.data
    }

    pub(super) fn extension(&self, oid: &Oid<'static>) -> Option<&X509Extension<'a>> {
        self.extensions().find(|extension| extension.oid == *oid)
    }

    pub(super) fn extensions(&self) -> impl Iterator<Item = &X509Extension<'a>> {
        self.parsed.extensions().iter()
    }

    /// Sections 8.2.1 and 8.3.1.
    pub(super) fn check_version_3(&self) -> Result<(), Rejection> {
        if self.parsed.version() == X509Version::V3 {
            Ok(())
        } else {
            Err(invalid("the attestation certificate is not of version 3"))
        }
    }

    /// Sections 8.2.1 and 8.3.1: basic constraints are there and say no.
    pub(super) fn check_not_ca(&self) -> Result<(), Rejection> {
        match self
            .extension(&oids::BASIC_CONSTRAINTS)
            .map(X509Extension::parsed_extension)
        {
            Some(ParsedExtension::BasicConstraints(constraints)) if !constraints.ca => Ok(()),
            _ => Err(invalid(
                "the attestation certificate's basic constraints do not say that it is no CA",
            )),
        }
    }

    /// Whether it may issue others, with so many intermediates below it (RFC 5280
    /// sections 4.2.1.3 and 4.2.1.9).
    pub(super) fn may_issue(&self, intermediates_below: usize) -> bool {
        let constraints = self
            .extension(&oids::BASIC_CONSTRAINTS)
            .map(X509Extension::parsed_extension);
        let Some(ParsedExtension::BasicConstraints(constraints)) = constraints else {
            return false;
        };
        let deep_enough = constraints
            .path_len_constraint
            .is_none_or(|most| usize::try_from(most).is_ok_and(|most| intermediates_below <= most));
        let signs_certificates = match self
            .extension(&oids::KEY_USAGE)
            .map(X509Extension::parsed_extension)
        {
            None => true,
            Some(ParsedExtension::KeyUsage(usage)) => usage.key_cert_sign(),
            Some(_) => false,
        };
        self.parsed.version() == X509Version::V3
            && constraints.ca
            && deep_enough
            && signs_certificates
    }

    /// Sections 8.2 and 8.3: a certificate for one model says so, and it must be the
    /// authenticator's (`id-fido-gen-ce-aaguid`, section 8.2.1).
    pub(super) fn check_aaguid(&self, aaguid: &[u8]) -> Result<(), Rejection> {
        let Some(extension) = self.extension(&oids::FIDO_AAGUID) else {
            return Ok(());
        };
        if extension.critical {
            return Err(invalid(
                "the AAGUID in the attestation certificate is marked critical",
            ));
        }
        if der::only(extension.value, der::OCTET_STRING) == Some(aaguid) {
            Ok(())
        } else {
            Err(invalid(
                "the AAGUID in the attestation certificate is not the authenticator's",
            ))
        }
    }
}

/// Whether an extension that the library parsed has the tag that it should have.
fn has_its_form(extension: &X509Extension<'_>) -> bool {
    let (value, sequence) = (extension.value, der::SEQUENCE);
    match extension.parsed_extension() {
        ParsedExtension::KeyUsage(_) => der::only(value, der::BIT_STRING).is_some(),
        ParsedExtension::BasicConstraints(_) => der::only(value, sequence).is_some_and(|inside| {
            // BOOLEAN DEFAULT FALSE, INTEGER OPTIONAL.
            let mut fields = Elements::new(inside);
            let mut field = fields.next();
            if let Some((der::BOOLEAN, contents)) = field {
                // FALSE is the default, which DER does not write; makers do.
                if !matches!(contents, [0xff | 0]) {
                    return false;
                }
                field = fields.next();
            }
            if let Some((der::INTEGER, _)) = field {
                field = fields.next();
            }
            field.is_none() && fields.is_empty()
        }),
        ParsedExtension::ExtendedKeyUsage(_) | ParsedExtension::SubjectAlternativeName(_) => {
            der::only(value, sequence).is_some()
        }
        _ => true,
    }
}

/// Sections 8.4 and 8.8: the first certificate is about the credential's own key.
pub(super) fn check_same_key(
    certificate: &Certificate<'_>,
    key: &CoseKey,
) -> Result<(), Rejection> {
    let certified = certificate.key()?;
    if certified.kind.takes(key.algorithm) && certified.is(&key.key) {
        Ok(())
    } else {
        Err(invalid(
            "the first certificate is not about the credential's key",
        ))
    }
}
