//! Passkeys: one owner, one relying party, counters that can't be raced.

use std::sync::Arc;

use super::{Kit, OTHER, RP};
use crate::store::{Credential, CredentialStatus, CredentialUse, Error};

fn used(previous: u32, now: u32) -> CredentialUse {
    CredentialUse {
        previous_sign_count: previous,
        sign_count: now,
        previous_backup_state: false,
        backup_state: true,
        backup_eligible: true,
        clone_alarm: false,
        at: super::NOW + 5,
    }
}

fn is_malformed<T: std::fmt::Debug>(answer: Result<T, Error>) -> bool {
    matches!(answer, Err(Error::Malformed(_)))
}

pub(crate) async fn inserted_credential_is_read_back_whole(kit: Kit) {
    let account = kit.create(RP, "ada").await;
    let first = Kit::credential(&account, b"first");
    let mut second = Kit::credential(&account, &[0xfe; 1023]);
    second.status = CredentialStatus::Suspended;
    second.last_used_at = Some(super::NOW + 1);
    second.sign_count = u32::MAX;
    second.algorithm = i32::MIN;
    second.transports = Vec::new();
    second.discoverable = None;
    for credential in [first, second] {
        kit.insert(credential.clone()).await.unwrap();
        assert_eq!(kit.get(RP, &credential.id).await, Ok(credential));
    }
    assert_eq!(kit.get(RP, b"third").await, Err(Error::NotFound));
}

pub(crate) async fn credential_id_is_unique_within_its_relying_party(kit: Kit) {
    let ada = kit.create(RP, "ada").await;
    let bob = kit.create(RP, "bob").await;
    let eve = kit.create(OTHER, "eve").await;
    kit.insert(Kit::credential(&ada, b"same")).await.unwrap();
    let taken = kit.insert(Kit::credential(&bob, b"same")).await;
    assert_eq!(taken, Err(Error::Exists));
    kit.insert(Kit::credential(&eve, b"same")).await.unwrap();
    assert_eq!(kit.get(RP, b"same").await.unwrap().user_id, ada.id);
}

pub(crate) async fn credential_needs_its_account(kit: Kit) {
    let elsewhere = kit.create(OTHER, "ada").await;
    let mut credential = Kit::credential(&elsewhere, b"first");
    credential.rp_id = RP.into();
    assert_eq!(kit.insert(credential).await, Err(Error::NotFound));
    assert_eq!(kit.get(RP, b"first").await, Err(Error::NotFound));
}

pub(crate) async fn list_is_oldest_first_and_the_users_own(kit: Kit) {
    let ada = kit.create(RP, "ada").await;
    let bob = kit.create(RP, "bob").await;
    for (account, id, age) in [(&ada, b"a", 10), (&ada, b"b", 20), (&bob, b"c", 5)] {
        let mut credential = Kit::credential(account, id);
        credential.created_at -= age;
        kit.insert(credential).await.unwrap();
    }
    let list = async |user: &str| -> Vec<Vec<u8>> {
        let listed = kit
            .store
            .credentials_list_for_user(kit.permit(), user.into());
        listed.await.unwrap().into_iter().map(|c| c.id).collect()
    };
    assert_eq!(list(&ada.id).await, [b"b", b"a"]);
    assert_eq!(list(&bob.id).await, [b"c"]);
    assert!(
        list("00000000-0000-4000-8000-000000000000")
            .await
            .is_empty()
    );
}

pub(crate) async fn only_the_owners_credential_is_changed(kit: Kit) {
    let ada = kit.create(RP, "ada").await;
    let bob = kit.create(RP, "bob").await;
    let mut expected = Kit::credential(&ada, b"key");
    kit.insert(expected.clone()).await.unwrap();
    let rename = async |user: &str, label: &str| {
        let (user, label) = (user.to_owned(), label.to_owned());
        let key = b"key".to_vec();
        kit.store
            .credentials_rename(kit.permit(), user, key, label)
            .await
    };
    let set_status = async |user: &str, status| {
        let (user, key) = (user.to_owned(), b"key".to_vec());
        kit.store
            .credentials_set_status(kit.permit(), user, key, status, false)
            .await
    };
    assert_eq!(rename(&bob.id, "Mine").await, Err(Error::NotFound));
    let suspended = CredentialStatus::Suspended;
    assert_eq!(set_status(&bob.id, suspended).await, Err(Error::NotFound));
    assert_eq!(kit.get(RP, b"key").await, Ok(expected.clone()));

    expected.label = "Löwe 🦁".into();
    assert_eq!(rename(&ada.id, "Löwe 🦁").await, Ok(expected.clone()));
    expected.status = suspended;
    expected.suspended_at = Some(super::NOW);
    assert_eq!(set_status(&ada.id, suspended).await, Ok(expected.clone()));
    assert_eq!(kit.get(RP, b"key").await, Ok(expected.clone()));
    assert!(is_malformed(rename(&ada.id, "").await));
    assert!(is_malformed(rename(&ada.id, &"x".repeat(65)).await));
    assert_eq!(kit.get(RP, b"key").await, Ok(expected));
}

