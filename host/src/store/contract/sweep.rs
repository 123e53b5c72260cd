//! Forgetting: a day late, never something that is in use.

use super::{DAY, Kit, LIFETIME, NOW, RP, id};
use crate::store::{Error, NewSession, Swept};

pub(crate) async fn sweep_forgets_what_is_a_day_out_of_date(kit: Kit) {
    let pending = kit.create(RP, "ada").await;
    let active = kit.create(RP, "bob").await;
    kit.activate(RP, &active.id).await.unwrap();
    kit.put(Kit::ceremony(&id(1))).await.unwrap();
    kit.take(&id(1)).await.unwrap();
    let session = NewSession {
        user_id: active.id.clone(),
        credential_id: vec![1],
        user_verified: false,
    };
    let session = kit
        .store
        .sessions_create(kit.permit(), session)
        .await
        .unwrap();

    assert_eq!(kit.store.sweep(NOW + DAY).await, Ok(Swept::default()));
    assert_eq!(kit.take(&id(1)).await, Err(Error::Used));

    let swept = kit.store.sweep(NOW + DAY + 60_001).await.unwrap();
    assert_eq!(
        (swept.ceremonies, swept.accounts, swept.sessions),
        (1, 1, 0)
    );
    assert_eq!(kit.take(&id(1)).await, Err(Error::NotFound));
    let gone = kit
        .store
        .accounts_find_by_id(kit.permit(), pending.id)
        .await;
    assert_eq!(gone, Err(Error::NotFound));
    let stays = kit.store.accounts_find_by_id(kit.permit(), active.id).await;
    assert!(stays.is_ok());
    let stays = kit
        .store
        .sessions_get(kit.permit(), session.id.clone())
        .await;
    assert!(stays.is_ok());

    let swept = kit.store.sweep(NOW + LIFETIME + DAY + 1).await.unwrap();
    assert_eq!((swept.total(), swept.sessions), (1, 1));
    let gone = kit.store.sessions_get(kit.permit(), session.id).await;
    assert_eq!(gone, Err(Error::NotFound));
}

pub(crate) async fn pending_account_that_owns_something_stays(kit: Kit) {
    let with_credential = kit.create(RP, "ada").await;
    kit.insert(Kit::credential(&with_credential, b"key"))
        .await
        .unwrap();
    let with_ceremony = kit.create(RP, "bob").await;
    let mut ceremony = Kit::ceremony(&id(1));
    ceremony.user.as_mut().unwrap().id = with_ceremony.id.clone();
    ceremony.expires_at = NOW + 10 * DAY;
    kit.put(ceremony).await.unwrap();

    assert_eq!(kit.store.sweep(NOW + 5 * DAY).await, Ok(Swept::default()));
    let swept = kit.store.sweep(NOW + 11 * DAY + 1).await.unwrap();
    assert_eq!((swept.ceremonies, swept.accounts), (1, 1));
    let stays = kit
        .store
        .accounts_find_by_id(kit.permit(), with_credential.id)
        .await;
    assert!(stays.is_ok());
}

pub(crate) async fn sweep_is_bounded_and_finishes(kit: Kit) {
    for number in 0..501 {
        kit.put(Kit::ceremony(&id(number))).await.unwrap();
    }
    let now = NOW + 2 * DAY;
    assert_eq!(kit.store.sweep(now).await.unwrap().total(), 500);
    assert_eq!(kit.store.sweep(now).await.unwrap().total(), 1);
    assert_eq!(kit.store.sweep(now).await.unwrap().total(), 0);
}
