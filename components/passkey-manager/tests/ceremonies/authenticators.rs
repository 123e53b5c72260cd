//! Which authenticators a relying party takes, at registration and at sign-in.

use passkey_manager::bindings::registration::{BeginRequest, Registered};
use passkey_manager::bindings::relying_party::{
    AttestationConveyance, AuthenticatorPolicy, CertificationLevel, Model, ModelReport,
};
use passkey_manager::bindings::{Code, Rejection};
use passkey_manager::cbor::{Value, encode};
use passkey_manager::{lifecycle, registration};
use sha1::{Digest as _, Sha1};

use crate::kit::*;

const MODEL: [u8; 16] = [7; 16];
const OTHER: [u8; 16] = [8; 16];

/// A host with these rules.
fn ruled(rules: impl FnOnce(&mut AuthenticatorPolicy)) -> MemoryHost {
    let host = MemoryHost::new();
    rules(&mut host.profile.borrow_mut().authenticators);
    host
}

/// Register a passkey of [`MODEL`] without attestation.
fn registered(host: &MemoryHost) -> Result<(), Rejection> {
    let create = |create: &mut Create| create.aaguid = MODEL;
    register_with(host, &Authenticator::new(1), create).map(|_| ())
}

/// Sign in with it.
fn signed_in(host: &MemoryHost) -> Result<(), Rejection> {
    sign_in_with(host, &Authenticator::new(1), |_| {}).map(|_| ())
}

fn report(compromised: Option<&str>, certification: Option<CertificationLevel>) -> ModelReport {
    ModelReport {
        description: Some("Test Model".to_owned()),
        compromised: compromised.map(str::to_owned),
        certification,
    }
}

fn known(host: &MemoryHost, report: ModelReport) {
    *host.metadata.borrow_mut() = vec![(Model::Aaguid(MODEL.to_vec()), report)];
}

#[test]
fn model_on_the_allow_list_registers_and_no_other() {
    registered(&ruled(|rules| {
        rules.allowed = vec![OTHER.to_vec(), MODEL.to_vec()];
    }))
    .unwrap();
    let host = ruled(|rules| rules.allowed = vec![OTHER.to_vec()]);
    assert_eq!(code(registered(&host)), Code::NotPermitted);
    // Without an AAGUID, as fido-u2f and anonymous ones are: no model of the list.
    let nameless = register_with(&host, &Authenticator::new(1), |create| {
        create.aaguid = [0; 16];
    });
    assert_eq!(code(nameless), Code::NotPermitted);
    assert!(host.credentials.borrow().is_empty());
}

#[test]
fn model_on_the_deny_list_does_not_register() {
    let host = ruled(|rules| rules.denied = vec![OTHER.to_vec(), MODEL.to_vec()]);
    assert_eq!(code(registered(&host)), Code::NotPermitted);
    registered(&ruled(|rules| rules.denied = vec![OTHER.to_vec()])).unwrap();
}

#[test]
fn passkey_that_can_be_backed_up_is_not_device_bound() {
    for (flags, accepted) in [(0, true), (BE, false), (BE | BS, false)] {
        let host = ruled(|rules| rules.device_bound = true);
        let registered = register_with(&host, &Authenticator::new(1), |create| {
            create.flags = create.flags & !(BE | BS) | flags;
        });
        if accepted {
            registered.unwrap();
        } else {
            assert_eq!(code(registered), Code::NotPermitted);
        }
    }
}

#[test]
fn enterprise_attestation_is_asked_for_only_where_that_is_allowed() {
    for allowed in [true, false] {
        let host = ruled(|rules| rules.enterprise = allowed);
        let begun = registration::begin(
            &host,
            BeginRequest {
                attestation: Some(AttestationConveyance::Enterprise),
                ..registration_request(ALICE)
            },
        );
        if allowed {
            assert_eq!(
                begun.unwrap().attestation,
                AttestationConveyance::Enterprise
            );
        } else {
            assert_eq!(code(begun), Code::NotPermitted);
            assert!(host.ceremonies.borrow().is_empty());
        }
    }
}

#[test]
fn compromised_model_does_not_register() {
    let host = ruled(|rules| rules.refuse_compromised = true);
    known(&host, report(Some("ATTESTATION_KEY_COMPROMISE"), None));
    assert_eq!(code(registered(&host)), Code::AttestationUntrusted);
    // Where nobody asks, nobody is asked.
    let host = MemoryHost::new();
    known(&host, report(Some("REVOKED"), None));
    registered(&host).unwrap();
    // Nothing against it, and nothing known.
    let host = ruled(|rules| rules.refuse_compromised = true);
    known(&host, report(None, None));
    registered(&host).unwrap();
    let host = ruled(|rules| rules.refuse_compromised = true);
    registered(&host).unwrap();
}

