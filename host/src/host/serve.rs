//! From the start to the end of the drain: the tasks of a host, and the order in which
//! they stop. Nothing is cut off that an accepted request still needs.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Host, lifecycle, policy};
use crate::capabilities::Services;
use crate::server::drain::{self, Drained, Signals};

/// How often the store forgets what is out of date.
const SWEEP: Duration = Duration::from_secs(60);

impl Host {
    /// Serve until SIGTERM or SIGINT, then drain. SIGHUP reloads the policies.
    pub async fn serve(self, signals: Signals) -> Drained {
        self.serve_with(async |trigger, deadline| {
            drain::on_signal(trigger, signals, deadline).await
        })
        .await
    }

    /// Serve until `stop` is ready, then drain.
    pub async fn serve_until(self, stop: impl Future<Output = ()>) -> Drained {
        self.serve_with(async |trigger, deadline| {
            stop.await;
            trigger.drain(deadline).await
        })
        .await
    }

    async fn serve_with(
        self,
        drain: impl AsyncFnOnce(drain::Trigger, Duration) -> Drained,
    ) -> Drained {
        let (trigger, watcher) = drain::channel();
        let (stop_sealing, sealing_stopped) = oneshot::channel();
        let sealing = tokio::spawn(self.sealer.run(sealing_stopped));
        let sweeper = tokio::spawn(sweep(Arc::clone(&self.services)));
        let metadata = self
            .metadata
            .map(|watch| tokio::spawn(watch.run(Arc::clone(&self.services))));
        let keeper = tokio::spawn(self.identity.keep(Arc::clone(&self.services)));
        let reloader = tokio::spawn(policy::reload_on_hangup(
            self.hangups,
            Arc::clone(&self.services),
            self.policy_folder,
        ));
        let health = self
            .health
            .map(|health| tokio::spawn(health.serve(watcher.clone())));
        let following = tokio::spawn(self.rollouts.follow(self.follow));
        let admin = self
            .admin
            .map(|admin| tokio::spawn(admin.serve(watcher.clone())));
        let listener = tokio::spawn(async move {
            if let Some(listener) = self.listener {
                listener.serve(watcher).await;
            }
        });
        let (link_trigger, link_watcher) = drain::channel();
        let link = tokio::spawn(self.link.serve(Arc::clone(&self.services), link_watcher));
        let drained = drain(trigger, self.drain_deadline).await;
        listener.abort();
        if let Some(admin) = admin {
            admin.abort();
        }
        following.abort();
        // After the front door: requests that were accepted there end here.
        let drained = drained.and(link_trigger.drain(self.drain_deadline).await);
        link.abort();
        sweeper.abort();
        if let Some(metadata) = metadata {
            metadata.abort();
        }
        keeper.abort();
        reloader.abort();
        for records in &self.connections {
            records.flush().await;
        }
        if lifecycle(&self.services, "host.stop").await.is_err() {
            tracing::error!("the stop could not be recorded");
        }
        self.services.store.close().await;
        let _ = stop_sealing.send(());
        if let Err(error) = sealing.await {
            tracing::error!(%error, "the sealer ended badly");
        }
        if let Some(health) = health {
            health.abort();
        }
        drained
    }
}

async fn sweep(services: Arc<Services>) {
    let mut tick = tokio::time::interval(SWEEP);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        tick.tick().await;
        while let Ok(swept) = services.store.sweep(services.clock.now()).await {
            if swept.total() == 0 {
                break;
            }
        }
    }
}
