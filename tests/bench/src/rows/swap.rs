//! `swap`: revisions of both components take turns while people sign in.
//!
//! There are three of each, and the host keeps two ready: every activation links one, from
//! the cache of compiled code, and lets go of another. A window with activations, one after
//! the other as fast as the host takes them, and a window of the same length without any
//! take turns on the same host and the same connections. At last files that the host has
//! never seen are pushed, and so compiled, under the same load. A pause is a time in which
//! no sign-in of any connection came to its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use rustls::ClientConfig;
use tokio::task::JoinHandle;

use super::Places;
use crate::client::{Client, tls};
use crate::operator::Operator;
use crate::process::Server;
use crate::report::Row;
use crate::sample::Stats;
use crate::site::{FIRST, Link, Person, Site, people};

const CONNECTIONS: usize = 32;
/// 1,000 activations altogether, as many of each component.
const WINDOWS: usize = 10;
const ROUNDS: usize = 50;
const VERSIONS: [&str; 3] = [FIRST, "1.1.0", "1.2.0"];
/// New files of each component, compiled under load.
const PUSHES: usize = 3;
const NAMES: [&str; 2] = ["auth-service", "passkey-manager"];

/// A connection, and who signs in over it.
type Caller = (Client, Arc<Person>);

/// What came of the sign-ins of one connection, or of all.
#[derive(Default)]
struct Outcome {
    /// When each came to its end.
    ends: Vec<Instant>,
    /// How long each took, milliseconds.
    latencies: Vec<f64>,
    /// How each that failed did.
    failures: Vec<String>,
}

/// Connections that sign in until they are told to stop.
struct Busy {
    stop: Arc<AtomicBool>,
    started: Instant,
    tasks: Vec<JoinHandle<anyhow::Result<(Caller, Outcome)>>>,
}

/// The figures of a window.
struct Window {
    failures: Vec<String>,
    per_second: f64,
    longest_pause: f64,
    slowest: f64,
}

pub(super) async fn measure(places: &Places) -> anyhow::Result<Vec<Row>> {
    let people = people(CONNECTIONS)?;
    let site = Site::operated(places, "swap", Link::Mtls, &people).await?;
    let host = site.host(places).await?;
    let mut operator = Operator::connect(&site).await?;
    for name in NAMES {
        for version in VERSIONS.iter().skip(1) {
            operator.push(places, name, version).await?;
        }
    }
    let tls = tls(&site.pki())?;
    let mut callers = Vec::new();
    for person in people {
        let client = Client::connect(host.address, Arc::clone(&tls)).await?;
        callers.push((client, Arc::new(person)));
    }

    let (mut swapped, mut quiet, mut activations) = (Vec::new(), Vec::new(), Vec::new());
    let (mut first, mut last) = (0, 0);
    for window in 0..WINDOWS {
        let busy = Busy::start(callers, &host, &tls);
        let started = Instant::now();
        for round in 0..ROUNDS {
            let turn = window * ROUNDS + round + 1;
            let version = VERSIONS
                .get(turn % VERSIONS.len())
                .copied()
                .unwrap_or(FIRST);
            for name in NAMES {
                let ordered = Instant::now();
                operator.activate(name, version).await?;
                activations.push(ordered.elapsed().as_secs_f64() * 1e3);
            }
        }
        let length = started.elapsed();
        let (back, outcome) = busy.end().await?;
        swapped.push(outcome);
        last = host.memory()?.resident;
        if window == 0 {
            first = last;
        }
        let busy = Busy::start(back, &host, &tls);
        tokio::time::sleep(length).await;
        let (back, outcome) = busy.end().await?;
        quiet.push(outcome);
        callers = back;
    }
    let (pushed, pushes) = pushes(places, &mut operator, &host, callers, &tls).await?;
    let mut rows = rows(&swapped, &quiet, activations, [first, last])?;
    rows.extend([
        Row::new(
            "swap/push",
            "one push of a new file under load: compiled and probed",
            "ms",
            Stats::of(pushes)?,
        ),
        Row::new(
            "swap/push-pause",
            "the longest pause while new files are compiled",
            "ms",
            Stats::of(vec![pushed.longest_pause])?,
        ),
    ]);
    Ok(rows)
}

/// New files of both components, pushed under load: the window, and how long each took,
/// milliseconds.
async fn pushes(
    places: &Places,
    operator: &mut Operator,
    host: &Server,
    callers: Vec<Caller>,
    tls: &Arc<ClientConfig>,
) -> anyhow::Result<(Window, Vec<f64>)> {
    // No file of an earlier run has this version in it, so that nothing is cached.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let mut taken = Vec::new();
    let busy = Busy::start(callers, host, tls);
    for number in 0..PUSHES {
        for name in NAMES {
            let version = format!("2.{}.{number}", now.as_secs());
            let ordered = Instant::now();
            operator.push(places, name, &version).await?;
            taken.push(ordered.elapsed().as_secs_f64() * 1e3);
        }
    }
    let (_, window) = busy.end().await?;
    if let Some(failure) = window.failures.first() {
        anyhow::bail!("a sign-in failed while files were compiled: {failure}");
    }
    Ok((window, taken))
}

