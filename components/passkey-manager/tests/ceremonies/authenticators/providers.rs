//! The product that keeps a passkey, by name.

use passkey_manager::bindings::relying_party::ModelReport;
use passkey_manager::lifecycle;

use super::{MODEL, OTHER, known, report};
use crate::kit::*;

#[test]
fn provider_is_the_tables_or_else_metadatas() {
    // In neither.
    let host = MemoryHost::new();
    let registered = |host: &MemoryHost, aaguid: [u8; 16]| {
        register_with(host, &Authenticator::new(1), |create| {
            create.aaguid = aaguid
        })
        .unwrap()
        .passkey
    };
    let passkey = registered(&host, MODEL);
    assert_eq!(
        (passkey.provider, passkey.label.as_str()),
        (None, "Passkey")
    );

    // In metadata: at registration, at sign-in, in the list and alone.
    let host = MemoryHost::new();
    known(&host, report(None, None));
    let passkey = registered(&host, MODEL);
    let named = Some("Test Model".to_owned());
    assert_eq!(
        (&passkey.provider, passkey.label.as_str()),
        (&named, "Test Model")
    );
    let signed_in = sign_in_with(&host, &Authenticator::new(1), |_| {}).unwrap();
    assert_eq!(signed_in.passkey.provider, named);
    let listed = lifecycle::list(&host, RP, ALICE).unwrap();
    assert_eq!(listed[0].provider, named);
    let one = lifecycle::get(&host, RP, ALICE, &passkey.id).unwrap();
    assert_eq!(one.provider, named);

    // A name that is no label.
    let host = MemoryHost::new();
    let long = ModelReport {
        description: Some("x".repeat(65)),
        ..report(None, None)
    };
    known(&host, long);
    let passkey = registered(&host, MODEL);
    assert_eq!(passkey.label, "Passkey");
    assert!(passkey.provider.is_some());

    // In the table, and without AAGUID: nobody is asked.
    let host = MemoryHost::new();
    let bitwarden = 0xd548_826e_79b4_db40_a3d8_1111_6f7e_8349_u128.to_be_bytes();
    assert_eq!(registered(&host, bitwarden).provider.unwrap(), "Bitwarden");
    let host = MemoryHost::new();
    assert_eq!(registered(&host, [0; 16]).provider, None);
    assert!(!host.take_calls().contains(&"authenticator"));
}

#[test]
fn each_model_of_a_list_is_asked_for_once() {
    let host = MemoryHost::new();
    for (seed, aaguid) in [(1, MODEL), (2, OTHER), (3, MODEL), (4, [0; 16])] {
        register_with(&host, &Authenticator::new(seed), |create| {
            create.aaguid = aaguid;
        })
        .unwrap();
    }
    host.take_calls();
    lifecycle::list(&host, RP, ALICE).unwrap();
    let calls = host.take_calls();
    let asked = calls.iter().filter(|call| **call == "authenticator");
    assert_eq!(asked.count(), 2, "{calls:?}");
}
