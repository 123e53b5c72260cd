//! What serves first when a host starts.
//!
//! The configured file, where there is no rollout yet, or where nothing but
//! configuration has changed it so far: so a deployment that never pushes anything is
//! run by its configuration alone; but a file that is older than what is recorded is no
//! step back for anybody. From the first order of an operator on, the rollout's own state
//! counts, and a configured file that differs is only mentioned.

use std::sync::Arc;

use super::lane::{Extract, Lane, Track};
use super::order::Order;
use super::plan::{self, Plan};
use super::{Followed, Progress, RolloutError, Rollouts, Rules};
use crate::audit::Trail;
use crate::registry::{Admission, AdmissionError, SignedComponent, signature};
use crate::store;
use crate::store::rollouts::{Artifact, RevisionInfo, RolloutState};

/// Why a component can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No revision of it is admitted.
    #[error(transparent)]
    Refused(#[from] AdmissionError),
    /// The rollout's state can't be read or written.
    #[error("component {name}: its rollout: {error}")]
    State {
        /// The component.
        name: &'static str,
        /// What went wrong.
        error: RolloutError,
    },
}

/// Who changes a rollout by starting a host.
const CONFIGURATION: &str = "configuration";

// === impl StartError ===

impl StartError {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::State { error, .. } => error.code(),
        }
    }
}

// === impl Rollouts ===

