//! Who may publish, and what is not overwritten without a word.

use super::server::Registry;
use super::{at, fetch_from, publish, read};
use crate::{Desk, component};

/// User and password of the registry that wants some, as its own file has them.
const CREDENTIALS: &str =
    "{\"auths\": {\"HOST\": {\"username\": \"publisher\", \"password\": \"correct horse\"}}}";

fn dry<'a>(command: &[&'a str]) -> Vec<&'a str> {
    [command, &["--dry-run", "--json"]].concat()
}

#[test]
fn credentials_come_from_a_file() {
    let desk = Desk::new();
    let registry = Registry::start(&desk, true);
    desk.sign("1.3.0");
    let reference = format!("oci://{}/auth-service:1.3.0", registry.address);
    let publish = [
        "component",
        "publish",
        "a.wasm",
        &reference,
        "--registry-ca",
        "registry-ca.pem",
    ];
    let said = desk.failed(&publish);
    assert!(
        said.contains("access is denied; --credentials FILE"),
        "{said}"
    );

    let text = CREDENTIALS.replace("HOST", &registry.address.to_string());
    std::fs::write(desk.path("auth.json"), &text).unwrap();
    let mut with = publish.to_vec();
    with.extend(["--credentials", "auth.json"]);
    let said = desk.done(&with);
    let published = said.trim().strip_prefix("published ").unwrap().to_owned();
    let mut fetch = fetch_from(&published).to_vec();
    fetch.extend(["--credentials", "auth.json"]);
    desk.done(&fetch);
    assert_eq!(read(&desk.path("b.wasm")), component(300_000));

    std::fs::write(desk.path("auth.json"), text.replace("horse", "mule")).unwrap();
    let said = desk.failed(&fetch);
    assert!(said.contains("access is denied"), "{said}");
    assert!(!said.contains("mule"), "{said}");
}

#[test]
fn nothing_that_is_there_is_overwritten_without_a_yes() {
    let desk = Desk::new();
    let registry = Registry::start(&desk, false);
    let digest = publish(&desk, &registry);
    let reference = at(registry.address, &digest);
    let with_yes = fetch_from(&reference);
    let fetch = &with_yes[..7];
    let json = |said: String| serde_json::from_str::<serde_json::Value>(&said).unwrap();

    let would = json(desk.done(&dry(fetch)));
    assert_eq!(
        (&would["size"], &would["dryRun"]),
        (&300_014.into(), &true.into())
    );
    assert!(!desk.path("b.wasm").exists());
    std::fs::write(desk.path("b.wasm.minisig"), "old").unwrap();
    let said = desk.failed(fetch);
    assert!(said.contains("b.wasm.minisig is there"), "{said}");
    assert!(said.contains("say --yes (not-confirmed)"), "{said}");
    assert_eq!(read(&desk.path("b.wasm.minisig")), b"old");
    assert!(!desk.path("b.wasm").exists());
    desk.done(&with_yes);
    // What is the same is not overwritten.
    desk.done(fetch);

    // The tag leads to this artifact; signed anew it would lead to another one.
    let tag = format!("oci://{}/team/auth-service:1.3.0", registry.address);
    let with_yes = [
        "component",
        "publish",
        "a.wasm",
        &tag,
        "--registry-ca",
        "registry-ca.pem",
        "--yes",
    ];
    let again = &with_yes[..6];
    assert_eq!(desk.done(again).trim(), format!("published {reference}"));
    desk.sign("1.4.0");
    let would = json(desk.done(&dry(again)));
    assert_eq!(would["before"], reference);
    assert_ne!(would["reference"], reference);
    let said = desk.failed(again);
    assert!(said.contains("leads to another artifact"), "{said}");
    let published = desk.done(&with_yes);
    assert_eq!(
        published.trim().strip_prefix("published ").unwrap(),
        would["reference"]
    );
}

#[test]
fn unsigned_component_is_published_only_when_asked() {
    let desk = Desk::new();
    let registry = Registry::start(&desk, false);
    let reference = format!("oci://{}/auth-service:1.3.0", registry.address);
    let mut publish = vec![
        "component",
        "publish",
        "a.wasm",
        &reference,
        "--registry-ca",
        "registry-ca.pem",
    ];
    let said = desk.failed(&publish);
    assert!(said.contains("sign the component first"), "{said}");
    publish.push("--unsigned");
    let said = desk.done(&publish);
    // A signature from before does not stay beside it.
    std::fs::write(desk.path("b.wasm.minisig"), "old").unwrap();
    let reference = said.trim().strip_prefix("published ").unwrap();
    let said = desk.done(&fetch_from(reference));
    assert!(said.contains("not signed"), "{said}");
    assert!(!desk.path("b.wasm.minisig").exists());
}
