//! Failed sign-ins: counted for everybody alike, and never more than the limit.

use std::sync::Arc;

use super::{DAY, Kit, NOW, OTHER, RP};
use crate::store::{Credential, CredentialUse, Error, Failed, LockoutPolicy};

const POLICY: LockoutPolicy = LockoutPolicy {
    failures: 10,
    window: 1_800_000,
    duration: 1_800_000,
};

/// Nobody's.
const SUBJECT: &str = "3f0e6f0e-6a7c-4f3b-8f43-5b7f1d2c9a10";

async fn fail(kit: &Kit, rp_id: &str, subject: &str) -> Failed {
    kit.store
        .authentication_failed(&kit.trail, rp_id.into(), subject.into(), POLICY)
        .await
        .unwrap()
}

async fn record_use(kit: &Kit, count: u32) -> Result<Credential, Error> {
    let recorded = CredentialUse {
        previous_sign_count: count,
        sign_count: count + 1,
        previous_backup_state: false,
        backup_state: false,
        backup_eligible: true,
        clone_alarm: false,
        at: NOW,
    };
    kit.store
        .credentials_record_use(kit.permit(), b"key".to_vec(), recorded)
        .await
}

pub(crate) async fn tenth_failure_locks_for_the_configured_time(kit: Kit) {
    for number in 0..9 {
        kit.clock.set(NOW + number);
        assert_eq!(fail(&kit, RP, SUBJECT).await, Failed::Counted);
    }
    kit.clock.set(NOW + 1_000);
    let until = NOW + 1_000 + POLICY.duration;
    assert_eq!(fail(&kit, RP, SUBJECT).await, Failed::Locks { until });
    // More failures do not make it longer.
    for now in [NOW + 1_001, until - 1] {
        kit.clock.set(now);
        assert_eq!(fail(&kit, RP, SUBJECT).await, Failed::Locked { until });
    }
    kit.clock.set(until);
    for _ in 0..9 {
        assert_eq!(fail(&kit, RP, SUBJECT).await, Failed::Counted);
    }
    let until = until + POLICY.duration;
    assert_eq!(fail(&kit, RP, SUBJECT).await, Failed::Locks { until });
}

pub(crate) async fn failures_of_long_ago_do_not_count(kit: Kit) {
    for _ in 0..9 {
        assert_eq!(fail(&kit, RP, SUBJECT).await, Failed::Counted);
    }
    kit.clock.set(NOW + POLICY.window);
    for _ in 0..9 {
        assert_eq!(fail(&kit, RP, SUBJECT).await, Failed::Counted);
    }
    let locks = fail(&kit, RP, SUBJECT).await;
    assert!(matches!(locks, Failed::Locks { .. }));
}

pub(crate) async fn locked_account_records_no_use_and_a_use_forgives(kit: Kit) {
    let ada = kit.create(RP, "ada").await;
    kit.insert(Kit::credential(&ada, b"key")).await.unwrap();
    for _ in 0..9 {
        fail(&kit, RP, &ada.id).await;
    }
    assert_eq!(record_use(&kit, 5).await.unwrap().sign_count, 6);
    for _ in 0..9 {
        assert_eq!(fail(&kit, RP, &ada.id).await, Failed::Counted);
    }
    fail(&kit, RP, &ada.id).await;
    assert_eq!(record_use(&kit, 6).await, Err(Error::Locked));
    let kept = kit.get(RP, b"key").await.unwrap();
    assert_eq!(kept.sign_count, 6);
    kit.clock.set(NOW + POLICY.duration);
    assert_eq!(record_use(&kit, 6).await.unwrap().sign_count, 7);
}

pub(crate) async fn of_100_parallel_failures_ten_are_counted(kit: Kit) {
    let kit = Arc::new(kit);
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let kit = Arc::clone(&kit);
            tokio::spawn(async move { fail(&kit, RP, SUBJECT).await })
        })
        .collect();
    let (mut counted, mut locks, mut locked) = (0, 0, 0);
    for call in calls {
        match call.await.unwrap() {
            Failed::Counted => counted += 1,
            Failed::Locks { .. } => locks += 1,
            Failed::Locked { .. } => locked += 1,
        }
    }
    assert_eq!((counted, locks, locked), (9, 1, 90));
}

pub(crate) async fn failures_belong_to_a_relying_party_and_an_account(kit: Kit) {
    for _ in 0..10 {
        fail(&kit, RP, SUBJECT).await;
    }
    assert_eq!(fail(&kit, OTHER, SUBJECT).await, Failed::Counted);
    let other = "7b0a8e2c-5d52-4b7c-9f86-0d9f6f9c1a11";
    assert_eq!(fail(&kit, RP, other).await, Failed::Counted);
}

pub(crate) async fn failures_are_swept_when_they_lock_nothing(kit: Kit) {
    for _ in 0..10 {
        fail(&kit, RP, SUBJECT).await;
    }
    let swept = kit.store.sweep(NOW + DAY + 1).await.unwrap();
    assert_eq!(swept.failures, 0, "its lock is not a day over");
    let swept = kit.store.sweep(NOW + DAY + POLICY.duration + 1).await;
    assert_eq!(swept.unwrap().failures, 1);
    assert_eq!(fail(&kit, RP, SUBJECT).await, Failed::Counted);
}
