//! The audit log: one record for each call, with its change or before the answer.

use std::future::Future as _;
use std::sync::Arc;
use std::task::{Context, Waker};

use super::{Kit, NOW, RP, id};
use crate::audit::{Actor, Origin, Trail};
use crate::policy::Permit;
use crate::policy::action::{self, SessionsGet};
use crate::store::{
    CeremonyKind, CredentialChange, CredentialStatus, CredentialUse, Error, NewSession,
};

pub(crate) async fn every_call_leaves_one_record(kit: Kit) {
    let store = &kit.store;
    let ada = kit.create(RP, "ada").await;
    kit.activate(RP, &ada.id).await.unwrap();
    let (user, key) = (|| ada.id.clone(), || b"key".to_vec());
    let found = store.accounts_find_by_id(kit.permit(), user()).await;
    found.unwrap();
    let found = store
        .accounts_find_by_name(kit.permit(), "ada".into())
        .await;
    found.unwrap();
    kit.put(Kit::ceremony(&id(1))).await.unwrap();
    kit.take(&id(1)).await.unwrap();
    kit.insert(Kit::credential(&ada, b"key")).await.unwrap();
    kit.get(RP, b"key").await.unwrap();
    let listed = store.credentials_list_for_user(kit.permit(), user()).await;
    listed.unwrap();
    let renamed = store.credentials_rename(kit.permit(), user(), key(), "Key".into());
    renamed.await.unwrap();
    let status = CredentialStatus::Active;
    let changed = store.credentials_set_status(kit.permit(), user(), key(), status, false);
    changed.await.unwrap();
    let change = CredentialChange {
        label: Some("Other key".into()),
        status: None,
        keep_last: false,
    };
    let changed = store.credentials_change(kit.permit(), user(), key(), change);
    changed.await.unwrap();
    kit.rename(RP, &ada.id, (None, Some("Ada L.")))
        .await
        .unwrap();
    let recorded = CredentialUse {
        previous_sign_count: 5,
        sign_count: 6,
        previous_backup_state: false,
        backup_state: false,
        backup_eligible: true,
        clone_alarm: false,
        at: NOW,
    };
    let used = store.credentials_record_use(kit.permit(), key(), recorded);
    used.await.unwrap();
    store.credentials_typical(kit.permit()).await.unwrap();
    let session = NewSession {
        user_id: user(),
        credential_id: key(),
        user_verified: true,
    };
    let session = store.sessions_create(kit.permit(), session).await.unwrap();
    let got = store.sessions_get(kit.permit(), session.id.clone()).await;
    got.unwrap();
    let touched = store.sessions_touch(kit.permit(), session.id.clone(), 60_000);
    touched.await.unwrap();
    let revoked = store
        .sessions_revoke(kit.permit(), session.id.clone())
        .await;
    revoked.unwrap();
    let removed = store.credentials_remove(kit.permit(), user(), key(), false);
    removed.await.unwrap();

    let records = kit.records().await;
    let found: Vec<(&str, &str)> = records
        .iter()
        .map(|record| (record.action.as_str(), record.target.as_str()))
        .collect();
    let (user, session) = (ada.id.as_str(), session.id.as_str());
    let expected = [
        ("accounts.create", user),
        ("accounts.activate", user),
        ("accounts.find-by-id", user),
        ("accounts.find-by-name", "-"),
        ("ceremonies.put", "ceremony-00…"),
        ("ceremonies.take", "ceremony-00…"),
        ("credentials.insert", "a2V5"),
        ("credentials.get", "a2V5"),
        ("credentials.list-for-user", user),
        ("credentials.rename", "a2V5"),
        ("credentials.set-status", "a2V5"),
        ("credentials.change", "a2V5"),
        ("accounts.change", user),
        ("credentials.record-use", "a2V5"),
        ("credentials.typical", "-"),
        ("sessions.create", session),
        ("sessions.get", session),
        ("sessions.touch", session),
        ("sessions.revoke", session),
        ("credentials.remove", "a2V5"),
    ];
    assert_eq!(found, expected);
    assert!(records.iter().all(|record| record.outcome == "success"));
    // Every call that the store has is among them.
    let duties = ["credentials.", "ceremonies.", "accounts.", "sessions."];
    for action in action::ALL {
        let of_store = duties.iter().any(|duty| action.starts_with(duty));
        let called = found.iter().any(|(called, _)| called == action);
        assert_eq!(called, of_store, "{action}");
    }
    let seqs: Vec<u64> = records.iter().map(|record| record.seq).collect();
    assert_eq!(seqs, (1..=20).collect::<Vec<_>>());
    let page = kit.store.records(5, 2).await.unwrap();
    assert_eq!(page, records[5..7]);
}

