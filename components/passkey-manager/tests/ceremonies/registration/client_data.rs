use passkey_manager::bindings::Code;
use serde_json::json;

use super::refused;
use crate::kit::*;

#[test]
fn other_type_is_refused() {
    assert_eq!(
        refused(|create| create.client_data["type"] = json!("webauthn.get")),
        Code::Malformed
    );
}

#[test]
fn other_challenge_is_refused() {
    for challenge in ["", "AAAA", "not base64url!"] {
        assert_eq!(
            refused(|create| create.client_data["challenge"] = json!(challenge)),
            Code::ChallengeMismatch
        );
    }
    assert_eq!(
        refused(|create| {
            let padded = format!("{}=", create.client_data["challenge"].as_str().unwrap());
            create.client_data["challenge"] = json!(padded);
        }),
        Code::ChallengeMismatch
    );
}

#[test]
fn origin_must_be_byte_equal() {
    for origin in [
        "https://login.example.com/",
        "https://login.example.com:443",
        "https://LOGIN.example.com",
        "http://login.example.com",
        "https://sub.login.example.com",
        "https://evil.example",
        "",
        "null",
    ] {
        assert_eq!(
            refused(|create| create.client_data["origin"] = json!(origin)),
            Code::OriginMismatch,
            "{origin}"
        );
    }
}

#[test]
fn each_configured_origin_is_accepted() {
    let host = MemoryHost::new();
    register_with(&host, &Authenticator::new(1), |create| {
        create.client_data["origin"] = json!("https://example.com");
    })
    .unwrap();
}

#[test]
fn cross_origin_frame_is_refused_unless_allowed() {
    let framed = |create: &mut Create| {
        create.client_data["crossOrigin"] = json!(true);
        create.client_data["topOrigin"] = json!("https://shop.example");
    };
    assert_eq!(refused(framed), Code::OriginMismatch);

    let host = MemoryHost::new();
    host.profile.borrow_mut().allow_cross_origin = true;
    let unlisted = register_with(&host, &Authenticator::new(1), framed);
    assert_eq!(code(unlisted), Code::OriginMismatch);

    host.profile.borrow_mut().top_origins = vec!["https://shop.example".to_owned()];
    register_with(&host, &Authenticator::new(1), framed).unwrap();
}

#[test]
fn cross_origin_frame_without_a_top_origin_is_refused_unless_allowed() {
    let framed = |create: &mut Create| create.client_data["crossOrigin"] = json!(true);
    assert_eq!(refused(framed), Code::OriginMismatch);
    let host = MemoryHost::new();
    host.profile.borrow_mut().allow_cross_origin = true;
    register_with(&host, &Authenticator::new(1), framed).unwrap();
}

#[test]
fn top_origin_without_a_frame_is_refused() {
    let host = MemoryHost::new();
    host.profile.borrow_mut().allow_cross_origin = true;
    host.profile.borrow_mut().top_origins = vec!["https://shop.example".to_owned()];
    let odd = register_with(&host, &Authenticator::new(1), |create| {
        create.client_data["topOrigin"] = json!("https://shop.example");
    });
    assert_eq!(code(odd), Code::OriginMismatch);
}

#[test]
fn token_binding_and_unknown_members_are_ignored() {
    let host = MemoryHost::new();
    register_with(&host, &Authenticator::new(1), |create| {
        create.client_data["tokenBinding"] = json!(7);
        create.client_data["extraData"] = json!({"a": [1, 2]});
    })
    .unwrap();
}

#[test]
fn client_data_that_is_not_one_strict_object_is_refused() {
    for bent in bent_client_data() {
        assert_eq!(
            refused(|create| {
                let text = create.client_data.to_string();
                create.client_data_raw = Some(bent(&text));
            }),
            Code::Malformed
        );
    }
}

/// The very same bending, but for what it does.
#[test]
fn client_data_in_another_spelling_are_accepted() {
    for spelling in [
        |text: &str| text.replace(',', " ,\n\t"),
        |text: &str| text.replace("\"type\"", "\"t\\u0079pe\""),
        |text: &str| text.replacen('{', "{\"other\":null,", 1),
        // UTF-8 decode takes one byte order mark away.
        |text: &str| format!("\u{feff}{text}"),
    ] {
        let host = MemoryHost::new();
        let authenticator = Authenticator::new(1);
        register_with(&host, &authenticator, |create| {
            let text = create.client_data.to_string();
            create.client_data_raw = Some(spelling(&text).into_bytes());
        })
        .unwrap();
        sign_in_with(&host, &authenticator, |get| {
            let text = get.client_data.to_string();
            get.client_data_raw = Some(spelling(&text).into_bytes());
        })
        .unwrap();
    }
}

#[test]
fn member_that_stands_twice_is_refused() {
    for doubled in [
        r#"{"origin":"https://evil.example","#,
        r#"{"orig\u0069n":"https://evil.example","#,
        r#"{"type":"webauthn.create","#,
        r#"{"x":1,"x":1,"#,
        r#"{"x":{"a":1,"a":2},"#,
        r#"{"x":[0,{"b":{"a":1,"\u0061":1}}],"#,
        r#"{"tokenBinding":{"status":"present","status":"supported"},"#,
    ] {
        assert_eq!(
            refused(|create| {
                let text = create.client_data.to_string();
                create.client_data_raw = Some(text.replacen('{', doubled, 1).into_bytes());
            }),
            Code::Malformed,
            "{doubled}"
        );
    }
}

#[test]
fn oversized_parts_are_too_large() {
    assert_eq!(
        refused(|create| create.client_data_raw = Some(vec![b' '; 8 * 1024 + 1])),
        Code::TooLarge
    );
    assert_eq!(
        refused(|create| create.object_raw = Some(vec![0; 64 * 1024 + 1])),
        Code::TooLarge
    );
    assert_eq!(
        refused(|create| create.extension_results = " ".repeat(16 * 1024 + 1)),
        Code::TooLarge
    );
}

#[test]
fn details_keep_the_challenge_to_themselves() {
    let host = MemoryHost::new();
    let options = begin_registration(&host);
    let mut create = Authenticator::new(1).create(&options);
    create.client_data["challenge"] = json!("c2VjcmV0LWNoYWxsZW5nZQ");
    let rejection = finish_registration(&host, create).unwrap_err();
    assert!(!rejection.detail.contains("c2VjcmV0LWNoYWxsZW5nZQ"));
    let own = passkey_manager::base64url::encode(&options.challenge);
    assert!(!rejection.detail.contains(&own));
}
