//! `android-key` (WebAuthn L3 section 8.4): the key store of an Android device
//! certifies the key that it made.
//!
//! Both the software and the hardware list count, as the section has it for whoever
//! does not ask for hardware. A list may leave a property out (the specification's
//! own test vector has neither origin nor purpose); one that is there must be right.

use super::der::{self, Elements};
use super::statement::Members;
use super::{Evidence, TrustPath, certificate, chain, invalid, oids, signature};
use crate::bindings::Rejection;
use crate::host::Host;

const PURPOSE: der::Tag = der::explicit(1);
const ALL_APPLICATIONS: der::Tag = der::explicit(600);
const ORIGIN: der::Tag = der::explicit(702);

/// `KM_PURPOSE_SIGN` and `KM_PURPOSE_VERIFY`.
const SIGN: u8 = 2;
const VERIFY: u8 = 3;
/// `KM_ORIGIN_GENERATED`.
const GENERATED: u8 = 0;

/// What matters of the key description extension.
struct KeyDescription<'a> {
    challenge: &'a [u8],
    /// Enforced by software and by hardware.
    lists: [&'a [u8]; 2],
}

pub(super) fn verify<'a>(
    host: &impl Host,
    evidence: &Evidence<'_, 'a>,
) -> Result<TrustPath<'a>, Rejection> {
    // Step 1.
    let members = Members::new("android-key", evidence.statement, &["alg", "sig", "x5c"])?;
    let algorithm = members.algorithm()?;
    let sig = members.bytes("sig")?;
    let (attesting, issuers) = members.certificates()?;

    // Step 2.
    let message = evidence.signed_bytes();
    signature::check(host, algorithm, &attesting.key()?, &message, sig)?;

    // Step 3.
    certificate::check_same_key(&attesting, evidence.key)?;

    // Step 4.
    let extension = attesting
        .extension(&oids::ANDROID_KEY)
        .ok_or_else(|| invalid("the android-key certificate describes no key"))?;
    let description = KeyDescription::parse(extension.value)
        .ok_or_else(|| invalid("the key description of android-key is not of its form"))?;
    if description.challenge != evidence.client_data_hash {
        return Err(invalid(
            "the challenge of the key description is not the hash of the client data",
        ));
    }

    // Step 5.
    for list in description.lists {
        check_list(list)?;
    }
    chain::verified(host, attesting, issuers).map(TrustPath::Certificates)
}

/// Step 5 for one list: the key is for one application, was made on the device, and
/// signs.
fn check_list(list: &[u8]) -> Result<(), Rejection> {
    let malformed = || invalid("an authorization list of android-key is not of its form");
    let mut entries = Elements::new(list);
    while !entries.is_empty() {
        let (tag, contents) = entries.next().ok_or_else(malformed)?;
        match tag {
            ALL_APPLICATIONS => {
                return Err(invalid(
                    "the android-key credential is for all applications",
                ));
            }
            ORIGIN => {
                let origin = der::only(contents, der::INTEGER)
                    .and_then(der::small)
                    .ok_or_else(malformed)?;
                if origin != GENERATED {
                    return Err(invalid(format!(
                        "the android-key credential was not made on the device (origin {origin})"
                    )));
                }
            }
            PURPOSE => {
                let purposes = purposes(contents).ok_or_else(malformed)?;
                let signs = purposes.contains(&SIGN)
                    && purposes
                        .iter()
                        .all(|purpose| [SIGN, VERIFY].contains(purpose));
                if !signs {
                    return Err(invalid(format!(
                        "the android-key credential is for {purposes:?} and not for signing alone"
                    )));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// SET OF INTEGER.
fn purposes(contents: &[u8]) -> Option<Vec<u8>> {
    let mut set = Elements::new(der::only(contents, der::SET)?);
    let mut purposes = Vec::new();
    while !set.is_empty() {
        purposes.push(der::small(set.expect(der::INTEGER)?)?);
    }
    Some(purposes)
}

// === impl KeyDescription ===

impl<'a> KeyDescription<'a> {
    /// Section 8.4.1; the structure is that of Android's key attestation.
    fn parse(extension: &'a [u8]) -> Option<Self> {
        let mut fields = Elements::new(der::only(extension, der::SEQUENCE)?);
        // Version and security level, of the attestation and of the key store.
        fields.expect(der::INTEGER)?;
        fields.expect(der::ENUMERATED)?;
        fields.expect(der::INTEGER)?;
        fields.expect(der::ENUMERATED)?;
        let challenge = fields.expect(der::OCTET_STRING)?;
        // A device's unique id, which is of no concern here.
        fields.expect(der::OCTET_STRING)?;
        let lists = [fields.expect(der::SEQUENCE)?, fields.expect(der::SEQUENCE)?];
        fields
            .is_empty()
            .then_some(KeyDescription { challenge, lists })
    }
}