pub(crate) async fn record_has_every_field(kit: Kit) {
    let account = kit.create(RP, "ada").await;
    let record = kit.records().await.remove(0);
    assert_eq!(record.time, NOW);
    assert_eq!(record.request_id, "request-1");
    assert_eq!(record.workload, "spiffe://example/relying-party");
    assert_eq!(record.address, "192.0.2.7:4711");
    assert_eq!(record.component_name, "passkey-manager");
    assert_eq!(record.component_digest, "ab".repeat(32));
    assert_eq!(record.component_revision, "1.2.3");
    assert_eq!(record.relying_party, RP);
    assert_eq!(record.target, account.id);
    assert_eq!(record.policies, ["test-policy"]);

    let origin = Arc::new(Origin {
        request_id: "request \"2\" \u{1f981}".into(),
        workload: String::new(),
        address: "local".into(),
    });
    let actor = Actor {
        origin,
        component: None,
    };
    Permit::<SessionsGet>::for_tests(NOW, actor, RP, &kit.trail)
        .settle("-", crate::audit::Outcome::Denied);
    let record = kit.records().await.remove(1);
    assert_eq!(record.request_id, "request \"2\" \u{1f981}");
    assert_eq!(record.workload, "-");
    assert_eq!(record.component_name, "-");
    assert_eq!(record.component_digest, "-");
    assert_eq!(record.component_revision, "-");
    assert_eq!(record.outcome, "denied");
}

pub(crate) async fn reads_are_recorded_when_their_trail_is_appended(kit: Kit) {
    assert_eq!(kit.get(RP, b"key").await, Err(Error::NotFound));
    assert!(kit.store.records(0, 10).await.unwrap().is_empty());
    kit.store.append(&kit.trail).await.unwrap();
    assert!(kit.trail.is_empty());
    kit.store.append(&kit.trail).await.unwrap();
    let records = kit.store.records(0, 10).await.unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].outcome, "failed:not-found");
}

pub(crate) async fn change_takes_its_trail_along_in_order(kit: Kit) {
    let _ = kit.get(RP, b"key").await;
    drop(kit.permit::<SessionsGet>());
    kit.create(RP, "ada").await;
    assert!(kit.trail.is_empty());
    let records = kit.store.records(0, 10).await.unwrap();
    let outcomes: Vec<_> = records.iter().map(|r| r.outcome.as_str()).collect();
    assert_eq!(
        outcomes,
        ["failed:not-found", "failed:abandoned", "success"]
    );
}

pub(crate) async fn refused_change_takes_nobody_along_and_is_recorded(kit: Kit) {
    let ada = kit.create(RP, "ada").await;
    kit.insert(Kit::credential(&ada, b"taken")).await.unwrap();
    let kit = Arc::new(kit);
    let inserts: Vec<_> = (0..60_u8)
        .map(|number| {
            let (kit, ada) = (Arc::clone(&kit), ada.clone());
            tokio::spawn(async move {
                let mut credential = Kit::credential(&ada, &[number; 8]);
                match number % 3 {
                    0 => {}
                    1 => credential.id = b"taken".to_vec(),
                    _ => credential.user_id = "3f0e6f0e-6a7c-4f3b-8f43-5b7f1d2c9a10".into(),
                }
                (number, kit.insert(credential).await)
            })
        })
        .collect();
    for insert in inserts {
        let (number, answer) = insert.await.unwrap();
        let expected = match number % 3 {
            0 => Ok(()),
            1 => Err(Error::Exists),
            _ => Err(Error::NotFound),
        };
        assert_eq!(answer, expected);
        let there = kit.get(RP, &[number; 8]).await.is_ok();
        assert_eq!(there, number % 3 == 0);
    }
    let records = kit.records().await;
    let count = |outcome: &str| {
        let inserts = records.iter().filter(|r| r.action == "credentials.insert");
        inserts.filter(|r| r.outcome == outcome).count()
    };
    assert_eq!(count("success"), 21);
    assert_eq!(count("failed:exists"), 20);
    assert_eq!(count("failed:not-found"), 20);
}

