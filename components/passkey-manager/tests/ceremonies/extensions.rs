//! Extensions: asked for as policy allows, answered as they were asked.

use passkey_manager::bindings::{
    Code, Rejection, Subject, authentication as get, registration as create,
};
use passkey_manager::extensions::{ClientResults, authentication_inputs, registration_inputs};
use serde_json::{Value, json};

use crate::kit::*;

const ALL: [&str; 5] = [
    "credProps",
    "credProtect",
    "minPinLength",
    "prf",
    "largeBlob",
];

fn used(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// What is asked of a registration: the inputs and the identifiers.
fn registration(names: &[&str], wanted: &Value) -> Result<(Value, Vec<String>), Rejection> {
    let inputs = registration_inputs(&used(names), &wanted.to_string())?;
    Ok((
        serde_json::from_str(&inputs.json).unwrap(),
        inputs.identifiers,
    ))
}

fn authentication(names: &[&str], wanted: &Value) -> Result<Value, Rejection> {
    let inputs = authentication_inputs(&used(names), &wanted.to_string(), true)?;
    Ok(serde_json::from_str(&inputs.json).unwrap())
}

fn outputs(asked: &[&str], results: &Value, authenticator: &[u8]) -> Result<Value, Rejection> {
    let map = passkey_manager::cbor::decode(authenticator).unwrap();
    let told = ClientResults::parse(&results.to_string())?.outputs(&used(asked), Some(&map))?;
    Ok(serde_json::from_str(&told).unwrap())
}

/// `{}` in CBOR.
const NOTHING: &[u8] = &[0xa0];

#[test]
fn listed_extensions_are_asked_for_by_themselves() {
    let none = json!({});
    assert_eq!(registration(&[], &none).unwrap(), (json!({}), vec![]));
    let (inputs, identifiers) = registration(&ALL, &none).unwrap();
    assert_eq!(inputs, json!({"credProps": true, "minPinLength": true}));
    assert_eq!(identifiers, ["credProps", "minPinLength"]);
    assert_eq!(authentication(&ALL, &none).unwrap(), json!({}));
}

#[test]
fn request_adds_what_the_list_allows() {
    let wanted = json!({
        "credentialProtectionPolicy": "userVerificationRequired",
        "enforceCredentialProtectionPolicy": true,
        "prf": {"eval": {"first": "AAEC", "second": "AwQF"}},
        "largeBlob": {"support": "preferred"},
    });
    let (inputs, identifiers) = registration(&ALL[1..], &wanted).unwrap();
    let mut expected = wanted.clone();
    expected["minPinLength"] = json!(true);
    assert_eq!(inputs, expected);
    assert_eq!(
        identifiers,
        [
            "credProtect",
            "minPinLength",
            "prf",
            "largeBlob",
            "credProtect:3"
        ]
    );
    for wanted in [
        json!({"prf": {"evalByCredential": {"AQID": {"first": "AAEC"}}}}),
        json!({"largeBlob": {"read": true}}),
        json!({"largeBlob": {"write": "AAEC"}}),
    ] {
        assert_eq!(authentication(&ALL, &wanted).unwrap(), wanted);
    }
}

#[test]
fn request_for_what_is_not_listed_is_not_permitted() {
    for (name, wanted) in [
        ("credProps", json!({"credProps": true})),
        (
            "credProtect",
            json!({"credentialProtectionPolicy": "userVerificationOptional"}),
        ),
        ("minPinLength", json!({"minPinLength": true})),
        ("prf", json!({"prf": {}})),
        ("largeBlob", json!({"largeBlob": {"support": "required"}})),
    ] {
        let others: Vec<&str> = ALL.into_iter().filter(|one| *one != name).collect();
        let refused = registration(&others, &wanted);
        assert_eq!(code(refused), Code::NotPermitted, "{name}");
        assert!(registration(&ALL, &wanted).is_ok(), "{name}");
    }
    for wanted in [json!({"prf": {}}), json!({"largeBlob": {"read": true}})] {
        let refused = authentication(&["credProps"], &wanted);
        assert_eq!(code(refused), Code::NotPermitted, "{wanted}");
    }
}

#[test]
fn inputs_of_another_form_are_malformed() {
    for wanted in [
        json!({"appid": "https://example.com"}),
        json!({"prf": {"evalByCredential": {}}}),
        json!({"prf": {"eval": {"first": "!"}}}),
        json!({"prf": {"eval": {"second": "AAEC"}}}),
        json!({"largeBlob": {"read": true}}),
        json!({"largeBlob": {}}),
        json!({"credProps": "yes"}),
        json!({"credentialProtectionPolicy": "strict"}),
        json!({"enforceCredentialProtectionPolicy": true}),
    ] {
        assert_eq!(
            code(registration(&ALL, &wanted)),
            Code::Malformed,
            "{wanted}"
        );
    }
    for wanted in [
        json!({"credProps": true}),
        json!({"largeBlob": {"support": "required"}}),
        json!({"largeBlob": {"read": false}}),
        json!({"largeBlob": {"read": true, "write": "AAEC"}}),
        json!({"largeBlob": {"write": "="}}),
        json!({"prf": {"evalByCredential": {"=": {"first": "AAEC"}}}}),
        json!({"prf": {"evalByCredential": {"": {"first": "AAEC"}}}}),
    ] {
        assert_eq!(
            code(authentication(&ALL, &wanted)),
            Code::Malformed,
            "{wanted}"
        );
    }
    let long = json!({"largeBlob": {"write": "A".repeat(8 * 1024)}});
    assert_eq!(code(authentication(&ALL, &long)), Code::TooLarge);
    assert!(registration_inputs(&[], "[]").is_err());
}

/// Without an allow list every browser refuses them.
#[test]
fn inputs_for_passkeys_of_a_list_need_a_name() {
    let host = MemoryHost::new();
    host.profile.borrow_mut().extensions = used(&ALL);
    let begin = |subject: Subject, wanted: &Value| {
        let request = get::BeginRequest {
            rp_id: RP.to_owned(),
            subject,
            user_verification: None,
            hints: Vec::new(),
            extensions: wanted.to_string(),
        };
        passkey_manager::authentication::begin(&host, request)
    };
    for wanted in [
        json!({"prf": {"evalByCredential": {"AQID": {"first": "AAEC"}}}}),
        json!({"largeBlob": {"write": "AAEC"}}),
    ] {
        assert_eq!(code(begin(Subject::Anyone, &wanted)), Code::Malformed);
        // Whether the name has passkeys or not.
        for subject in [
            Subject::Account(ALICE.to_owned()),
            Subject::UnknownName("nobody".to_owned()),
        ] {
            begin(subject, &wanted).unwrap();
        }
    }
    for wanted in [
        json!({"prf": {"eval": {"first": "AAEC"}, "evalByCredential": {}}}),
        json!({"largeBlob": {"read": true}}),
    ] {
        begin(Subject::Anyone, &wanted).unwrap();
    }
}

#[test]
fn outputs_are_told_where_they_were_asked_for() {
    let results = json!({
        "credProps": {"rk": true, "authenticatorDisplayName": "x"},
        "prf": {"enabled": true, "results": {"first": "c2VjcmV0"}},
        "largeBlob": {"supported": true},
        "appid": true,
    });
    // {"credProtect": 3, "minPinLength": 6, "hmac-secret": true}
    let mut map = vec![0xa3, 0x6b];
    map.extend_from_slice(b"credProtect");
    map.extend_from_slice(&[3, 0x6c]);
    map.extend_from_slice(b"minPinLength");
    map.extend_from_slice(&[6, 0x6b]);
    map.extend_from_slice(b"hmac-secret");
    map.push(0xf5);
    assert_eq!(outputs(&[], &results, &map).unwrap(), json!({}));
    assert_eq!(
        outputs(&ALL, &results, &map).unwrap(),
        json!({
            "credProps": {"rk": true},
            "credProtect": 3,
            "minPinLength": 6,
            "prf": {"enabled": true},
            "largeBlob": {"supported": true},
        })
    );
    assert_eq!(outputs(&ALL, &json!({}), NOTHING).unwrap(), json!({}));
    for results in [
        json!({"prf": true}),
        json!({"largeBlob": {"blob": 1}}),
        json!({"credProps": true}),
        json!({"credProps": {"rk": 1}}),
    ] {
        assert_eq!(code(outputs(&ALL, &results, NOTHING)), Code::Malformed);
        assert_eq!(
            outputs(&["credProtect"], &results, NOTHING).unwrap(),
            json!({}),
            "nobody asked"
        );
    }
    let mut odd = vec![0xa1, 0x6b];
    odd.extend_from_slice(b"credProtect");
    odd.push(4);
    assert_eq!(code(outputs(&ALL, &json!({}), &odd)), Code::Malformed);
}

#[test]
fn ceremonies_ask_and_tell() {
    let host = MemoryHost::new();
    host.profile.borrow_mut().extensions = used(&ALL);
    let authenticator = Authenticator::new(1);
    let request = create::BeginRequest {
        extensions: r#"{"prf":{}}"#.to_owned(),
        ..registration_request(ALICE)
    };
    let options = passkey_manager::registration::begin(&host, request).unwrap();
    let inputs: Value = serde_json::from_str(&options.extensions).unwrap();
    assert_eq!(
        inputs,
        json!({"credProps": true, "minPinLength": true, "prf": {}})
    );
    let stored = host.ceremonies.borrow()[&options.ceremony].0.clone();
    assert_eq!(stored.extensions, ["credProps", "minPinLength", "prf"]);
    let mut answer = authenticator.create(&options);
    answer.extension_results =
        r#"{"prf":{"enabled":true,"results":{"first":"c2VjcmV0"}}}"#.to_owned();
    let registered = finish_registration(&host, answer).unwrap();
    assert_eq!(registered.extensions, r#"{"prf":{"enabled":true}}"#);

    let request = get::BeginRequest {
        rp_id: RP.to_owned(),
        subject: Subject::Account(ALICE.to_owned()),
        user_verification: None,
        hints: Vec::new(),
        extensions: r#"{"largeBlob":{"write":"AAEC"}}"#.to_owned(),
    };
    let options = passkey_manager::authentication::begin(&host, request).unwrap();
    let mut answer = authenticator.get(&options);
    answer.extension_results = r#"{"largeBlob":{"written":true},"prf":{"results":{}}}"#.to_owned();
    let signed_in = finish_sign_in(&host, answer).unwrap();
    assert_eq!(signed_in.extensions, r#"{"largeBlob":{"written":true}}"#);
}

/// A registration that asks for this protection, answered with what the authenticator
/// reports of it.
fn protected(policy: &str, enforce: Option<bool>, reported: Option<u8>) -> Result<String, Code> {
    let host = MemoryHost::new();
    host.profile.borrow_mut().extensions = used(&["credProtect"]);
    let mut wanted = json!({"credentialProtectionPolicy": policy});
    if let Some(enforce) = enforce {
        wanted["enforceCredentialProtectionPolicy"] = enforce.into();
    }
    let request = create::BeginRequest {
        extensions: wanted.to_string(),
        ..registration_request(ALICE)
    };
    let options = passkey_manager::registration::begin(&host, request).unwrap();
    let mut answer = Authenticator::new(1).create(&options);
    if let Some(level) = reported {
        answer.flags |= ED;
        answer.extensions = [&[0xa1, 0x6b][..], b"credProtect", &[level]].concat();
    }
    let finished = finish_registration(&host, answer);
    assert_eq!(finished.is_ok(), host.credentials.borrow().len() == 1);
    finished
        .map(|registered| registered.extensions)
        .map_err(|rejection| rejection.code)
}

#[test]
fn protection_that_is_demanded_is_compared_with_what_is_reported() {
    let levels = [
        ("userVerificationOptional", 1),
        ("userVerificationOptionalWithCredentialIDList", 2),
        ("userVerificationRequired", 3),
    ];
    for (policy, demanded) in levels {
        for reported in 1..=3 {
            let told = Ok(json!({"credProtect": reported}).to_string());
            let expected = if reported < demanded {
                Err(Code::NotPermitted)
            } else {
                told.clone()
            };
            let answered = |enforce| protected(policy, enforce, Some(reported));
            assert_eq!(answered(Some(true)), expected, "{policy} {reported}");
            // What is only wished for may be less.
            assert_eq!(answered(Some(false)), told);
            assert_eq!(answered(None), told);
        }
        // No word of it is the lowest level, which every passkey has.
        let silent = protected(policy, Some(true), None);
        let expected = match demanded {
            1 => Ok("{}".to_owned()),
            _ => Err(Code::NotPermitted),
        };
        assert_eq!(silent, expected, "{policy}");
        assert_eq!(protected(policy, None, None), Ok("{}".to_owned()));
    }
}

/// The browser passes the request on, and may leave out what is demanded there.
#[test]
fn demand_for_protection_is_kept_with_the_ceremony() {
    let host = MemoryHost::new();
    host.profile.borrow_mut().extensions = used(&["credProtect"]);
    let request = create::BeginRequest {
        extensions: json!({
            "credentialProtectionPolicy": "userVerificationRequired",
            "enforceCredentialProtectionPolicy": true,
        })
        .to_string(),
        ..registration_request(ALICE)
    };
    let options = passkey_manager::registration::begin(&host, request).unwrap();
    let stored = host.ceremonies.borrow()[&options.ceremony].0.clone();
    assert_eq!(stored.extensions, ["credProtect", "credProtect:3"]);
}
