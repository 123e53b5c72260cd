//! `login`: whole sign-ins (both requests) over mTLS that is kept alive, against
//! the host and against its twin without a sandbox.
//!
//! Both servers are processes of their own, so that their CPU time is told apart
//! from that of the clients, which share the machine with them. They have the same
//! listener, TLS, store, policies and audit records, each its own database on the
//! same disk. They are loaded in turns; the other one is idle meanwhile.

use std::sync::Arc;
use std::time::Duration;

use super::Places;
use crate::client::tls;
use crate::load::{Load, Window};
use crate::report::Row;
use crate::sample::Stats;
use crate::site::{Link, Site, people};

/// Connections, each with a person who signs in again and again.
pub(super) const CONNECTIONS: usize = 16;
const WINDOW: Duration = Duration::from_secs(2);
const WINDOWS: usize = 7;

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
    let (mut hosts, mut links, mut twins) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..WINDOWS {
        hosts.push(to_host.window(&host, WINDOW).await?);
        links.push(to_linked.window(&linked, WINDOW).await?);
        twins.push(to_twin.window(&twin, WINDOW).await?);
    }

    let row = |name, title, unit, of: fn(&Window) -> f64| -> anyhow::Result<Row> {
        let host = Stats::of(hosts.iter().map(of).collect())?;
        let twin = Stats::of(twins.iter().map(of).collect())?;
        Ok(Row::new(name, title, unit, host).against("native twin without a sandbox", twin))
    };
    let linked = |name, title: &str, unit, of: fn(&Window) -> f64| -> anyhow::Result<Row> {
        let linked = Stats::of(links.iter().map(of).collect())?;
        let host = Stats::of(hosts.iter().map(of).collect())?;
        Ok(Row::new(name, title.to_owned(), unit, linked).against("the in-process link", host))
    };
    let title = format!("whole sign-in over mTLS, {CONNECTIONS} connections");
    Ok(vec![
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
        linked(
            "login/mtls-link",
            "over the mTLS link too: each second, clients on the same machine",
            "logins/s",
            |window| window.per_second,
        )?,
        linked(
            "login/mtls-link-cpu",
            "over the mTLS link too: CPU of the server for one",
            "ms",
            |window| window.cpu,
        )?,
    ])
}
