//! Sessions: their times are the store's, and a revoked one stays revoked.

use super::{Kit, LIFETIME, NOW, OTHER, RP};
use crate::store::{Error, NewSession, Session};

fn new_session() -> NewSession {
    NewSession {
        user_id: "3f0e6f0e-6a7c-4f3b-8f43-5b7f1d2c9a10".into(),
        credential_id: vec![1, 2, 3],
        user_verified: true,
    }
}

async fn begin(kit: &Kit) -> Session {
    let created = kit.store.sessions_create(kit.permit(), new_session());
    created.await.unwrap()
}

async fn get(kit: &Kit, rp_id: &str, id: &str) -> Result<Session, Error> {
    kit.store
        .sessions_get(kit.permit_for(rp_id), id.into())
        .await
}

async fn revoke(kit: &Kit, rp_id: &str, id: &str) -> Result<(), Error> {
    kit.store
        .sessions_revoke(kit.permit_for(rp_id), id.into())
        .await
}

pub(crate) async fn session_has_the_configured_lifetime(kit: Kit) {
    let session = begin(&kit).await;
    let expected = Session {
        id: session.id.clone(),
        rp_id: RP.into(),
        user_id: new_session().user_id,
        credential_id: vec![1, 2, 3],
        created_at: NOW,
        expires_at: NOW + LIFETIME,
        revoked_at: None,
        user_verified: true,
        last_used_at: NOW,
    };
    assert_eq!(session, expected);
    assert_eq!(get(&kit, RP, &session.id).await, Ok(expected));
    assert_ne!(begin(&kit).await.id, session.id);
    let unknown = "3f0e6f0e-6a7c-4f3b-8f43-5b7f1d2c9a10";
    assert_eq!(get(&kit, RP, unknown).await, Err(Error::NotFound));
}

pub(crate) async fn revoked_session_stays_revoked(kit: Kit) {
    let session = begin(&kit).await;
    kit.clock.set(NOW + 10);
    assert_eq!(revoke(&kit, RP, &session.id).await, Ok(()));
    kit.clock.set(NOW + 20);
    assert_eq!(revoke(&kit, RP, &session.id).await, Ok(()));
    let revoked = get(&kit, RP, &session.id).await.unwrap();
    assert_eq!(revoked.revoked_at, Some(NOW + 10));
    let unknown = "3f0e6f0e-6a7c-4f3b-8f43-5b7f1d2c9a10";
    assert_eq!(revoke(&kit, RP, unknown).await, Err(Error::NotFound));
}

pub(crate) async fn relying_parties_do_not_see_each_others_sessions(kit: Kit) {
    let session = begin(&kit).await;
    assert_eq!(get(&kit, OTHER, &session.id).await, Err(Error::NotFound));
    assert_eq!(revoke(&kit, OTHER, &session.id).await, Err(Error::NotFound));
    assert_eq!(get(&kit, RP, &session.id).await, Ok(session));
}

pub(crate) async fn malformed_session_is_refused(kit: Kit) {
    let mut without_user = new_session();
    without_user.user_id = "ada".into();
    let mut without_credential = new_session();
    without_credential.credential_id = Vec::new();
    for session in [without_user, without_credential] {
        let created = kit.store.sessions_create(kit.permit(), session).await;
        assert!(matches!(created, Err(Error::Malformed(_))));
    }
    let found = get(&kit, RP, "session").await;
    assert!(matches!(found, Err(Error::Malformed(_))));
}

const IDLE: u64 = 300_000;

async fn touch(kit: &Kit, rp_id: &str, id: &str) -> Result<Session, Error> {
    kit.store
        .sessions_touch(kit.permit_for(rp_id), id.into(), IDLE)
        .await
}

pub(crate) async fn touched_session_goes_on_until_it_rests_too_long(kit: Kit) {
    let session = begin(&kit).await;
    for minutes in [4, 8, 12] {
        kit.clock.set(NOW + minutes * 60_000);
        let touched = touch(&kit, RP, &session.id).await.unwrap();
        assert_eq!(touched.last_used_at, NOW + minutes * 60_000);
    }
    // It was used at 12 minutes, and may rest for 5; its life is 15.
    kit.clock.set(NOW + LIFETIME - 1);
    assert!(touch(&kit, RP, &session.id).await.is_ok());
    kit.clock.set(NOW + LIFETIME);
    assert_eq!(touch(&kit, RP, &session.id).await, Err(Error::Expired));

    kit.clock.set(NOW);
    let idle = begin(&kit).await;
    kit.clock.set(NOW + IDLE);
    assert_eq!(touch(&kit, RP, &idle.id).await, Err(Error::Expired));
    // A clock that goes back a little brings it back; nothing was written down.
    kit.clock.set(NOW + IDLE - 1);
    assert!(touch(&kit, RP, &idle.id).await.is_ok());
}

pub(crate) async fn touches_are_written_down_now_and_then(kit: Kit) {
    let session = begin(&kit).await;
    // A tenth of the idle time, 30 seconds here.
    for (after, noted) in [(1, 0), (29_999, 0), (30_000, 30_000), (59_999, 30_000)] {
        kit.clock.set(NOW + after);
        touch(&kit, RP, &session.id).await.unwrap();
        let kept = get(&kit, RP, &session.id).await.unwrap();
        assert_eq!(kept.last_used_at, NOW + noted, "after {after} ms");
    }
}

pub(crate) async fn session_that_is_over_is_not_touched(kit: Kit) {
    let session = begin(&kit).await;
    assert_eq!(touch(&kit, OTHER, &session.id).await, Err(Error::NotFound));
    revoke(&kit, RP, &session.id).await.unwrap();
    kit.clock.set(NOW + 60_000);
    assert_eq!(touch(&kit, RP, &session.id).await, Err(Error::Expired));
    let kept = get(&kit, RP, &session.id).await.unwrap();
    assert_eq!(kept.last_used_at, NOW);
    let malformed = touch(&kit, RP, "session").await;
    assert!(matches!(malformed, Err(Error::Malformed(_))));
}
