//! Attacks and changes with a clock beside them. Numbers are compared with numbers of
//! the same run, so that a slow machine is slow on both sides.

use std::fs;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use tokio::sync::oneshot;
use zeropass::audit::{Actor, Origin};
use zeropass::host::reload_policy;
use zeropass::identity::pki::Ca;
use zeropass::server::Limits;
use zeropass_tests::deployment::attack::{Attack, Ended};
use zeropass_tests::deployment::certificates::{now, revocation_list, spiffe_id, workload};
use zeropass_tests::deployment::rotation::rotate;
use zeropass_tests::deployment::{
    Certificate, Client, Deployment, ORIGIN, RP_ID, RelyingParty, Stream, TRUST_DOMAIN, WORKLOAD,
    copied_policies,
};

/// From a change to the end of the streams that rested on what it took away.
const PROMPT: Duration = Duration::from_secs(2);

/// How long the proper client is watched, with and without an attack.
const WATCH: Duration = Duration::from_secs(10);

/// Below this, twice the usual is no more than the scheduler's own doing.
const FLOOR: Duration = Duration::from_millis(5);

/// How long attackers may take to come, one after the other.
const MUSTER: Duration = Duration::from_secs(8);

/// What a host may take beyond its usual, bytes, whatever is thrown at it.
const MEMORY: u64 = 64 << 20;

/// How many attack at the same time: more than the host has places for what they take,
/// or as many as the machine bears where an attempt is work for both sides.
fn crowd(attack: Attack) -> usize {
    let defaults = Limits::default();
    match attack {
        // Of `max-handshakes`.
        Attack::SlowHandshake | Attack::ConnectionFlood => defaults.max_handshakes + 144,
        // With a hundred requests each: of all requests that are worked on or wait.
        Attack::SlowStreams => 5,
        // With a hundred answers each: of `identity-requests`, and more than `MEMORY`.
        Attack::SlowReader => 16,
        // Of `identity-connections`.
        Attack::Hoard => defaults.identity_connections + 88,
        // Each of these comes back with a whole handshake, made on the same two cores.
        Attack::SlowHeaders
        | Attack::UnfinishedHead
        | Attack::SlowBody
        | Attack::RapidReset
        | Attack::HeaderFlood => 16,
    }
}

/// How long an attacker rests between two attempts. On the one machine of a test, what
/// attackers compute is taken from the host: each attempt is an attack, how fast they
/// follow each other is not.
fn pause(attack: Attack) -> Duration {
    Duration::from_secs(match attack {
        // Most of them are refused at once, after a whole handshake.
        Attack::Hoard => 10,
        _ => 1,
    })
}

/// What 99 of 100 requests take at most.
#[derive(Debug, Clone, Copy)]
struct P99 {
    /// On a connection that stands.
    standing: Duration,
    /// With a connection of its own.
    fresh: Duration,
}

fn parties() -> RelyingParty {
    RelyingParty::new(RP_ID)
        .origin(ORIGIN)
        .workload(WORKLOAD)
        .workload("other")
}

