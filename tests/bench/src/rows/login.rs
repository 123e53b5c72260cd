//! `login`: whole sign-ins (both requests) over mTLS that is kept alive, against
//! the host and against its twin without a sandbox.
//!
//! Both servers are processes of their own, so that their CPU time is told apart
//! from that of the clients, which share the machine with them. They have the same
//! listener, TLS, store, policies and audit records, each its own database on the
//! same disk. They are loaded in turns; the other one is idle meanwhile.
//!
//! A third host keeps its store in PostgreSQL, where that is installed; the database
//! server shares the machine too, and its CPU time is not the host's.

use std::sync::Arc;
use std::time::Duration;

use super::Places;
use crate::client::tls;
use crate::load::{Load, Window};
use crate::postgres::{self, Place};
use crate::process::Server;
use crate::report::Row;
use crate::sample::Stats;
use crate::site::{Link, Person, Site, people};

/// Connections, each with a person who signs in again and again.
pub(super) const CONNECTIONS: usize = 16;
const WINDOW: Duration = Duration::from_secs(2);
const WINDOWS: usize = 7;

/// Of the sign-ins over the in-process link, those that the mTLS link should leave.
const LEAST_LINKED: f64 = 0.75;

pub(super) async fn measure(places: &Places) -> anyhow::Result<Vec<Row>> {
    let people = people(CONNECTIONS)?;
    let host_site = Site::new(places, "login-host", Link::InProcess, &people).await?;
    let linked_site = Site::new(places, "login-linked", Link::Mtls, &people).await?;
    let twin_site = Site::new(places, "login-twin", Link::InProcess, &people).await?;
    let host = host_site.host(places).await?;
    let linked = linked_site.host(places).await?;
    let twin = twin_site.twin().await?;
    let people: Vec<_> = people.into_iter().map(Arc::new).collect();
    let mut to_host = Load::connect(&host, &tls(&host_site.pki())?, &people).await?;
    let mut to_linked = Load::connect(&linked, &tls(&linked_site.pki())?, &people).await?;
    let mut to_twin = Load::connect(&twin, &tls(&twin_site.pki())?, &people).await?;
    // One of each that is not counted: caches fill, pages are touched.
    to_host.window(&host, WINDOW).await?;
    to_linked.window(&linked, WINDOW).await?;
    to_twin.window(&twin, WINDOW).await?;
    let database = postgres::start("login/postgres").await?;
    let place = match &database {
        Some(database) => Some(database.place().await?),
        None => None,
    };
    let mut remote = match &place {
        Some(place) => Some(Remote::start(places, place, &people).await?),
        None => None,
    };
    let (mut hosts, mut links, mut twins) = (Vec::new(), Vec::new(), Vec::new());
    let mut remotes = Vec::new();
    for _ in 0..WINDOWS {
        hosts.push(to_host.window(&host, WINDOW).await?);
        links.push(to_linked.window(&linked, WINDOW).await?);
        twins.push(to_twin.window(&twin, WINDOW).await?);
        if let Some(remote) = &mut remote {
            remotes.push(remote.load.window(&remote.host, WINDOW).await?);
        }
    }

    let row = |name, title, unit, of: fn(&Window) -> f64| -> anyhow::Result<Row> {
        let host = Stats::of(hosts.iter().map(of).collect())?;
        let twin = Stats::of(twins.iter().map(of).collect())?;
        Ok(Row::new(name, title, unit, host).against("native twin without a sandbox", twin))
    };
    let in_process = "the in-process link";
    let linked =
        |name, title: &str, unit, of: fn(&Window) -> f64| -> anyhow::Result<(Row, Stats)> {
            let linked = Stats::of(links.iter().map(of).collect())?;
            let host = Stats::of(hosts.iter().map(of).collect())?;
            Ok((Row::new(name, title.to_owned(), unit, linked), host))
        };
    let remote = |name, title: &str, unit, of: fn(&Window) -> f64| -> anyhow::Result<Row> {
        let remote = Stats::of(remotes.iter().map(of).collect())?;
        let host = Stats::of(hosts.iter().map(of).collect())?;
        Ok(Row::new(name, title.to_owned(), unit, remote).against("the store in SQLite", host))
    };
    let (linked_per_second, of_in_process) = linked(
        "login/mtls-link",
        "over the mTLS link too: each second, clients on the same machine",
        "logins/s",
        |window| window.per_second,
    )?;
    let (linked_cpu, cpu_in_process) = linked(
        "login/mtls-link-cpu",
        "over the mTLS link too: CPU of the server for one",
        "ms",
        |window| window.cpu,
    )?;
    let title = format!("whole sign-in over mTLS, {CONNECTIONS} connections");
    let mut rows = vec![
        row(
            "login/per-core",
            format!("{title}: each second for each core of the server"),
            "logins/s/core",
            |window| 1e3 / window.cpu,
        )?,
        row(
            "login/cpu",
            "CPU of the server for one".to_owned(),
            "ms",
            |window| window.cpu,
        )?,
        row(
            "login/per-second",
            "each second, clients on the same machine".to_owned(),
            "logins/s",
            |window| window.per_second,
        )?,
        row(
            "login/p50",
            "the middle one takes".to_owned(),
            "ms",
            |window| window.p50,
        )?,
        row(
            "login/p99",
            "99 of 100 take at most".to_owned(),
            "ms",
            |window| window.p99,
        )?,
        linked_per_second.against_at_least(
            in_process,
            of_in_process,
            LEAST_LINKED,
            "three quarters of the in-process sign-ins",
        ),
        linked_cpu.against(in_process, cpu_in_process),
    ];
    if !remotes.is_empty() {
        rows.push(remote(
            "login/postgres",
            "the store in PostgreSQL: each second, clients and database on the same machine",
            "logins/s",
            |window| window.per_second,
        )?);
        rows.push(remote(
            "login/postgres-cpu",
            "the store in PostgreSQL: CPU of the server for one, without the database's",
            "ms",
            |window| window.cpu,
        )?);
    }
    Ok(rows)
}

/// A host whose store is in PostgreSQL, and the load on it.
struct Remote {
    host: Server,
    load: Load,
}

// === impl Remote ===

impl Remote {
    async fn start(
        places: &Places,
        place: &Place<'_>,
        people: &[Arc<Person>],
    ) -> anyhow::Result<Self> {
        let site =
            Site::on_postgres(places, "login-postgres", Link::InProcess, people, place).await?;
        let host = site.host(places).await?;
        let mut load = Load::connect(&host, &tls(&site.pki())?, people).await?;
        load.window(&host, WINDOW).await?;
        Ok(Self { host, load })
    }
}
