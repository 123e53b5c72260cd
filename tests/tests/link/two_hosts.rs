//! Two tiers: auth-service in one process without any credentials of a database,
//! passkey-manager and the store in another, killed and started again under load.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use zeropass::config::{self, Config};
use zeropass::host::Host;
use zeropass_tests::deployment::person::text;
use zeropass_tests::deployment::{Client, Deployment, LaidOut, ORIGIN, Person, WORKLOAD};

use super::kit::PATIENCE;

/// Names the configuration to a copy of this program that is to be a host.
const CONFIG: &str = "ZEROPASS_TEST_HOST";

/// A name that occurs nowhere by chance.
const NAME: &str = "ada-of-the-two-tiers";

/// A host that is a process of its own, and can be killed.
struct Process(Child);

/// A front and a back.
struct Tiers {
    front: LaidOut,
    back: LaidOut,
    service: SocketAddr,
    link: SocketAddr,
}

/// Not a test: what [`Process`] runs.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "is a host for the other tests"]
async fn a_host() {
    let Some(file) = std::env::var_os(CONFIG) else {
        return;
    };
    zeropass_tests::deployment::certificates::install_provider();
    let config = Config::load(Path::new(&file)).unwrap();
    let host = Host::start(&config).await.unwrap();
    host.serve().await.unwrap();
}

fn free_port() -> SocketAddr {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.local_addr().unwrap()
}

fn quoted(path: &Path) -> String {
    format!("{:?}", path.display().to_string())
}

// === impl Process ===

impl Process {
    fn start(laid_out: &LaidOut) -> Self {
        let this = std::env::current_exe().unwrap();
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(laid_out.folder.path().join("log"))
            .unwrap();
        let child = Command::new(this)
            .args(["--exact", "two_hosts::a_host", "--ignored", "--nocapture"])
            .env(CONFIG, laid_out.config())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self(child)
    }

    /// SIGKILL: nothing is finished.
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// The other ends of its TCP connections and the ports at which it was called,
    /// from the sockets among its open files.
    fn connections(&self) -> (BTreeSet<u16>, BTreeSet<u16>) {
        let proc = PathBuf::from(format!("/proc/{}", self.0.id()));
        let sockets: BTreeSet<String> = self
            .open_files()
            .iter()
            .filter_map(|file| file.strip_prefix("socket:["))
            .map(|rest| rest.trim_end_matches(']').to_owned())
            .collect();
        let (mut calls, mut called) = (BTreeSet::new(), BTreeSet::new());
        let mut listening = BTreeSet::new();
        let mut rows = Vec::new();
        for table in ["net/tcp", "net/tcp6"] {
            let table = std::fs::read_to_string(proc.join(table)).unwrap();
            for line in table.lines().skip(1) {
                let fields: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
                if sockets.contains(&fields[9]) {
                    rows.push((port(&fields[1]), port(&fields[2]), fields[3].clone()));
                }
            }
        }
        for (local, _, state) in &rows {
            if state == "0A" {
                listening.insert(*local);
            }
        }
        for (local, remote, state) in rows {
            if state == "0A" || remote == 0 {
                continue;
            }
            if listening.contains(&local) {
                called.insert(local);
            } else {
                calls.insert(remote);
            }
        }
        (calls, called)
    }

    fn open_files(&self) -> Vec<String> {
        std::fs::read_dir(format!("/proc/{}/fd", self.0.id()))
            .unwrap()
            .filter_map(|file| std::fs::read_link(file.unwrap().path()).ok())
            .map(|file| file.display().to_string())
            .collect()
    }
}

