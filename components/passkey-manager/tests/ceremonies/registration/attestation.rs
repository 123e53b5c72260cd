use passkey_manager::bindings::Code;
use passkey_manager::bindings::registration::BeginRequest;
use passkey_manager::bindings::relying_party::AttestationConveyance;
use passkey_manager::cbor::Value;
use serde_json::json;

use super::refused;
use crate::kit::*;

#[test]
fn packed_self_attestation_is_verified() {
    let host = MemoryHost::new();
    register_with(&host, &Authenticator::new(1), |create| {
        create.format = "packed";
        create.statement = Statement::PackedSelf;
    })
    .unwrap();
    assert_eq!(host.only().attestation_format, "packed");
}

#[test]
fn rsa_key_of_2048_bits_is_registered() {
    let host = MemoryHost::new();
    register_with(&host, &Authenticator::new(1), |create| {
        create.public_key = cose_rsa(-257, &[0xc7; 256]);
    })
    .unwrap();
    assert_eq!(host.only().algorithm, -257);
}

#[test]
fn authenticator_extensions_are_accepted() {
    let host = MemoryHost::new();
    register_with(&host, &Authenticator::new(1), |create| {
        create.flags |= ED;
        // {"credProtect": 2}
        create.extensions = [&[0xa1, 0x6b][..], b"credProtect", &[2]].concat();
    })
    .unwrap();
}

#[test]
fn attestation_in_a_cross_origin_frame_is_verified() {
    let host = MemoryHost::new();
    host.profile.borrow_mut().allow_cross_origin = true;
    register_with(&host, &Authenticator::new(1), |create| {
        create.client_data["crossOrigin"] = json!(true);
        create.format = "packed";
        create.statement = Statement::PackedSelf;
    })
    .unwrap();
}

#[test]
fn algorithm_that_was_not_offered_is_refused() {
    for key in [
        cose_rsa(-258, &[0xc7; 256]),
        cose_rsa(-37, &[0xc7; 256]),
        cose_okp(-7000, &[1; 32]),
        cose_okp(i64::MIN, &[1; 32]),
    ] {
        assert_eq!(
            refused(|create| create.public_key = key),
            Code::AlgorithmNotAllowed
        );
    }
}

#[test]
fn offered_algorithm_beyond_this_revision_is_refused() {
    // A ceremony that another revision began may offer more.
    let host = MemoryHost::new();
    let options = begin_registration(&host);
    host.change_ceremony(&options.ceremony, |ceremony| {
        ceremony.algorithms = vec![-7, -47, -53, -65_535];
    });
    let mut create = Authenticator::new(1).create(&options);
    create.public_key = cose_rsa(-65_535, &[0xc7; 256]);
    assert_eq!(
        code(finish_registration(&host, create)),
        Code::AlgorithmNotAllowed
    );
}

#[test]
fn algorithm_key_type_and_curve_must_agree() {
    for key in [
        // ES256 with the name of P-384, as an octet key, as RSA; RSA too short.
        cose_es256(2, &[1; 32], &[1; 32]),
        cose_okp(-7, &[1; 32]),
        cose_rsa(-7, &[0xc7; 256]),
        cose_rsa(-257, &[0xc7; 128]),
        // RSA under the name of EdDSA; P-256 under that of P-384 was not offered.
        cose_rsa(-8, &[0xc7; 256]),
        // What fixes its curve is for no other.
        cose(vec![
            (1, Value::Integer(2)),
            (3, Value::Integer(-9)),
            (-1, Value::Integer(2)),
            (-2, Value::Bytes(&[1; 48])),
            (-3, Value::Bytes(&[1; 48])),
        ]),
        cose(vec![
            (1, Value::Integer(1)),
            (3, Value::Integer(-19)),
            (-1, Value::Integer(7)),
            (-2, Value::Bytes(&[1; 57])),
        ]),
    ] {
        assert_eq!(
            refused(|create| create.public_key = key),
            Code::AlgorithmNotAllowed
        );
    }
}

#[test]
fn key_that_is_no_key_is_refused() {
    for key in [
        // No such point; a coordinate too short; no map; an optional parameter.
        cose_es256(1, &[1; 32], &[1; 32]),
        cose_es256(1, &[1; 31], &[1; 32]),
        vec![0x80],
        {
            let mut key = Authenticator::new(1).public_key();
            key[0] = 0xa6;
            key.extend([2, 0x41, 0]);
            key
        },
    ] {
        assert_eq!(refused(|create| create.public_key = key), Code::Malformed);
    }
}

