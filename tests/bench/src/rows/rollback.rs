//! `rollback`: from the order to roll back until the revision before has answered.
//!
//! The time runs from the operator's request until a request that was sent after the
//! operator's answer is answered. Which revision that was is looked up in the audit
//! log each time: another one than the predecessor fails the row.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use super::Places;
use crate::client::{Client, tls};
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
    let mut log = SqliteConnectOptions::new()
        .filename(site.database())
        .read_only(true)
        .connect()
        .await?;
    let mut rows = Vec::new();
    for name in NAMES {
        operator.push(places, name, NEXT).await?;
        let (mut traffic, mut orders) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            operator.activate(name, NEXT).await?;
            client.sign_in(person).await?;
            served_by(&mut log, name, NEXT).await?;

            let started = Instant::now();
            operator.roll_back(name).await?;
            let ordered = started.elapsed();
            client.begin(&person.name).await?;
            let answered = started.elapsed();
            served_by(&mut log, name, FIRST).await?;
            orders.push(ordered.as_secs_f64() * 1e3);
            traffic.push(answered.as_secs_f64() * 1e3);
        }
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
    log.close().await?;
    Ok(rows)
}

/// A record is durable before its answer leaves, so the newest one of the component
/// names the revision that answered last.
async fn served_by(db: &mut SqliteConnection, name: &str, version: &str) -> anyhow::Result<()> {
    let newest: Option<String> = sqlx::query_scalar(
        "SELECT component_revision FROM audit WHERE component_name = ?1 ORDER BY seq DESC LIMIT 1",
    )
    .bind(name)
    .fetch_optional(db)
    .await?;
    let newest = newest.with_context(|| format!("{name} has left no record"))?;
    anyhow::ensure!(
        newest == version,
        "{name} {newest} answered instead of {version}"
    );
    Ok(())
}
