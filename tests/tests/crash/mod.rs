//! `kill -9` of a host under load, again and again on one store, in SQLite or PostgreSQL.
//!
//! What was acknowledged before a kill must be there after it; what was under way
//! must be there whole or not at all; a challenge counts once; and the log verifies
//! and says where it was interrupted. The moments of the kills come from a seed that
//! every failure names; `ZEROPASS_SEED` sets it.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use zeropass_tests::deployment::person::text;
use zeropass_tests::deployment::{Answer, Client, Deployment, Installation, ORIGIN, Person};
use zeropass_tests::postgres::Database;

/// People at the same time.
const PEOPLE: usize = 6;

/// What the host has acknowledged, or what was under way.
#[derive(Debug, Clone)]
enum Event {
    Registered {
        user: String,
        passkey: String,
    },
    SignedIn {
        token: String,
        passkey: String,
        finish: Finish,
    },
    SignedOut {
        token: String,
    },
    Removed {
        user: String,
        passkey: String,
    },
    /// The end of a sign-in that got no answer.
    UnderWay(Finish),
    /// The end of a registration that got no answer.
    RegistrationUnderWay {
        who: Somebody,
        finish: Finish,
    },
    /// Noted before they were asked for, so that a kill can't come between.
    SignOutUnderWay {
        token: String,
    },
    RemovalUnderWay {
        passkey: String,
    },
}

/// The second request of a ceremony.
#[derive(Debug, Clone)]
struct Finish {
    path: String,
    body: Value,
}

/// A person and the name of the account.
#[derive(Clone)]
struct Somebody {
    person: Arc<Person>,
    name: String,
}

impl fmt::Debug for Somebody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

type Events = Arc<Mutex<Vec<Event>>>;

/// A small generator of numbers: the same for the same seed (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// The seed of this run, told so that it can be repeated.
pub fn seed() -> u64 {
    let given = std::env::var("ZEROPASS_SEED").ok();
    let seed = given.map_or_else(
        || u64::from(std::process::id()),
        |text| text.parse().expect("ZEROPASS_SEED is a number"),
    );
    println!("ZEROPASS_SEED={seed}");
    seed
}

/// So many kills, and what must hold after each and at the end. The store is in SQLite, or in
/// this database.
pub async fn survive(rounds: u32, seed: u64, database: Option<&Database>) {
    let mut builder = Deployment::builder()
        .set("audit", "checkpoint-interval", "\"30ms\"")
        .set("audit", "checkpoint-records", "16");
    if let Some(database) = database {
        builder = builder.postgres(database);
    }
    let installation = builder.install();
    let mut random = Random(seed);
    let mut acknowledged = 0;
    let mut last: Vec<Event> = Vec::new();
    for round in 0..rounds {
        let process = installation.serve();
        let client = installation.client(&process);
        check(&client, &last, round).await;
        let events = Events::default();
        let people: Vec<_> = (0..PEOPLE)
            .map(|number| {
                let name = format!("person-{round}-{number}");
                tokio::spawn(live(client.clone(), name, Arc::clone(&events)))
            })
            .collect();
        // Not before something has happened, and then at any moment.
        while events.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_micros(random.next() % 150_000)).await;
        process.kill();
        for person in people {
            person
                .await
                .expect("a person meets nothing but a dead host");
        }
        last = std::mem::take(&mut *events.lock().unwrap());
        acknowledged += last.len();
    }
    let process = installation.serve();
    check(&installation.client(&process), &last, rounds).await;
    assert!(process.stop());
    println!("{rounds} kills, {acknowledged} events");
    the_log_tells(&installation, rounds);
}

/// Register, sign in, sign out, remove, until the host is gone.
async fn live(client: Client, name: String, events: Events) {
    let note = |event| events.lock().unwrap().push(event);
    for turn in 0.. {
        let (somebody, name) = (Arc::new(Person::at(ORIGIN)), format!("{name}-{turn}"));
        let user = json!({"user": {"name": name, "displayName": name}});
        let Some(begun) = post(&client, "/v1/registrations", &user).await else {
            return;
        };
        let begun = begun.expect(201);
        let created = somebody
            .create(&begun["publicKey"])
            .await
            .expect("a new device");
        let finish = Finish {
            path: format!("/v1/registrations/{}", text(&begun["ceremony"])),
            body: json!({"credential": created}),
        };
        let Some(registered) = post(&client, &finish.path, &finish.body).await else {
            let person = Arc::clone(&somebody);
            let who = Somebody { person, name };
            return note(Event::RegistrationUnderWay { who, finish });
        };
        let registered = registered.expect(201);
        let (user, passkey) = (
            text(&registered["user"]["id"]).to_owned(),
            text(&registered["passkey"]["id"]).to_owned(),
        );
        note(Event::Registered {
            user: user.clone(),
            passkey: passkey.clone(),
        });
        for sign_in in 0..2 {
            let who = json!({"user": {"name": name}});
            let Some(begun) = post(&client, "/v1/authentications", &who).await else {
                return;
            };
            let begun = begun.expect(201);
            let got = somebody
                .get(&begun["publicKey"])
                .await
                .expect("the passkey");
            let finish = Finish {
                path: format!("/v1/authentications/{}", text(&begun["ceremony"])),
                body: json!({"credential": got}),
            };
            let Some(signed_in) = post(&client, &finish.path, &finish.body).await else {
                return note(Event::UnderWay(finish));
            };
            let signed_in = signed_in.expect(200);
            let token = text(&signed_in["session"]["token"]).to_owned();
            note(Event::SignedIn {
                token: token.clone(),
                passkey: passkey.clone(),
                finish,
            });
            if sign_in == 1 {
                note(Event::SignOutUnderWay {
                    token: token.clone(),
                });
                let form = format!("token={token}");
                let revoke = client
                    .request(Method::POST, "/v1/sessions/revoke")
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body(form);
                let Ok(answer) = Answer::try_of(revoke).await else {
                    return;
                };
                answer.expect(200);
                note(Event::SignedOut { token });
            }
        }
        if turn % 2 == 0 {
            note(Event::RemovalUnderWay {
                passkey: passkey.clone(),
            });
            let passkey_path = format!("/v1/users/{user}/passkeys/{passkey}");
            let remove = client.request(Method::DELETE, &passkey_path);
            let Ok(answer) = Answer::try_of(remove).await else {
                return;
            };
            answer.expect(204);
            note(Event::Removed { user, passkey });
        }
    }
}

