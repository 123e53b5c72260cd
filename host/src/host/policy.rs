//! A new policy bundle, while the host runs.

use std::path::Path;
use std::sync::Arc;

use thiserror::Error;
use tokio::signal::unix::Signal;

use super::journal::record;
use crate::audit::{Actor, Outcome};
use crate::capabilities::Services;
use crate::{policy, store};

/// The audit action of a reload.
const ACTION: &str = "policy.reload";

/// Why the bundle in force is still the old one, or why nobody can tell.
#[derive(Debug, Error)]
pub enum ReloadError {
    /// The new bundle was refused; the old one stays.
    #[error(transparent)]
    Policy(#[from] policy::Error),
    /// The new bundle is in force, but the audit log can't say so.
    #[error("the reload could not be recorded: {0}")]
    Audit(#[from] store::Error),
    /// The task that reads the bundle was stopped; the old one stays.
    #[error("the reload was stopped with the host")]
    Stopped,
}

/// Load `folder` and put it in force for `actor`, with a record of what came of it;
/// the new epoch. Connections of those to whom it leaves nothing are cut.
///
/// # Errors
/// [`ReloadError`]; a bundle that fails validation or its golden tests changes nothing.
pub async fn reload_policy(
    services: &Arc<Services>,
    folder: &Path,
    actor: Actor,
) -> Result<u64, ReloadError> {
    let (gate, folder) = (Arc::clone(&services.gate), folder.to_owned());
    let loaded = tokio::task::spawn_blocking(move || gate.reload(&folder))
        .await
        .map_err(|_| ReloadError::Stopped)?;
    let outcome = match &loaded {
        Ok(_) => Outcome::Success,
        Err(_) => Outcome::Failed("policy-refused"),
    };
    let recorded = record(services, actor, ACTION, &services.gate.digest(), outcome).await;
    let epoch = loaded?;
    recorded?;
    Ok(epoch)
}

/// Reload at each SIGHUP, for ever.
pub(super) async fn reload_on_hangup(
    mut hangups: Signal,
    services: Arc<Services>,
    folder: std::path::PathBuf,
) {
    while hangups.recv().await.is_some() {
        match reload_policy(&services, &folder, Actor::host()).await {
            Ok(epoch) => {
                tracing::info!(epoch, digest = services.gate.digest(), "policy reloaded");
            }
            Err(error @ ReloadError::Policy(_)) => {
                tracing::error!(%error, "the new policy is refused: the old one stays in force");
            }
            Err(error) => tracing::error!(%error, "policy reload"),
        }
    }
}
