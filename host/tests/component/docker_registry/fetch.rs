//! What is fetched is what was published, or nothing is.

use std::sync::atomic::Ordering;

use zeropass::registry::sha256;

use super::server::Registry;
use super::wire::Wire;
use super::{at, fetch_from, publish, read};
use crate::{Desk, component};

#[test]
fn component_comes_back_as_it_was_published_with_its_signature() {
    let desk = Desk::new();
    let registry = Registry::start(&desk, false);
    let digest = publish(&desk, &registry);
    let reference = at(registry.address, &digest);
    let said = desk.done(&fetch_from(&reference));
    assert!(
        said.starts_with("fetched b.wasm (300014 bytes, sha256:"),
        "{said}"
    );
    assert_eq!(read(&desk.path("b.wasm")), component(300_000));
    assert_eq!(
        read(&desk.path("b.wasm.minisig")),
        read(&desk.path("a.wasm.minisig"))
    );
    let (code, found) = desk.inspect("b.wasm");
    assert_eq!((code, &found["trusted"]), (Some(0), &true.into()));

    // The artifact is of the layout for WebAssembly.
    let manifest = read(&registry.blob(digest.strip_prefix("sha256:").unwrap()));
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(
        manifest["config"]["mediaType"],
        "application/vnd.wasm.config.v0+json"
    );
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 1);
    assert_eq!(manifest["layers"][0]["mediaType"], "application/wasm");
}

#[test]
fn changed_layer_is_refused() {
    let desk = Desk::new();
    let registry = Registry::start(&desk, false);
    let digest = publish(&desk, &registry);
    let layer = registry.blob(&sha256(&component(300_000)));
    let mut changed = read(&layer);
    changed[1_000] ^= 1;
    std::fs::write(&layer, &changed).unwrap();
    std::fs::write(desk.path("b.wasm"), "old").unwrap();
    let said = desk.failed(&fetch_from(&at(registry.address, &digest)));
    assert!(
        said.contains(&format!(
            "the registry's content is not what its digest says (expected sha256:{}, got sha256:{}); \
             it was changed, don't use it",
            sha256(&component(300_000)),
            sha256(&changed)
        )),
        "{said}"
    );
    // What was there is still there.
    assert_eq!(read(&desk.path("b.wasm")), b"old");
    assert!(!desk.path("b.wasm.minisig").exists());
}

#[test]
fn transfer_that_breaks_off_is_taken_up_again() {
    let desk = Desk::new();
    let registry = Registry::start(&desk, false);
    let digest = publish(&desk, &registry);
    let wire = Wire::to(registry.address, 2, 100_000, false);
    desk.done(&fetch_from(&at(wire.address, &digest)));
    assert_eq!(read(&desk.path("b.wasm")), component(300_000));
    assert_eq!(wire.connections.load(Ordering::SeqCst), 3);
    // Taken up, not begun anew, which would have brought 500,000.
    let received = wire.received.load(Ordering::SeqCst);
    assert!(received < 400_000, "{received} bytes");
}

#[test]
fn registry_that_goes_away_half_way_harms_nothing() {
    let desk = Desk::new();
    let registry = Registry::start(&desk, false);
    let digest = publish(&desk, &registry);
    std::fs::write(desk.path("b.wasm"), "old").unwrap();
    let wire = Wire::to(registry.address, 1, 100_000, true);
    let said = desk.failed(&fetch_from(&at(wire.address, &digest)));
    assert!(
        said.contains("nothing was changed, try again later"),
        "{said}"
    );
    assert!(wire.received.load(Ordering::SeqCst) > 100_000);
    assert_eq!(read(&desk.path("b.wasm")), b"old");
    let left: Vec<_> = std::fs::read_dir(desk.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name.to_string_lossy().starts_with('.'))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    // Tried again with the registry back, it works.
    desk.done(&fetch_from(&at(registry.address, &digest)));
    assert_eq!(read(&desk.path("b.wasm")), component(300_000));
}

#[test]
fn registry_is_known_by_the_configured_authority_alone() {
    let desk = Desk::new();
    let registry = Registry::start(&desk, false);
    let digest = publish(&desk, &registry);
    let reference = at(registry.address, &digest);
    let said = desk.failed(&[
        "component",
        "fetch",
        &reference,
        "-o",
        "b.wasm",
        "--registry-ca",
        "pki/ca.pem",
    ]);
    assert!(
        said.contains("UnknownIssuer") || said.contains("certificate"),
        "{said}"
    );
    assert!(!desk.path("b.wasm").exists());
}

#[test]
fn what_is_too_large_missing_or_only_a_tag_is_not_fetched() {
    let desk = Desk::new();
    let registry = Registry::start(&desk, false);
    let digest = publish(&desk, &registry);
    let reference = at(registry.address, &digest);
    let mut limited = fetch_from(&reference).to_vec();
    limited.extend(["--limit", "300013"]);
    let said = desk.failed(&limited);
    assert!(
        said.contains("the component has 300014 bytes, and the limit is 300013"),
        "{said}"
    );

    let missing = at(registry.address, &format!("sha256:{}", "0".repeat(64)));
    let said = desk.failed(&fetch_from(&missing));
    assert!(said.contains("the registry has no such artifact"), "{said}");

    let tag = format!("oci://{}/team/auth-service:1.3.0", registry.address);
    let said = desk.failed(&fetch_from(&tag));
    assert!(
        said.contains("a tag can point to something else tomorrow"),
        "{said}"
    );
    assert!(!desk.path("b.wasm").exists());
}
