use std::collections::BTreeSet;
use std::fs;

use cedar_policy::Schema;

use super::{SHOP, actor, component, delivered, gate};
use crate::audit::Trail;
use crate::policy::action::{
    self, ApiMetadata, ApiUsers, CredentialsGet, TokensKeys, TokensSign, TokensVerify,
};

#[test]
fn every_action_of_the_host_is_in_the_schema_and_the_other_way_round() {
    let text = fs::read_to_string(delivered().join("schema.cedarschema")).unwrap();
    let schema = Schema::from_cedarschema_str(&text).unwrap().0;
    let groups: BTreeSet<String> = schema
        .action_groups()
        .map(|uid| uid.id().unescaped().to_owned())
        .collect();
    let declared: BTreeSet<String> = schema
        .actions()
        .map(|uid| uid.id().unescaped().to_owned())
        .filter(|name| !groups.contains(name) && !["link"].contains(&name.as_str()))
        .collect();
    let all = |names: &[&str]| -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    };
    let asked = all(action::ALL);
    let by_operators = all(action::OPERATOR);
    assert_eq!(declared, &asked | &by_operators);
    // Each action is in the group of its interface.
    let interfaces: BTreeSet<String> = asked
        .iter()
        .map(|name| name.split_once('.').unwrap().0.to_owned())
        .collect();
    // Those of operators are all in one, and what they do to components in another.
    let for_operators = all(&["admin", "components"]);
    assert_eq!(groups, &interfaces | &for_operators);
}

#[test]
fn auth_service_can_not_link_or_call_credentials() {
    let gate = gate(&delivered());
    let identity = component("auth-service");
    let linked = gate.may_link(&identity, "zeropass:store/accounts@1.0.0");
    assert_eq!(
        (linked.allowed, &*linked.policies),
        (true, &["auth-service.link".to_owned()][..])
    );
    let refused = gate.may_link(&identity, "zeropass:store/credentials@1.0.0");
    assert_eq!((refused.allowed, refused.policies.len()), (false, 0));

    let actor = actor(SHOP, Some(identity));
    let trail = Trail::new();
    let denied = gate
        .authorize::<CredentialsGet>(&actor, Some("shop.example"), &trail)
        .unwrap_err();
    assert_eq!(denied.action, "credentials.get");
}

#[test]
fn passkey_manager_can_not_sign_tokens_or_link_them() {
    let gate = gate(&delivered());
    let identity = component("passkey-manager");
    assert!(
        gate.may_link(&identity, "zeropass:store/credentials@1.0.0")
            .allowed
    );
    assert!(
        !gate
            .may_link(&identity, "zeropass:host/tokens@1.0.0")
            .allowed
    );
    assert!(
        !gate
            .may_link(&identity, "wasi:http/outgoing-handler@0.2.6")
            .allowed
    );
    let actor = actor(SHOP, Some(identity));
    let trail = Trail::new();
    for party in [Some("shop.example"), None] {
        assert!(gate.authorize::<TokensSign>(&actor, party, &trail).is_err());
    }
    assert!(
        gate.authorize::<CredentialsGet>(&actor, Some("shop.example"), &trail)
            .is_ok()
    );
}

#[test]
fn link_names_that_are_no_interfaces_are_denied() {
    let gate = gate(&delivered());
    for name in [
        "",
        "env",
        "zeropass:host/log",
        "zeropass:host/log@",
        "wasi:clocks@0.2",
        "zeropass:host/log@1.0.0-rc.1",
    ] {
        assert!(
            !gate.may_link(&component("auth-service"), name).allowed,
            "{name}"
        );
    }
}

#[test]
fn actions_without_a_relying_party_are_permitted_one_by_one() {
    let gate = gate(&delivered());
    let trail = Trail::new();
    let auth = actor(SHOP, Some(component("auth-service")));
    let permit = gate.authorize::<TokensVerify>(&auth, None, &trail).unwrap();
    assert_eq!(permit.relying_party(), "-");
    assert!(gate.authorize::<TokensKeys>(&auth, None, &trail).is_ok());
    assert!(gate.authorize::<TokensSign>(&auth, None, &trail).is_err());
    // A guest that sends the placeholder as an id names no relying party at all.
    assert!(
        gate.authorize::<TokensVerify>(&auth, Some("-"), &trail)
            .is_err()
    );
}

#[test]
fn nobody_takes_an_action_of_another_kind_of_principal() {
    let gate = gate(&delivered());
    let trail = Trail::new();
    let component = actor(SHOP, Some(component("auth-service")));
    assert!(
        gate.authorize::<ApiUsers>(&component, Some("shop.example"), &trail)
            .is_err()
    );
    let workload = actor(SHOP, None);
    assert!(
        gate.authorize::<ApiUsers>(&workload, Some("shop.example"), &trail)
            .is_ok()
    );
    assert!(
        gate.authorize::<CredentialsGet>(&workload, Some("shop.example"), &trail)
            .is_err()
    );
}

#[test]
fn workload_that_nobody_bound_is_served_nothing() {
    let gate = gate(&delivered());
    let trail = Trail::new();
    assert_eq!(gate.served(SHOP), ["shop.example"]);
    assert_eq!(gate.served(SHOP), ["shop.example"]);
    assert!(gate.served("spiffe://example.org/unknown").is_empty());
    let unknown = actor("spiffe://example.org/unknown", None);
    assert!(
        gate.authorize::<ApiMetadata>(&unknown, None, &trail)
            .is_err()
    );
    assert!(
        gate.authorize::<ApiMetadata>(&actor(SHOP, None), None, &trail)
            .is_ok()
    );
}
