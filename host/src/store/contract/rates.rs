//! What an identity may ask of all hosts together: counted exactly, and earned back.
//!
//! One database has the kit's clock and one its own, so intervals are hours where no time
//! may pass, and the kit's clock is moved on where it must.

use std::time::{Duration, Instant};

use futures::{StreamExt as _, stream};

use super::{DAY, Kit, NOW};
use crate::clock::{Clock as _, SystemClock};
use crate::store::{Error, RateLimit, Taken};

const HOUR: u64 = 3_600_000_000_000;
const WORKLOAD: &str = "spiffe://example/relying-party";

async fn take(kit: &Kit, identity: &str, limit: RateLimit, cells: u32) -> Taken {
    let taking = kit.store.take_cells(identity.into(), limit, cells);
    taking.await.unwrap()
}

/// So many, and one more after each hour.
fn hourly(burst: u32) -> RateLimit {
    RateLimit {
        interval: HOUR,
        burst,
    }
}

pub(crate) async fn what_is_there_is_given_and_no_more(kit: Kit) {
    assert_eq!(take(&kit, WORKLOAD, hourly(10), 4).await.cells, 4);
    assert_eq!(take(&kit, WORKLOAD, hourly(10), 5).await.cells, 5);
    let last = take(&kit, WORKLOAD, hourly(10), 5).await;
    assert_eq!(last.cells, 1, "only one was left");
    let refused = take(&kit, WORKLOAD, hourly(10), 1).await;
    assert_eq!(refused.cells, 0);
    let wait = Duration::from_secs(3_590)..=Duration::from_secs(3_600);
    assert!(wait.contains(&refused.wait), "{refused:?}");
    let other = take(&kit, "spiffe://example/other", hourly(10), 10).await;
    assert_eq!(other.cells, 10, "identities share nothing");
}

pub(crate) async fn cells_come_back_with_time(kit: Kit) {
    let limit = RateLimit {
        interval: 20_000_000,
        burst: 2,
    };
    let begun = Instant::now();
    let mut taken = take(&kit, WORKLOAD, limit, 2).await;
    for _ in 0..3 {
        assert!(taken.cells > 0);
        taken = loop {
            let taken = take(&kit, WORKLOAD, limit, 2).await;
            if taken.cells > 0 {
                break taken;
            }
            assert!(taken.wait <= Duration::from_millis(20), "{taken:?}");
            kit.clock.advance(1);
            tokio::time::sleep(Duration::from_millis(1)).await;
        };
    }
    // Two at once, and of the others none before it is earned.
    let passed = begun
        .elapsed()
        .max(Duration::from_millis(kit.clock.now() - NOW));
    assert!(passed >= Duration::from_millis(60), "{passed:?}");
}

pub(crate) async fn of_1000_takings_exactly_what_there_is_is_given(kit: Kit) {
    let kit = &kit;
    let takings = stream::iter(0..1000).map(|number| async move {
        take(kit, WORKLOAD, hourly(1501), 1 + number % 3)
            .await
            .cells
    });
    // As many as find a connection in time.
    let given: Vec<u32> = takings.buffer_unordered(100).collect().await;
    let given: u32 = given.into_iter().sum();
    assert_eq!(given, 1501);
}

pub(crate) async fn taking_leaves_no_record(kit: Kit) {
    take(&kit, WORKLOAD, hourly(1), 1).await;
    take(&kit, WORKLOAD, hourly(1), 1).await;
    assert!(kit.records().await.is_empty());
}

pub(crate) async fn identity_that_owes_nothing_is_swept(kit: Kit) {
    take(&kit, WORKLOAD, hourly(1), 1).await;
    let owed = SystemClock.now().max(NOW) + HOUR / 1_000_000;
    assert_eq!(kit.store.sweep(NOW + DAY).await.unwrap().rates, 0);
    assert_eq!(take(&kit, WORKLOAD, hourly(1), 1).await.cells, 0);
    assert_eq!(kit.store.sweep(owed + DAY + 1).await.unwrap().rates, 1);
    assert_eq!(take(&kit, WORKLOAD, hourly(1), 1).await.cells, 1);
}

pub(crate) async fn malformed_taking_is_refused(kit: Kit) {
    let cases = [
        ("", hourly(1), 1),
        ("a\0b", hourly(1), 1),
        (WORKLOAD, hourly(0), 1),
        (WORKLOAD, hourly(1), 0),
        (WORKLOAD, hourly(1), 2),
        (
            WORKLOAD,
            RateLimit {
                interval: 0,
                burst: 1,
            },
            1,
        ),
        (WORKLOAD, hourly(u32::MAX), 1),
        (
            WORKLOAD,
            RateLimit {
                interval: u64::MAX,
                burst: 2,
            },
            1,
        ),
    ];
    for (identity, limit, cells) in cases {
        let refused = kit.store.take_cells(identity.into(), limit, cells).await;
        assert!(
            matches!(refused, Err(Error::Malformed(_))),
            "{identity:?} {limit:?} {cells}: {refused:?}"
        );
    }
    let long = kit.store.take_cells("a".repeat(2049), hourly(1), 1).await;
    assert!(matches!(long, Err(Error::Malformed(_))), "{long:?}");
}
