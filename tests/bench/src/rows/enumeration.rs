//! `enumeration`: how long the beginning of a sign-in takes for a name that exists
//! and for one that does not, in turns over one connection to a host of its own.
//!
//! The known name is asked for twice in each turn. How far these two medians lie apart
//! is the noise that the difference between known and unknown must not exceed. Both
//! differences are taken in each of several runs, so that they have a spread.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::Places;
use crate::client::{Client, tls};
use crate::report::Row;
use crate::sample::{Stats, Variant, in_turns};
use crate::site::{Link, Site, people};

/// Runs, each with its own medians: enough that the two differences, which are of one size
/// when names don't matter, come out alike.
const RUNS: usize = 21;
/// Turns in each: enough that the medians of one and the same request agree.
const ROUNDS: usize = 251;
/// One request each: many small turns even out what else the machine does.
const BATCH: Duration = Duration::from_micros(1);

const NAMES: [&str; 3] = ["person-0", "nobody-0", "person-0"];

/// The medians of each run, microseconds.
#[derive(Default)]
struct Medians {
    known: Vec<f64>,
    unknown: Vec<f64>,
    again: Vec<f64>,
}

pub(super) async fn measure(places: &Places) -> anyhow::Result<Vec<Row>> {
    let people = people(2)?;
    let site = Site::new(places, "enumeration", Link::Mtls, &people).await?;
    let host = site.host(places).await?;
    let client = Client::connect(host.address, tls(&site.pki())?).await?;
    let client = Arc::new(Mutex::new(client));
    let mut medians = Medians::default();
    for _ in 0..RUNS {
        let variants = NAMES.map(|name| begins(&client, name));
        let [known, unknown, again] = in_turns(ROUNDS, BATCH, variants).await?;
        medians.known.push(known.median * 1e-3);
        medians.unknown.push(unknown.median * 1e-3);
        medians.again.push(again.median * 1e-3);
    }
    medians.rows()
}

fn begins(client: &Arc<Mutex<Client>>, name: &'static str) -> Variant<'static> {
    let client = Arc::clone(client);
    Variant::batches(move |times| {
        let client = Arc::clone(&client);
        Box::pin(async move {
            let mut client = client.lock().await;
            let started = Instant::now();
            for _ in 0..times {
                client.begin(name).await?;
            }
            Ok(started.elapsed())
        })
    })
}

// === impl Medians ===

impl Medians {
    fn rows(self) -> anyhow::Result<Vec<Row>> {
        let apart = Stats::of(differences(&self.known, &self.unknown))?;
        let noise = Stats::of(differences(&self.known, &self.again))?;
        let known = Stats::of(self.known)?;
        let row = |name, title, stats| Row::new(name, title, "us", stats);
        Ok(vec![
            row(
                "enumeration/unknown-name",
                "sign-in begun for an unknown name, over mTLS",
                Stats::of(self.unknown)?,
            )
            .against("a known name", known),
            row(
                "enumeration/noise",
                "the known name once more in each turn",
                Stats::of(self.again)?,
            )
            .against("a known name", known),
            row(
                "enumeration/difference",
                "how far the medians of a known and an unknown name lie apart",
                apart,
            )
            .against("those of the known name, asked for twice", noise),
        ])
    }
}

/// How far the medians of each run lie apart.
fn differences(one: &[f64], other: &[f64]) -> Vec<f64> {
    let pairs = one.iter().zip(other);
    pairs.map(|(one, other)| (one - other).abs()).collect()
}
