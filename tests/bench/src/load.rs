//! Sign-ins from several connections at once, for a while.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;

use crate::client::Client;
use crate::process::Server;
use crate::site::Person;

/// What came of one window of load.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Sign-ins in a second, as the clients saw it.
    pub per_second: f64,
    /// Milliseconds, the middle sign-in.
    pub p50: f64,
    /// Milliseconds, which one sign-in in a hundred exceeds.
    pub p99: f64,
    /// Milliseconds of the server's CPU for each sign-in.
    pub cpu: f64,
}

/// Connections to one server, a person on each.
pub struct Load {
    clients: Vec<(Client, Arc<Person>)>,
}

// === impl Load ===

impl Load {
    /// Connect for each person.
    ///
    /// # Errors
    /// A connection is refused.
    pub async fn connect(
        server: &Server,
        tls: &Arc<ClientConfig>,
        people: &[Arc<Person>],
    ) -> anyhow::Result<Self> {
        let mut clients = Vec::new();
        for person in people {
            let client = Client::connect(server.address, Arc::clone(tls)).await?;
            clients.push((client, Arc::clone(person)));
        }
        Ok(Self { clients })
    }

    /// Sign in over all connections at once, again and again, until `length` is
    /// over; what was begun is finished.
    ///
    /// # Errors
    /// The first sign-in that fails.
    pub async fn window(&mut self, server: &Server, length: Duration) -> anyhow::Result<Window> {
        let cpu = server.cpu()?;
        let started = Instant::now();
        let mut tasks = Vec::new();
        for (mut client, person) in self.clients.drain(..) {
            tasks.push(tokio::spawn(async move {
                let mut latencies = Vec::new();
                while started.elapsed() < length {
                    let begun = Instant::now();
                    client.sign_in(&person).await?;
                    latencies.push(begun.elapsed().as_secs_f64() * 1e3);
                }
                anyhow::Ok((client, person, latencies))
            }));
        }
        let mut latencies = Vec::new();
        for task in tasks {
            let (client, person, own) = task.await??;
            self.clients.push((client, person));
            latencies.extend(own);
        }
        let taken = started.elapsed().as_secs_f64();
        let cpu = server.cpu()? - cpu;
        latencies.sort_by(f64::total_cmp);
        let count = latencies.len();
        let at = |percent: usize| {
            let index = (count * percent / 100).min(count.saturating_sub(1));
            latencies.get(index).copied().unwrap_or(f64::NAN)
        };
        anyhow::ensure!(count > 0, "nobody signed in");
        let logins = f64::from(u32::try_from(count)?);
        Ok(Window {
            per_second: logins / taken,
            p50: at(50),
            p99: at(99),
            cpu: cpu * 1e3 / logins,
        })
    }
}