#[test]
fn rules_hold_at_sign_in_only_where_that_is_asked() {
    type Rules = fn(&mut AuthenticatorPolicy);
    let rules: [(Rules, Code); 4] = [
        (
            |rules| rules.denied = vec![MODEL.to_vec()],
            Code::NotPermitted,
        ),
        (
            |rules| rules.allowed = vec![OTHER.to_vec()],
            Code::NotPermitted,
        ),
        (
            |rules| rules.refuse_compromised = true,
            Code::AttestationUntrusted,
        ),
        (
            |rules| rules.minimum_certification = Some(CertificationLevel::L1),
            Code::AttestationUntrusted,
        ),
    ];
    for (rule, expected) in rules {
        for at_sign_in in [false, true] {
            let host = MemoryHost::new();
            registered(&host).unwrap();
            known(&host, report(Some("USER_VERIFICATION_BYPASS"), None));
            {
                let mut profile = host.profile.borrow_mut();
                rule(&mut profile.authenticators);
                profile.authenticators.at_sign_in = at_sign_in;
            }
            let signed_in = signed_in(&host);
            if at_sign_in {
                assert_eq!(code(signed_in), expected);
                assert_eq!(host.only().last_used_at, None);
            } else {
                signed_in.unwrap();
            }
        }
    }
}

#[test]
fn synced_passkey_does_not_sign_in_where_only_device_bound_ones_may() {
    let host = MemoryHost::new();
    // As all of the kit's: flag BE.
    registered(&host).unwrap();
    {
        let rules = &mut host.profile.borrow_mut().authenticators;
        rules.device_bound = true;
        rules.at_sign_in = true;
    }
    assert_eq!(code(signed_in(&host)), Code::NotPermitted);
}

#[test]
fn passkey_of_an_algorithm_that_is_not_taken_any_more_does_not_sign_in() {
    for at_sign_in in [false, true] {
        let host = MemoryHost::new();
        registered(&host).unwrap();
        {
            let mut profile = host.profile.borrow_mut();
            profile.algorithms = vec![-8, -257];
            profile.authenticators.at_sign_in = at_sign_in;
        }
        let signed_in = signed_in(&host);
        if at_sign_in {
            assert_eq!(code(signed_in), Code::AlgorithmNotAllowed);
            assert_eq!(host.only().last_used_at, None);
        } else {
            signed_in.unwrap();
        }
    }
}

/// What refuses a passkey for its model is not told to who does not hold its key.
#[test]
fn wrong_signature_comes_before_the_rules() {
    let host = MemoryHost::new();
    registered(&host).unwrap();
    {
        let rules = &mut host.profile.borrow_mut().authenticators;
        rules.denied = vec![MODEL.to_vec()];
        rules.at_sign_in = true;
    }
    let forged = sign_in_with(&host, &Authenticator::new(1), |get| get.forge = true);
    assert_eq!(code(forged), Code::SignatureInvalid);
}

/// Register with a packed certificate of [`MODEL`] that `root` gave out.
fn attested(host: &MemoryHost, root: &Authority) -> Result<(), Rejection> {
    let attesting = TestKey::generate(-7);
    let x5c = [root.issue(&packed_leaf(), &attesting)];
    register_with(host, &Authenticator::new(1), |create| {
        create.format = "packed";
        create.aaguid = MODEL;
        create.statement = Statement::Made(Box::new(move |data, hash, _| {
            let sig = attesting.sign(&[data, hash].concat());
            cbor_map(&[
                ("alg", Value::Integer(-7)),
                ("sig", Value::Bytes(&sig)),
                ("x5c", cbor_array(&x5c)),
            ])
        }));
    })
    .map(|_| ())
}

#[test]
fn level_of_certification_is_proven_and_high_enough() {
    use CertificationLevel as Level;
    let root = Authority::root(-7);
    let host = |certified: Option<Level>, least: Level| {
        let host = ruled(|rules| rules.minimum_certification = Some(least));
        host.anchor(vec![root.der.clone()]);
        known(&host, report(None, certified));
        host
    };
    for (certified, least, accepted) in [
        (Some(Level::L1), Level::L1, true),
        (Some(Level::L3Plus), Level::L1, true),
        (Some(Level::L2), Level::L1Plus, true),
        (Some(Level::L1), Level::L1Plus, false),
        (Some(Level::L2), Level::L2Plus, false),
        (None, Level::L1, false),
    ] {
        let registered = attested(&host(certified, least), &root);
        if accepted {
            registered.unwrap();
        } else {
            assert_eq!(code(registered), Code::AttestationUntrusted);
        }
    }
    // A claim of the AAGUID is no proof, whatever conveyance was asked for.
    let host = host(Some(Level::L3Plus), Level::L1);
    assert_eq!(code(registered(&host)), Code::AttestationUntrusted);
    assert_eq!(
        code(attested(&host, &Authority::root(-7))),
        Code::AttestationUntrusted
    );
}

