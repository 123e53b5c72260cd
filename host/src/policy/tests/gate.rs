use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use super::{BANK, Folder, NOW, SHOP, actor, component, delivered, gate};
use crate::audit::{Outcome, Trail};
use crate::clock::FixedClock;
use crate::policy::action::{ApiUsers, CredentialsGet, CredentialsRemove};
use crate::policy::{Bundle, Error, Gate};

const OPEN: &str = "@id(\"open\") permit (principal, action, resource);\n";

#[test]
fn without_policies_everything_is_denied() {
    let gate = Folder::new().gate();
    let trail = Trail::new();
    assert!(
        gate.authorize::<ApiUsers>(&actor(SHOP, None), Some("shop.example"), &trail)
            .is_err()
    );
    assert!(
        gate.authorize::<ApiUsers>(&actor(SHOP, None), None, &trail)
            .is_err()
    );
    assert!(
        !gate
            .may_link(&component("auth-service"), "zeropass:host/log@1")
            .allowed
    );
    assert!(gate.served(SHOP).is_empty());
}

#[test]
fn policy_that_fails_to_evaluate_denies_though_another_permits() {
    let overflow = "@id(\"failing\") forbid (principal, action, resource)\n\
                    when { 9223372036854775807 + 1 > 0 };";
    let folder = Folder::new().with("a.cedar", &format!("{OPEN}{overflow}"));
    let gate = folder.gate();
    let trail = Trail::new();
    assert!(
        gate.authorize::<ApiUsers>(&actor(SHOP, None), Some("shop.example"), &trail)
            .is_err()
    );
    let record = &trail.drain()[0];
    assert_eq!(
        (record.outcome.clone(), &*record.policies),
        (Outcome::Denied, &["failing".to_owned()][..])
    );
    assert!(
        !gate
            .may_link(&component("auth-service"), "zeropass:host/log@1")
            .allowed
    );
    assert!(gate.served(SHOP).is_empty());
}

#[test]
fn failing_permit_denies_too() {
    let ghost = "@id(\"failing\") permit (principal, action, resource)\n\
                 when { RelyingParty::\"ghost\".workloads.contains(Workload::\"w\") };";
    let folder = Folder::new().with("a.cedar", &format!("{OPEN}{ghost}"));
    let decision = folder
        .gate()
        .may_link(&component("auth-service"), "zeropass:host/log@1");
    assert_eq!(
        (decision.allowed, &*decision.policies),
        (false, &["failing".to_owned()][..])
    );
}

#[test]
fn forbid_wins_and_is_named_in_the_record() {
    let forbid =
        "@id(\"closed\") forbid (principal, action, resource == RelyingParty::\"shop.example\");";
    let gate = Folder::new()
        .with("a.cedar", &format!("{OPEN}{forbid}"))
        .gate();
    let trail = Trail::new();
    assert!(
        gate.authorize::<ApiUsers>(&actor(SHOP, None), Some("shop.example"), &trail)
            .is_err()
    );
    assert_eq!(*trail.drain()[0].policies, ["closed".to_owned()]);
    assert!(
        gate.authorize::<ApiUsers>(&actor(SHOP, None), Some("bank.example"), &trail)
            .is_ok()
    );
}

#[test]
fn revision_that_policy_pins_is_the_only_one_permitted() {
    let pinned = format!(
        "@id(\"pinned\") permit (principal == Component::\"passkey-manager\", action, resource)\n\
         when {{ principal.digest == \"{}\" }};",
        "ab".repeat(32)
    );
    let gate = Folder::new().with("a.cedar", &pinned).gate();
    let trail = Trail::new();
    let ask = |digest: &str| {
        let mut identity = component("passkey-manager");
        identity.digest = digest.repeat(32);
        gate.authorize::<CredentialsGet>(&actor(SHOP, Some(identity)), Some("shop.example"), &trail)
            .is_ok()
    };
    assert!(ask("ab"));
    assert!(!ask("cd"));
    assert!(ask("ab"));
}

#[test]
fn another_relying_party_is_denied_and_on_the_trail() {
    let gate = gate(&delivered());
    let trail = Trail::new();
    let manager = actor(SHOP, Some(component("passkey-manager")));
    for _cached in [false, true] {
        let denied = gate
            .authorize::<CredentialsGet>(&manager, Some("bank.example"), &trail)
            .unwrap_err();
        assert_eq!(denied.action, "credentials.get");
        let records = trail.drain();
        assert_eq!(records.len(), 1);
        let record = &records[0];
        assert_eq!(
            (record.time, record.action, record.target.as_str()),
            (NOW, "credentials.get", "-")
        );
        assert_eq!(
            (record.relying_party.as_str(), &record.outcome),
            ("bank.example", &Outcome::Denied)
        );
        assert_eq!((record.policies.len(), &record.actor), (0, &manager));
    }
}

#[test]
fn unknown_relying_party_is_denied_even_where_policy_is_open_and_recorded_in_bounds() {
    let gate = Folder::new().with("a.cedar", OPEN).gate();
    let trail = Trail::new();
    let manager = actor(SHOP, Some(component("passkey-manager")));
    assert!(
        gate.authorize::<CredentialsGet>(&manager, Some("unknown.example"), &trail)
            .is_err()
    );
    assert!(
        gate.authorize::<CredentialsGet>(&manager, Some(""), &trail)
            .is_err()
    );
    assert!(
        gate.authorize::<CredentialsGet>(&manager, Some(&"ü".repeat(100_000)), &trail)
            .is_err()
    );
    let recorded: Vec<String> = trail
        .drain()
        .into_iter()
        .map(|record| record.relying_party)
        .collect();
    assert_eq!(
        recorded,
        ["unknown.example".to_owned(), String::new(), "ü".repeat(126)]
    );
}

