//! `[[relying-party]]`: the sites whose passkeys this host keeps, and the
//! workloads that act for them.

use std::path::PathBuf;
use std::time::Duration;

use super::algorithm::{ALGORITHM, Algorithm};
use super::authenticators::{self, ATTESTATION, Attestation, Authenticators};
use super::decoy::{self, Decoy};
use super::format::{Choice, Flag, List, Parsed, Time};
use super::lifecycle::{self, EXTENSION, Extension, Lifecycle};
use super::origin::{ORIGIN, Origin};
use super::path::Location;
use super::section::Section;
use super::spiffe::{TrustDomain, WORKLOAD_ID, WorkloadId};
use super::web::{RP_ID, RpId, WEB_URL, WebUrl};

/// One relying party (WebAuthn L3 section 4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelyingParty {
    /// The domain that its passkeys belong to.
    pub id: RpId,
    /// Shown to people by the authenticator. 1 to 64 characters.
    pub name: String,
    /// Where ceremonies may come from, at least one. Web origins are the id's domain,
    /// below it, or among `related_origins`.
    pub origins: Vec<Origin>,
    /// Those of `origins` that are published in `/.well-known/webauthn`
    /// (WebAuthn L3 section 5.11).
    pub related_origins: Vec<Origin>,
    /// Whether a frame of another origin may run a ceremony.
    pub allow_cross_origin: bool,
    /// The pages that such a frame may stand in. Empty unless that is allowed.
    pub top_origins: Vec<Origin>,
    /// The workloads that may act for it, at least one, all of the host's trust domain.
    pub workloads: Vec<WorkloadId>,
    /// From the options of a ceremony to its answer.
    pub ceremony_timeout: Duration,
    /// Where a request names none.
    pub user_verification: UserVerification,
    /// Where a request names none.
    pub resident_key: ResidentKey,
    /// Where a request names none.
    pub attestation: Attestation,
    /// Offered and accepted, best first, at least one.
    pub algorithms: Vec<Algorithm>,
    /// PEM files with trust anchors of attestation. Without any, and without those of
    /// metadata, statements are verified, not anchored.
    pub attestation_roots: Vec<PathBuf>,
    /// Which authenticators it takes.
    pub authenticators: Authenticators,
    /// What may become of passkeys after their registration.
    pub lifecycle: Lifecycle,
    /// The extensions that are used, each once.
    pub extensions: Vec<Extension>,
    /// Where a person adds a passkey, for `/.well-known/passkey-endpoints`.
    pub enroll_url: Option<WebUrl>,
    /// Where a person manages passkeys, for `/.well-known/passkey-endpoints`.
    pub manage_url: Option<WebUrl>,
    /// What answers about unknown names look like. None: like those about the owner of
    /// the oldest passkey.
    pub decoy: Option<Decoy>,
}

/// WebAuthn L3 section 5.8.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserVerification {
    /// A ceremony without it fails.
    Required,
    /// Where the authenticator can.
    Preferred,
    /// Rather not.
    Discouraged,
}

/// WebAuthn L3 section 5.4.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResidentKey {
    /// Only discoverable passkeys.
    Required,
    /// Where the authenticator can.
    Preferred,
    /// Rather not.
    Discouraged,
}

const NAME: Parsed<String> = Parsed {
    expected: "a name of 1 to 64 characters",
    parse: |text| match text.chars().count() {
        _ if text.trim() != text => Err("blanks around it".to_owned()),
        _ if text.contains(char::is_control) => Err("it has no control characters".to_owned()),
        1..=64 => Ok(text.to_owned()),
        length => Err(format!("it has {length}")),
    },
};

const USER_VERIFICATION: Choice<UserVerification> = Choice(&[
    ("required", UserVerification::Required),
    ("preferred", UserVerification::Preferred),
    ("discouraged", UserVerification::Discouraged),
]);

const RESIDENT_KEY: Choice<ResidentKey> = Choice(&[
    ("required", ResidentKey::Required),
    ("preferred", ResidentKey::Preferred),
    ("discouraged", ResidentKey::Discouraged),
]);

pub(super) fn read_all(
    root: &mut Section<'_>,
    trust_domain: Option<&TrustDomain>,
    metadata: bool,
) -> Option<Vec<RelyingParty>> {
    let mut ids: Vec<RpId> = Vec::new();
    root.sections("relying-party", |section| {
        let id = section.required("id", RP_ID);
        if let Some(id) = &id {
            if ids.contains(id) {
                section.refuse("id", None, "each relying party only once");
            }
            ids.push(id.clone());
        }
        let party = read(section, id)?;
        check_origins(section, &party);
        check_workloads(section, &party, trust_domain);
        authenticators::check(
            section,
            &party.authenticators,
            party.attestation,
            metadata,
            !party.attestation_roots.is_empty(),
        );
        Some(party)
    })
}

