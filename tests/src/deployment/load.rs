//! People who sign in again and again, and put up with `busy` and with nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::person::text;
use super::{Answer, Client, ORIGIN, Person};

/// Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sign-ins under way. A wrong answer panics in [`Load::end`].
#[derive(Debug)]
pub struct Load {
    good: Arc<AtomicUsize>,
    busy: Arc<AtomicUsize>,
    stop: watch::Sender<bool>,
    people: Vec<JoinHandle<()>>,
}

// === impl Load ===

impl Load {
    /// So many people, each with a passkey that is registered now.
    pub async fn start(client: &Client, people: usize) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut load = Self {
            good: Arc::default(),
            busy: Arc::default(),
            stop,
            people: Vec::new(),
        };
        let crowd = uuid::Uuid::new_v4().simple();
        for number in 0..people {
            let (person, name) = (Person::at(ORIGIN), format!("person-{number}-of-{crowd}"));
            person.register(client, &name).await.expect(201);
            let (client, stopped) = (client.clone(), stopped.clone());
            let (good, busy) = (Arc::clone(&load.good), Arc::clone(&load.busy));
            load.people.push(tokio::spawn(async move {
                while !*stopped.borrow() {
                    if sign_in(&client, &person, &name).await.is_ok() {
                        good.fetch_add(1, Ordering::SeqCst);
                    } else {
                        busy.fetch_add(1, Ordering::SeqCst);
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                }
                // In the end everybody signs in again.
                let started = Instant::now();
                while sign_in(&client, &person, &name).await.is_err() {
                    assert!(started.elapsed() < PATIENCE, "{name} is not let in again");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }));
        }
        load
    }

    /// Wait until so many more have been let in.
    pub async fn more_good(&self, by: usize) {
        self.more(&self.good, by).await;
    }

    /// Wait until so many more were told `busy`.
    pub async fn more_busy(&self, by: usize) {
        self.more(&self.busy, by).await;
    }

    /// How often anybody was told `busy` so far.
    pub fn busy(&self) -> usize {
        self.busy.load(Ordering::SeqCst)
    }

    /// Stop, once everybody was let in a last time.
    ///
    /// # Panics
    /// Somebody has got a wrong answer.
    pub async fn end(self) {
        self.stop.send_replace(true);
        for person in self.people {
            person.await.expect("right answers, or busy");
        }
    }

    async fn more(&self, count: &AtomicUsize, by: usize) {
        let (target, started) = (count.load(Ordering::SeqCst) + by, Instant::now());
        while count.load(Ordering::SeqCst) < target {
            assert!(
                !self.people.iter().any(JoinHandle::is_finished),
                "somebody has got a wrong answer"
            );
            assert!(started.elapsed() < PATIENCE, "nothing moves any more");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// What a sign-in came to: it must be right, or `busy`.
async fn sign_in(client: &Client, person: &Person, name: &str) -> Result<(), ()> {
    let begun = client
        .post("/v1/authentications", &json!({"user": {"name": name}}))
        .await;
    let begun = right_or_busy(&begun, 201)?;
    let credential = person.get(&begun["publicKey"]).await.expect("a passkey");
    let path = format!("/v1/authentications/{}", text(&begun["ceremony"]));
    let finished = client.post(&path, &json!({"credential": credential})).await;
    right_or_busy(&finished, 200).map(drop)
}

#[track_caller]
fn right_or_busy(answer: &Answer, right: u16) -> Result<Value, ()> {
    if answer.status() == right {
        return Ok(answer.json());
    }
    assert_eq!(answer.problem(), (503, "busy".to_owned()), "{answer:?}");
    Err(())
}
