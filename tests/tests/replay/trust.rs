//! `policy.attestationRoots` and `policy.now`: the W3C's attested vectors against their
//! own root, against others, and outside of its time.

use rcgen::{BasicConstraints, CertificateParams, DnType, DnValue, IsCa, KeyPair, KeyUsagePurpose};
use serde_json::{Value, json};

use super::{b64, bytes, lines, w3c};

/// The vectors whose statements rest on a certificate.
const ATTESTED: [&str; 10] = [
    "packed.ES256",
    "packed.ES384",
    "packed.ES512",
    "packed.RS256",
    "packed.EdDSA",
    "packed.Ed448",
    "tpm.ES256",
    "android-key.ES256",
    "apple.ES256",
    "fido-u2f.ES256",
];

/// The verdict on the registration of each attested vector under a policy; none when
/// the vectors are not at hand.
fn verdicts(policy: Value) -> Option<Vec<String>> {
    let mut recordings = w3c(policy)?;
    recordings.as_array_mut().unwrap().retain_mut(|recording| {
        recording.as_object_mut().unwrap().remove("authentication");
        ATTESTED.contains(&recording["name"].as_str().unwrap())
    });
    let mut lines = lines(&recordings);
    lines.pop();
    Some(lines)
}

/// The same verdict for all of them.
fn all(verdict: &str) -> Vec<String> {
    let line = |name| format!("{name} registration {verdict}");
    ATTESTED.iter().map(line).collect()
}

/// The certificate of the authority that attested the vectors.
fn root() -> Option<Vec<u8>> {
    let file = std::fs::read(std::env::var_os("ZEROPASS_VECTORS")?).unwrap();
    let file: Value = serde_json::from_slice(&file).unwrap();
    Some(bytes(&file["attestation_root"]["attestation_ca_cert"]))
}

/// An authority with another key, under another name or the very name of the W3C's.
fn other(namesake: bool) -> rcgen::Certificate {
    let mut params = CertificateParams::default();
    let names: &[(DnType, &str)] = if namesake {
        &[
            (DnType::CommonName, "WebAuthn test vectors"),
            (DnType::OrganizationName, "W3C"),
            (
                DnType::OrganizationalUnitName,
                "Authenticator Attestation CA",
            ),
            (DnType::CountryName, "AA"),
        ]
    } else {
        &[(DnType::CommonName, "Somebody else")]
    };
    for (kind, name) in names {
        let name = DnValue::Utf8String((*name).to_owned());
        params.distinguished_name.push(kind.clone(), name);
    }
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.self_signed(&KeyPair::generate().unwrap()).unwrap()
}

#[test]
fn attested_vectors_lead_to_their_own_root() {
    let Some(root) = root() else { return };
    for attestation in ["none", "direct"] {
        let policy = json!({"attestationRoots": [b64(&root)], "attestation": attestation});
        assert_eq!(verdicts(policy).unwrap(), all("accept"), "{attestation}");
    }
}

#[test]
fn attested_vectors_are_untrusted_under_another_root() {
    let Some(root) = root() else { return };
    let (stranger, namesake) = (other(false), other(true));
    // Else the name, and not the signature, would be what is refused.
    let subject = |der: &[u8]| {
        let name = b"WebAuthn test vectors";
        der.windows(name.len())
            .filter(|window| window == name)
            .count()
    };
    assert_eq!(subject(namesake.der()), subject(&root));
    for roots in [
        json!([b64(stranger.der())]),
        json!([namesake.pem()]),
        json!([b64(stranger.der()), b64(namesake.der())]),
        // No certificate at all: an anchor that anchors nothing.
        json!([b64(&root[..root.len() - 1])]),
    ] {
        let found = verdicts(json!({"attestationRoots": roots})).unwrap();
        assert_eq!(found, all("reject attestation-untrusted"));
    }
}

#[test]
fn dates_count_where_there_are_anchors_and_only_there() {
    let Some(root) = root() else { return };
    // Root and certificates are valid from 2024-01-01 to 3024-01-01.
    for (now, verdict) in [
        ("2023-12-31T23:59:59Z", "reject attestation-invalid"),
        ("2024-01-01T00:00:00Z", "accept"),
        ("3024-01-01T00:00:00Z", "accept"),
        ("3024-01-01T00:00:01Z", "reject attestation-invalid"),
    ] {
        let policy = json!({"attestationRoots": [b64(&root)], "now": now});
        assert_eq!(verdicts(policy).unwrap(), all(verdict), "{now}");
        let policy = json!({"now": now});
        assert_eq!(verdicts(policy).unwrap(), all("accept"), "{now}");
    }
}
