//! Ceremonies: once, in time, for one kind and one relying party.

use std::sync::Arc;

use super::{Kit, NOW, OTHER, RP, id};
use crate::audit::Trail;
use crate::policy::Permit;
use crate::store::{Ceremony, CeremonyKind, Error};

pub(crate) async fn taken_ceremony_is_what_was_put(kit: Kit) {
    let named = Kit::ceremony(&id(1));
    let mut discoverable = Kit::ceremony(&id(2));
    discoverable.user = None;
    discoverable.algorithms = Vec::new();
    discoverable.credentials = Vec::new();
    discoverable.extensions = Vec::new();
    for ceremony in [named, discoverable] {
        kit.put(ceremony.clone()).await.unwrap();
        assert_eq!(kit.take(&ceremony.id).await, Ok(ceremony));
    }
    assert_eq!(kit.take(&id(3)).await, Err(Error::NotFound));
}

pub(crate) async fn reused_ceremony_is_used(kit: Kit) {
    kit.put(Kit::ceremony(&id(1))).await.unwrap();
    kit.take(&id(1)).await.unwrap();
    assert_eq!(kit.take(&id(1)).await, Err(Error::Used));
    assert_eq!(kit.take(&id(1)).await, Err(Error::Used));
}

pub(crate) async fn of_200_parallel_takes_one_succeeds(kit: Kit) {
    kit.put(Kit::ceremony(&id(1))).await.unwrap();
    let kit = Arc::new(kit);
    let takes: Vec<_> = (0..200)
        .map(|_| {
            let kit = Arc::clone(&kit);
            tokio::spawn(async move { kit.take(&id(1)).await })
        })
        .collect();
    let (mut succeeded, mut used) = (0, 0);
    for take in takes {
        match take.await.unwrap() {
            Ok(_) => succeeded += 1,
            Err(error) => {
                assert_eq!(error, Error::Used);
                used += 1;
            }
        }
    }
    assert_eq!((succeeded, used), (1, 199));
    let records = kit.records().await;
    let takes = records.iter().filter(|r| r.action == "ceremonies.take");
    let outcomes: Vec<_> = takes.map(|r| r.outcome.as_str()).collect();
    assert_eq!(outcomes.len(), 200);
    assert_eq!(outcomes.iter().filter(|o| **o == "success").count(), 1);
    assert_eq!(
        outcomes.iter().filter(|o| **o == "failed:used").count(),
        199
    );
}

pub(crate) async fn late_ceremony_is_expired(kit: Kit) {
    kit.put(Kit::ceremony(&id(1))).await.unwrap();
    kit.put(Kit::ceremony(&id(2))).await.unwrap();
    kit.clock.set(NOW + 59_999);
    assert!(kit.take(&id(1)).await.is_ok(), "in the last millisecond");
    kit.clock.set(NOW + 60_000);
    assert_eq!(kit.take(&id(2)).await, Err(Error::Expired));
    assert_eq!(kit.take(&id(2)).await, Err(Error::Expired));
}

pub(crate) async fn used_ceremony_stays_used_when_it_expires(kit: Kit) {
    kit.put(Kit::ceremony(&id(1))).await.unwrap();
    kit.take(&id(1)).await.unwrap();
    kit.clock.set(NOW + 60_001);
    assert_eq!(kit.take(&id(1)).await, Err(Error::Used));
}

pub(crate) async fn other_kind_or_relying_party_is_not_found_and_stays(kit: Kit) {
    kit.put(Kit::ceremony(&id(1))).await.unwrap();
    let other_kind = kit.take_as(RP, &id(1), CeremonyKind::Authentication).await;
    assert_eq!(other_kind, Err(Error::NotFound));
    let other_party = kit.take_as(OTHER, &id(1), CeremonyKind::Registration).await;
    assert_eq!(other_party, Err(Error::NotFound));
    assert!(kit.take(&id(1)).await.is_ok());
    let other_kind = kit.take_as(RP, &id(1), CeremonyKind::Authentication).await;
    assert_eq!(other_kind, Err(Error::NotFound), "also when it is used");
}

pub(crate) async fn ceremony_id_is_put_once(kit: Kit) {
    kit.put(Kit::ceremony(&id(1))).await.unwrap();
    let mut again = Kit::ceremony(&id(1));
    again.challenge = vec![8; 32];
    assert_eq!(kit.put(again).await, Err(Error::Exists));
    assert_eq!(kit.take(&id(1)).await, Ok(Kit::ceremony(&id(1))));
    let reset = kit.put(Kit::ceremony(&id(1))).await;
    assert_eq!(reset, Err(Error::Exists), "a used one can't be put anew");
}