impl Rollouts {
    /// Let a component serve. Add the track afterwards, to have it followed.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn begin<P: Send + Sync + 'static>(
        &self,
        name: &'static str,
        configured: &SignedComponent,
        admission: Arc<Admission>,
        extract: Extract<P>,
        rules: Rules,
    ) -> Result<Track<P>, StartError> {
        let failed = |error| StartError::State { name, error };
        let plan = self.first(name, configured, &admission).await;
        let plan = plan.map_err(failed)?;
        let Some(plan) = plan? else {
            return self.resume(name, admission, extract, rules).await;
        };
        let track = Track::start(name, configured, admission, extract, rules).await?;
        self.write_first(&plan, &track.running().stable.revision, configured)
            .await
            .map_err(failed)?;
        Ok(track)
    }

    /// Follow the rollout of a component from now on.
    pub async fn add<P: Send + Sync + 'static>(&mut self, track: Arc<Track<P>>) {
        let followed = Arc::new(Followed {
            lane: track,
            policy: std::sync::Mutex::default(),
            turn: tokio::sync::Mutex::new(Progress::default()),
        });
        self.catch_up(&followed).await;
        self.lanes.push(followed);
    }

    /// The change that lets the configured file serve; none where something else is
    /// to serve.
    async fn first(
        &self,
        name: &str,
        file: &SignedComponent,
        admission: &Admission,
    ) -> Result<Result<Option<Plan>, AdmissionError>, RolloutError> {
        let store = self.store()?;
        let now = store.rollout_get(name).await?;
        let untouched = match &now {
            None => true,
            Some(_) => store
                .rollout_history(name, u32::MAX)
                .await?
                .iter()
                .all(|entry| entry.who == CONFIGURATION),
        };
        let identity = match admission.identify(name, file) {
            Ok(identity) => identity,
            // Where it shall serve it must be sound.
            Err(refusal) if untouched => return Ok(Err(refusal)),
            Err(refusal) => {
                tracing::warn!(component = name, %refusal, "the configured file is not used");
                return Ok(Ok(None));
            }
        };
        let digest = &identity.digest;
        let older = match &now {
            Some(now) => self.is_older(now, &file.minisig).await?,
            None => false,
        };
        Ok(Ok(match now {
            None => Some(plan::begin(name, digest)),
            Some(now) if now.stable == *digest => None,
            Some(now) if untouched && older => {
                tracing::warn!(
                    component = name,
                    configured = identity.revision,
                    serving = now.stable,
                    "the configured file is older than what serves and is not used: replace it, or go back with `zeropass component activate --rollback`"
                );
                None
            }
            Some(now) if untouched => plan::activate(&now, digest, None).ok().map(|plan| Plan {
                what: "configured",
                ..plan
            }),
            Some(now) => {
                tracing::info!(
                    component = name,
                    configured = digest,
                    serving = now.stable,
                    "operators have rolled out another revision than the configured one"
                );
                None
            }
        }))
    }

    /// Whether a file is signed as of an older version than what serves, or of the same
    /// one earlier.
    async fn is_older(&self, now: &RolloutState, minisig: &str) -> Result<bool, RolloutError> {
        let signature = self
            .store()?
            .revision_signature(&now.component, &now.stable)
            .await;
        let kept = match signature {
            Ok(kept) => signature::stated(&kept),
            Err(store::Error::NotFound) => None,
            Err(error) => return Err(error.into()),
        };
        let (Some(kept), Some(offered)) = (kept, signature::stated(minisig)) else {
            return Ok(false);
        };
        Ok((&offered.version, offered.time) < (&kept.version, kept.time))
    }

    /// Begin with what the rollout says: its stable revision, or the nearest
    /// predecessor that is admitted.
    async fn resume<P: Send + Sync + 'static>(
        &self,
        name: &'static str,
        admission: Arc<Admission>,
        extract: Extract<P>,
        rules: Rules,
    ) -> Result<Track<P>, StartError> {
        let failed = |error| StartError::State { name, error };
        let RolloutState {
            stable,
            predecessors,
            ..
        } = self.state(name).await.map_err(failed)?;
        let store = self.store().map_err(failed)?;
        let mut first_refusal = None;
        for digest in [&stable].into_iter().chain(predecessors.iter().rev()) {
            let artifact = match store.revision_get(name, digest).await {
                Ok(artifact) => artifact,
                Err(store::Error::NotFound) => {
                    tracing::error!(component = name, digest, "a revision is not there");
                    continue;
                }
                Err(error) => return Err(failed(error.into())),
            };
            let file = SignedComponent {
                wasm: artifact.wasm,
                minisig: artifact.minisig,
            };
            match Track::start(name, &file, Arc::clone(&admission), extract, rules.clone()).await {
                Ok(track) => return Ok(track),
                Err(refusal) => {
                    tracing::error!(component = name, digest, %refusal, "a revision is not admitted");
                    first_refusal.get_or_insert(refusal);
                }
            }
        }
        Err(match first_refusal {
            Some(refusal) => refusal.into(),
            None => failed(RolloutError::Store),
        })
    }

    /// Keep the configured file and let the rollout say that it serves. Another host
    /// may be quicker; then that one is followed.
    async fn write_first(
        &self,
        plan: &Plan,
        version: &str,
        configured: &SignedComponent,
    ) -> Result<(), RolloutError> {
        let trail = Trail::new();
        let artifact = Artifact {
            info: RevisionInfo {
                component: plan.state.component.clone(),
                digest: plan.to.clone(),
                version: version.to_owned(),
                size: u64::try_from(configured.wasm.len()).unwrap_or(u64::MAX),
                pushed_at: self.clock.now(),
                pushed_by: CONFIGURATION.to_owned(),
            },
            wasm: configured.wasm.clone(),
            minisig: configured.minisig.clone(),
        };
        let target = format!("{} {}", plan.state.component, plan.to);
        let record = self.record("components.push", target.clone());
        let mut order = Order::new(CONFIGURATION, Some(record), &trail);
        let kept = self.keep(&mut order, artifact).await;
        order.settle(&kept);
        match kept {
            // It is there, and better vouched for.
            Ok(_) | Err(RolloutError::SignedLater { .. } | RolloutError::Conflict) => {}
            Err(error) => return Err(error),
        }
        let record = self.record("components.activate", target);
        let why = "the configured file";
        match self.write(CONFIGURATION, plan, why, record, &trail).await {
            Err(RolloutError::Conflict) => Ok(()),
            other => other,
        }
    }
}
