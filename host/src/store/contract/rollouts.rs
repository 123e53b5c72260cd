//! Revisions and rollouts: compare-and-set, one line of history and one record each.

use super::{Kit, NOW};
use crate::audit::{Outcome, Record, Trail};
use crate::store::Error;
use crate::store::rollouts::{
    Artifact, CanaryState, HistoryEntry, HostReport, RevisionInfo, RolloutState, Rollouts, Vouched,
};

const NAME: &str = "auth-service";

fn rollouts(kit: &Kit) -> &dyn Rollouts {
    kit.store.rollouts().expect("the store keeps rollouts")
}

fn digest(number: u8) -> String {
    format!("{number:02x}").repeat(32)
}

fn record(kit: &Kit, action: &'static str) -> Record {
    Record {
        time: NOW,
        actor: kit.actor(),
        action,
        relying_party: "-".into(),
        target: NAME.into(),
        outcome: Outcome::Success,
        policies: vec!["operator.admin".to_owned()].into(),
    }
}

fn artifact(number: u8) -> Artifact {
    Artifact {
        info: RevisionInfo {
            component: NAME.into(),
            digest: digest(number),
            version: format!("1.{number}.0"),
            size: 4,
            pushed_at: NOW + u64::from(number),
            pushed_by: "spiffe://example/operator/ada".into(),
        },
        wasm: vec![0, 0x61, 0x73, number].into(),
        minisig: format!("signature {number}"),
    }
}

fn state(epoch: u64, stable: u8, canary: Option<(u8, u8)>, before: &[u8]) -> RolloutState {
    RolloutState {
        component: NAME.into(),
        epoch,
        stable: digest(stable),
        canary: canary.map(|(number, weight)| CanaryState {
            digest: digest(number),
            weight,
        }),
        predecessors: before.iter().copied().map(digest).collect(),
    }
}

fn entry(epoch: u64, from: &str, to: u8) -> HistoryEntry {
    HistoryEntry {
        component: NAME.into(),
        epoch,
        time: NOW + epoch,
        who: "spiffe://example/operator/ada".into(),
        what: "activated".into(),
        from: from.into(),
        to: digest(to),
        why: "because".into(),
    }
}

async fn push(kit: &Kit, number: u8) -> bool {
    let record = record(kit, "components.push");
    rollouts(kit)
        .revision_push(&kit.trail, record, artifact(number), None)
        .await
        .unwrap()
}

/// The kit with these revisions pushed.
async fn with(kit: Kit, numbers: std::ops::Range<u8>) -> Kit {
    for number in numbers {
        assert!(push(&kit, number).await);
    }
    kit
}

async fn set(kit: &Kit, state: RolloutState, entry: HistoryEntry) -> Result<(), Error> {
    let record = record(kit, "components.activate");
    rollouts(kit)
        .rollout_set(&kit.trail, record, state, entry)
        .await
}

pub(crate) async fn pushed_revision_is_read_back_whole(kit: Kit) {
    assert!(push(&kit, 1).await);
    assert!(push(&kit, 2).await);
    let got = rollouts(&kit).revision_get(NAME, &digest(1)).await;
    assert_eq!(got, Ok(artifact(1)));
    let listed = rollouts(&kit).revision_list(NAME).await.unwrap();
    assert_eq!(listed, [artifact(1).info, artifact(2).info]);
    assert_eq!(
        rollouts(&kit).revision_get(NAME, &digest(3)).await,
        Err(Error::NotFound)
    );
    let elsewhere = rollouts(&kit)
        .revision_get("passkey-manager", &digest(1))
        .await;
    assert_eq!(elsewhere, Err(Error::NotFound));
}