/// The port of `0100007F:20FD`.
fn port(address: &str) -> u16 {
    u16::from_str_radix(address.rsplit_once(':').unwrap().1, 16).unwrap()
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

// === impl Tiers ===

impl Tiers {
    fn lay_out() -> Self {
        let (service, link) = (free_port(), free_port());
        let mtls = |role: &str| {
            Deployment::builder().set("link", "kind", "\"mtls\"").set(
                "link",
                "role",
                &format!("{role:?}"),
            )
        };
        let back = mtls("back")
            .set("link", "listen", &format!("\"{link}\""))
            .lay_out();
        let pki = back.pki();
        let file = |name: &str| quoted(&pki.join(name));
        // One authority for both.
        let front = mtls("front")
            .set("service", "listen", &format!("\"{service}\""))
            .set("service", "certificate", &file("host.pem"))
            .set("service", "key", &file("host.key"))
            .set("service", "client-ca", &file("ca.pem"))
            .set("link", "targets", &format!("[\"{link}\"]"))
            .set(
                "link.auth-service",
                "certificate",
                &file("auth-service.pem"),
            )
            .set("link.auth-service", "key", &file("auth-service.key"))
            .set("store", "sqlite", "\"front-log.db\"")
            .lay_out();
        Self {
            front,
            back,
            service,
            link,
        }
    }

    /// A client of the front, which answers.
    async fn client(&self) -> Client {
        let client = self.back.client(self.service, WORKLOAD);
        let started = Instant::now();
        loop {
            let begin = client
                .request(http::Method::POST, "/v1/authentications")
                .json(&json!({}));
            match begin.send().await {
                Ok(answer) if answer.status() == 201 => return client,
                other => {
                    let log = |laid_out: &LaidOut| {
                        std::fs::read_to_string(laid_out.folder.path().join("log"))
                            .unwrap_or_default()
                    };
                    assert!(
                        started.elapsed() < 3 * PATIENCE,
                        "{other:?}\n{}\n{}",
                        log(&self.front),
                        log(&self.back)
                    );
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn front_tier_works_without_credentials_of_a_database() {
    let tiers = Tiers::lay_out();
    let back = Process::start(&tiers.back);
    let front = Process::start(&tiers.front);
    let client = tiers.client().await;
    let ada = Person::at(ORIGIN);
    let registered = ada.register(&client, NAME).await.expect(201);
    let signed_in = ada.sign_in(&client, NAME).await.expect(200);
    let token = text(&signed_in["session"]["token"]);
    let path = "/v1/sessions/introspect";
    let session = client.post_token(path, token).await.expect(200);
    assert_eq!(session["active"], true);
    client
        .post_token("/v1/sessions/revoke", token)
        .await
        .expect(200);
    let session = client.post_token(path, token).await.expect(200);
    assert_eq!(session["active"], false);
    let user = text(&registered["user"]["id"]);
    let passkeys = format!("/v1/users/{user}/passkeys");
    let listed = client.get(&passkeys).await.expect(200);
    assert_eq!(listed["passkeys"][0]["id"], registered["passkey"]["id"]);

    // Its configuration: SQLite, which has no credentials, in a file of its own.
    let config = Config::load(&tiers.front.config()).unwrap();
    let own_log = tiers.front.folder.path().join("front-log.db");
    assert_eq!(config.store, config::Store::Sqlite(own_log.clone()));
    assert_eq!(config.link.serving, None);

    // Its connections: to the back tier's link listener and nowhere else.
    let (calls, called) = front.connections();
    assert_eq!(calls, BTreeSet::from([tiers.link.port()]));
    assert_eq!(called, BTreeSet::from([tiers.service.port()]));
    let (calls, called) = back.connections();
    assert_eq!(calls, BTreeSet::new());
    assert_eq!(called, BTreeSet::from([tiers.link.port()]));

    // Its files: no database but its log, in which nothing but records is.
    let is_database = |file: &&String| file.contains(".db");
    let databases = |process: &Process| -> BTreeSet<String> {
        let files = process.open_files();
        files.iter().filter(is_database).cloned().collect()
    };
    let own = own_log.display().to_string();
    assert!(databases(&front).iter().all(|file| file.starts_with(&own)));
    assert!(databases(&front).contains(&own));
    let store = tiers.back.folder.path().join("zeropass.db");
    assert!(databases(&back).contains(&store.display().to_string()));
    drop((front, back));

    // Accounts are where they belong: in a store by their name, in a log never.
    assert!(holds(&store, NAME) && !holds(&own_log, NAME));
}

/// Whether a database has this text on any of its pages.
fn holds(database: &Path, text: &str) -> bool {
    let log = PathBuf::from(format!("{}-wal", database.display()));
    [database, &log].into_iter().any(|file| {
        let bytes = std::fs::read(file).unwrap_or_default();
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    })
}

/// What a sign-in came to: it must be right, or `busy`.
async fn sign_in(client: &Client, person: &Person, name: &str) -> Result<(), ()> {
    let begun = client
        .post("/v1/authentications", &json!({"user": {"name": name}}))
        .await;
    let begun = right_or_busy(&begun, 201)?;
    let credential = person.get(&begun["publicKey"]).await.unwrap();
    let path = format!("/v1/authentications/{}", text(&begun["ceremony"]));
    let finished = client.post(&path, &json!({"credential": credential})).await;
    right_or_busy(&finished, 200).map(drop)
}

#[track_caller]
fn right_or_busy(answer: &zeropass_tests::deployment::Answer, right: u16) -> Result<Value, ()> {
    if answer.status() == right {
        return Ok(answer.json());
    }
    assert_eq!(answer.problem(), (503, "busy".to_owned()), "{answer:?}");
    Err(())
}

#[tokio::test(flavor = "multi_thread")]
async fn back_tier_that_is_killed_under_load_causes_busy_and_nothing_else() {
    let tiers = Tiers::lay_out();
    let mut back = Process::start(&tiers.back);
    let _front = Process::start(&tiers.front);
    let client = tiers.client().await;
    let (good, busy): (Arc<AtomicUsize>, Arc<AtomicUsize>) = Default::default();
    let mut people = Vec::new();
    for number in 0..4 {
        let (person, name) = (Person::at(ORIGIN), format!("person-{number}"));
        person.register(&client, &name).await.expect(201);
        people.push((person, name));
    }
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let load: Vec<_> = people
        .into_iter()
        .map(|(person, name)| {
            let (client, stopped) = (client.clone(), stopped.clone());
            let (good, busy) = (Arc::clone(&good), Arc::clone(&busy));
            tokio::spawn(async move {
                while !*stopped.borrow() {
                    match sign_in(&client, &person, &name).await {
                        Ok(()) => good.fetch_add(1, Ordering::SeqCst),
                        Err(()) => {
                            tokio::time::sleep(Duration::from_millis(5)).await;
                            busy.fetch_add(1, Ordering::SeqCst)
                        }
                    };
                }
                // In the end everybody signs in again.
                let started = Instant::now();
                while sign_in(&client, &person, &name).await.is_err() {
                    assert!(started.elapsed() < PATIENCE);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            })
        })
        .collect();
    let more = async |count: &AtomicUsize, by: usize| {
        let (target, started) = (count.load(Ordering::SeqCst) + by, Instant::now());
        while count.load(Ordering::SeqCst) < target {
            assert!(started.elapsed() < 3 * PATIENCE, "nothing moves any more");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    for _ in 0..2 {
        more(&good, 12).await;
        back.kill();
        more(&busy, 12).await;
        back = Process::start(&tiers.back);
        // Nobody tells the front.
        more(&good, 12).await;
    }
    stop.send(true).unwrap();
    for one in load {
        one.await.unwrap();
    }
}