/// Anchors are copied into the sandbox only when there is something to anchor.
#[test]
fn anchors_are_asked_for_only_by_certificates() {
    let root = Authority::root(-7);
    let host = MemoryHost::new();
    host.anchor(vec![root.der.clone()]);
    registered(&host).unwrap();
    signed_in(&host).unwrap();
    assert!(!host.take_calls().contains(&"attestation-anchors"));
    let host = MemoryHost::new();
    host.anchor(vec![root.der.clone()]);
    attested(&host, &root).unwrap();
    assert!(host.take_calls().contains(&"attestation-anchors"));
    // Nothing needs an anchor.
    let host = MemoryHost::new();
    attested(&host, &root).unwrap();
    assert!(!host.take_calls().contains(&"attestation-anchors"));
}

/// What else a compound statement with a security key's holds.
#[derive(Clone, Copy, PartialEq)]
enum Beside {
    /// It is not a compound one.
    Nothing,
    /// The same again.
    Itself,
    /// A signature by the credential's own key, which covers the AAGUID.
    SelfSigned,
}

/// A security key of this attesting key, which writes [`MODEL`] where an AAGUID stands.
fn security_key(
    host: &MemoryHost,
    attesting: TestKey,
    beside: Beside,
) -> Result<Registered, Rejection> {
    let certificate = Authority::root(-7).issue(&leaf(), &attesting);
    register_with(host, &Authenticator::new(1), |create| {
        create.format = if beside == Beside::Nothing {
            "fido-u2f"
        } else {
            "compound"
        };
        create.aaguid = MODEL;
        create.statement = Statement::Made(Box::new(move |data, hash, key| {
            let credential_id = &data[55..55 + usize::from(data[54])];
            let message = [
                &[0],
                &data[..32],
                hash,
                credential_id,
                &[4],
                &key.point_or_public().concat(),
            ];
            let sig = attesting.sign(&message.concat());
            let own = key.sign(&[data, hash].concat());
            let x5c = [certificate];
            let statement = Value::Map(vec![
                (Value::Text("sig"), Value::Bytes(&sig)),
                (Value::Text("x5c"), cbor_array(&x5c)),
            ]);
            let self_signed = Value::Map(vec![
                (Value::Text("alg"), Value::Integer(-7)),
                (Value::Text("sig"), Value::Bytes(&own)),
            ]);
            let key = part("fido-u2f", statement.clone());
            let mut out = Vec::new();
            match beside {
                Beside::Nothing => encode(&statement, &mut out),
                Beside::Itself => encode(&Value::Array(vec![key.clone(), key]), &mut out),
                Beside::SelfSigned => {
                    let parts = vec![part("packed", self_signed), key];
                    encode(&Value::Array(parts), &mut out);
                }
            }
            out
        }));
    })
}

fn part<'a>(format: &'a str, statement: Value<'a>) -> Value<'a> {
    Value::Map(vec![
        (Value::Text("fmt"), Value::Text(format)),
        (Value::Text("attStmt"), statement),
    ])
}

/// A security key without AAGUID is known by the key of its certificate.
#[test]
fn compromised_security_key_is_found_by_its_certificate() {
    let attesting = TestKey::generate(-7);
    let point = attesting.point_or_public().concat();
    let identifier = Sha1::digest([&[4], point.as_slice()].concat()).to_vec();
    let host = ruled(|rules| rules.refuse_compromised = true);
    let compromised = report(Some("USER_KEY_REMOTE_COMPROMISE"), None);
    *host.metadata.borrow_mut() = vec![(Model::CertificateKey(identifier), compromised)];
    let registered = security_key(&host, attesting, Beside::Nothing);
    assert_eq!(code(registered), Code::AttestationUntrusted);
}

/// What a security key signs does not cover the bytes where an AAGUID stands.
#[test]
fn security_key_takes_no_model_s_place() {
    for beside in [Beside::Nothing, Beside::Itself, Beside::SelfSigned] {
        let key = || TestKey::generate(-7);
        let host = ruled(|rules| rules.allowed = vec![MODEL.to_vec()]);
        let registered = security_key(&host, key(), beside);
        assert_eq!(code(registered), Code::NotPermitted);

        // Who takes models without AAGUID takes it, and keeps none.
        let host = ruled(|rules| rules.allowed = vec![vec![0; 16]]);
        known(&host, report(None, None));
        let registered = security_key(&host, key(), beside).unwrap();
        assert_eq!(host.only().aaguid, [0; 16]);
        assert_eq!(registered.passkey.aaguid, [0; 16]);
        assert_eq!(registered.passkey.provider, None);

        // One list or the other, the claim changes nothing.
        let host = ruled(|rules| rules.denied = vec![MODEL.to_vec()]);
        security_key(&host, key(), beside).unwrap();
    }
}

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
