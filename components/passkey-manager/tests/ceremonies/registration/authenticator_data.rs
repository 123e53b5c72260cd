use passkey_manager::bindings::Code;
use passkey_manager::bindings::registration::BeginRequest;
use passkey_manager::bindings::relying_party::UserVerification;
use passkey_manager::registration;

use super::refused;
use crate::kit::*;

#[test]
fn id_must_be_the_text_of_raw_id() {
    for id in [
        "",
        "AQEB",
        "AQEBAQEBAQEBAQEBAQEBAQEBAQE=",
        "AQEBAQEBAQEBAQEBAQEBAQEBAQF",
    ] {
        assert_eq!(
            refused(|create| create.id = Some(id.to_owned())),
            Code::Malformed,
            "{id}"
        );
    }
}

#[test]
fn raw_id_must_be_the_attested_id() {
    assert_eq!(
        refused(|create| create.raw_id = vec![9; 20]),
        Code::Malformed
    );
}

#[test]
fn id_has_1_to_1023_bytes() {
    let sized = |length: usize| {
        move |create: &mut Create| {
            create.raw_id = vec![7; length];
            create.attested_id = vec![7; length];
        }
    };
    assert_eq!(refused(sized(0)), Code::Malformed);
    assert_eq!(refused(sized(1024)), Code::Malformed);
    let host = MemoryHost::new();
    register_with(&host, &Authenticator::new(1), sized(1023)).unwrap();
    // An attested id that is too long is refused for itself, too.
    assert_eq!(
        refused(|create| create.attested_id = vec![7; 1024]),
        Code::Malformed
    );
}

#[test]
fn other_relying_party_is_refused() {
    assert_eq!(
        refused(|create| create.rp_id = "example.com".to_owned()),
        Code::RpIdMismatch
    );
}

/// A page that adds a passkey after another sign-in asks nobody; the ceremony says so.
#[test]
fn user_presence_is_waived_for_a_conditional_creation_alone() {
    let created = |conditional: bool, flags: u8| {
        let host = MemoryHost::new();
        let request = BeginRequest {
            conditional,
            ..registration_request(ALICE)
        };
        let options = registration::begin(&host, request).unwrap();
        let mut create = Authenticator::new(1).create(&options);
        create.flags = flags | AT;
        finish_registration(&host, create).map(|_| ())
    };
    created(true, BE).unwrap();
    created(true, UP | UV | BE).unwrap();
    assert_eq!(code(created(false, BE)), Code::UserPresenceMissing);
    assert_eq!(code(created(false, UV | BE)), Code::UserPresenceMissing);
    // Nothing else is waived.
    assert_eq!(code(created(true, BS)), Code::Malformed);
    let host = MemoryHost::new();
    let request = BeginRequest {
        conditional: true,
        user_verification: Some(UserVerification::Required),
        ..registration_request(ALICE)
    };
    let options = registration::begin(&host, request).unwrap();
    let mut create = Authenticator::new(1).create(&options);
    create.flags = AT | BE;
    assert_eq!(
        code(finish_registration(&host, create)),
        Code::UserVerificationMissing
    );
}

/// Who signs in with the passkey is seen, however it was created.
#[test]
fn conditionally_created_passkey_signs_in_with_presence() {
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    let request = BeginRequest {
        conditional: true,
        ..registration_request(ALICE)
    };
    let options = registration::begin(&host, request).unwrap();
    let mut create = authenticator.create(&options);
    create.flags = AT | BE;
    finish_registration(&host, create).unwrap();
    let unseen = sign_in_with(&host, &authenticator, |get| get.flags = BE);
    assert_eq!(code(unseen), Code::UserPresenceMissing);
    sign_in_with(&host, &authenticator, |get| get.flags = UP | BE).unwrap();
}

#[test]
fn missing_user_presence_is_refused() {
    assert_eq!(
        refused(|create| create.flags &= !UP),
        Code::UserPresenceMissing
    );
}

#[test]
fn missing_user_verification_is_refused_where_required() {
    let host = MemoryHost::new();
    register_with(&host, &Authenticator::new(1), |create| create.flags &= !UV).unwrap();
    assert!(!host.only().user_verified);

    let host = MemoryHost::new();
    host.profile.borrow_mut().user_verification = UserVerification::Required;
    let unverified = register_with(&host, &Authenticator::new(1), |create| create.flags &= !UV);
    assert_eq!(code(unverified), Code::UserVerificationMissing);
}

#[test]
fn policy_of_the_ceremony_counts_not_that_of_now() {
    let host = MemoryHost::new();
    host.profile.borrow_mut().user_verification = UserVerification::Required;
    let options = begin_registration(&host);
    host.profile.borrow_mut().user_verification = UserVerification::Discouraged;
    let mut create = Authenticator::new(1).create(&options);
    create.flags &= !UV;
    assert_eq!(
        code(finish_registration(&host, create)),
        Code::UserVerificationMissing
    );
}

#[test]
fn backup_state_without_eligibility_is_refused() {
    assert_eq!(
        refused(|create| create.flags = UP | UV | BS | AT),
        Code::Malformed
    );
}

#[test]
fn reserved_flags_are_refused() {
    assert_eq!(refused(|create| create.flags |= 2), Code::Malformed);
    assert_eq!(refused(|create| create.flags |= 32), Code::Malformed);
}

#[test]
fn flags_and_contents_must_agree() {
    // A credential without AT, bytes after the end, ED without extensions,
    // extensions without ED, extensions that are no map by name.
    assert_eq!(refused(|create| create.flags &= !AT), Code::Malformed);
    assert_eq!(refused(|create| create.trailing = vec![0]), Code::Malformed);
    assert_eq!(refused(|create| create.flags |= ED), Code::Malformed);
    assert_eq!(
        refused(|create| create.extensions = vec![0xa0]),
        Code::Malformed
    );
    for extensions in [vec![0x80], vec![0xa1, 1, 1], vec![0xf6]] {
        assert_eq!(
            refused(|create| {
                create.flags |= ED;
                create.extensions = extensions;
            }),
            Code::Malformed
        );
    }
}

#[test]
fn missing_credential_is_refused() {
    let host = MemoryHost::new();
    let options = begin_registration(&host);
    let mut create = Authenticator::new(1).create(&options);
    create.flags &= !AT;
    let data = create.authenticator_data()[..37].to_vec();
    let mut object = Vec::new();
    passkey_manager::cbor::encode(
        &passkey_manager::cbor::Value::Map(vec![
            (
                passkey_manager::cbor::Value::Text("fmt"),
                passkey_manager::cbor::Value::Text("none"),
            ),
            (
                passkey_manager::cbor::Value::Text("attStmt"),
                passkey_manager::cbor::Value::Map(vec![]),
            ),
            (
                passkey_manager::cbor::Value::Text("authData"),
                passkey_manager::cbor::Value::Bytes(&data),
            ),
        ]),
        &mut object,
    );
    create.object_raw = Some(object);
    assert_eq!(code(finish_registration(&host, create)), Code::Malformed);
}

#[test]
fn every_cut_of_the_attestation_object_is_refused() {
    let host = MemoryHost::new();
    let options = begin_registration(&host);
    let whole = Authenticator::new(1)
        .create(&options)
        .response()
        .attestation_object;
    for length in 0..whole.len() {
        assert_eq!(
            refused(|create| create.object_raw = Some(whole[..length].to_vec())),
            Code::Malformed,
            "{length}"
        );
    }
    assert_eq!(
        refused(|create| create.object_raw = Some([whole.as_slice(), &[0]].concat())),
        Code::Malformed
    );
}
