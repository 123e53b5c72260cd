//! The settings of a `[[relying-party]]` about authenticators: which models it takes,
//! and what it asks of them.

use super::format::{Choice, Flag, List, Parsed};
use super::section::Section;

/// Which authenticators a relying party takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticators {
    /// When there are any, no other models.
    pub allowed: Vec<Aaguid>,
    /// None of these. None of them is allowed.
    pub denied: Vec<Aaguid>,
    /// Only passkeys that can't be backed up.
    pub device_bound: bool,
    /// Whether enterprise attestation may be asked for.
    pub enterprise: bool,
    /// Only models of this level at least. Some only with metadata and with anchors.
    pub minimum_certification: Option<CertificationLevel>,
    /// No models that metadata report as revoked or compromised.
    pub refuse_compromised: bool,
    /// Whether a model's roots in metadata anchor its attestation.
    pub metadata_roots: bool,
    /// Whether the rules are asked again at each sign-in.
    pub at_sign_in: bool,
}

/// The AAGUID of a model (WebAuthn L3 section 6.5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aaguid(pub [u8; 16]);

/// Levels of FIDO's certification programme, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "FIDO's own names")]
pub enum CertificationLevel {
    L1,
    L1Plus,
    L2,
    L2Plus,
    L3,
    L3Plus,
}

/// WebAuthn L3 section 5.4.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attestation {
    /// Not asked for.
    None,
    /// In any form that can be verified.
    Indirect,
    /// As the authenticator makes it.
    Direct,
    /// With what identifies a single authenticator.
    Enterprise,
}

pub(super) const ATTESTATION: Choice<Attestation> = Choice(&[
    ("none", Attestation::None),
    ("indirect", Attestation::Indirect),
    ("direct", Attestation::Direct),
    ("enterprise", Attestation::Enterprise),
]);

const AAGUID: Parsed<Aaguid> = Parsed {
    expected: "an AAGUID such as \"cb69481e-8ff7-4039-93ec-0a2729a154a8\"",
    parse: |text| {
        uuid::Uuid::try_parse(text)
            .ok()
            .filter(|_| text.len() == 36)
            .map(|id| Aaguid(id.into_bytes()))
            .ok_or_else(String::new)
    },
};

const CERTIFICATION: Choice<CertificationLevel> = Choice(&[
    ("L1", CertificationLevel::L1),
    ("L1+", CertificationLevel::L1Plus),
    ("L2", CertificationLevel::L2),
    ("L2+", CertificationLevel::L2Plus),
    ("L3", CertificationLevel::L3),
    ("L3+", CertificationLevel::L3Plus),
]);

pub(super) fn read(section: &mut Section<'_>) -> Option<Authenticators> {
    let aaguids = || List {
        of: AAGUID,
        least: 0,
    };
    let allowed = section.or("allowed-aaguids", "[]", aaguids());
    let denied = section.or("denied-aaguids", "[]", aaguids());
    let device_bound = section.or("device-bound-only", "false", Flag);
    let enterprise = section.or("enterprise-attestation", "false", Flag);
    let minimum_certification = section.optional("minimum-certification", CERTIFICATION);
    let refuse_compromised = section.or("refuse-compromised", "true", Flag);
    let metadata_roots = section.or("metadata-roots", "true", Flag);
    let at_sign_in = section.or("authenticators-at-sign-in", "false", Flag);
    Some(Authenticators {
        allowed: allowed?,
        denied: denied?,
        device_bound: device_bound?,
        enterprise: enterprise?,
        minimum_certification: minimum_certification?,
        refuse_compromised: refuse_compromised?,
        metadata_roots: metadata_roots?,
        at_sign_in: at_sign_in?,
    })
}

/// That the settings fit together. `metadata`: whether the host has a BLOB; `roots`:
/// whether the relying party names anchors of its own.
pub(super) fn check(
    section: &mut Section<'_>,
    rules: &Authenticators,
    attestation: Attestation,
    metadata: bool,
    roots: bool,
) {
    for (index, denied) in rules.denied.iter().enumerate() {
        if rules.allowed.contains(denied) {
            let expected = "no AAGUID that is in allowed-aaguids too";
            section.refuse("denied-aaguids", Some(index), expected);
        }
    }
    if attestation == Attestation::Enterprise && !rules.enterprise {
        let expected = "\"direct\" or less unless enterprise-attestation = true";
        section.refuse("attestation", None, expected);
    }
    if rules.minimum_certification.is_some() {
        if !metadata {
            let expected = "it to be absent unless [metadata] says which models are certified";
            section.refuse("minimum-certification", None, expected);
        } else if !rules.metadata_roots && !roots {
            let expected =
                "it to be absent unless metadata-roots = true or attestation-roots prove the model";
            section.refuse("minimum-certification", None, expected);
        }
    }
}
