use ciborium::Value;
use ciborium::value::Value::{Bytes as B, Map, Null, Text};

use super::envelope::{Answer, Call, Component, Request};
use super::passkeys as w;
use super::*;
use crate::capabilities::bindings::passkeys as native;
use crate::policy::action;

fn text(text: &str) -> Value {
    Text(text.to_owned())
}

fn map(fields: Vec<(&str, Value)>) -> Value {
    Map(fields
        .into_iter()
        .map(|(name, value)| (text(name), value))
        .collect())
}

/// The fields of a map by name.
fn fields(value: &mut Value) -> &mut Vec<(Value, Value)> {
    value.as_map_mut().unwrap()
}

fn passkey() -> native::Passkey {
    native::Passkey {
        id: vec![1, 2, 3],
        user_id: "u".into(),
        label: "key".into(),
        status: native::Status::Suspended,
        created_at: 5,
        last_used_at: Some(6),
        algorithm: -7,
        aaguid: vec![0; 16],
        provider: Some("maker".into()),
        transports: vec!["usb".into()],
        backup_eligible: true,
        backup_state: false,
        sign_count: 9,
        suspended_at: Some(7),
        clone_alarm_at: None,
    }
}

fn value_of<T: Serialize>(sent: &T) -> Value {
    decode(&encode(sent)).unwrap()
}

#[test]
fn values_cross_as_maps_by_name_with_words_and_byte_strings() {
    let value = value_of(&w::Passkey::of(passkey()));
    assert_eq!(
        value,
        map(vec![
            ("id", B(vec![1, 2, 3])),
            ("user-id", text("u")),
            ("label", text("key")),
            ("status", text("suspended")),
            ("created-at", 5.into()),
            ("last-used-at", 6.into()),
            ("algorithm", (-7).into()),
            ("aaguid", B(vec![0; 16])),
            ("provider", text("maker")),
            ("transports", vec![text("usb")].into()),
            ("backup-eligible", true.into()),
            ("backup-state", false.into()),
            ("sign-count", 9.into()),
            ("suspended-at", 7.into()),
            ("clone-alarm-at", Null),
        ])
    );
}

#[test]
fn answers_say_whether_they_are_errors() {
    type Got = Answer<(), w::Rejection>;
    assert_eq!(value_of(&Got::Ok(())), map(vec![("ok", Null)]));
    let rejection = w::Rejection {
        code: w::Code::CeremonyUsed,
        detail: "again".into(),
        remedy: Some(w::Remedy::RetryAfter(3)),
    };
    let value = value_of(&Got::Error(rejection.clone()));
    let inner = map(vec![
        ("code", text("ceremony-used")),
        ("detail", text("again")),
        ("remedy", map(vec![("retry-after", 3.into())])),
    ]);
    assert_eq!(value, map(vec![("error", inner)]));
    let back: Got = decode(&encode(&value)).unwrap();
    assert!(back == Got::Error(rejection));
}

#[test]
fn field_of_a_newer_version_is_ignored() {
    let mut value = value_of(&w::Passkey::of(passkey()));
    fields(&mut value).push((
        text("colour"),
        map(vec![("red", 1.into()), ("more", vec![Null].into())]),
    ));
    let back: w::Passkey = decode(&encode(&value)).unwrap();
    assert_eq!(back.native(), passkey());
}

#[test]
fn rejection_in_words_of_a_newer_version_is_a_rejection() {
    type Got = Answer<(), w::Rejection>;
    let answer = map(vec![(
        "error",
        map(vec![
            ("code", text("passkey-too-new")),
            ("detail", text("it is of tomorrow")),
            ("remedy", map(vec![("ask-again-at", 9.into())])),
        ]),
    )]);
    let Got::Error(rejection) = decode::<Got>(&encode(&answer)).unwrap() else {
        panic!("not a rejection");
    };
    let expected = w::Rejection {
        code: w::Code::NotPermitted,
        detail: "it is of tomorrow".into(),
        remedy: None,
    };
    assert!(rejection == expected);
}

#[test]
fn optional_field_that_an_older_version_lacks_is_empty() {
    let mut value = value_of(&w::Passkey::of(passkey()));
    let optional = ["last-used-at", "provider", "transports", "suspended-at"];
    fields(&mut value).retain(|(name, _)| !optional.contains(&name.as_text().unwrap()));
    let back: w::Passkey = decode(&encode(&value)).unwrap();
    let expected = native::Passkey {
        last_used_at: None,
        provider: None,
        transports: Vec::new(),
        suspended_at: None,
        ..passkey()
    };
    assert_eq!(back.native(), expected);
}