pub(crate) async fn cancelled_call_leaves_its_record(kit: Kit) {
    kit.put(Kit::ceremony(&id(1))).await.unwrap();
    let _ = kit.get(RP, b"key").await;
    {
        let permit = kit.permit();
        let kind = CeremonyKind::Registration;
        let mut take = Box::pin(kit.store.ceremonies_take(permit, id(1), kind));
        // Once is enough to hand the change over; then its caller goes away.
        let polled = take.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
    }
    // The queue keeps the order, so what was handed over is done before this.
    assert_eq!(kit.take(&id(1)).await, Err(Error::Used));
    let records = kit.records().await;
    let found: Vec<_> = records
        .iter()
        .map(|record| (record.action.as_str(), record.outcome.as_str()))
        .collect();
    let expected = [
        ("ceremonies.put", "success"),
        ("credentials.get", "failed:not-found"),
        ("ceremonies.take", "success"),
        ("ceremonies.take", "failed:used"),
    ];
    assert_eq!(found, expected);
}

pub(crate) async fn names_and_ceremony_ids_are_not_recorded(kit: Kit) {
    let secret = "kR3vQ9sLw7XyZbN2mT5cHd";
    let ada = kit.create(RP, "ada.lovelace").await;
    kit.activate(RP, &ada.id).await.unwrap();
    let found = kit
        .store
        .accounts_find_by_name(kit.permit(), "ada.lovelace".into());
    found.await.unwrap();
    kit.put(Kit::ceremony(secret)).await.unwrap();
    kit.take(secret).await.unwrap();
    // As long as those of passkey-manager.
    kit.put(Kit::ceremony("AZ3vLw2Q0000kR3vQ9sLw7XyZbN2mT5c"))
        .await
        .unwrap();
    let malformed = kit.take("ada.lovelace").await;
    assert!(matches!(malformed, Err(Error::Malformed(_))));
    let records = format!("{:?}", kit.records().await);
    assert!(records.contains("kR3vQ9sLw7X…"));
    assert!(!records.contains("kR3vQ9sLw7Xy"));
    assert!(records.contains("AZ3vLw2Q0000kR3v…"));
    assert!(!records.contains("AZ3vLw2Q0000kR3vQ"));
    assert!(!records.contains("lovelace"));
    assert!(!format!("{:?}", Kit::ceremony(secret)).contains("kR3v"));
}

pub(crate) async fn records_that_nobody_appends_are_taken_over(kit: Kit) {
    kit.store.owe(&kit.trail).await;
    let _ = kit.get(RP, b"key").await;
    kit.store.owe(&kit.trail).await;
    assert!(kit.trail.is_empty());
    let records = kit.store.records(0, 10).await.unwrap();
    let found: Vec<_> = records.iter().map(|r| (r.seq, r.action.as_str())).collect();
    assert_eq!(found, [(1, "credentials.get")], "no append was needed");
}

pub(crate) async fn closed_store_is_busy_and_owes_the_record(kit: Kit) {
    kit.store.ready().await.unwrap();
    kit.store.close().await;
    assert_eq!(kit.store.ready().await, Err(Error::Busy));
    assert_eq!(kit.put(Kit::ceremony(&id(1))).await, Err(Error::Busy));
    assert_eq!(kit.get(RP, b"key").await, Err(Error::Busy));
    assert_eq!(kit.store.append(&kit.trail).await, Err(Error::Busy));
    assert_eq!(kit.store.append(&Trail::new()).await, Ok(()));
    let owed = kit.trail.drain();
    let owed: Vec<_> = owed
        .iter()
        .map(|r| (r.action, r.outcome.to_string()))
        .collect();
    let busy = || "failed:busy".to_owned();
    assert_eq!(
        owed,
        [("ceremonies.put", busy()), ("credentials.get", busy())]
    );
}
