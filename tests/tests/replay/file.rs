//! Files as other people write them, and what a bad value in one costs.

use serde_json::{Value, json};

use super::{b64, lines, recording, run};

#[test]
fn file_that_is_no_recording_is_refused_with_the_reason() {
    let nameless = r#"[{"rpId": "a"}]"#;
    for (file, reason) in [
        (&b"not json"[..], "not a file of recorded ceremonies"),
        (b"{}", "expected a sequence"),
        (b"[7]", "element 1 of the array is not an object"),
        (nameless.as_bytes(), "recording 1 has no name"),
    ] {
        let output = run(file);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.contains(reason), "{errors}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn policy_in_other_spellings_is_applied() {
    let mut spelt = recording("spelt", |_| {});
    spelt["policy"] = json!({
        "userVerification": null,
        "algorithms": ["EdDSA", "ES256", -257],
        "allowCrossOrigin": null,
        "topOrigins": null,
        "attestation": null,
        "attestationRoots": null,
        "now": 1_770_000_000.5,
        "comment": "nobody knows this one",
    });
    let mut other = recording("other", |_| {});
    other["policy"] = json!({"algorithms": ["Ed448", "ML-DSA-44"]});
    let mut absent = recording("absent", |_| {});
    absent["policy"] = json!(null);
    absent["authentication"]["userHandle"] = json!(null);
    assert_eq!(
        lines(&json!([spelt, other, absent])),
        [
            "spelt registration accept",
            "spelt authentication accept",
            "other registration reject algorithm-not-allowed",
            "other authentication reject credential-unknown",
            "absent registration accept",
            "absent authentication accept",
            "6 steps: 4 accept, 2 reject",
        ]
    );
}

#[test]
fn bad_value_is_malformed_and_the_other_steps_go_on() {
    type Change = fn(&mut Value);
    let (accept, malformed) = ("accept", "reject malformed");
    let unknown = "reject credential-unknown";
    let changes: [(&str, Change, &str, &str); 7] = [
        (
            "object",
            |r| r["registration"]["attestationObject"] = "?".into(),
            malformed,
            unknown,
        ),
        (
            "challenge",
            |r| r["registration"]["challenge"] = json!(7),
            malformed,
            unknown,
        ),
        (
            "nothing",
            |r| r["registration"] = json!(null),
            malformed,
            unknown,
        ),
        (
            "signature",
            |r| r["authentication"]["signature"] = "+_8".into(),
            accept,
            malformed,
        ),
        (
            "data",
            |r| r["authentication"]["authenticatorData"] = json!(null),
            accept,
            malformed,
        ),
        (
            "policy",
            |r| r["policy"] = json!({"now": "yesterday"}),
            malformed,
            malformed,
        ),
        ("rpId", |r| r["rpId"] = json!(null), malformed, malformed),
    ];
    let good = recording("good", |_| {});
    let (mut recordings, mut expected) = (Vec::new(), Vec::new());
    for (name, change, registration, authentication) in changes {
        let mut changed = good.clone();
        changed["name"] = name.into();
        change(&mut changed);
        recordings.push(changed);
        expected.push(format!("{name} registration {registration}"));
        expected.push(format!("{name} authentication {authentication}"));
    }
    let mut found = lines(&Value::Array(recordings));
    found.pop();
    assert_eq!(found, expected);
}

/// More than a sandbox has memory for: there is no verdict on it, only on the others.
#[test]
fn step_at_which_the_component_fails_does_not_end_the_replay() {
    let mut huge = recording("huge", |_| {});
    huge["registration"]["attestationObject"] = b64(&vec![0; 33 << 20]);
    let good = recording("good", |_| {});
    let output = run(json!([huge, good]).to_string().as_bytes());
    assert_eq!(output.status.code(), Some(2));
    let found = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        found.lines().collect::<Vec<_>>(),
        [
            "huge registration failed",
            "huge authentication reject credential-unknown",
            "good registration accept",
            "good authentication accept",
            "4 steps: 2 accept, 1 reject, 1 failed",
        ]
    );
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        errors.contains("failed instead of answering, at 1 of the steps"),
        "{errors}"
    );
}