pub(crate) async fn removed_credential_is_gone(kit: Kit) {
    let ada = kit.create(RP, "ada").await;
    let bob = kit.create(RP, "bob").await;
    kit.insert(Kit::credential(&ada, b"key")).await.unwrap();
    let remove = async |user: &str| {
        let key = b"key".to_vec();
        kit.store
            .credentials_remove(kit.permit(), user.into(), key, false)
            .await
    };
    assert_eq!(remove(&bob.id).await, Err(Error::NotFound));
    assert_eq!(remove(&ada.id).await, Ok(()));
    assert_eq!(remove(&ada.id).await, Err(Error::NotFound));
    assert_eq!(kit.get(RP, b"key").await, Err(Error::NotFound));
}

pub(crate) async fn use_is_recorded_by_compare_and_set(kit: Kit) {
    let ada = kit.create(RP, "ada").await;
    let mut expected = Kit::credential(&ada, b"key");
    kit.insert(expected.clone()).await.unwrap();
    let record = async |id: &[u8], recorded| {
        kit.store
            .credentials_record_use(kit.permit(), id.to_vec(), recorded)
            .await
    };
    expected.sign_count = 6;
    expected.backup_state = true;
    expected.last_used_at = Some(super::NOW + 5);
    assert_eq!(record(b"key", used(5, 6)).await, Ok(expected.clone()));
    assert_eq!(record(b"key", used(5, 7)).await, Err(Error::Conflict));
    assert_eq!(record(b"no key", used(5, 6)).await, Err(Error::NotFound));
    assert_eq!(kit.get(RP, b"key").await, Ok(expected));
}

pub(crate) async fn of_parallel_first_credentials_one_is_kept(kit: Kit) {
    let (ada, bob) = (kit.create(RP, "ada").await, kit.create(RP, "bob").await);
    kit.insert(Kit::credential(&bob, b"bob's")).await.unwrap();
    let kit = Arc::new(kit);
    let calls: Vec<_> = (0..32u8)
        .map(|number| {
            let (kit, credential) = (Arc::clone(&kit), Kit::credential(&ada, &[number; 16]));
            tokio::spawn(async move {
                let permit = kit.permit();
                kit.store.credentials_insert(permit, credential, true).await
            })
        })
        .collect();
    let mut kept = 0;
    for call in calls {
        match call.await.unwrap() {
            Ok(()) => kept += 1,
            Err(error) => assert_eq!(error, Error::Conflict),
        }
    }
    assert_eq!(kept, 1);
    // Whoever does not ask for that adds another one.
    kit.insert(Kit::credential(&ada, b"second")).await.unwrap();
}

pub(crate) async fn use_never_takes_backup_eligibility_back(kit: Kit) {
    let ada = kit.create(RP, "ada").await;
    let mut known = Kit::credential(&ada, b"key");
    known.backup_eligible = true;
    kit.insert(known.clone()).await.unwrap();
    let record = async |backup_eligible| {
        let mut recorded = used(5, 6);
        recorded.backup_eligible = backup_eligible;
        recorded.backup_state = false;
        kit.store
            .credentials_record_use(kit.permit(), b"key".to_vec(), recorded)
            .await
    };
    assert_eq!(record(false).await, Err(Error::Conflict));
    assert_eq!(kit.get(RP, b"key").await, Ok(known));
    assert!(record(true).await.unwrap().backup_eligible);
}

pub(crate) async fn of_parallel_uses_of_one_counter_one_succeeds(kit: Kit) {
    let ada = kit.create(RP, "ada").await;
    kit.insert(Kit::credential(&ada, b"key")).await.unwrap();
    let kit = Arc::new(kit);
    let calls: Vec<_> = (0..32)
        .map(|number| {
            let kit = Arc::clone(&kit);
            tokio::spawn(async move {
                let recorded = used(5, 6 + number);
                let key = b"key".to_vec();
                kit.store
                    .credentials_record_use(kit.permit(), key, recorded)
                    .await
            })
        })
        .collect();
    let mut succeeded = Vec::new();
    for call in calls {
        match call.await.unwrap() {
            Ok(credential) => succeeded.push(credential),
            Err(error) => assert_eq!(error, Error::Conflict),
        }
    }
    assert_eq!(succeeded.len(), 1);
    assert_eq!(kit.get(RP, b"key").await.as_ref(), Ok(&succeeded[0]));
}

