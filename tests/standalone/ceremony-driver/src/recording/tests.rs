#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failure here is a failure of the test"
)]

use serde_json::json;

use super::*;

fn file(policy: Value) -> Value {
    json!([{
        "name": "a", "rpId": "b", "origins": ["c"], "policy": policy,
        "registration": {
            "challenge": "AQI", "clientDataJSON": "AQI=", "attestationObject": "-_8",
        },
        "authentication": {
            "challenge": "AQI", "clientDataJSON": "AQI", "authenticatorData": "+/8=",
            "signature": "+/8", "userHandle": "-_8=",
        },
    }])
}

fn one(file: &Value) -> Recording {
    parse(file.to_string().as_bytes()).unwrap().remove(0)
}

fn policy(policy: Value) -> Result<Policy, String> {
    let setting = one(&file(policy)).setting;
    setting
        .map(|setting| setting.policy)
        .map_err(|wrong| wrong.to_string())
}

#[test]
fn bytes_are_of_either_alphabet_with_padding_or_without() {
    let recording = one(&file(json!({})));
    let registration = recording.registration.unwrap();
    assert_eq!(registration.challenge, [1, 2]);
    assert_eq!(registration.client_data_json, [1, 2]);
    assert_eq!(registration.attestation_object, [0xfb, 0xff]);
    let authentication = recording.authentication.unwrap().unwrap();
    assert_eq!(authentication.authenticator_data, [0xfb, 0xff]);
    assert_eq!(authentication.signature, [0xfb, 0xff]);
    assert_eq!(authentication.user_handle.unwrap(), [0xfb, 0xff]);
}

#[test]
fn bytes_that_could_mean_two_things_are_wrong() {
    for text in ["-/8", "+_8", "A*I", "AQJ", "AQI==", "A", "AQ I"] {
        let mut bad = file(json!({}));
        bad[0]["registration"]["challenge"] = text.into();
        let wrong = one(&bad).registration.unwrap_err().to_string();
        assert!(
            wrong.starts_with("registration.challenge is not base64"),
            "{wrong}"
        );
    }
}

#[test]
fn null_is_the_default() {
    let null = json!({
        "userVerification": null, "algorithms": null, "allowCrossOrigin": null,
        "topOrigins": null, "attestation": null, "attestationRoots": null, "now": null,
        "later": null,
    });
    for absent in [json!({}), null, json!(null)] {
        let policy = policy(absent).unwrap();
        assert_eq!(policy.user_verification, UserVerification::Preferred);
        assert_eq!(policy.algorithms, None);
        assert!(!policy.allow_cross_origin && policy.top_origins.is_empty());
        assert_eq!(policy.attestation, Attestation::None);
        assert!(policy.attestation_roots.is_empty() && policy.unknown.is_empty());
        assert_eq!(policy.now, None);
    }
    let mut named = file(json!({}));
    for nothing in [json!(null), json!("")] {
        named[0]["authentication"]["userHandle"] = nothing;
        let step = one(&named).authentication.unwrap().unwrap();
        assert_eq!(step.user_handle, None);
    }
    named[0]["authentication"] = json!(null);
    assert!(one(&named).authentication.is_none());
}

#[test]
fn algorithms_are_numbers_or_names() {
    let algorithms = |list| policy(json!({"algorithms": list})).unwrap();
    assert_eq!(
        algorithms(json!([
            -7,
            "ES384",
            "EdDSA",
            "Ed448",
            "ML-DSA-44",
            "rs256",
            "-37"
        ]))
        .algorithms,
        Some(vec![-7, -35, -8, -53, -48, -257, -37])
    );
    assert_eq!(algorithms(json!([])).algorithms, Some(Vec::new()));
    let some = algorithms(json!(["ES256", "RSA", 7e30]));
    assert_eq!(some.algorithms, Some(vec![-7]));
    assert_eq!(
        some.unknown,
        ["the algorithm \"RSA\"", "the algorithm 7e+30"]
    );
}

#[test]
fn now_is_a_time_or_seconds_or_milliseconds() {
    for now in [
        json!("2026-01-01T01:00:00.5+01:00"),
        json!(1_767_225_600_500_u64),
        json!(1_767_225_600_500.0),
        json!(1_767_225_600.5),
    ] {
        let policy = policy(json!({"now": now})).unwrap();
        assert_eq!(policy.now, Some(1_767_225_600_500), "{now}");
    }
    let seconds = policy(json!({"now": 1_767_225_600})).unwrap();
    assert_eq!(seconds.now, Some(1_767_225_600_000));
}

