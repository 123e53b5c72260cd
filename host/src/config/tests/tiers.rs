//! The link section: its kinds, and the two tiers.

use super::*;

#[test]
fn link_in_process_needs_no_certificates_and_opens_nothing() {
    let start = MINIMAL.find("[link.auth-service]").unwrap();
    let end = MINIMAL.find("[[relying-party]]").unwrap();
    let (before, after) = (&MINIMAL[..start], &MINIMAL[end..]);
    let config = parse(&format!("{before}[link]\nkind = \"in-process\"\n{after}")).unwrap();
    assert_eq!(config.link.kind, LinkKind::InProcess);
    assert_eq!((config.link.serving, config.link.calling), (None, None));
    // Certificates that are there for the other kind are no reason to use them.
    let config = parse(&MINIMAL.replace(
        "[link.auth-service]",
        "[link]\nkind = \"in-process\"\n[link.auth-service]",
    ))
    .unwrap();
    assert_eq!((config.link.serving, config.link.calling), (None, None));
}

/// The minimal configuration with these settings of the link.
fn with_link(settings: &str) -> String {
    MINIMAL.replace(
        "[link.auth-service]",
        &format!("[link]\n{settings}\n[link.auth-service]"),
    )
}

const AUTH_SERVICE: &str = "[components.auth-service]\nfile = \"auth.wasm\"\n";
const PASSKEY_MANAGER: &str = "[components.passkey-manager]\nfile = \"passkeys.wasm\"\n";

/// The same on a front tier, which runs auth-service alone.
fn of_front(settings: &str) -> String {
    with_link(&format!("role = \"front\"\n{settings}")).replace(PASSKEY_MANAGER, "")
}

/// The same on a back tier, which runs passkey-manager alone.
fn of_back(settings: &str) -> String {
    with_link(&format!("role = \"back\"\n{settings}")).replace(AUTH_SERVICE, "")
}

#[test]
fn front_tier_calls_and_serves_nothing_and_back_tier_the_reverse() {
    let front = parse(&of_front("targets = [\"back:8445\"]")).unwrap();
    assert_eq!(front.link.role, LinkRole::Front);
    assert_eq!(front.link.serving, None);
    assert_eq!(front.link.calling.unwrap().targets, ["back:8445"]);
    let back = parse(&of_back("")).unwrap();
    assert!(back.link.serving.unwrap().store);
    assert_eq!(back.link.calling, None);
    // Only a back tier serves accounts and sessions.
    assert!(!parse(MINIMAL).unwrap().link.serving.unwrap().store);
}

#[test]
fn parts_of_the_link_must_fit_together() {
    assert_eq!(
        only(&of_front("")),
        "link.targets (default): expected the link listener of at least one back tier with \
         link.role = \"front\""
    );
    assert_eq!(
        only(&of_back("kind = \"in-process\"")),
        "link.role = \"back\": expected \"all\" with link.kind = \"in-process\""
    );
    assert_eq!(
        only(&MINIMAL.replace("key = \"pki/auth-service.key\"\n", "")),
        "link.auth-service.key is missing: expected the path of a PEM file with a private key"
    );
}

#[test]
fn tier_runs_its_own_component_and_no_other() {
    let front = parse(&of_front("targets = [\"back:8445\"]")).unwrap();
    assert!(front.components.auth_service.is_some());
    assert_eq!(front.components.passkey_manager, None);
    let back = parse(&of_back("")).unwrap();
    assert_eq!(back.components.auth_service, None);
    assert_eq!(back.components.hostcall_bytes(), 1 << 20);
    for (text, name) in [
        (
            with_link("role = \"front\"\ntargets = [\"back:8445\"]"),
            "passkey-manager",
        ),
        (with_link("role = \"back\""), "auth-service"),
    ] {
        let message = only(&text);
        let start = format!("components.{name}");
        assert!(message.starts_with(&start), "{message}");
        assert!(
            message.contains("the other tier runs this component"),
            "{message}"
        );
    }
    let missing = of_front("targets = [\"back:8445\"]").replace(AUTH_SERVICE, "");
    assert!(
        only(&missing).contains("components.auth-service.file"),
        "{missing}"
    );
}

/// The minimal configuration of a host whose identity comes from an agent.
fn of_an_agent() -> String {
    let start = MINIMAL.find("certificate").unwrap();
    let end = MINIMAL.find("trust-domain").unwrap();
    let (before, after) = (&MINIMAL[..start], &MINIMAL[end..]);
    format!("[identity]\nworkload-api = \"unix:/run/agent.sock\"\n{before}{after}")
}

#[test]
fn components_take_their_identities_from_the_agent_or_from_files_with_an_authority() {
    let start = of_an_agent().find("[link.auth-service]").unwrap();
    let end = of_an_agent().find("[[relying-party]]").unwrap();
    let (before, after) = (&of_an_agent()[..start], &of_an_agent()[end..]);
    let link = parse(&format!("{before}{after}")).unwrap().link;
    let agent = LinkSource::WorkloadApi {
        socket: "/run/agent.sock".into(),
    };
    let (serving, calling) = (link.serving.unwrap(), link.calling.unwrap());
    assert_eq!(serving.identity.source, agent);
    assert_eq!(calling.identity.source, agent);
    let id = "spiffe://zeropass.internal/component/passkey-manager";
    assert_eq!(serving.identity.id.as_str(), id);

    assert_eq!(
        only(&of_an_agent()),
        "link.ca (default): expected a PEM file, because there is no service.client-ca"
    );
    let with_ca = of_an_agent().replace("[link.auth", "[link]\nca = \"ca.pem\"\n[link.auth");
    let LinkSource::Files { ca, .. } = parse(&with_ca)
        .unwrap()
        .link
        .calling
        .unwrap()
        .identity
        .source
    else {
        panic!("files come first");
    };
    assert_eq!(ca, Path::new("/etc/zeropass/ca.pem"));
    let half = with_ca.replace("key = \"pki/auth-service.key\"\n", "");
    let message = only(&half);
    assert!(
        message.contains("certificate and key together"),
        "{message}"
    );
}