pub(crate) async fn suspended_credential_records_no_use(kit: Kit) {
    let ada = kit.create(RP, "ada").await;
    let mut credential = Kit::credential(&ada, b"key");
    credential.status = CredentialStatus::Suspended;
    kit.insert(credential.clone()).await.unwrap();
    let key = credential.id.clone();
    let recorded = kit
        .store
        .credentials_record_use(kit.permit(), key, used(5, 6));
    assert_eq!(recorded.await, Err(Error::Conflict));
    assert_eq!(kit.get(RP, b"key").await, Ok(credential));
}

pub(crate) async fn typical_is_the_form_of_the_oldest(kit: Kit) {
    let typical = async || kit.store.credentials_typical(kit.permit()).await.unwrap();
    assert_eq!(typical().await, None);

    let ada = kit.create(RP, "ada").await;
    let eve = kit.create(OTHER, "eve").await;
    let mut others = Kit::credential(&eve, &[1; 48]);
    others.created_at -= 1000;
    kit.insert(others).await.unwrap();
    assert_eq!(typical().await, None, "another relying party's");

    let mut oldest = Kit::credential(&ada, &[9; 20]);
    oldest.transports = vec!["usb".into(), "nfc".into()];
    kit.insert(oldest).await.unwrap();
    // Later ones that an order by id would put before it.
    for number in 0..4 {
        let mut later = Kit::credential(&ada, &[number; 64]);
        later.created_at += 1;
        kit.insert(later).await.unwrap();
    }
    let found = typical().await.unwrap();
    assert_eq!(found.id_length, 20);
    assert_eq!(found.transports, ["usb", "nfc"]);
}

pub(crate) async fn relying_parties_do_not_see_each_others_credentials(kit: Kit) {
    let ada = kit.create(RP, "ada").await;
    let credential = Kit::credential(&ada, b"key");
    kit.insert(credential.clone()).await.unwrap();
    let (store, user, key) = (&kit.store, || ada.id.clone(), || b"key".to_vec());
    assert_eq!(kit.get(OTHER, b"key").await, Err(Error::NotFound));
    let listed = store.credentials_list_for_user(kit.permit_for(OTHER), user());
    assert_eq!(listed.await, Ok(Vec::new()));
    let renamed = store.credentials_rename(kit.permit_for(OTHER), user(), key(), "x".into());
    assert_eq!(renamed.await, Err(Error::NotFound));
    let status = CredentialStatus::Suspended;
    let changed = store.credentials_set_status(kit.permit_for(OTHER), user(), key(), status, false);
    assert_eq!(changed.await, Err(Error::NotFound));
    let removed = store.credentials_remove(kit.permit_for(OTHER), user(), key(), false);
    assert_eq!(removed.await, Err(Error::NotFound));
    let recorded = store.credentials_record_use(kit.permit_for(OTHER), key(), used(5, 6));
    assert_eq!(recorded.await, Err(Error::NotFound));
    assert_eq!(kit.get(RP, b"key").await, Ok(credential));
}

pub(crate) async fn malformed_credential_is_refused(kit: Kit) {
    let ada = kit.create(RP, "ada").await;
    type Spoil = fn(&mut Credential);
    let spoilers: [Spoil; 12] = [
        |c| c.id = Vec::new(),
        |c| c.id = vec![1; 1024],
        |c| c.label = String::new(),
        |c| c.label = "ü".repeat(65),
        |c| c.label = "nul\0".into(),
        |c| c.user_id = "ada".into(),
        |c| c.aaguid = vec![0; 15],
        |c| c.public_key = Vec::new(),
        |c| c.public_key = vec![0; 8193],
        |c| c.transports = vec!["x".into(); 65],
        |c| c.created_at = u64::MAX,
        |c| c.attestation_format = String::new(),
    ];
    for (number, spoil) in spoilers.into_iter().enumerate() {
        let mut credential = Kit::credential(&ada, b"key");
        spoil(&mut credential);
        assert!(
            is_malformed(kit.insert(credential).await),
            "spoiler {number}"
        );
    }
    assert!(is_malformed(kit.get(RP, &[]).await));
    assert!(is_malformed(kit.get(RP, &[1; 1024]).await));
    let mut fits = Kit::credential(&ada, &[1; 1023]);
    fits.label = "ü".repeat(64);
    assert_eq!(kit.insert(fits).await, Ok(()));
    let refused = kit.records().await;
    let refused = refused.iter().filter(|r| r.outcome == "failed:malformed");
    assert_eq!(refused.count(), 14);
}

pub(crate) async fn credential_of_another_relying_party_is_refused(kit: Kit) {
    let ada = kit.create(RP, "ada").await;
    let inserted =
        kit.store
            .credentials_insert(kit.permit_for(OTHER), Kit::credential(&ada, b"key"), false);
    assert!(is_malformed(inserted.await));
    assert_eq!(kit.get(RP, b"key").await, Err(Error::NotFound));
}
