//! Signing and inspecting, offline.

use zeropass::registry::sha256;

use super::{Desk, component};

#[test]
fn signed_component_is_trusted_and_a_changed_one_is_not() {
    let desk = Desk::new();
    let said = desk.sign("1.3.0");
    let digest = sha256(&component(300_000));
    assert!(
        said.starts_with(&format!("signed auth-service 1.3.0 sha256:{digest}\n")),
        "{said}"
    );

    let (code, found) = desk.inspect("a.wasm");
    assert_eq!(code, Some(0));
    assert_eq!(found["trusted"], true);
    assert_eq!(found["signer"], "development");
    assert_eq!(found["digest"], digest);
    assert_eq!(found["statement"]["version"], "1.3.0");
    assert_eq!(
        found["statement"]["world"],
        "zeropass:components/auth-service@1.0.0"
    );

    let mut wasm = component(300_000);
    *wasm.last_mut().unwrap() ^= 1;
    std::fs::write(desk.path("a.wasm"), wasm).unwrap();
    let (code, found) = desk.inspect("a.wasm");
    assert_eq!((code, &found["trusted"]), (Some(1), &false.into()));
    let reason = found["reason"].as_str().unwrap();
    assert!(reason.starts_with("signature-invalid: "), "{reason}");
}

#[test]
fn inspection_is_written_for_people_too() {
    let desk = Desk::new();
    let text = desk.done(&["component", "inspect", "a.wasm"]);
    for line in [
        "signature  none",
        "trusted    not judged; --policy FOLDER says whom to trust",
        "imports\n  (none)",
        "exports\n  (none)",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn what_can_not_be_signed_is_refused_with_the_mend() {
    let desk = Desk::new();
    std::fs::write(desk.path("module.wasm"), b"\0asm\x01\0\0\0").unwrap();
    let key = "pki/component-signing.key";
    for (file, key, name, version, reason) in [
        (
            "module.wasm",
            key,
            "auth-service",
            "1.0.0",
            "not a WebAssembly component",
        ),
        (
            "a.wasm",
            key,
            "Auth",
            "1.0.0",
            "--name \"Auth\": expected a name",
        ),
        (
            "a.wasm",
            key,
            "auth-service",
            "1",
            "--version \"1\": expected a semantic version",
        ),
        ("a.wasm", "a.wasm", "auth-service", "1.0.0", "a.wasm"),
        (
            "a.wasm",
            "pki/ca.key",
            "auth-service",
            "1.0.0",
            "not a minisign secret key",
        ),
    ] {
        let said = desk.failed(&[
            "component",
            "sign",
            file,
            "--key",
            key,
            "--name",
            name,
            "--version",
            version,
        ]);
        assert!(
            said.starts_with("zeropass: ") && said.contains(reason),
            "{said}"
        );
        assert!(!desk.path("a.wasm.minisig").exists());
    }
}

#[test]
fn signature_is_only_tried_out_in_a_dry_run() {
    let desk = Desk::new();
    let sign = [
        "component",
        "sign",
        "a.wasm",
        "--key",
        "pki/component-signing.key",
        "--name",
        "auth-service",
        "--version",
        "1.0.0",
        "--json",
    ];
    let dry = desk.done(&[&sign[..], &["--dry-run"]].concat());
    let dry: serde_json::Value = serde_json::from_str(&dry).unwrap();
    assert!(!desk.path("a.wasm.minisig").exists());
    let done: serde_json::Value = serde_json::from_str(&desk.done(&sign)).unwrap();
    assert!(desk.path("a.wasm.minisig").exists());
    for member in ["name", "version", "digest", "world", "key", "signature"] {
        assert_eq!(dry[member], done[member], "{member}");
    }
    assert_eq!(
        (&dry["dryRun"], &done["dryRun"]),
        (&true.into(), &false.into())
    );
    assert_eq!(done["version"], "1.0.0");
}

#[test]
fn key_with_a_password_is_opened_by_a_file() {
    let desk = Desk::new();
    let pair = minisign::KeyPair::generate_encrypted_keypair(Some("open sesame".into())).unwrap();
    let text = pair.sk.to_box(None).unwrap().to_string();
    std::fs::write(desk.path("locked.key"), text).unwrap();
    let sign = |password: &str| {
        std::fs::write(desk.path("password"), password).unwrap();
        desk.zeropass(&[
            "component",
            "sign",
            "a.wasm",
            "--key",
            "locked.key",
            "--name",
            "auth-service",
            "--version",
            "1.0.0",
            "--password-file",
            "password",
        ])
    };
    let refused = sign("open barley\n");
    assert_eq!(refused.status.code(), Some(1));
    let said = super::stderr(&refused);
    assert!(said.contains("the password is wrong"), "{said}");
    assert!(!said.contains("barley"), "{said}");
    assert!(sign("open sesame\n").status.success());
}
