//! `enumeration`: how long the beginning of a sign-in takes for a name that exists
//! and for one that does not, in turns over one connection to a host of its own.
//!
//! The known name is asked for twice in each turn. How far these two medians lie apart
//! is the noise that the difference between known and unknown must not exceed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::Places;
use crate::client::{Client, tls};
use crate::report::Row;
use crate::sample::{Variant, in_turns};
use crate::site::{Link, Site, people};

/// Enough that the medians of one and the same request agree.
const ROUNDS: usize = 3001;
/// One request each: many small turns even out what else the machine does.
const BATCH: Duration = Duration::from_micros(1);

pub(super) async fn measure(places: &Places) -> anyhow::Result<Vec<Row>> {
    let people = people(2)?;
    let site = Site::new(places, "enumeration", Link::Mtls, &people).await?;
    let host = site.host(places).await?;
    let client = Client::connect(host.address, tls(&site.pki())?).await?;
    let client = Arc::new(Mutex::new(client));
    let names = ["person-0", "nobody-0", "person-0"];
    let [known, unknown, again] = in_turns(
        ROUNDS,
        BATCH,
        names.map(|name| {
            let client = Arc::clone(&client);
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
        }),
    )
    .await?
    .map(|stats| stats.scaled(1e-3));
    let row = |name, title, stats| Row::new(name, title, "us", stats);
    Ok(vec![
        row(
            "enumeration/unknown-name",
            "sign-in begun for an unknown name, over mTLS",
            unknown,
        )
        .against("a known name", known),
        row(
            "enumeration/noise",
            "the known name once more in each turn",
            again,
        )
        .against("a known name", known),
    ])
}
