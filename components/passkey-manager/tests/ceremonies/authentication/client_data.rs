use passkey_manager::bindings::Code;
use serde_json::json;

use super::refused;
use crate::kit::*;

#[test]
fn other_type_is_refused() {
    assert_eq!(
        refused(|get| get.client_data["type"] = json!("webauthn.create")),
        Code::Malformed
    );
}

#[test]
fn other_challenge_is_refused() {
    assert_eq!(
        refused(|get| get.client_data["challenge"] = json!("AAAA")),
        Code::ChallengeMismatch
    );
}

#[test]
fn other_origin_is_refused() {
    for origin in ["https://evil.example", "https://login.example.com/"] {
        assert_eq!(
            refused(|get| get.client_data["origin"] = json!(origin)),
            Code::OriginMismatch
        );
    }
}

#[test]
fn cross_origin_frame_is_refused_unless_allowed() {
    let framed = |get: &mut Get| {
        get.client_data["crossOrigin"] = json!(true);
        get.client_data["topOrigin"] = json!("https://shop.example");
    };
    assert_eq!(refused(framed), Code::OriginMismatch);

    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    host.profile.borrow_mut().allow_cross_origin = true;
    assert_eq!(
        code(sign_in_with(&host, &authenticator, framed)),
        Code::OriginMismatch
    );
    host.profile.borrow_mut().top_origins = vec!["https://shop.example".to_owned()];
    sign_in_with(&host, &authenticator, framed).unwrap();
}

#[test]
fn cross_origin_frame_without_a_top_origin_is_refused_unless_allowed() {
    let framed = |get: &mut Get| get.client_data["crossOrigin"] = json!(true);
    assert_eq!(refused(framed), Code::OriginMismatch);
    let host = MemoryHost::new();
    let authenticator = Authenticator::new(1);
    register(&host, &authenticator);
    host.profile.borrow_mut().allow_cross_origin = true;
    sign_in_with(&host, &authenticator, framed).unwrap();
}

#[test]
fn client_data_that_is_not_one_strict_object_is_refused() {
    for bent in bent_client_data() {
        assert_eq!(
            refused(|get| {
                let text = get.client_data.to_string();
                get.client_data_raw = Some(bent(&text));
            }),
            Code::Malformed
        );
    }
}
