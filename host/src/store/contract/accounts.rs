//! Accounts: pending ones reserve nothing, active ones own their name.

use super::{Kit, NOW, OTHER, RP};
use crate::store::{AccountStatus, Error, NewAccount};

const ID: &str = "3f0e6f0e-6a7c-4f3b-8f43-5b7f1d2c9a10";

fn chosen(id: &str, name: &str) -> NewAccount {
    NewAccount {
        id: Some(id.into()),
        name: name.into(),
        display_name: "Somebody".into(),
    }
}

pub(crate) async fn new_account_is_pending_and_found_by_id_only(kit: Kit) {
    let ada = kit.create(RP, "ada").await;
    assert_eq!(ada.status, AccountStatus::Pending);
    assert_eq!(ada.created_at, NOW);
    assert_eq!((ada.rp_id.as_str(), ada.name.as_str()), (RP, "ada"));
    assert_eq!(ada.display_name, "ada Example");
    let uuid = uuid::Uuid::try_parse(&ada.id).unwrap();
    assert_eq!(uuid.get_version_num(), 4);
    let by_name = kit.store.accounts_find_by_name(kit.permit(), "ada".into());
    assert_eq!(by_name.await, Err(Error::NotFound));
    let by_id = kit.store.accounts_find_by_id(kit.permit(), ada.id.clone());
    assert_eq!(by_id.await, Ok(ada));
}

pub(crate) async fn active_account_is_found_by_name(kit: Kit) {
    let mut ada = kit.create(RP, "ada").await;
    ada.status = AccountStatus::Active;
    assert_eq!(kit.activate(RP, &ada.id).await, Ok(ada.clone()));
    assert_eq!(kit.activate(RP, &ada.id).await, Ok(ada.clone()), "again");
    let by_name = kit.store.accounts_find_by_name(kit.permit(), "ada".into());
    assert_eq!(by_name.await, Ok(ada));
    let by_name = kit.store.accounts_find_by_name(kit.permit(), "Ada".into());
    assert_eq!(by_name.await, Err(Error::NotFound));
    assert_eq!(kit.activate(RP, ID).await, Err(Error::NotFound));
}

pub(crate) async fn pending_accounts_share_a_name_and_one_gets_it(kit: Kit) {
    let first = kit.create(RP, "ada").await;
    let second = kit.create(RP, "ada").await;
    assert_ne!(first.id, second.id);
    assert!(kit.activate(RP, &second.id).await.is_ok());
    assert_eq!(kit.activate(RP, &first.id).await, Err(Error::Exists));
    let first_now = kit
        .store
        .accounts_find_by_id(kit.permit(), first.id.clone());
    assert_eq!(first_now.await, Ok(first), "it is pending still");
}

pub(crate) async fn chosen_id_is_taken_once(kit: Kit) {
    let create = async |id: &str| {
        kit.store
            .accounts_create(kit.permit(), chosen(id, "ada"))
            .await
    };
    assert_eq!(create(&ID.to_uppercase()).await.unwrap().id, ID);
    assert_eq!(create(ID).await, Err(Error::Exists));
    kit.activate(RP, ID).await.unwrap();
    assert_eq!(create(ID).await, Err(Error::Exists));
}

pub(crate) async fn relying_parties_have_their_own_accounts(kit: Kit) {
    for rp_id in [RP, OTHER] {
        let created = kit
            .store
            .accounts_create(kit.permit_for(rp_id), chosen(ID, "ada"));
        created.await.unwrap();
    }
    kit.activate(RP, ID).await.unwrap();
    let elsewhere = kit
        .store
        .accounts_find_by_id(kit.permit_for(OTHER), ID.into());
    assert_eq!(elsewhere.await.unwrap().status, AccountStatus::Pending);
    let elsewhere = kit
        .store
        .accounts_find_by_name(kit.permit_for(OTHER), "ada".into());
    assert_eq!(elsewhere.await, Err(Error::NotFound));
    let only_here = kit.create(RP, "bob").await;
    let elsewhere = kit.activate(OTHER, &only_here.id).await;
    assert_eq!(elsewhere, Err(Error::NotFound));
}