pub(crate) async fn revision_pushed_again_has_its_newer_signature(kit: Kit) {
    assert!(push(&kit, 1).await);
    let mut again = artifact(1);
    again.minisig = "signed anew".into();
    again.info.version = "2.0.0".into();
    again.info.pushed_by = "somebody else".into();
    let sign = async |instead_of: Option<&str>| {
        let record = record(&kit, "components.push");
        let instead_of = instead_of.map(str::to_owned);
        rollouts(&kit)
            .revision_push(&kit.trail, record, again.clone(), instead_of)
            .await
    };
    let name = digest(1);
    let signature = || rollouts(&kit).revision_signature(NAME, &name);
    // Only what the pusher has seen gives way.
    assert_eq!(sign(None).await, Ok(false));
    assert_eq!(sign(Some("another")).await, Err(Error::Conflict));
    assert_eq!(signature().await, Ok(artifact(1).minisig));
    assert_eq!(sign(Some(&artifact(1).minisig)).await, Ok(false));
    assert_eq!(signature().await, Ok("signed anew".to_owned()));
    let got = rollouts(&kit).revision_get(NAME, &digest(1)).await.unwrap();
    assert_eq!(got.minisig, "signed anew");
    let nowhere = rollouts(&kit).revision_signature(NAME, &digest(2)).await;
    assert_eq!(nowhere, Err(Error::NotFound));
    assert_eq!(got.info.version, "2.0.0");
    assert_eq!(got.info.pushed_by, artifact(1).info.pushed_by);
}

pub(crate) async fn rollout_is_read_back_whole(kit: Kit) {
    let kit = with(kit, 1..3).await;
    assert_eq!(rollouts(&kit).rollout_get(NAME).await, Ok(None));
    set(&kit, state(1, 1, None, &[]), entry(1, "-", 1))
        .await
        .unwrap();
    let second = state(2, 1, Some((2, 10)), &[7, 8]);
    set(&kit, second.clone(), entry(2, &digest(1), 2))
        .await
        .unwrap();
    assert_eq!(rollouts(&kit).rollout_get(NAME).await, Ok(Some(second)));
    let history = rollouts(&kit).rollout_history(NAME, 10).await.unwrap();
    assert_eq!(history, [entry(2, &digest(1), 2), entry(1, "-", 1)]);
    let last = rollouts(&kit).rollout_history(NAME, 1).await.unwrap();
    assert_eq!(last, [entry(2, &digest(1), 2)]);
}

pub(crate) async fn rollout_comes_with_what_vouches_for_what_it_runs(kit: Kit) {
    let kit = with(kit, 1..6).await;
    assert_eq!(rollouts(&kit).rollout_present(NAME).await, Ok(None));
    let vouched = |number: u8| Vouched {
        digest: digest(number),
        version: artifact(number).info.version,
        minisig: artifact(number).minisig,
    };
    let mut epoch = 0;
    for (canary, before, expected) in [
        (None, vec![], vec![1]),
        (Some((2, 10)), vec![4, 3], vec![1, 2, 3]),
        // The nearest predecessor is not there.
        (None, vec![4, 9], vec![1]),
    ] {
        epoch += 1;
        let next = state(epoch, 1, canary, &before);
        set(&kit, next.clone(), entry(epoch, "-", 1)).await.unwrap();
        let present = rollouts(&kit).rollout_present(NAME).await;
        let mut present = present.unwrap().unwrap();
        present.vouched.sort_by_key(|one| one.digest.clone());
        assert_eq!(present.state, next);
        let expected: Vec<_> = expected.into_iter().map(vouched).collect();
        assert_eq!(present.vouched, expected, "{epoch}");
        assert_eq!(present.of(&digest(1)), Some(&vouched(1)));
        assert_eq!(present.of(&digest(5)), None);
    }
}

pub(crate) async fn rollout_of_another_epoch_is_a_conflict_and_recorded(kit: Kit) {
    let kit = with(kit, 1..3).await;
    let early = set(&kit, state(2, 1, None, &[]), entry(2, "-", 1)).await;
    assert_eq!(early, Err(Error::Conflict));
    set(&kit, state(1, 1, None, &[]), entry(1, "-", 1))
        .await
        .unwrap();
    for epoch in [1, 3] {
        let refused = set(&kit, state(epoch, 2, None, &[]), entry(epoch, "-", 2)).await;
        assert_eq!(refused, Err(Error::Conflict));
    }
    let kept = rollouts(&kit).rollout_get(NAME).await.unwrap().unwrap();
    assert_eq!(kept, state(1, 1, None, &[]));
    let history = rollouts(&kit).rollout_history(NAME, 10).await.unwrap();
    assert_eq!(history.len(), 1);
    let outcomes: Vec<_> = kit
        .records()
        .await
        .into_iter()
        .filter(|record| record.action == "components.activate")
        .map(|record| record.outcome)
        .collect();
    let conflict = "failed:conflict";
    assert_eq!(outcomes, [conflict, "success", conflict, conflict]);
}

