//! What operators ask of the host itself.

use std::sync::Arc;

use http::StatusCode;

use super::answer::{Answered, json, refused};
use super::{AdminDoor, Asked, forms};
use crate::audit::Outcome;
use crate::policy::action;

// === impl AdminDoor ===

impl AdminDoor {
    pub(super) async fn reload(&self, asked: &Asked) -> Answered {
        let permit = self.host::<action::PolicyReload>(asked)?;
        let (services, folder) = (Arc::clone(&self.services), self.policies.clone());
        let reloaded = tokio::task::spawn_blocking(move || services.gate.reload(&folder)).await;
        let reloaded = match reloaded {
            Ok(Ok(epoch)) => Ok(epoch),
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
            Ok(epoch) => {
                // What it forbids is over when the operator reads that it is in force.
                self.rollouts.look().await;
                let digest = self.services.gate.digest();
                permit.settle(digest.clone(), Outcome::Success);
                json(StatusCode::OK, &forms::Policy { epoch, digest })
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
            },
            components: self
                .rollouts
                .running()
                .into_iter()
                .map(forms::Runs::from)
                .collect(),
        }
    }
}
