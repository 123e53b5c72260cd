//! `rollback`: from the order to roll back until the revision before has answered.
//!
//! The time runs from the operator's request until a request that was sent after the
//! operator's answer is answered. Which revision that was is looked up in the audit log by
//! the request's id, after all rounds, as reading the log takes longer than what is measured
//! and leaves the processor's caches empty: another one than the predecessor fails the row.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use super::Places;
use crate::client::{Answer, Client, tls};
use crate::operator::Operator;
use crate::report::Row;
use crate::sample::Stats;
use crate::site::{FIRST, Link, Site, people};

const ROUNDS: usize = 51;
const NEXT: &str = "1.1.0";
const NAMES: [&str; 2] = ["auth-service", "passkey-manager"];

/// The client has one thread for all that it does, which has no part in what a host takes: with
/// several, each request and each answer waits for another one to wake up.
pub(super) async fn measure(places: &Arc<Places>) -> anyhow::Result<Vec<Row>> {
    let places = Arc::clone(places);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    tokio::task::spawn_blocking(move || runtime.block_on(orders(&places))).await?
}

async fn orders(places: &Places) -> anyhow::Result<Vec<Row>> {
    let people = people(1)?;
    let person = people.first().context("a person")?;
    let site = Site::operated(places, "rollback", Link::Mtls, &people).await?;
    let host = site.host(places).await?;
    let mut operator = Operator::connect(&site).await?;
    let mut client = Client::connect(host.address, tls(&site.pki())?).await?;
    let mut rows = Vec::new();
    for name in NAMES {
        operator.push(places, name, NEXT).await?;
        let (mut traffic, mut orders) = (Vec::new(), Vec::new());
        let (mut after, mut before) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            operator.activate(name, NEXT).await?;
            before.push(client.sign_in(person).await?);

            let started = Instant::now();
            operator.roll_back(name).await?;
            let ordered = started.elapsed();
            let answer = client.begin(&person.name).await?;
            let answered = started.elapsed();
            after.push(answer);
            orders.push(ordered.as_secs_f64() * 1e3);
            traffic.push(answered.as_secs_f64() * 1e3);
        }
        served_by(&site, name, NEXT, &before).await?;
        served_by(&site, name, FIRST, &after).await?;
        rows.push(
            Row::new(
                &format!("rollback/{name}"),
                "from the order until the old revision has answered",
                "ms",
                Stats::of(traffic)?,
            )
            .against("until the operator has the answer", Stats::of(orders)?)
            .at_most(10.0, "10 ms"),
        );
    }
    Ok(rows)
}

/// Whether this revision of the component answered all of them.
async fn served_by(
    site: &Site,
    name: &str,
    version: &str,
    answers: &[Answer],
) -> anyhow::Result<()> {
    let mut log = SqliteConnectOptions::new()
        .filename(site.database())
        .read_only(true)
        .connect()
        .await?;
    let found: Vec<(String, String)> = sqlx::query_as(
        "SELECT DISTINCT request_id, component_revision FROM audit WHERE component_name = ?1",
    )
    .bind(name)
    .fetch_all(&mut log)
    .await?;
    log.close().await?;
    for answer in answers {
        let id = answer
            .id
            .as_deref()
            .context("an answer has no request id")?;
        let revisions = found.iter().filter(|(request, _)| request == id);
        let revisions: Vec<_> = revisions.map(|(_, revision)| revision.as_str()).collect();
        anyhow::ensure!(
            revisions == [version],
            "{name} {revisions:?} answered {id} instead of {version}"
        );
    }
    Ok(())
}