pub(crate) async fn of_parallel_changes_of_one_epoch_one_succeeds(kit: Kit) {
    let kit = with(kit, 1..12).await;
    set(&kit, state(1, 1, None, &[]), entry(1, "-", 1))
        .await
        .unwrap();
    let changes = (2..12_u8).map(|to| set(&kit, state(2, to, None, &[1]), entry(2, "-", to)));
    let done = futures::future::join_all(changes).await;
    assert_eq!(done.iter().filter(|one| one.is_ok()).count(), 1);
    assert!(
        done.iter()
            .all(|one| matches!(one, Ok(()) | Err(Error::Conflict)))
    );
}

pub(crate) async fn revision_that_the_rollout_names_stays(kit: Kit) {
    for number in 1..=4 {
        push(&kit, number).await;
    }
    set(&kit, state(1, 1, Some((2, 5)), &[3]), entry(1, "-", 1))
        .await
        .unwrap();
    let trail = Trail::new();
    let remove = async |number: u8| {
        let record = record(&kit, "components.remove");
        rollouts(&kit)
            .revision_remove(&trail, record, NAME, &digest(number))
            .await
    };
    for number in 1..=3 {
        assert_eq!(remove(number).await, Err(Error::Conflict), "{number}");
    }
    assert_eq!(remove(4).await, Ok(()));
    assert_eq!(remove(4).await, Err(Error::NotFound));
    assert_eq!(rollouts(&kit).revision_list(NAME).await.unwrap().len(), 3);
}

pub(crate) async fn revision_that_is_not_there_can_not_be_made_to_serve(kit: Kit) {
    let kit = with(kit, 1..3).await;
    let missing = set(&kit, state(1, 9, None, &[]), entry(1, "-", 9)).await;
    assert_eq!(missing, Err(Error::NotFound));
    assert_eq!(rollouts(&kit).rollout_get(NAME).await, Ok(None));
    set(&kit, state(1, 1, None, &[]), entry(1, "-", 1))
        .await
        .unwrap();
    for state in [state(2, 9, None, &[1]), state(2, 1, Some((9, 5)), &[])] {
        let missing = set(&kit, state, entry(2, &digest(1), 9)).await;
        assert_eq!(missing, Err(Error::NotFound));
    }
    let kept = rollouts(&kit).rollout_get(NAME).await.unwrap().unwrap();
    assert_eq!(kept, state(1, 1, None, &[]));
    let history = rollouts(&kit).rollout_history(NAME, 10).await.unwrap();
    assert_eq!(history.len(), 1);
}

/// Whoever comes first, what serves is there.
pub(crate) async fn of_a_removal_and_an_activation_one_succeeds(kit: Kit) {
    let kit = with(kit, 1..9).await;
    set(&kit, state(1, 1, None, &[]), entry(1, "-", 1))
        .await
        .unwrap();
    let mut epoch = 1;
    for number in 2..9 {
        let trail = Trail::new();
        let record = record(&kit, "components.remove");
        let name = digest(number);
        let removal = rollouts(&kit).revision_remove(&trail, record, NAME, &name);
        let next = set(
            &kit,
            state(epoch + 1, number, None, &[]),
            entry(epoch + 1, "-", number),
        );
        let (removed, activated) = tokio::join!(removal, next);
        assert_ne!(
            removed.is_ok(),
            activated.is_ok(),
            "{removed:?} {activated:?}"
        );
        epoch += u64::from(activated.is_ok());
        let now = rollouts(&kit).rollout_get(NAME).await.unwrap().unwrap();
        assert!(rollouts(&kit).revision_get(NAME, &now.stable).await.is_ok());
    }
}

pub(crate) async fn report_takes_the_place_of_the_hosts_last_one(kit: Kit) {
    let report = |host: &str, epoch, problem: &str| HostReport {
        host: host.into(),
        component: NAME.into(),
        epoch,
        stable: digest(1),
        canary: (epoch == 2).then(|| digest(2)),
        problem: problem.into(),
        seen_at: NOW + epoch,
    };
    for one in [report("b", 1, ""), report("a", 1, "no"), report("b", 2, "")] {
        rollouts(&kit).host_report(one).await.unwrap();
    }
    assert_eq!(
        rollouts(&kit).host_reports().await.unwrap(),
        [report("a", 1, "no"), report("b", 2, "")]
    );
}
