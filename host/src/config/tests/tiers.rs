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

#[test]
fn front_tier_calls_and_serves_nothing_and_back_tier_the_reverse() {
    let front = parse(&with_link("role = \"front\"\ntargets = [\"back:8445\"]")).unwrap();
    assert_eq!(front.link.role, LinkRole::Front);
    assert_eq!(front.link.serving, None);
    assert_eq!(front.link.calling.unwrap().targets, ["back:8445"]);
    let back = parse(&with_link("role = \"back\"")).unwrap();
    assert!(back.link.serving.unwrap().store);
    assert_eq!(back.link.calling, None);
    // Only a back tier serves accounts and sessions.
    assert!(!parse(MINIMAL).unwrap().link.serving.unwrap().store);
}

#[test]
fn parts_of_the_link_must_fit_together() {
    assert_eq!(
        only(&with_link("role = \"front\"")),
        "link.targets (default): expected the link listener of at least one back tier with \
         link.role = \"front\""
    );
    assert_eq!(
        only(&with_link("kind = \"in-process\"\nrole = \"back\"")),
        "link.role = \"back\": expected \"all\" with link.kind = \"in-process\""
    );
}