#[test]
fn rsa_modulus_is_odd_and_has_2048_to_8192_bits() {
    let of = |bytes: usize, high: u8, low: u8| {
        let mut n = vec![0x55; bytes];
        n[0] = high;
        n[bytes - 1] = low;
        n
    };
    for (n, expected) in [
        (of(256, 0x80, 1), None),
        (of(1024, 0xff, 1), None),
        // 2047, 2041 and 8193 bits.
        (of(256, 0x7f, 1), Some(Code::AlgorithmNotAllowed)),
        (of(256, 1, 1), Some(Code::AlgorithmNotAllowed)),
        (of(1025, 1, 1), Some(Code::AlgorithmNotAllowed)),
        // Even, and padded.
        (of(256, 0x80, 2), Some(Code::Malformed)),
        (of(257, 0, 1), Some(Code::Malformed)),
    ] {
        let host = MemoryHost::new();
        let registered = register_with(&host, &Authenticator::new(1), |create| {
            create.public_key = cose_rsa(-257, &n);
        });
        match expected {
            None => assert!(registered.is_ok()),
            Some(expected) => assert_eq!(code(registered), expected, "{n:02x?}"),
        }
    }
}

#[test]
fn rsa_exponent_is_odd_from_3_and_below_2_to_the_33() {
    for (e, accepted) in [
        (&[3][..], true),
        (&[1, 0, 1], true),
        (&[1, 0xff, 0xff, 0xff, 0xff], true),
        (&[2, 0, 0, 0, 1], false),
        (&[1, 0, 0, 0, 0, 0, 0, 1], false),
        (&[1], false),
        (&[2], false),
        (&[0, 3], false),
        (&[], false),
    ] {
        let host = MemoryHost::new();
        let registered = register_with(&host, &Authenticator::new(1), |create| {
            create.public_key = cose_rsa_with(-257, &[0xc7; 256], e);
        });
        if accepted {
            registered.unwrap();
        } else {
            assert_eq!(code(registered), Code::Malformed, "{e:02x?}");
        }
    }
}

#[test]
fn statement_under_none_is_refused() {
    assert_eq!(
        refused(|create| create.statement = Statement::Junk),
        Code::AttestationInvalid
    );
}

#[test]
fn wrong_attestation_is_refused() {
    for (format, statement) in [
        ("packed", Statement::PackedSelfForged),
        ("packed", Statement::Empty),
        ("packed", Statement::Junk),
        ("fido-u2f", Statement::PackedSelf),
        ("tpm", Statement::PackedSelf),
        ("apple", Statement::PackedSelf),
        ("android-key", Statement::PackedSelf),
        ("android-safetynet", Statement::PackedSelf),
        ("made-up", Statement::PackedSelf),
        ("", Statement::Empty),
    ] {
        assert_eq!(
            refused(|create| {
                create.format = format;
                create.statement = statement;
            }),
            Code::AttestationInvalid,
            "{format}"
        );
    }
}

/// A registration that asks for `conveyance`, and is answered with `epAtt`.
fn enterprise(
    conveyance: AttestationConveyance,
    said: Value<'static>,
    statement: Statement,
) -> Result<(), Code> {
    let host = MemoryHost::new();
    host.profile.borrow_mut().authenticators.enterprise = true;
    let request = BeginRequest {
        attestation: Some(conveyance),
        ..registration_request(ALICE)
    };
    let options = passkey_manager::registration::begin(&host, request).unwrap();
    let mut create = Authenticator::new(1).create(&options);
    if !matches!(statement, Statement::Empty) {
        create.format = "packed";
    }
    create.statement = statement;
    create.enterprise = Some(said);
    let finished = finish_registration(&host, create);
    assert_eq!(finished.is_ok(), host.credentials.borrow().len() == 1);
    finished.map(drop).map_err(|rejection| rejection.code)
}

#[test]
fn enterprise_attestation_is_taken_by_who_asked_for_it() {
    use AttestationConveyance::{Direct, Enterprise, Indirect, None};
    let packed = || Statement::PackedSelf;
    assert_eq!(enterprise(Enterprise, Value::Bool(true), packed()), Ok(()));
    for asked in [None, Indirect, Direct] {
        let unasked = enterprise(asked, Value::Bool(true), packed());
        assert_eq!(unasked, Err(Code::NotPermitted));
        assert_eq!(enterprise(asked, Value::Bool(false), packed()), Ok(()));
    }
    // Authenticators may answer with an ordinary one.
    assert_eq!(enterprise(Enterprise, Value::Bool(false), packed()), Ok(()));
    let empty = enterprise(Enterprise, Value::Bool(true), Statement::Empty);
    assert_eq!(empty, Err(Code::AttestationInvalid));
    let odd = enterprise(Enterprise, Value::Integer(1), packed());
    assert_eq!(odd, Err(Code::Malformed));
}
