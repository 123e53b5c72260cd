#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use futures::future::join_all;
use tokio::sync::Semaphore;

use super::*;
use crate::clock::FixedClock;
use crate::store::sqlite::SqliteStore;

const HOUR: Duration = Duration::from_secs(3600);

/// A count that says what it was asked for.
struct Script {
    asked: Mutex<Vec<u32>>,
    left: AtomicU32,
    /// Each answer takes one; none are there for a store that does not answer.
    answers: Semaphore,
    broken: bool,
}

impl Script {
    fn of(left: u32) -> Arc<Self> {
        Arc::new(Self {
            asked: Mutex::default(),
            left: AtomicU32::new(left),
            answers: Semaphore::new(Semaphore::MAX_PERMITS),
            broken: false,
        })
    }

    fn asked(&self) -> Vec<u32> {
        lock(&self.asked).clone()
    }
}

#[async_trait]
impl Source for Arc<Script> {
    async fn take(&self, _: &SpiffeId, cells: u32) -> Result<Taken, Error> {
        lock(&self.asked).push(cells);
        self.answers.acquire().await.unwrap().forget();
        if self.broken {
            return Err(Error::Busy);
        }
        let left = self.left.load(Ordering::SeqCst);
        let cells = cells.min(left);
        self.left.store(left - cells, Ordering::SeqCst);
        Ok(Taken { cells, wait: HOUR })
    }
}

fn id(name: &str) -> SpiffeId {
    SpiffeId::parse(&format!("spiffe://td/{name}")).unwrap()
}

fn limit(rate: u32, burst: u32) -> RateLimit {
    RateLimit::per_second(rate.try_into().unwrap(), burst.try_into().unwrap())
}

#[tokio::test]
async fn lease_serves_a_hundredth_of_the_rate_with_one_question() {
    let script = Script::of(10_000);
    let leases = Leases::new(Arc::clone(&script), limit(5_000, 10_000));
    for _ in 0..50 {
        assert_eq!(leases.ask(&id("a")).await, Ok(()));
    }
    assert_eq!(script.asked(), [50]);
    assert_eq!(leases.ask(&id("b")).await, Ok(()));
    assert_eq!(script.asked(), [50, 50], "identities share nothing");
}

#[tokio::test]
async fn small_rate_is_counted_request_by_request() {
    let script = Script::of(7);
    let leases = Leases::new(Arc::clone(&script), limit(5, 7));
    for _ in 0..7 {
        assert_eq!(leases.ask(&id("a")).await, Ok(()));
    }
    assert_eq!(script.asked(), [1; 7]);
    assert_eq!(leases.ask(&id("a")).await, Err(HOUR));
}

#[tokio::test]
async fn requests_that_wait_share_one_question() {
    let script = Arc::new(Script {
        answers: Semaphore::new(0),
        ..Arc::into_inner(Script::of(40)).unwrap()
    });
    let leases = Arc::new(Leases::new(Arc::clone(&script), limit(5, 40)));
    let asks: Vec<_> = (0..20)
        .map(|_| {
            let leases = Arc::clone(&leases);
            tokio::spawn(async move { leases.ask(&id("a")).await })
        })
        .collect();
    let lease = lock(&leases.known).of(&id("a"), Instant::now());
    while lease.waiting.load(Ordering::SeqCst) < 19 || script.asked().is_empty() {
        tokio::task::yield_now().await;
    }
    script.answers.add_permits(2);
    for ask in asks {
        assert_eq!(ask.await.unwrap(), Ok(()));
    }
    assert_eq!(script.asked(), [1, 19]);
}

#[tokio::test]
async fn identity_that_has_used_everything_up_is_refused_without_a_question() {
    let script = Script::of(3);
    let leases = Leases::new(Arc::clone(&script), limit(5_000, 10_000));
    for _ in 0..3 {
        assert_eq!(leases.ask(&id("a")).await, Ok(()));
    }
    for _ in 0..100 {
        let wait = leases.ask(&id("a")).await.unwrap_err();
        assert!(wait <= HOUR);
    }
    assert_eq!(script.asked(), [50]);
}

