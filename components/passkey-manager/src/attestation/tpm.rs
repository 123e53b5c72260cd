//! `tpm` (WebAuthn L3 section 8.3): a TPM certifies the credential's key with an
//! attestation identity key (AIK).
//!
//! `RS1` (RSA with SHA-1) is accepted as a statement's algorithm, here alone and
//! only if the host verifies it: Windows Hello's TPMs still sign with it.

use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use x509_parser::extensions::{GeneralName, ParsedExtension, X509Extension};
use x509_parser::oid_registry::Oid;
use x509_parser::x509::X509Name;

use super::certificate::Certificate;
use super::certificate_key::KeyKind;
use super::statement::Members;
use super::tpm_structures::{Attest, PublicArea, PublicId};
use super::{Evidence, TrustPath, chain, invalid, oids, signature};
use crate::bindings::Rejection;
use crate::bindings::signatures::PublicKey;
use crate::cose::{self, CoseKey};
use crate::host::Host;

/// `TPM_GENERATED_VALUE` and `TPM_ST_ATTEST_CERTIFY`.
const GENERATED: u32 = 0xff54_4347;
const ATTEST_CERTIFY: u16 = 0x8017;

/// TPM_ALG_ID of hashes. SHA-1 would let another public area take the name.
const ALG_SHA256: u16 = 0x000b;
const ALG_SHA384: u16 = 0x000c;
const ALG_SHA512: u16 = 0x000d;

pub(super) fn verify<'a>(
    host: &impl Host,
    evidence: &Evidence<'_, 'a>,
) -> Result<TrustPath<'a>, Rejection> {
    // Step 1: the form, and that `x5c` is there.
    let known = ["ver", "alg", "x5c", "sig", "certInfo", "pubArea"];
    let members = Members::new("tpm", evidence.statement, &known)?;
    if members.text("ver")? != "2.0" {
        return Err(invalid("the TPM's version is not 2.0"));
    }
    let algorithm = members.algorithm()?;
    let sig = members.bytes("sig")?;
    let (aik, issuers) = members.certificates()?;

    // Step 2: the public area is about the credential's key.
    let area = members.bytes("pubArea")?;
    let public = PublicArea::parse(area)
        .ok_or_else(|| invalid("pubArea is not a TPMT_PUBLIC of an RSA or elliptic key"))?;
    if !same_key(&public, evidence.key) {
        return Err(invalid("pubArea is not about the credential's key"));
    }

    // Steps 3 and 4: what the TPM certified.
    let info = members.bytes("certInfo")?;
    let attest = Attest::parse(info).ok_or_else(|| invalid("certInfo is not a TPMS_ATTEST"))?;
    if attest.magic != GENERATED {
        return Err(invalid("certInfo was not made by a TPM (magic)"));
    }
    if attest.kind != ATTEST_CERTIFY {
        return Err(invalid("certInfo certifies no key (type)"));
    }
    let digest = digest_of(algorithm, &evidence.signed_bytes()).ok_or_else(|| {
        invalid(format!(
            "COSE algorithm {algorithm} is not accepted in a tpm statement"
        ))
    })?;
    if attest.extra_data != digest {
        return Err(invalid("certInfo is about another ceremony (extraData)"));
    }
    let name = name_of(public.name_algorithm, area)
        .ok_or_else(|| invalid("the name of pubArea uses a hash that is not accepted"))?;
    if attest.name != name {
        return Err(invalid("certInfo is about another public area (name)"));
    }
    let key = aik.key()?;
    if algorithm == cose::RS1 && key.kind == KeyKind::Rsa {
        signature::check_raw(host, algorithm, &key.key, info, sig, "the statement")?;
    } else {
        signature::check(host, algorithm, &key, info, sig)?;
    }
    check_certificate(&aik)?;
    aik.check_aaguid(evidence.attested.aaguid)?;
    chain::verified(host, aik, issuers).map(TrustPath::Certificates)
}

