//! What is read of an entry, and what is left out.

use serde_json::json;

use super::*;

fn statuses(reports: &Value) -> Entry {
    Entry::read(&json!({"statusReports": reports})).0
}

#[test]
fn every_compromise_speaks_against_a_model() {
    for status in COMPROMISED {
        let entry = statuses(&json!([
            {"status": "FIDO_CERTIFIED_L1", "effectiveDate": "2020-01-01"},
            {"status": status, "effectiveDate": "2021-01-01"},
            {"status": "UPDATE_AVAILABLE", "effectiveDate": "2022-01-01"},
        ]));
        assert_eq!(entry.compromised(), Some(status));
    }
    let fine = statuses(&json!([
        {"status": "FIDO_CERTIFIED_L1"}, {"status": "UPDATE_AVAILABLE"},
        {"status": "FIPS140_CERTIFIED_L2"}, {"status": "SOMETHING_NEW"},
    ]));
    assert_eq!(fine.compromised(), None);
}

#[test]
fn level_is_the_highest_that_was_not_taken_back() {
    let l2 = json!({"status": "FIDO_CERTIFIED_L2", "effectiveDate": "2021-01-01"});
    let l1 = json!({"status": "FIDO_CERTIFIED_L1", "effectiveDate": "2022-01-01"});
    let gone = json!({"status": "NOT_FIDO_CERTIFIED", "effectiveDate": "2021-06-01"});
    for (reports, level) in [
        (json!([]), None),
        (json!([{"status": "SELF_ASSERTION_SUBMITTED"}]), None),
        (json!([{"status": "FIDO_CERTIFIED"}]), Some(Level::L1)),
        (json!([l2, l1]), Some(Level::L2)),
        (json!([l1, l2]), Some(Level::L2)),
        // Dates decide, not the order in the file.
        (json!([gone, l2]), None),
        (json!([l1, gone, l2]), Some(Level::L1)),
    ] {
        assert_eq!(statuses(&reports).certification(), level, "{reports}");
    }
}

#[test]
fn what_can_not_be_read_costs_itself_alone() {
    let (entry, unread) = Entry::read(&json!({
        "statusReports": [7, {"status": 7}, {"status": "REVOKED", "effectiveDate": 7}],
        "metadataStatement": {
            "description": "A key",
            "attestationRootCertificates": ["????", "AAAA", 7],
            "somethingNew": {"a": 1},
        },
    }));
    assert_eq!(unread, 5);
    assert_eq!(entry.description(), Some("A key"));
    assert_eq!(entry.compromised(), Some("REVOKED"));
    assert!(entry.roots().is_empty());
    let (entry, unread) = Entry::read(&json!({
        "statusReports": [{"status": "REVOKED"}], "metadataStatement": "nothing",
    }));
    assert_eq!((entry.compromised(), unread), (Some("REVOKED"), 1));
}

#[test]
fn models_are_named_by_aaguid_or_by_the_keys_of_certificates() {
    let key = "0123456789abcdef0123456789ABCDEF01234567";
    assert_eq!(
        Key::read(&json!({"aaguid": "00000000-0000-0000-0000-000000000001"})),
        Some(Key::Aaguid(1_u128.to_be_bytes()))
    );
    let Some(Key::CertificateKeys(keys)) =
        Key::read(&json!({"attestationCertificateKeyIdentifiers": [key, "xx", 7]}))
    else {
        unreachable!("no key");
    };
    assert_eq!(keys.len(), 1);
    assert_eq!(keys.first().unwrap().first_chunk(), Some(&[0x01, 0x23]));
    for nameless in [
        json!({"aaid": "4e4e#4005"}),
        json!({"aaguid": "none"}),
        json!({"aaguid": "00000000-0000-0000-0000-000000000000"}),
        json!({"attestationCertificateKeyIdentifiers": ["", key.get(2..)]}),
        json!("text"),
    ] {
        assert_eq!(Key::read(&nameless), None, "{nameless}");
    }
}