fn rows(
    swapped: &[Window],
    quiet: &[Window],
    activations: Vec<f64>,
    resident: [u64; 2],
) -> anyhow::Result<Vec<Row>> {
    if let Some(failure) = swapped.iter().flat_map(|one| &one.failures).next() {
        eprintln!("zeropass-bench: swap: the first sign-in that failed: {failure}");
    }
    let of = |windows: &[Window], figure: fn(&Window) -> f64| {
        Stats::of(windows.iter().map(figure).collect())
    };
    let row = |name, title, unit, figure: fn(&Window) -> f64| -> anyhow::Result<Row> {
        Ok(Row::new(name, title, unit, of(swapped, figure)?)
            .against("without activations", of(quiet, figure)?))
    };
    let failed: usize = swapped.iter().map(|one| one.failures.len()).sum();
    let mebibytes = |bytes: u64| Stats::of(vec![bytes as f64 / f64::from(1 << 20)]);
    let [first, last] = resident;
    Ok(vec![
        Row::new(
            "swap/failed",
            format!(
                "sign-ins that failed in {} activations under load, {CONNECTIONS} connections",
                activations.len()
            ),
            "sign-ins",
            Stats::of(vec![failed as f64])?,
        )
        .at_most(0.0, "none"),
        row(
            "swap/longest-pause",
            "the longest pause of a window",
            "ms",
            |window| window.longest_pause,
        )?,
        row(
            "swap/slowest",
            "the slowest sign-in of a window",
            "ms",
            |window| window.slowest,
        )?,
        row(
            "swap/per-second",
            "sign-ins each second",
            "logins/s",
            |window| window.per_second,
        )?,
        Row::new(
            "swap/activation",
            "one activation under load",
            "ms",
            Stats::of(activations)?,
        ),
        Row::new(
            "swap/memory",
            "resident after the last 100 activations",
            "MiB",
            mebibytes(last)?,
        )
        .against("after the first 100", mebibytes(first)?),
    ])
}

/// Sign in again and again; a failure is counted, and the connection made anew.
async fn sign_in_until(
    stop: Arc<AtomicBool>,
    (mut client, person): Caller,
    address: std::net::SocketAddr,
    tls: Arc<ClientConfig>,
) -> anyhow::Result<(Caller, Outcome)> {
    let mut outcome = Outcome::default();
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        match client.sign_in(&person).await {
            Ok(_) => {
                outcome.ends.push(Instant::now());
                outcome.latencies.push(begun.elapsed().as_secs_f64() * 1e3);
            }
            Err(error) => {
                outcome.failures.push(format!("{error:#}"));
                client = Client::connect(address, Arc::clone(&tls)).await?;
            }
        }
    }
    Ok(((client, person), outcome))
}

/// The longest time between two of these moments, the start of the window among
/// them, milliseconds.
fn longest_pause(started: Instant, mut ends: Vec<Instant>) -> f64 {
    ends.sort();
    let mut longest = Duration::ZERO;
    let mut before = started;
    for end in ends {
        longest = longest.max(end.saturating_duration_since(before));
        before = end;
    }
    longest.as_secs_f64() * 1e3
}

// === impl Busy ===

impl Busy {
    fn start(callers: Vec<Caller>, host: &Server, tls: &Arc<ClientConfig>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let task = |caller| {
            let (stop, tls) = (Arc::clone(&stop), Arc::clone(tls));
            tokio::spawn(sign_in_until(stop, caller, host.address, tls))
        };
        let started = Instant::now();
        let tasks = callers.into_iter().map(task).collect();
        Self {
            stop,
            started,
            tasks,
        }
    }

    /// What was begun is finished.
    async fn end(self) -> anyhow::Result<(Vec<Caller>, Window)> {
        self.stop.store(true, Ordering::Relaxed);
        let mut callers = Vec::new();
        let mut all = Outcome::default();
        for task in self.tasks {
            let (caller, outcome) = task.await??;
            callers.push(caller);
            all.ends.extend(outcome.ends);
            all.latencies.extend(outcome.latencies);
            all.failures.extend(outcome.failures);
        }
        let taken = self.started.elapsed().as_secs_f64();
        let slowest = Stats::of(all.latencies)?.max;
        let window = Window {
            failures: all.failures,
            per_second: f64::from(u32::try_from(all.ends.len())?) / taken,
            longest_pause: longest_pause(self.started, all.ends),
            slowest,
        };
        Ok((callers, window))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_between_ends_in_their_order_and_before_the_first() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        assert!((longest_pause(start, vec![at(30), at(10), at(15)]) - 15.0).abs() < 1e-6);
        assert!((longest_pause(start, vec![at(40), at(50)]) - 40.0).abs() < 1e-6);
    }
}
