//! Changes that share a commit, and those that stand in each other's way.

use super::*;
use crate::audit::Trail;
use crate::policy::Permit;
use crate::store::Error;
use crate::store::contract::{RP, id};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_changes_share_commits() {
    let (kit, store, _) = fresh().await;
    let kit = Arc::new(kit);
    let before = store.commits();
    let puts: Vec<_> = (0..64)
        .map(|number| {
            let kit = Arc::clone(&kit);
            tokio::spawn(async move { kit.put(Kit::ceremony(&id(number))).await })
        })
        .collect();
    for put in puts {
        put.await.unwrap().unwrap();
    }
    let commits = store.commits() - before;
    assert!((1..64).contains(&commits), "{commits} commits");
    assert_eq!(kit.records().await.len(), 64);
}

/// Its writers are several, and none knows what another has promised.
#[tokio::test]
async fn nothing_is_promised() {
    let (kit, store, _) = fresh().await;
    let trail = Trail::that_withholds();
    let permit = Permit::for_tests(NOW, kit.actor(), RP, &trail);
    let put = store.ceremonies_put(permit, Kit::ceremony(&id(1)));
    assert_eq!(put.await, Ok(()));
    assert!(trail.is_empty());
    assert_eq!(kit.store.records(0, 10).await.unwrap().len(), 1);
}

/// Fails as the database does on conflicts, so many times. Sequences count beyond
/// transactions.
fn failing(times: u32, code: &str) -> String {
    format!(
        "CREATE SEQUENCE zeropass.tries;
        CREATE FUNCTION zeropass.fail() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN
            IF nextval('zeropass.tries') <= {times} THEN
                RAISE EXCEPTION 'a conflict' USING ERRCODE = '{code}';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER fail BEFORE INSERT ON zeropass.ceremonies
            FOR EACH ROW EXECUTE FUNCTION zeropass.fail()"
    )
}

#[tokio::test]
async fn conflicts_are_tried_again_and_happen_once() {
    for code in ["40001", "40P01", "55P03"] {
        let (kit, _, database) = fresh().await;
        shared().await.sql(&database, &failing(3, code)).unwrap();
        assert_eq!(kit.put(Kit::ceremony(&id(1))).await, Ok(()), "{code}");
        assert_eq!(outcomes(&kit).await, ["ceremonies.put success"]);
        let tries = "SELECT last_value FROM zeropass.tries";
        assert_eq!(shared().await.sql(&database, tries).unwrap(), "4");
    }
}

#[tokio::test]
async fn conflict_that_does_not_pass_is_busy_and_recorded() {
    let (kit, _, database) = fresh().await;
    shared()
        .await
        .sql(&database, &failing(1000, "40001"))
        .unwrap();
    assert_eq!(kit.put(Kit::ceremony(&id(1))).await, Err(Error::Busy));
    let drop = "DROP TRIGGER fail ON zeropass.ceremonies";
    shared().await.sql(&database, drop).unwrap();
    assert_eq!(kit.take(&id(1)).await, Err(Error::NotFound));
    assert_eq!(
        outcomes(&kit).await,
        [
            "ceremonies.put failed:busy",
            "ceremonies.take failed:not-found"
        ]
    );
}

/// Two hosts change the same passkeys in opposite orders, in groups.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deadlocks_between_hosts_are_nobodys_failure() {
    let (one, _, database) = fresh().await;
    let other = beside(&database, "host-b").await;
    let ada = one.create(RP, "ada").await;
    for key in 0..8_u8 {
        one.insert(Kit::credential(&ada, &[key])).await.unwrap();
    }
    let hosts = [Arc::new(one), Arc::new(other)];
    let changes: Vec<_> = (0..400_u32)
        .map(|number| {
            let (host, ada) = (number as usize % 2, ada.id.clone());
            let kit = Arc::clone(&hosts[host]);
            let key = u8::try_from(number / 2 % 8).unwrap();
            let key = if host == 0 { key } else { 7 - key };
            tokio::spawn(async move {
                let label = format!("label {number}");
                let permit = kit.permit();
                let change = kit.store.credentials_rename(permit, ada, vec![key], label);
                change.await.map(drop)
            })
        })
        .collect();
    for change in changes {
        assert_eq!(change.await.unwrap(), Ok(()));
    }
    for kit in &hosts {
        let records = outcomes(kit).await;
        let renamed = records
            .iter()
            .filter(|r| *r == "credentials.rename success");
        assert_eq!(renamed.count(), 200);
    }
}
