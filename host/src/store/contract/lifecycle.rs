//! What becomes of a credential: changes that belong together, the last one of an
//! account, and what a use leaves in the books.

use std::sync::Arc;

use super::{Kit, NOW, RP};
use crate::store::{Account, Credential, CredentialChange, CredentialStatus, CredentialUse, Error};

fn suspend(keep_last: bool) -> CredentialChange {
    CredentialChange {
        label: None,
        status: Some(CredentialStatus::Suspended),
        keep_last,
    }
}

fn used() -> CredentialUse {
    CredentialUse {
        previous_sign_count: 5,
        sign_count: 6,
        previous_backup_state: false,
        backup_state: false,
        backup_eligible: true,
        clone_alarm: false,
        at: NOW + 5,
    }
}

async fn change(
    kit: &Kit,
    account: &Account,
    id: &[u8],
    change: CredentialChange,
) -> Result<Credential, Error> {
    kit.store
        .credentials_change(kit.permit(), account.id.clone(), id.to_vec(), change)
        .await
}

async fn remove(kit: &Kit, account: &Account, id: &[u8], keep_last: bool) -> Result<(), Error> {
    kit.store
        .credentials_remove(kit.permit(), account.id.clone(), id.to_vec(), keep_last)
        .await
}

async fn record(kit: &Kit, recorded: CredentialUse) -> Result<Credential, Error> {
    kit.store
        .credentials_record_use(kit.permit(), b"key".to_vec(), recorded)
        .await
}

async fn outcomes(kit: &Kit) -> Vec<String> {
    let records = kit.records().await;
    let uses = records
        .into_iter()
        .filter(|record| record.action == "credentials.record-use");
    uses.map(|record| record.outcome).collect()
}

pub(crate) async fn label_and_status_change_together_or_not_at_all(kit: Kit) {
    let ada = kit.create(RP, "ada").await;
    let mut expected = Kit::credential(&ada, b"key");
    kit.insert(expected.clone()).await.unwrap();
    let both = CredentialChange {
        label: Some("Drawer".into()),
        ..suspend(true)
    };
    assert_eq!(
        change(&kit, &ada, b"key", both.clone()).await,
        Err(Error::Last)
    );
    let bad = CredentialChange {
        label: Some(String::new()),
        ..suspend(false)
    };
    let refused = change(&kit, &ada, b"key", bad).await;
    assert!(matches!(refused, Err(Error::Malformed(_))));
    assert_eq!(kit.get(RP, b"key").await, Ok(expected.clone()));

    expected.label = "Drawer".into();
    expected.status = CredentialStatus::Suspended;
    expected.suspended_at = Some(NOW);
    let changed = CredentialChange {
        keep_last: false,
        ..both
    };
    assert_eq!(
        change(&kit, &ada, b"key", changed.clone()).await,
        Ok(expected.clone())
    );
    assert_eq!(
        change(&kit, &ada, b"no key", changed).await,
        Err(Error::NotFound)
    );
    let nothing = CredentialChange::default();
    assert_eq!(change(&kit, &ada, b"key", nothing).await, Ok(expected));
}

pub(crate) async fn last_active_credential_stays_where_it_must(kit: Kit) {
    let ada = kit.create(RP, "ada").await;
    let bob = kit.create(RP, "bob").await;
    for (account, id) in [(&ada, &b"one"[..]), (&ada, b"two"), (&bob, b"other")] {
        kit.insert(Kit::credential(account, id)).await.unwrap();
    }
    // With one suspended, the other is the last active one.
    change(&kit, &ada, b"two", suspend(true)).await.unwrap();
    assert_eq!(
        change(&kit, &ada, b"one", suspend(true)).await,
        Err(Error::Last)
    );
    assert_eq!(remove(&kit, &ada, b"one", true).await, Err(Error::Last));
    assert_eq!(
        remove(&kit, &ada, b"none", true).await,
        Err(Error::NotFound)
    );
    assert_eq!(remove(&kit, &bob, b"one", true).await, Err(Error::NotFound));
    // A suspended one may go while an active one stays.
    assert_eq!(remove(&kit, &ada, b"two", true).await, Ok(()));
    // A rename takes nothing away.
    let renamed = CredentialChange {
        label: Some("Only".into()),
        status: None,
        keep_last: true,
    };
    assert_eq!(
        change(&kit, &ada, b"one", renamed).await.unwrap().label,
        "Only"
    );
    assert_eq!(remove(&kit, &ada, b"one", false).await, Ok(()));
}

