//! FIDO metadata of a running host: read at the start, kept up to date after it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::journal::record;
use crate::audit::{Actor, Outcome};
use crate::capabilities::Services;
use crate::clock::Timestamp;
use crate::config;
use crate::metadata::reload::{Reloader, Source};
use crate::metadata::{Blob, Metadata, MetadataError, Remembered};
use crate::secrets::random_key;

/// The action in audit records.
const RELOAD: &str = "metadata.reload";

/// What keeps the metadata up to date.
pub(super) struct Watch {
    reloader: Reloader,
    every: Duration,
}

/// Where the number of the BLOB is remembered, in the folder of the host's keys.
const NUMBER: &str = "metadata.number";

/// The key that seals it.
const NUMBER_KEY: &str = "metadata.key";

/// Read what the configuration names. `keys`: the folder of the host's keys.
pub(super) fn start(
    config: Option<&config::Metadata>,
    keys: &Path,
    now: Timestamp,
) -> anyhow::Result<(Arc<Metadata>, Option<Watch>)> {
    let Some(config) = config else {
        return Ok((Arc::default(), None));
    };
    let source = source(config);
    let memory = Remembered::open(keys.join(NUMBER), &random_key(keys, NUMBER_KEY)?)?;
    let reloader = Reloader::start(source, memory, now)?;
    let metadata = reloader.metadata();
    if let Some(blob) = metadata.current() {
        tell(&blob, now);
    }
    let every = config.check_every;
    Ok((metadata, Some(Watch { reloader, every })))
}

/// What the configuration names.
pub(super) fn source(config: &config::Metadata) -> Source {
    Source {
        blob: config.blob.clone(),
        roots: config.roots.clone(),
        signer: config.signer.clone(),
    }
}

// === impl Watch ===

impl Watch {
    /// Look at the files for as long as the host runs.
    pub(super) async fn run(self, services: Arc<Services>) {
        let Self {
            mut reloader,
            every,
        } = self;
        let mut tick = tokio::time::interval(every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut overdue = false;
        loop {
            tick.tick().await;
            let now = services.clock.now();
            // Megabytes are read and parsed: off the executor.
            let looked = tokio::task::spawn_blocking(move || {
                let found = reloader.look(now);
                (reloader, found)
            })
            .await;
            let Ok((back, found)) = looked else {
                tracing::error!("the metadata reader failed; metadata stay as they are");
                return;
            };
            reloader = back;
            if let Some(found) = found
                && !settle(&services, found, now).await
            {
                reloader.forget();
            }
            let current = services.metadata.current();
            let is_overdue = current.is_some_and(|blob| blob.is_overdue(now));
            if is_overdue && !overdue {
                tracing::warn!("the FIDO metadata are past their next update; fetch a new BLOB");
            }
            overdue = is_overdue;
        }
    }
}

/// Record what was found, then let it hold. False when it could not be recorded, and
/// so does not hold.
async fn settle(services: &Services, found: Result<Blob, MetadataError>, now: Timestamp) -> bool {
    let (target, outcome) = match &found {
        Ok(blob) => (format!("no {}", blob.number()), Outcome::Success),
        Err(error) => {
            tracing::error!(
                code = error.code(),
                "metadata.blob is refused and the present one stays: {error}"
            );
            ("-".to_owned(), Outcome::Failed(error.code()))
        }
    };
    let recorded = record(services, Actor::host(), RELOAD, &target, outcome).await;
    if recorded.is_err() {
        tracing::error!("a reload of metadata could not be recorded; it is tried again");
        return false;
    }
    if let Ok(blob) = found {
        tell(&blob, now);
        services.metadata.replace(blob);
    }
    true
}

fn tell(blob: &Blob, now: Timestamp) {
    let (skipped, unread) = blob.left_out();
    tracing::info!(
        number = blob.number(),
        next_update = %blob.next_update(),
        models = blob.models(),
        entries_skipped = skipped,
        values_skipped = unread,
        "FIDO metadata are in use"
    );
    if blob.is_overdue(now) {
        tracing::warn!("the FIDO metadata are past their next update; fetch a new BLOB");
    }
}