/// Section 8.3.1.
fn check_certificate(aik: &Certificate<'_>) -> Result<(), Rejection> {
    aik.check_version_3()?;
    if !aik.has_empty_subject() {
        return Err(invalid("the AIK certificate's subject is not empty"));
    }
    if !names_tpm(aik) {
        return Err(invalid(
            "the AIK certificate does not name the TPM's manufacturer, model and version, in a critical extension",
        ));
    }
    let is_aik = match aik
        .extension(&oids::EXTENDED_KEY_USAGE)
        .map(X509Extension::parsed_extension)
    {
        Some(ParsedExtension::ExtendedKeyUsage(usage)) => {
            usage.other.contains(&oids::AIK_CERTIFICATE)
        }
        _ => false,
    };
    if !is_aik {
        return Err(invalid(
            "the AIK certificate's extended key usage does not say that it is one",
        ));
    }
    aik.check_not_ca()
}

/// TCG EK Credential Profile section 3.2.9: the subject alternative name is critical, as it
/// must be beside an empty subject, and one directory name in it has the three attributes.
/// Which manufacturers there are is for anchors to say.
fn names_tpm(aik: &Certificate<'_>) -> bool {
    let Some(extension) = aik.extension(&oids::SUBJECT_ALTERNATIVE_NAME) else {
        return false;
    };
    let ParsedExtension::SubjectAlternativeName(names) = extension.parsed_extension() else {
        return false;
    };
    if !extension.critical {
        return false;
    }
    names.general_names.iter().any(|name| {
        let GeneralName::DirectoryName(name) = name else {
            return false;
        };
        // Manufacturer: "id:" and four bytes in hexadecimal.
        let manufacturer = text(name, &oids::TPM_MANUFACTURER)
            .and_then(|text| text.strip_prefix("id:"))
            .is_some_and(|id| id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
        manufacturer
            && text(name, &oids::TPM_MODEL).is_some()
            && text(name, &oids::TPM_VERSION).is_some()
    })
}

/// An attribute of a name, if it is text.
fn text<'n>(name: &'n X509Name<'_>, oid: &Oid<'static>) -> Option<&'n str> {
    name.iter_attributes()
        .find(|attribute| attribute.attr_type() == oid)
        .and_then(|attribute| attribute.as_str().ok())
}

/// The hash that the signature algorithm has.
fn digest_of(algorithm: i32, message: &[u8]) -> Option<Vec<u8>> {
    match algorithm {
        cose::ES256 | cose::ESP256 | cose::RS256 | cose::PS256 => {
            Some(Sha256::digest(message).to_vec())
        }
        cose::ES384 | cose::ESP384 | cose::RS384 | cose::PS384 => {
            Some(Sha384::digest(message).to_vec())
        }
        cose::ES512 | cose::ESP512 | cose::RS512 | cose::PS512 => {
            Some(Sha512::digest(message).to_vec())
        }
        cose::RS1 => Some(Sha1::digest(message).to_vec()),
        _ => None,
    }
}

/// TPM 2.0 part 1 section 16: the hash's number, then the hash of the public area.
fn name_of(algorithm: u16, area: &[u8]) -> Option<Vec<u8>> {
    let digest = match algorithm {
        ALG_SHA256 => Sha256::digest(area).to_vec(),
        ALG_SHA384 => Sha384::digest(area).to_vec(),
        ALG_SHA512 => Sha512::digest(area).to_vec(),
        _ => return None,
    };
    Some([&algorithm.to_be_bytes(), digest.as_slice()].concat())
}

fn same_key(public: &PublicArea<'_>, key: &CoseKey) -> bool {
    match (&public.id, &key.key) {
        (PublicId::Rsa { modulus, exponent }, PublicKey::Rsa(key)) => {
            bare(modulus) == key.n && bare(&exponent.to_be_bytes()) == key.e
        }
        (PublicId::Ecc { curve, x, y }, PublicKey::Ec2(point)) => {
            let of_curve = match curve {
                3 => [cose::ES256, cose::ESP256],
                4 => [cose::ES384, cose::ESP384],
                5 => [cose::ES512, cose::ESP512],
                _ => return false,
            };
            of_curve.contains(&key.algorithm)
                && bare(x) == bare(&point.x)
                && bare(y) == bare(&point.y)
        }
        _ => false,
    }
}

/// A number's bytes without leading zeros.
fn bare(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}
