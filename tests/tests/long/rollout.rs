//! Two thousand activations while people sign in: nobody notices, and nothing stays
//! behind.
//!
//! Three revisions of each component take turns, and a host keeps two of them ready: each
//! activation links one and lets go of another. The host is a process of its own, so that
//! its memory is its own too.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use zeropass_tests::deployment::person::text;
use zeropass_tests::deployment::{Client, Deployment, ORIGIN, Person};
use zeropass_tests::rollout::{OPERATOR, activate, push_signed, variant};
use zeropass_tests::signing::minisig;

const NAMES: [&str; 2] = ["auth-service", "passkey-manager"];

/// The first is the configured one.
const VERSIONS: [&str; 3] = ["1.0.0", "1.1.0", "1.2.0"];

/// Of each component.
const ACTIVATIONS: usize = 1_000;

/// Each with a connection of its own.
const PEOPLE: usize = 32;

/// How many activations at each end are compared; told is the middle too.
const SPAN: usize = 100;

/// What the host may hold more at the end than in the beginning, KiB: 2 for each activation,
/// where a compiled revision has thousands.
const FLAT: u64 = 4 * 1024;

/// What one person saw.
#[derive(Default)]
struct Seen {
    /// The requests that began and finished a ceremony.
    ceremonies: Vec<(String, String)>,
    failed: Vec<String>,
}

/// Sign in again and again until told to stop.
async fn sign_in_until(client: Client, stop: Arc<AtomicBool>, ready: Arc<AtomicUsize>) -> Seen {
    let person = Person::at(ORIGIN);
    let name = uuid::Uuid::new_v4().simple().to_string();
    person.register(&client, &name).await.expect(201);
    ready.fetch_add(1, Ordering::Relaxed);
    let mut seen = Seen::default();
    while !stop.load(Ordering::Relaxed) {
        let body = json!({"user": {"name": name}});
        let begun = client.post("/v1/authentications", &body).await;
        if begun.status() != 201 {
            seen.failed.push(format!("begin: {:?}", begun.problem()));
            continue;
        }
        let options = begun.json();
        let body = json!({"credential": person.get(&options["publicKey"]).await.unwrap()});
        let path = format!("/v1/authentications/{}", text(&options["ceremony"]));
        let finished = client.post(&path, &body).await;
        if finished.status() != 200 {
            seen.failed
                .push(format!("finish: {:?}", finished.problem()));
            continue;
        }
        let (begun, finished) = (begun.request_id(), finished.request_id());
        seen.ceremonies
            .push((begun.to_owned(), finished.to_owned()));
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_activations_under_load_fail_no_request_and_leave_no_memory_behind() {
    let builder = Deployment::builder().set("runtime", "max-instances", "64");
    let (builder, address) = builder.admin_somewhere();
    let mut files = Vec::new();
    for name in NAMES {
        for version in VERSIONS.into_iter().skip(1) {
            let wasm = variant(name, version);
            let signature = minisig(builder.key(), name, version, &wasm).unwrap();
            files.push((name, signature, wasm));
        }
    }
    let installation = builder.install();
    let host = installation.serve();
    let admin = installation.admin_client(address, OPERATOR);
    for (name, signature, wasm) in files {
        let pushed = push_signed(&admin, name, &signature, wasm).await;
        assert_eq!(pushed.expect(201)["held"], Value::Null);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let ready = Arc::new(AtomicUsize::new(0));
    let people: Vec<_> = (0..PEOPLE)
        .map(|_| {
            let (stop, ready) = (Arc::clone(&stop), Arc::clone(&ready));
            tokio::spawn(sign_in_until(installation.client(&host), stop, ready))
        })
        .collect();
    let started = Instant::now();
    while ready.load(Ordering::Relaxed) < PEOPLE {
        assert!(started.elapsed() < Duration::from_secs(60), "all register");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    let started = Instant::now();
    let mut resident = Vec::new();
    for number in 1..=ACTIVATIONS {
        for name in NAMES {
            let version = VERSIONS[number % VERSIONS.len()];
            let wish = json!({"revision": version, "rollback": true});
            activate(&admin, name, &wish).await.expect(200);
            resident.push(host.resident_kib());
        }
    }
    let taken = started.elapsed();
    stop.store(true, Ordering::Relaxed);
    let mut all = Seen::default();
    for person in people {
        let seen = person.await.expect("a person goes on");
        all.ceremonies.extend(seen.ceremonies);
        all.failed.extend(seen.failed);
    }
    assert!(host.stop(), "the host ends well");

    let log = installation.folder().join("log.jsonl");
    let out = log.to_str().unwrap();
    let export = ["audit", "export", "--config", "zeropass.toml", "--out", out];
    let exported = installation.run(&export);
    let said = String::from_utf8_lossy(&exported.stderr);
    assert!(exported.status.success(), "{said}");
    // Which revision of a component served a request, as the audit log says it.
    let mut revisions: HashMap<(String, String), String> = HashMap::new();
    for line in std::fs::read_to_string(&log).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let field = |name: &str| text(&line["record"][name]).to_owned();
        let of = (field("request_id"), field("component_name"));
        revisions.insert(of, field("component_revision"));
    }
    let served = |request: &String, name: &str| revisions.get(&(request.clone(), name.to_owned()));
    let changed = NAMES.map(|name| {
        let over = |(begun, finished): &&(String, String)| match (
            served(begun, name),
            served(finished, name),
        ) {
            (Some(one), Some(other)) => one != other,
            _ => false,
        };
        all.ceremonies.iter().filter(over).count()
    });
    let middle = (resident.len() - SPAN) / 2;
    let (first, half, last) = (
        median(&resident[..SPAN]),
        median(&resident[middle..middle + SPAN]),
        median(&resident[resident.len() - SPAN..]),
    );
    println!(
        "{} activations in {taken:?}; {} sign-ins, {} failed; begun on one revision and \
         finished on another: {changed:?} of {NAMES:?}; resident {first} KiB in the first \
         {SPAN}, {half} KiB half-way, {last} KiB in the last",
        resident.len(),
        all.ceremonies.len(),
        all.failed.len(),
    );
    assert_eq!(all.failed, Vec::<String>::new());
    assert!(changed.iter().all(|count| *count > 0), "{changed:?}");
    assert!(last <= first + FLAT, "{first} KiB became {last} KiB");
}

fn median(values: &[u64]) -> u64 {
    let mut values = values.to_vec();
    values.sort_unstable();
    values[values.len() / 2]
}