pub(crate) async fn malformed_account_is_refused(kit: Kit) {
    let mut unnamed = chosen(ID, "ada");
    unnamed.display_name = "x".repeat(65);
    let accounts = [
        chosen("7", "ada"),
        chosen(ID, ""),
        chosen(ID, "nul\0"),
        unnamed,
    ];
    for account in accounts {
        let created = kit.store.accounts_create(kit.permit(), account).await;
        assert!(matches!(created, Err(Error::Malformed(_))));
    }
    let found = kit
        .store
        .accounts_find_by_id(kit.permit(), "ada".into())
        .await;
    assert!(matches!(found, Err(Error::Malformed(_))));
    let found = kit
        .store
        .accounts_find_by_name(kit.permit(), "x".repeat(65))
        .await;
    assert!(matches!(found, Err(Error::Malformed(_))));
    let found = kit.store.accounts_find_by_id(kit.permit(), ID.into()).await;
    assert_eq!(found, Err(Error::NotFound));
}

pub(crate) async fn names_of_an_active_account_change(kit: Kit) {
    let ada = kit.create(RP, "ada").await;
    let pending = kit.rename(RP, &ada.id, (Some("ada2"), None)).await;
    assert_eq!(pending, Err(Error::NotFound), "it has no name yet");
    let mut ada = kit.activate(RP, &ada.id).await.unwrap();

    ada.name = "ada2".into();
    let renamed = kit.rename(RP, &ada.id, (Some("ada2"), None)).await;
    assert_eq!(renamed, Ok(ada.clone()));
    ada.display_name = "Ada King".into();
    let renamed = kit.rename(RP, &ada.id, (None, Some("Ada King"))).await;
    assert_eq!(renamed, Ok(ada.clone()));
    let unchanged = kit.rename(RP, &ada.id, (None, None)).await;
    assert_eq!(unchanged, Ok(ada.clone()));

    let find = |name: &str| kit.store.accounts_find_by_name(kit.permit(), name.into());
    assert_eq!(find("ada").await, Err(Error::NotFound));
    assert_eq!(find("ada2").await, Ok(ada.clone()));
    // What she gave up is free.
    let other = kit.create(RP, "ada").await;
    kit.activate(RP, &other.id).await.unwrap();

    let elsewhere = kit.rename(OTHER, &ada.id, (Some("x"), None)).await;
    assert_eq!(elsewhere, Err(Error::NotFound));
    let nobody = kit.rename(RP, ID, (Some("x"), None)).await;
    assert_eq!(nobody, Err(Error::NotFound));
    let long = "x".repeat(65);
    for names in [(Some(""), None), (None, Some(long.as_str()))] {
        let refused = kit.rename(RP, &ada.id, names).await;
        assert!(matches!(refused, Err(Error::Malformed(_))));
    }
    let records = kit.records().await;
    let outcomes: Vec<_> = records
        .iter()
        .filter(|record| record.action == "accounts.change" && record.target == ada.id)
        .map(|record| record.outcome.as_str())
        .collect();
    let (gone, done) = ("failed:not-found", "success");
    assert_eq!(outcomes, [gone, done, done, done, gone]);
}

pub(crate) async fn name_that_another_account_has_is_refused(kit: Kit) {
    let ada = kit.create(RP, "ada").await;
    let ada = kit.activate(RP, &ada.id).await.unwrap();
    let bob = kit.create(RP, "bob").await;
    kit.activate(RP, &bob.id).await.unwrap();
    let both = (Some("ada"), Some("Bob"));
    assert_eq!(kit.rename(RP, &bob.id, both).await, Err(Error::Exists));
    let bob_now = kit.store.accounts_find_by_id(kit.permit(), bob.id.clone());
    let bob_now = bob_now.await.unwrap();
    let names = (bob_now.name.as_str(), bob_now.display_name.as_str());
    assert_eq!(names, ("bob", "bob Example"), "neither name changed");
    // One's own name is nobody else's, and pending accounts hold none.
    let own = kit.rename(RP, &ada.id, (Some("ada"), None)).await;
    assert_eq!(own, Ok(ada));
    kit.create(RP, "cleo").await;
    let renamed = kit.rename(RP, &bob.id, (Some("cleo"), None)).await;
    assert_eq!(renamed.unwrap().name, "cleo");
}