#[test]
fn missing_field_that_means_something_is_refused_by_name() {
    for name in ["backup-eligible", "status", "user-id", "sign-count"] {
        let mut value = value_of(&w::Passkey::of(passkey()));
        fields(&mut value).retain(|(key, _)| key.as_text() != Some(name));
        let refused = decode::<w::Passkey>(&encode(&value)).err().unwrap();
        assert!(refused.to_string().contains(name), "{name}: {refused}");
    }
}

#[test]
fn every_call_has_an_envelope_whose_own_options_may_be_absent() {
    let call = Call {
        request: Request {
            id: "r".into(),
            workload: "spiffe://td/w".into(),
            thumbprint: Some(Bytes(vec![7; 32])),
            place: Some(9_999),
            relying_parties: vec!["example.com".into()],
        },
        component: Component {
            name: "auth-service".into(),
            digest: "d".into(),
            revision: "1".into(),
        },
        deadline: 250,
        arguments: w::List {
            rp_id: "example.com".into(),
            user_id: "u".into(),
        },
    };
    let mut value = value_of(&call);
    let request = &mut fields(&mut value)[0].1;
    assert_eq!(fields(request)[2], (text("thumbprint"), B(vec![7; 32])));
    fields(request).truncate(2);
    let back: Call<w::List> = decode(&encode(&value)).unwrap();
    assert_eq!((back.request.id, back.deadline), ("r".into(), 250));
    assert_eq!(back.request.place, None);
    assert!(back.request.thumbprint.is_none() && back.request.relying_parties.is_empty());
}

#[test]
fn a_list_of_numbers_is_taken_for_bytes() {
    let numbers: Value = vec![Value::from(1), Value::from(255)].into();
    let back: Bytes = decode(&encode(&numbers)).unwrap();
    assert_eq!(back.0, [1, 255]);
}

#[test]
fn long_byte_strings_cross() {
    let long = Bytes(vec![9; 70_000]);
    let back: Bytes = decode(&encode(&long)).unwrap();
    assert!(back == long);
}

#[test]
fn what_is_no_body_is_refused() {
    for body in [&[][..], &[0xff], &[0xa1], &[0x80, 0x00]] {
        assert!(decode::<Vec<u32>>(body).is_err(), "{body:?}");
    }
}

#[test]
fn paths_carry_package_major_version_and_the_name_of_the_action() {
    assert_eq!(
        path::<action::RegistrationBegin>(),
        "/zeropass.passkeys/v1/registration.begin"
    );
    assert_eq!(
        path::<action::AccountsFindByName>(),
        "/zeropass.store/v1/accounts.find-by-name"
    );
    assert!(VERSION.starts_with(&format!("{MAJOR}.")));
}

/// A second call of any of these would find another state, or make a second thing.
#[test]
fn only_calls_that_change_nothing_of_worth_are_repeated() {
    fn repeatable<F: Function>() -> (bool, &'static str) {
        (F::REPEATABLE, F::NAME)
    }
    let all = [
        repeatable::<action::RegistrationBegin>(),
        repeatable::<action::RegistrationFinish>(),
        repeatable::<action::AuthenticationBegin>(),
        repeatable::<action::AuthenticationFinish>(),
        repeatable::<action::LifecycleList>(),
        repeatable::<action::LifecycleGet>(),
        repeatable::<action::LifecycleRename>(),
        repeatable::<action::LifecycleSuspend>(),
        repeatable::<action::LifecycleResume>(),
        repeatable::<action::LifecycleChange>(),
        repeatable::<action::LifecycleRevoke>(),
        repeatable::<action::LifecycleWithdraw>(),
        repeatable::<action::AccountsCreate>(),
        repeatable::<action::AccountsActivate>(),
        repeatable::<action::AccountsChange>(),
        repeatable::<action::AccountsFindById>(),
        repeatable::<action::AccountsFindByName>(),
        repeatable::<action::SessionsCreate>(),
        repeatable::<action::SessionsGet>(),
        repeatable::<action::SessionsTouch>(),
        repeatable::<action::SessionsRevoke>(),
    ];
    let repeated: Vec<_> = all
        .iter()
        .filter(|(yes, _)| *yes)
        .map(|(_, name)| *name)
        .collect();
    assert_eq!(
        repeated,
        [
            "registration.begin",
            "authentication.begin",
            "lifecycle.list",
            "lifecycle.get",
            "accounts.find-by-id",
            "accounts.find-by-name",
            "sessions.get",
            "sessions.touch",
        ]
    );
}