fn read(section: &mut Section<'_>, id: Option<RpId>) -> Option<RelyingParty> {
    let any = |of| List { of, least: 0 };
    let some = |of| List { of, least: 1 };
    let timeout = Time(Duration::from_secs(10)..=Duration::from_secs(3600));

    let name = section.required("name", NAME);
    let origins = section.required("origins", some(ORIGIN));
    let related_origins = section.or("related-origins", "[]", any(ORIGIN));
    let allow_cross_origin = section.or("allow-cross-origin", "false", Flag);
    let top_origins = section.or("top-origins", "[]", any(ORIGIN));
    let workloads = section.required(
        "workloads",
        List {
            of: WORKLOAD_ID,
            least: 1,
        },
    );
    let ceremony_timeout = section.or("ceremony-timeout", r#""5m""#, timeout);
    let user_verification = section.or("user-verification", r#""preferred""#, USER_VERIFICATION);
    let resident_key = section.or("resident-key", r#""preferred""#, RESIDENT_KEY);
    let attestation = section.or("attestation", r#""none""#, ATTESTATION);
    let algorithms = List {
        of: ALGORITHM,
        least: 1,
    };
    let algorithms = section.or("algorithms", r#"["ES256", "ES384", "RS256"]"#, algorithms);
    let roots = Location::File("a PEM file with certificates of authenticator makers");
    let attestation_roots = section.or(
        "attestation-roots",
        "[]",
        List {
            of: roots,
            least: 0,
        },
    );
    let authenticators = authenticators::read(section);
    let lifecycle = lifecycle::read(section);
    let extensions = section.or(
        "extensions",
        r#"["credProps"]"#,
        List {
            of: EXTENSION,
            least: 0,
        },
    );
    let enroll_url = section.optional("enroll-url", WEB_URL);
    let manage_url = section.optional("manage-url", WEB_URL);
    let decoy = section.optional_section("decoy", decoy::read);

    Some(RelyingParty {
        id: id?,
        name: name?,
        origins: origins?,
        related_origins: related_origins?,
        allow_cross_origin: allow_cross_origin?,
        top_origins: top_origins?,
        workloads: workloads?,
        ceremony_timeout: ceremony_timeout?,
        user_verification: user_verification?,
        resident_key: resident_key?,
        attestation: attestation?,
        algorithms: algorithms?,
        attestation_roots: attestation_roots?,
        authenticators: authenticators?,
        lifecycle: lifecycle?,
        extensions: extensions?,
        enroll_url: enroll_url?,
        manage_url: manage_url?,
        decoy: decoy?,
    })
}

fn check_origins(section: &mut Section<'_>, party: &RelyingParty) {
    for (index, origin) in party.origins.iter().enumerate() {
        let Some(host) = origin.host() else { continue };
        if !party.id.covers(host) && !party.related_origins.contains(origin) {
            let expected = format!(
                "a host that is {id:?} or ends with {below:?}, or the same origin in related-origins",
                id = party.id.as_str(),
                below = format!(".{}", party.id),
            );
            section.refuse("origins", Some(index), &expected);
        }
    }
    for (index, origin) in party.related_origins.iter().enumerate() {
        if !origin.is_https() {
            section.refuse("related-origins", Some(index), "an https:// origin");
        } else if !party.origins.contains(origin) {
            // Published but not accepted: its ceremonies could only fail.
            section.refuse("related-origins", Some(index), "it to be in origins too");
        }
    }
    if !party.top_origins.is_empty() && !party.allow_cross_origin {
        let expected = "an empty list unless allow-cross-origin = true";
        section.refuse("top-origins", None, expected);
    }
    for (index, origin) in party.top_origins.iter().enumerate() {
        if origin.host().is_none() {
            section.refuse("top-origins", Some(index), "a web origin");
        }
    }
}

fn check_workloads(
    section: &mut Section<'_>,
    party: &RelyingParty,
    trust_domain: Option<&TrustDomain>,
) {
    let Some(trust_domain) = trust_domain else {
        return;
    };
    for (index, workload) in party.workloads.iter().enumerate() {
        if workload.trust_domain() != trust_domain {
            let expected = format!("an id of service.trust-domain, spiffe://{trust_domain}/...");
            section.refuse("workloads", Some(index), &expected);
        }
    }
}
