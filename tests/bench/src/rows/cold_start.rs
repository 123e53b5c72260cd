//! `cold-start`: from starting the host's process to ready, and its memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Places;
use super::login::CONNECTIONS;
use crate::client::tls;
use crate::load::Load;
use crate::process::{Memory, Server};
use crate::report::Row;
use crate::sample::Stats;
use crate::site::{Link, Site, people};

/// Starts of each kind.
const STARTS: usize = 5;
const WINDOW: Duration = Duration::from_secs(3);
const MIB: f64 = 1_048_576.0;

pub(super) async fn measure(places: &Places) -> anyhow::Result<Vec<Row>> {
    let people = people(CONNECTIONS)?;
    let host_site = Site::new(places, "start-host", Link::Mtls, &people).await?;
    let twin_site = Site::new(places, "start-twin", Link::InProcess, &people).await?;
    let people: Vec<_> = people.into_iter().map(Arc::new).collect();
    let (mut kept, mut anew, mut native) = (Vec::new(), Vec::new(), Vec::new());
    let (mut idle, mut twin_idle) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        // Nothing compiled is there at the first start, and removed before the others.
        if host_site.cache().exists() {
            std::fs::remove_dir_all(host_site.cache())?;
        }
        let started = Instant::now();
        drop(host_site.host(places).await?);
        anew.push(milliseconds(started));

        let started = Instant::now();
        let host = host_site.host(places).await?;
        kept.push(milliseconds(started));
        idle.push(mebibytes(host.memory()?.resident));
        drop(host);

        let started = Instant::now();
        let twin = twin_site.twin().await?;
        native.push(milliseconds(started));
        twin_idle.push(mebibytes(twin.memory()?.resident));
    }
    let host = host_site.host(places).await?;
    let loaded = under_load(&host, &host_site, &people).await?;
    drop(host);
    let twin = twin_site.twin().await?;
    let twin_loaded = under_load(&twin, &twin_site, &people).await?;

    let single = |value: f64| Stats::of(vec![value]);
    Ok(vec![
        Row::new(
            "cold-start/kept",
            "host from start to ready, compiled components kept",
            "ms",
            Stats::of(kept)?,
        )
        .against("components compiled anew", Stats::of(anew)?)
        .against("native twin", Stats::of(native)?),
        Row::new(
            "cold-start/memory-idle",
            "resident memory when ready",
            "MiB",
            Stats::of(idle)?,
        )
        .against("native twin", Stats::of(twin_idle)?),
        Row::new(
            "cold-start/memory-loaded",
            format!("resident memory after sign-ins over {CONNECTIONS} connections"),
            "MiB",
            single(mebibytes(loaded.resident))?,
        )
        .against("native twin", single(mebibytes(twin_loaded.resident))?),
        Row::new(
            "cold-start/memory-peak",
            "the most at any time",
            "MiB",
            single(mebibytes(loaded.peak))?,
        )
        .against("native twin", single(mebibytes(twin_loaded.peak))?),
    ])
}

async fn under_load(
    server: &Server,
    site: &Site,
    people: &[Arc<crate::site::Person>],
) -> anyhow::Result<Memory> {
    let mut load = Load::connect(server, &tls(&site.pki())?, people).await?;
    load.window(server, WINDOW).await?;
    server.memory()
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// Whole pages fit a float exactly at any size that a process has.
#[allow(clippy::cast_precision_loss)]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / MIB
}