pub(crate) async fn of_parallel_removals_of_two_last_credentials_one_succeeds(kit: Kit) {
    let ada = kit.create(RP, "ada").await;
    for id in [b"one", b"two"] {
        kit.insert(Kit::credential(&ada, id)).await.unwrap();
    }
    let (kit, ada) = (Arc::new(kit), Arc::new(ada));
    let calls: Vec<_> = [b"one", b"two"]
        .map(|id| {
            let (kit, ada) = (Arc::clone(&kit), Arc::clone(&ada));
            tokio::spawn(async move { remove(&kit, &ada, id, true).await })
        })
        .into();
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.unwrap());
    }
    answers.sort_by_key(|answer| answer.is_err());
    assert_eq!(answers, [Ok(()), Err(Error::Last)]);
}

pub(crate) async fn suspension_is_dated_and_activity_ends_an_alarm(kit: Kit) {
    let ada = kit.create(RP, "ada").await;
    kit.insert(Kit::credential(&ada, b"key")).await.unwrap();
    let alarm = CredentialUse {
        clone_alarm: true,
        ..used()
    };
    let alarmed = record(&kit, alarm).await.unwrap();
    assert_eq!(alarmed.clone_alarm_at, Some(NOW + 5));

    kit.clock.set(NOW + 10);
    let suspended = change(&kit, &ada, b"key", suspend(false)).await.unwrap();
    assert_eq!(suspended.suspended_at, Some(NOW + 10));
    assert_eq!(
        suspended.clone_alarm_at,
        Some(NOW + 5),
        "it is not decided yet"
    );
    kit.clock.set(NOW + 20);
    let active = CredentialChange {
        status: Some(CredentialStatus::Active),
        ..CredentialChange::default()
    };
    let resumed = change(&kit, &ada, b"key", active).await.unwrap();
    assert_eq!(resumed.suspended_at, Some(NOW + 10), "it is not forgotten");
    assert_eq!(resumed.clone_alarm_at, None);
}

pub(crate) async fn use_records_what_changed_in_its_outcome(kit: Kit) {
    let ada = kit.create(RP, "ada").await;
    let mut bound = Kit::credential(&ada, b"key");
    bound.backup_eligible = false;
    kit.insert(bound).await.unwrap();
    let backed_up = CredentialUse {
        backup_state: true,
        ..used()
    };
    let kept = record(&kit, backed_up).await.unwrap();
    assert!(kept.backup_eligible && kept.backup_state);
    let both = CredentialUse {
        previous_sign_count: 6,
        previous_backup_state: true,
        clone_alarm: true,
        ..used()
    };
    record(&kit, both.clone()).await.unwrap();
    record(&kit, both).await.unwrap_err();
    let quiet = CredentialUse {
        previous_sign_count: 6,
        sign_count: 7,
        ..used()
    };
    record(&kit, quiet).await.unwrap();
    assert_eq!(
        outcomes(&kit).await,
        [
            "success:backed-up",
            "success:clone-alarm,not-backed-up",
            "failed:conflict",
            "success"
        ]
    );
}

pub(crate) async fn use_rests_on_the_backup_state_that_was_read(kit: Kit) {
    let ada = kit.create(RP, "ada").await;
    kit.insert(Kit::credential(&ada, b"key")).await.unwrap();
    let stale = CredentialUse {
        previous_backup_state: true,
        ..used()
    };
    assert_eq!(record(&kit, stale).await, Err(Error::Conflict));
    assert!(record(&kit, used()).await.is_ok());
}