/// As a server does that answers when the trail has been appended.
pub(crate) async fn ceremony_of_an_answer_that_waits_is_there_when_it_leaves(kit: Kit) {
    let trail = Trail::that_withholds();
    let permit = Permit::for_tests(NOW, kit.actor(), RP, &trail);
    let put = kit.store.ceremonies_put(permit, Kit::ceremony(&id(1)));
    assert_eq!(put.await, Ok(()));
    assert_eq!(kit.store.append(&trail).await, Ok(()));
    assert!(trail.is_empty());
    let records = kit.store.records(0, 10).await.unwrap();
    let found: Vec<_> = records.iter().map(|r| (&*r.action, &*r.outcome)).collect();
    assert_eq!(found, [("ceremonies.put", "success")]);
    assert_eq!(kit.take(&id(1)).await, Ok(Kit::ceremony(&id(1))));
}

pub(crate) async fn malformed_ceremony_is_refused(kit: Kit) {
    type Spoil = fn(&mut Ceremony);
    let spoilers: [Spoil; 12] = [
        |c| c.id = "x".repeat(21),
        |c| c.id = "x".repeat(129),
        |c| c.id = format!("{}=", "x".repeat(22)),
        |c| c.rp_id = OTHER.into(),
        |c| c.challenge = vec![1; 15],
        |c| c.challenge = vec![1; 1025],
        |c| c.expires_at = u64::MAX,
        |c| c.user.as_mut().unwrap().id = "ada".into(),
        |c| c.user.as_mut().unwrap().name = String::new(),
        |c| c.user.as_mut().unwrap().display_name = "x".repeat(65),
        |c| c.credentials = vec![vec![1; 1024]],
        |c| c.algorithms = vec![-7; 65],
    ];
    for (number, spoil) in spoilers.into_iter().enumerate() {
        let mut ceremony = Kit::ceremony(&id(1));
        spoil(&mut ceremony);
        let put = kit.store.ceremonies_put(kit.permit(), ceremony).await;
        assert!(matches!(put, Err(Error::Malformed(_))), "spoiler {number}");
    }
    let taken = kit.take("short").await;
    assert!(matches!(taken, Err(Error::Malformed(_))));
    assert_eq!(kit.take(&id(1)).await, Err(Error::NotFound));
}

/// What one database can't hold is refused by both, for either kind of ceremony, before it
/// can spoil the transaction that it would share with others.
pub(crate) async fn text_that_no_database_holds_is_refused_alone(kit: Kit) {
    let kit = Arc::new(kit);
    let long = "x".repeat(65);
    for kind in [CeremonyKind::Registration, CeremonyKind::Authentication] {
        for text in ["a\0b", &long] {
            type Field = fn(&mut Ceremony) -> &mut String;
            let fields: [Field; 3] = [
                |c| &mut c.user.as_mut().unwrap().name,
                |c| &mut c.user.as_mut().unwrap().display_name,
                |c| &mut c.extensions[0],
            ];
            for field in fields {
                let mut ceremony = Kit::ceremony(&id(1));
                ceremony.kind = kind;
                *field(&mut ceremony) = text.to_owned();
                let put = kit.put(ceremony).await;
                assert!(matches!(put, Err(Error::Malformed(_))), "{kind:?} {text:?}");
            }
        }
    }
    let puts: Vec<_> = (0..60_u32)
        .map(|number| {
            let kit = Arc::clone(&kit);
            tokio::spawn(async move {
                let mut ceremony = Kit::ceremony(&id(number));
                ceremony.kind = CeremonyKind::Authentication;
                if number % 3 == 0 {
                    ceremony.user.as_mut().unwrap().name = "a\0b".into();
                }
                (number, kit.put(ceremony).await)
            })
        })
        .collect();
    for put in puts {
        let (number, answer) = put.await.unwrap();
        let malformed = matches!(answer, Err(Error::Malformed(_)));
        assert!(malformed || answer.is_ok(), "{number}: {answer:?}");
        assert_eq!(malformed, number % 3 == 0, "{number}");
    }
    // A sign-in by its account's id alone stays possible.
    let mut nameless = Kit::ceremony(&id(99));
    nameless.kind = CeremonyKind::Authentication;
    let user = nameless.user.as_mut().unwrap();
    (user.name, user.display_name) = (String::new(), String::new());
    assert_eq!(kit.put(nameless).await, Ok(()));
}
