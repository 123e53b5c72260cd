//! Object identifiers of what is looked for in certificates.

use x509_parser::asn1_rs::oid;
use x509_parser::oid_registry::Oid;

// Attributes of names (X.520, RFC 5280 appendix A).
pub(super) const COMMON_NAME: Oid<'static> = oid!(2.5.4.3);
pub(super) const COUNTRY: Oid<'static> = oid!(2.5.4.6);
pub(super) const ORGANIZATION: Oid<'static> = oid!(2.5.4.10);
pub(super) const ORGANIZATIONAL_UNIT: Oid<'static> = oid!(2.5.4.11);
/// TPM manufacturer, model and version (TCG EK Credential Profile section 3.2.9).
pub(super) const TPM_MANUFACTURER: Oid<'static> = oid!(2.23.133.2.1);
pub(super) const TPM_MODEL: Oid<'static> = oid!(2.23.133.2.2);
pub(super) const TPM_VERSION: Oid<'static> = oid!(2.23.133.2.3);

// Extensions of RFC 5280 section 4.2.1 that are understood here.
pub(super) const KEY_USAGE: Oid<'static> = oid!(2.5.29.15);
pub(super) const SUBJECT_ALTERNATIVE_NAME: Oid<'static> = oid!(2.5.29.17);
pub(super) const BASIC_CONSTRAINTS: Oid<'static> = oid!(2.5.29.19);
pub(super) const CERTIFICATE_POLICIES: Oid<'static> = oid!(2.5.29.32);
pub(super) const EXTENDED_KEY_USAGE: Oid<'static> = oid!(2.5.29.37);

// Extensions of attestation certificates.
/// `id-fido-gen-ce-aaguid` (WebAuthn L3 section 8.2.1).
pub(super) const FIDO_AAGUID: Oid<'static> = oid!(1.3.6.1.4.1.45724.1.1.4);
/// Android key attestation (WebAuthn L3 section 8.4.1).
pub(super) const ANDROID_KEY: Oid<'static> = oid!(1.3.6.1.4.1.11129.2.1.17);
/// The nonce of section 8.8.
pub(super) const APPLE_NONCE: Oid<'static> = oid!(1.2.840.113635.100.8.2);

/// `tcg-kp-AIKCertificate` (WebAuthn L3 section 8.3.1).
pub(super) const AIK_CERTIFICATE: Oid<'static> = oid!(2.23.133.8.3);

// Kinds of public keys (RFC 3279, RFC 5480, RFC 8410, RFC 9881).
pub(super) const RSA_KEY: Oid<'static> = oid!(1.2.840.113549.1.1.1);
pub(super) const EC_KEY: Oid<'static> = oid!(1.2.840.10045.2.1);
pub(super) const P256: Oid<'static> = oid!(1.2.840.10045.3.1.7);
pub(super) const P384: Oid<'static> = oid!(1.3.132.0.34);
pub(super) const P521: Oid<'static> = oid!(1.3.132.0.35);
pub(super) const ED25519: Oid<'static> = oid!(1.3.101.112);
pub(super) const ML_DSA_44: Oid<'static> = oid!(2.16.840.1.101.3.4.3.17);
pub(super) const ML_DSA_65: Oid<'static> = oid!(2.16.840.1.101.3.4.3.18);
pub(super) const ML_DSA_87: Oid<'static> = oid!(2.16.840.1.101.3.4.3.19);

// Signature algorithms (RFC 4055, RFC 5758).
pub(super) const SHA256_WITH_RSA: Oid<'static> = oid!(1.2.840.113549.1.1.11);
pub(super) const SHA384_WITH_RSA: Oid<'static> = oid!(1.2.840.113549.1.1.12);
pub(super) const SHA512_WITH_RSA: Oid<'static> = oid!(1.2.840.113549.1.1.13);
pub(super) const RSASSA_PSS: Oid<'static> = oid!(1.2.840.113549.1.1.10);
pub(super) const MGF1: Oid<'static> = oid!(1.2.840.113549.1.1.8);
pub(super) const ECDSA_WITH_SHA256: Oid<'static> = oid!(1.2.840.10045.4.3.2);
pub(super) const ECDSA_WITH_SHA384: Oid<'static> = oid!(1.2.840.10045.4.3.3);
pub(super) const ECDSA_WITH_SHA512: Oid<'static> = oid!(1.2.840.10045.4.3.4);
pub(super) const SHA256: Oid<'static> = oid!(2.16.840.1.101.3.4.2.1);
pub(super) const SHA384: Oid<'static> = oid!(2.16.840.1.101.3.4.2.2);
pub(super) const SHA512: Oid<'static> = oid!(2.16.840.1.101.3.4.2.3);