#[tokio::test]
async fn store_that_fails_refuses_nobody_and_is_left_alone_for_a_while() {
    let script = Arc::new(Script {
        broken: true,
        ..Arc::into_inner(Script::of(0)).unwrap()
    });
    let leases = Leases::new(Arc::clone(&script), limit(5, 5));
    for name in ["a", "a", "b"] {
        assert_eq!(leases.ask(&id(name)).await, Ok(()));
    }
    assert_eq!(script.asked(), [1]);
    *lock(&leases.away) = Some(Instant::now());
    assert_eq!(leases.ask(&id("a")).await, Ok(()));
    assert_eq!(script.asked(), [1, 1]);
}

#[tokio::test]
async fn store_that_does_not_answer_is_waited_for_once() {
    let script = Arc::new(Script {
        answers: Semaphore::new(0),
        ..Arc::into_inner(Script::of(0)).unwrap()
    });
    let leases = Leases {
        patience: Duration::from_millis(1),
        ..Leases::new(Arc::clone(&script), limit(5, 100))
    };
    let name = id("a");
    let asks = join_all((0..100).map(|_| leases.ask(&name))).await;
    assert_eq!(asks, [Ok(()); 100]);
    assert_eq!(script.asked(), [1]);
}

/// The store's clock stands still: nothing is earned.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hosts_on_one_store_answer_exactly_what_there_is() {
    let clock = Arc::new(FixedClock::new(1_700_000_000_000));
    let store = SqliteStore::temporary(1, clock).await.unwrap();
    let store: Arc<dyn Store> = Arc::new(store);
    let limit = limit(1_000, 300);
    let host = || {
        let store = Arc::clone(&store);
        Arc::new(Leases {
            // However busy the machine is.
            patience: HOUR,
            ..Leases::new(Counted { store, limit }, limit)
        })
    };
    let hosts = [host(), host()];
    let asks: Vec<_> = (0..1000)
        .map(|number| {
            let leases = Arc::clone(&hosts[number % 2]);
            tokio::spawn(async move { leases.ask(&id("a")).await.is_ok() })
        })
        .collect();
    let mut answered = 0;
    for ask in asks {
        answered += u32::from(ask.await.unwrap());
    }
    // What a lease holds still.
    for leases in &hosts {
        while leases.ask(&id("a")).await.is_ok() {
            answered += 1;
        }
    }
    assert_eq!(answered, 300);
}

#[test]
fn unused_cells_are_forgotten() {
    let now = Instant::now();
    let (cells, wait) = (10, Duration::ZERO);
    let mut held = Held::default();
    held.keep(10, 10, Taken { cells, wait }, now);
    assert!(held.take(now + LIFE - Duration::from_millis(1)));
    assert!(!held.take(now + LIFE));
}

#[test]
fn leases_grow_to_a_tenth_while_they_are_used_up_at_once() {
    let sizes = Sizes::of(limit(5_000, 10_000));
    let (mut now, wait) = (Instant::now(), Duration::ZERO);
    let mut held = Held::default();
    for expected in [50, 100, 200, 400, 500, 500] {
        let size = held.next_size(sizes, now);
        assert_eq!(size, expected);
        held.keep(size, size, Taken { cells: size, wait }, now);
        now += QUICK - Duration::from_millis(1);
    }
    now += Duration::from_millis(1);
    assert_eq!(held.next_size(sizes, now), 500, "it lasted long enough");
    assert_eq!(held.next_size(sizes, now + LIFE), 50, "it was not used up");
    let small = Sizes::of(limit(5_000, 10));
    assert_eq!((small.first, small.most), (1, 1), "a tenth of the burst");
}

#[test]
fn quiet_identities_are_forgotten_and_those_in_use_are_not() {
    let now = Instant::now();
    let mut known = Known {
        leases: HashMap::new(),
        swept: now,
    };
    for number in 0..10_000 {
        known.of(&id(&number.to_string()), now);
    }
    let in_use = known.of(&id("in-use"), now);
    let spent = known.of(&id("spent"), now);
    let (cells, wait) = (0, HOUR);
    spent
        .held
        .try_lock()
        .unwrap()
        .keep(1, 1, Taken { cells, wait }, now);
    drop(spent);
    known.of(&id("new"), now + LIFE);
    let mut left: Vec<_> = known.leases.keys().map(SpiffeId::as_str).collect();
    left.sort_unstable();
    assert_eq!(
        left,
        ["spiffe://td/in-use", "spiffe://td/new", "spiffe://td/spent"]
    );
    drop(in_use);
}
