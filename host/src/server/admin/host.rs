//! What operators ask of the host itself.

use std::sync::Arc;

use http::StatusCode;

use super::answer::{Answered, json, refused};
use super::{AdminDoor, Asked, forms, tried};
use crate::audit::Outcome;
use crate::policy::{self, action};
use crate::registry::oci::Source;

// === impl AdminDoor ===

impl AdminDoor {
    pub(super) async fn reload(&self, asked: &Asked, dry_run: bool) -> Answered {
        let permit = self.host::<action::PolicyReload>(asked)?;
        let (services, folder) = (Arc::clone(&self.services), self.policies.clone());
        let reloaded = tokio::task::spawn_blocking(move || match dry_run {
            true => Ok((services.gate.epoch(), services.gate.check(&folder)?)),
            false => {
                let epoch = services.gate.reload(&folder)?;
                Ok::<_, policy::Error>((epoch, services.gate.digest()))
            }
        })
        .await;
        let reloaded = match reloaded {
            Ok(Ok(reloaded)) => Ok(reloaded),
            Ok(Err(error)) => Err(refused(
                StatusCode::UNPROCESSABLE_ENTITY,
                "policy-refused",
                &format!("{error}; the old policies stay in force"),
            )),
            Err(_) => Err(refused(
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "the policies could not be read",
            )),
        };
        match reloaded {
            Ok((epoch, digest)) => {
                if !dry_run {
                    // What it forbids is over when the operator reads that it is in force.
                    self.rollouts.look().await;
                }
                permit.settle(format!("{digest}{}", tried(dry_run)), Outcome::Success);
                let policy = forms::Policy {
                    epoch,
                    digest,
                    dry_run,
                };
                json(StatusCode::OK, &policy)
            }
            Err(refusal) => {
                permit.settle("host", Outcome::Failed(refusal.code));
                Err(refusal)
            }
        }
    }

    pub(super) fn status(&self) -> forms::Status {
        let gate = &self.services.gate;
        forms::Status {
            host: self.rollouts.host().to_owned(),
            version: env!("CARGO_PKG_VERSION"),
            policy: forms::Policy {
                epoch: gate.epoch(),
                digest: gate.digest(),
                dry_run: false,
            },
            components: self
                .rollouts
                .running()
                .into_iter()
                .map(forms::Runs::from)
                .collect(),
            pull: self
                .source
                .as_ref()
                .and_then(Source::under_way)
                .map(forms::Pulling::from),
        }
    }
}