#[test]
fn roots_are_base64_or_pem_with_one_certificate_or_several() {
    let block = "-----BEGIN CERTIFICATE-----\n+/\n8=\n-----END CERTIFICATE-----\n";
    let several = format!("Maker: us\n{block}and\n{block}");
    let roots = json!(["-_8", "+/8=", block, several]);
    let found = policy(json!({"attestationRoots": roots})).unwrap();
    assert_eq!(found.attestation_roots, vec![vec![0xfb, 0xff]; 5]);
    let alone = policy(json!({"attestationRoots": several})).unwrap();
    assert_eq!(alone.attestation_roots.len(), 2);
}

#[test]
fn wrong_policy_says_what_is_wrong() {
    for (bad, expected) in [
        (json!({"now": "yesterday"}), "policy.now is neither"),
        (
            json!({"now": "1969-01-01T00:00:00Z"}),
            "policy.now is neither",
        ),
        (json!({"now": -1}), "policy.now is neither"),
        (json!({"now": true}), "policy.now is neither"),
        (
            json!({"userVerification": "always"}),
            "policy.userVerification is not one of required, preferred, discouraged",
        ),
        (
            json!({"attestation": 1}),
            "policy.attestation is not one of",
        ),
        (
            json!({"algorithms": "ES256"}),
            "policy.algorithms is not a list",
        ),
        (
            json!({"allowCrossOrigin": "yes"}),
            "policy.allowCrossOrigin is not true or false",
        ),
        (
            json!({"topOrigins": [1]}),
            "policy.topOrigins is not a list of texts",
        ),
        (
            json!({"attestationRoots": ["+_8="]}),
            "policy.attestationRoots is not base64",
        ),
        (
            json!({"attestationRoots": [{}]}),
            "policy.attestationRoots is not a list of texts",
        ),
        (
            json!({"attestationRoots": ["-----BEGIN CERTIFICATE-----AA"]}),
            "policy.attestationRoots has a certificate in PEM without its end",
        ),
        (json!([]), "policy is not an object"),
    ] {
        let wrong = policy(bad).unwrap_err();
        assert!(wrong.starts_with(expected), "{wrong}");
    }
}

#[test]
fn wrong_value_costs_its_own_step_alone() {
    let mut bad = file(json!({}));
    bad[0]["authentication"]["signature"] = json!(7);
    let recording = one(&bad);
    assert!(recording.setting.is_ok() && recording.registration.is_ok());
    let wrong = recording.authentication.unwrap().unwrap_err();
    assert_eq!(wrong.to_string(), "authentication.signature is not a text");

    let mut bad = file(json!({}));
    bad[0].as_object_mut().unwrap().remove("registration");
    bad[0].as_object_mut().unwrap().remove("rpId");
    let recording = one(&bad);
    assert_eq!(
        recording.registration.unwrap_err().to_string(),
        "registration is missing"
    );
    assert_eq!(
        recording.setting.unwrap_err().to_string(),
        "rpId is missing"
    );
    assert!(recording.authentication.unwrap().is_ok());
}

#[test]
fn file_without_recordings_or_names_is_refused_with_the_place() {
    let refused = |file: &Value| parse(file.to_string().as_bytes()).unwrap_err().to_string();
    let mut nameless = file(json!({}));
    nameless[0]["name"] = json!(1);
    assert!(refused(&nameless).starts_with("recording 1 has no name"));
    assert!(refused(&json!([file(json!({}))[0], 1])).starts_with("element 2 of the array"));
    assert!(refused(&json!({})).contains("expected a sequence"));
}

#[test]
fn unknown_members_are_ignored_and_those_of_the_policy_kept() {
    let mut more = file(json!({"timeout": 1}));
    more[0]["comment"] = json!({"by": "somebody"});
    more[0]["registration"]["transports"] = json!(["usb"]);
    let recording = one(&more);
    assert!(recording.registration.is_ok());
    assert_eq!(
        recording.setting.unwrap().policy.unknown,
        ["policy.timeout"]
    );
}

#[test]
fn byte_order_mark_before_the_file_is_passed_over() {
    let file = format!("\u{feff}{}", file(json!({})));
    assert_eq!(parse(file.as_bytes()).unwrap().len(), 1);
}