#[tokio::test(flavor = "multi_thread")]
async fn hundred_rotations_of_every_certificate_fail_no_request() {
    let deployment = Deployment::builder()
        .mtls_link()
        .with_revocation()
        .start()
        .await;
    let rotated = rotate(&deployment, 100).await;
    let (answered, called) = (rotated.answered, rotated.called);
    println!("{answered} requests answered, {called} of them over the link");
    assert!(called > 1_000);
    assert_eq!(rotated.failed, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_end_within_two_seconds_of_the_change() {
    let domain = TRUST_DOMAIN.parse().unwrap();
    let second = Ca::new(&domain, now()).unwrap();
    let (both, lists) = (second.pem().to_owned(), revocation_list(&second, &[]));
    let policies = copied_policies();
    let deployment = Deployment::builder()
        .policies(policies.path())
        .relying_party(parties())
        .with_revocation()
        .prepare(move |ca, pki| {
            fs::write(pki.join("ca.pem"), format!("{}{both}", ca.pem())).unwrap();
            let list = revocation_list(ca, &[]);
            fs::write(pki.join("crl.pem"), format!("{list}{lists}")).unwrap();
        })
        .start()
        .await;
    let of_second = Certificate::of(&second, &workload(WORKLOAD));
    let staying = Stream::of_workload(&deployment).await;

    let stream = Stream::open(&deployment, &of_second).await;
    let since = Instant::now();
    deployment.replace("ca.pem", deployment.ca().pem());
    prompt("removed root", stream.cut(since).await);

    let revoked = deployment.certificate(WORKLOAD);
    let stream = Stream::open(&deployment, &revoked).await;
    let since = Instant::now();
    deployment.replace("crl.pem", &revocation_list(deployment.ca(), &[&revoked]));
    prompt("revoked", stream.cut(since).await);

    let mut request = workload(WORKLOAD);
    // X.509 has whole seconds.
    request.not_after = (now() + 3_000) / 1000 * 1000;
    let stream = Stream::open(&deployment, &deployment.issue(&request)).await;
    let end = Instant::now() + Duration::from_millis(request.not_after - now());
    prompt("expired", stream.cut(end).await);

    let stream = Stream::open(&deployment, &deployment.certificate("other")).await;
    let forbid = format!(
        "@id(\"workload.other\")\nforbid (principal == Workload::\"{}\", action in Action::\"api\", resource);\n",
        spiffe_id("other")
    );
    fs::write(policies.path().join("workloads/other.cedar"), forbid).unwrap();
    let since = Instant::now();
    deployment.reload_policy().await.unwrap();
    prompt("dropped by policy", stream.cut(since).await);
    assert!(!staying.has_ended());
}

fn prompt(what: &str, taken: Duration) {
    println!("{what}: cut after {} ms", taken.as_millis());
    assert!(taken < PROMPT, "{what}: {taken:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn proper_client_stays_within_twice_its_usual_time_under_attack() {
    for attack in Attack::ALL {
        let deployment = Deployment::builder()
            .relying_party(parties())
            .set("service", "request-timeout", "\"10s\"")
            .start()
            .await;
        let client = deployment.client(WORKLOAD);
        let usual = p99(&client).await;
        let tls = deployment.client_config(Some(&deployment.certificate("other")));
        let attackers = Attackers::of(attack, deployment.address(), tls);
        tokio::time::sleep(MUSTER).await;
        let attacked = p99(&client).await;
        let ended = attackers.stop();
        for (what, usual, attacked) in [
            ("standing", usual.standing, attacked.standing),
            ("fresh", usual.fresh, attacked.fresh),
        ] {
            let times = attacked.as_secs_f64() / usual.as_secs_f64();
            let said = format!(
                "{attack:?}, {what}: {usual:?} usually, {attacked:?} under attack, {times:.1} times"
            );
            println!("{said}");
            assert!(attacked <= 2 * usual.max(FLOOR), "{said}");
        }
        met(&deployment, attack, &ended).await;
    }
}

/// The attack has met the limit that it is about: the host says so in a record, or by how
/// it ended each attempt that got in.
async fn met(deployment: &Deployment, attack: Attack, ended: &[Ended]) {
    let otherwise = ended.iter().find(|one| !attack.is_met_by(one));
    assert_eq!(otherwise, None, "{attack:?}");
    let code = match attack {
        Attack::SlowHandshake | Attack::ConnectionFlood => "handshake-displaced",
        Attack::SlowStreams => "rate-limited",
        Attack::SlowReader => "answer-not-taken",
        Attack::Hoard => "too-many-connections-of-identity",
        // These are ended without a record, and only if nothing else kept them out.
        Attack::SlowHeaders
        | Attack::SlowBody
        | Attack::UnfinishedHead
        | Attack::RapidReset
        | Attack::HeaderFlood => {
            assert!(!ended.is_empty(), "{attack:?}: none has ended");
            for record in deployment.records().await {
                let kept_out = ["handshake-timeout", "handshake-displaced", "too-many-"];
                let kept_out = kept_out.map(|code| format!("failed:{code}"));
                let outcome = &record.outcome;
                let kept_out = kept_out.iter().any(|code| outcome.starts_with(code));
                assert!(!kept_out, "{attack:?}: {record:?}");
            }
            return;
        }
    };
    let outcome = format!("failed:{code}");
    deployment
        .record_where(|record| record.outcome == outcome)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_stays_bounded_under_every_flood() {
    let installation = Deployment::builder()
        .relying_party(parties())
        .set("service", "request-timeout", "\"10s\"")
        .install();
    let host = installation.serve();
    let client = installation.client(&host);
    // What a host takes that has work to do.
    p99(&client).await;
    let usual = host.peak_memory();
    let tls = installation.client_config(&installation.certificate("other"));
    for attack in Attack::ALL {
        let attackers = Attackers::of(attack, host.address(), tls.clone());
        tokio::time::sleep(MUSTER).await;
        let attacked = p99(&client).await;
        attackers.stop();
        let more = host.peak_memory().saturating_sub(usual);
        println!(
            "{attack:?}: {} KiB more than {} KiB, {attacked:?}",
            more >> 10,
            usual >> 10
        );
        assert!(more <= MEMORY, "{attack:?}: {more} bytes more");
    }
}

/// Attackers on a thread of their own, as if they were elsewhere.
struct Attackers {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
    ended: mpsc::Receiver<Ended>,
}

impl Attackers {
    fn of(attack: Attack, address: SocketAddr, tls: ClientConfig) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (told, ended) = mpsc::channel();
        let thread =
            std::thread::spawn(move || attack_until(stopped, attack, address, &tls, &told));
        Self {
            stop,
            thread,
            ended,
        }
    }

    /// How the attempts ended that were over by now.
    fn stop(self) -> Vec<Ended> {
        let _ = self.stop.send(());
        self.thread.join().unwrap();
        self.ended.iter().collect()
    }
}

fn attack_until(
    stopped: oneshot::Receiver<()>,
    attack: Attack,
    address: SocketAddr,
    tls: &ClientConfig,
    told: &mpsc::Sender<Ended>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let crowd = crowd(attack);
    let again = async |number: usize| {
        // Not all at once: so many handshakes would be an attack of their own.
        let turn = MUSTER.mul_f64(0.8 * number as f64 / crowd as f64);
        tokio::time::sleep(turn).await;
        loop {
            let _ = told.send(attack.attempt(address, tls).await);
            tokio::time::sleep(pause(attack)).await;
        }
    };
    runtime.block_on(async {
        tokio::select! {
            _ = futures::future::join_all((0..crowd).map(again)) => unreachable!(),
            _ = stopped => {}
        }
    });
}

/// Requests one after the other with a short rest: each on the connection that stands, and
/// then on one of its own.
async fn p99(client: &Client) -> P99 {
    let (mut standing, mut fresh) = (Vec::new(), Vec::new());
    let started = Instant::now();
    while started.elapsed() < WATCH {
        let anew = client.anew();
        for (client, taken) in [(client, &mut standing), (&anew, &mut fresh)] {
            let one = Instant::now();
            client.get("/.well-known/jwks.json").await.expect(200);
            taken.push(one.elapsed());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    let of = |mut taken: Vec<Duration>| {
        taken.sort_unstable();
        taken[taken.len() * 99 / 100]
    };
    P99 {
        standing: of(standing),
        fresh: of(fresh),
    }
}