#[test]
fn settled_permit_records_what_came_and_a_dropped_one_that_it_was_abandoned() {
    let gate = gate(&delivered());
    let trail = Trail::new();
    let manager = actor(SHOP, Some(component("passkey-manager")));
    let permit = gate
        .authorize::<CredentialsGet>(&manager, Some("shop.example"), &trail)
        .unwrap();
    assert_eq!(permit.relying_party(), "shop.example");
    assert!(trail.is_empty());
    permit.settle("credential", Outcome::Success);
    drop(
        gate.authorize::<CredentialsRemove>(&manager, Some("shop.example"), &trail)
            .unwrap(),
    );

    let records = trail.drain();
    let seen: Vec<_> = records
        .iter()
        .map(|record| {
            (
                record.action,
                record.target.as_str(),
                record.outcome.to_string(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("credentials.get", "credential", "success".to_owned()),
            ("credentials.remove", "-", "failed:abandoned".to_owned()),
        ]
    );
    for record in &records {
        assert_eq!(*record.policies, ["passkey-manager.call".to_owned()]);
    }
}

#[test]
fn reload_forgets_every_decision_of_the_old_bundle() {
    let gate = gate(&delivered());
    let trail = Trail::new();
    let ask = || {
        gate.authorize::<ApiUsers>(&actor(SHOP, None), Some("shop.example"), &trail)
            .is_ok()
    };
    assert!(ask() && ask());
    assert_eq!((gate.served(SHOP).len(), gate.epoch()), (1, 1));
    let before = gate.digest();

    assert_eq!(gate.reload(Folder::new().path()).unwrap(), 2);
    assert!(!ask());
    assert!(gate.served(SHOP).is_empty());
    assert!(
        !gate
            .may_link(&component("auth-service"), "zeropass:host/log@1")
            .allowed
    );
    assert_ne!(gate.digest(), before);

    assert_eq!(gate.reload(&delivered()).unwrap(), 3);
    assert!(ask());
    assert_eq!(
        (gate.digest(), gate.served(BANK)),
        (before, vec!["bank.example".to_owned()])
    );
}

#[test]
fn refused_bundle_leaves_the_old_one_in_force() {
    let gate = gate(&delivered());
    let before = gate.digest();
    let failing = r#"{"tests": [{"name": "t", "workload": "w", "actions": ["api.users"], "expect": "deny"}]}"#;
    let golden = Folder::new()
        .with("a.cedar", OPEN)
        .with("tests/t.json", failing);
    assert!(matches!(gate.reload(golden.path()), Err(Error::Golden(_))));
    let invalid = Folder::new().with("a.cedar", "permit (principal, action, resource);");
    assert!(matches!(
        gate.reload(invalid.path()),
        Err(Error::MissingId { .. })
    ));

    assert_eq!((gate.epoch(), gate.digest()), (1, before));
    let trail = Trail::new();
    assert!(
        gate.authorize::<ApiUsers>(&actor(SHOP, None), Some("shop.example"), &trail)
            .is_ok()
    );
    assert!(
        gate.authorize::<ApiUsers>(&actor(SHOP, None), Some("bank.example"), &trail)
            .is_err()
    );
}

#[test]
fn relying_party_ids_that_the_configuration_can_not_mean_are_refused() {
    for ids in [vec!["-"], vec![""], vec!["shop.example", "shop.example"]] {
        let parties = ids
            .iter()
            .map(|id| ((*id).to_owned(), Vec::new()))
            .collect();
        let bundle = Bundle::load(&delivered()).unwrap();
        let refused = Gate::new(bundle, parties, Arc::new(FixedClock::new(NOW)));
        assert!(
            matches!(refused, Err(Error::RelyingParty { .. })),
            "{ids:?}"
        );
    }
}

/// Prints what a decision costs; `cargo test -- --nocapture` shows it.
#[test]
fn cached_and_uncached_decisions_agree() {
    const ROUNDS: u32 = 2_000;
    let gate = gate(&delivered());
    let manager = actor(SHOP, Some(component("passkey-manager")));
    let trail = Trail::new();
    let ask = || {
        let permit = gate
            .authorize::<CredentialsGet>(&manager, Some("shop.example"), &trail)
            .unwrap();
        permit.into_record("t").unwrap()
    };
    let first = ask();
    let start = Instant::now();
    for _ in 0..ROUNDS {
        black_box(ask());
    }
    println!(
        "a permit from the cache, made and settled: {:?}",
        start.elapsed() / ROUNDS
    );
    assert_eq!(ask(), first);

    let identity = component("auth-service");
    let start = Instant::now();
    for _ in 0..ROUNDS {
        assert!(black_box(gate.may_link(&identity, "zeropass:store/accounts@1")).allowed);
    }
    println!(
        "a decision without the cache: {:?}",
        start.elapsed() / ROUNDS
    );
}