/// None when the host is gone.
async fn post(client: &Client, path: &str, body: &Value) -> Option<Answer> {
    Answer::try_of(client.request(Method::POST, path).json(body))
        .await
        .ok()
}

/// What was acknowledged is there unless somebody set out to end it, what was ended is
/// not, and what was used stays used.
async fn check(client: &Client, events: &[Event], round: u32) {
    let ending = |wanted: &str| {
        events.iter().any(|event| match event {
            Event::RemovalUnderWay { passkey: id } | Event::SignOutUnderWay { token: id } => {
                id == wanted
            }
            _ => false,
        })
    };
    for event in events {
        match event {
            Event::Registered { user, passkey } | Event::Removed { user, passkey } => {
                let listed = client
                    .get(&format!("/v1/users/{user}/passkeys"))
                    .await
                    .expect(200);
                let listed = listed["passkeys"].as_array().expect("passkeys");
                let there = listed.iter().any(|one| text(&one["id"]) == passkey);
                if let Event::Removed { .. } = event {
                    assert!(!there, "round {round}: {event:?}");
                } else {
                    assert!(there || ending(passkey), "round {round}: {event:?}");
                }
            }
            Event::SignedIn {
                token,
                passkey,
                finish,
            } => {
                let session = client
                    .post_token("/v1/sessions/introspect", token)
                    .await
                    .expect(200);
                // It ends with its passkey.
                let may_be_over = ending(token) || ending(passkey);
                let active = session["active"] == true;
                assert!(active || may_be_over, "round {round}: {event:?}");
                let again = client.post(&finish.path, &finish.body).await;
                assert_eq!(
                    again.problem().1,
                    "ceremony-used",
                    "round {round}: {event:?}"
                );
            }
            Event::SignedOut { token } => {
                let session = client
                    .post_token("/v1/sessions/introspect", token)
                    .await
                    .expect(200);
                assert_eq!(session["active"], false, "round {round}: {event:?}");
            }
            // What may have ended by them is left open above.
            Event::RemovalUnderWay { .. } | Event::SignOutUnderWay { .. } => {}
            Event::UnderWay(finish) => {
                finished_once(client, finish, 200, round).await;
            }
            Event::RegistrationUnderWay { who, finish } => {
                finished_once(client, finish, 201, round).await;
                whole_or_not_at_all(client, who, round).await;
            }
        }
    }
}

/// Done before the kill, or not at all; and in all once.
async fn finished_once(client: &Client, finish: &Finish, done: u16, round: u32) {
    let first = client.post(&finish.path, &finish.body).await;
    let used = first.status() != done && first.problem().1 == "ceremony-used";
    assert!(used || first.status() == done, "round {round}: {first:?}");
    let second = client.post(&finish.path, &finish.body).await;
    let code = second.problem().1;
    assert_eq!(code, "ceremony-used", "round {round}: {finish:?}");
}

/// The account has the passkey, which signs in; or it has none, and the name is free for another
/// attempt with the same device.
async fn whole_or_not_at_all(client: &Client, who: &Somebody, round: u32) {
    let Somebody { person, name } = who;
    let begin = json!({"user": {"name": name}});
    let begun = client.post("/v1/authentications", &begin).await.expect(201);
    // A name without passkeys gets a list that no device has.
    if let Ok(got) = person.get(&begun["publicKey"]).await {
        let path = format!("/v1/authentications/{}", text(&begun["ceremony"]));
        let body = json!({"credential": got});
        let signed_in = client.post(&path, &body).await;
        assert_eq!(
            signed_in.status(),
            200,
            "round {round}: {who:?} {signed_in:?}"
        );
        return;
    }
    let again = person.register(client, name).await;
    assert_eq!(again.status(), 201, "round {round}: {who:?} {again:?}");
    let signed_in = person.sign_in(client, name).await;
    assert_eq!(
        signed_in.status(),
        200,
        "round {round}: {who:?} {signed_in:?}"
    );
}

/// The log verifies, and has a gap for each kill.
fn the_log_tells(installation: &Installation, rounds: u32) {
    let verified = installation.run(&["audit", "verify", "--config", "zeropass.toml"]);
    assert!(verified.status.success(), "{verified:?}");
    let gaps = installation.run(&[
        "audit",
        "query",
        "--config",
        "zeropass.toml",
        "--action",
        "log.gap",
        "--json",
    ]);
    assert!(gaps.status.success(), "{gaps:?}");
    let gaps = String::from_utf8(gaps.stdout).unwrap();
    let unclean = gaps
        .lines()
        .filter(|line| line.contains("failed:no-stop-recorded"));
    assert_eq!(unclean.count(), rounds as usize, "{gaps}");
}
