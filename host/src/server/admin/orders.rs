//! What operators do with components: see, push, activate, roll back, remove.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};

use super::ahead::nothing_of;
use super::answer::{Answered, Refused, Said, json, malformed, outcome, refused};
use super::{AdminDoor, Asked, SIGNATURE, cut, forms, tried};
use crate::audit::{ComponentIdentity, Outcome};
use crate::policy::Permit;
use crate::policy::action::{self, OperatorAction};
use crate::registry::SignedComponent;
use crate::registry::rollout::{Order, Wish};
use crate::server::body;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

// === impl AdminDoor ===

impl AdminDoor {
    /// The components that the operator may see; refused where there are none.
    pub(super) async fn components(&self, asked: &Asked) -> Answered {
        let mut components = Vec::new();
        let mut denied = None;
        for name in self.rollouts.names() {
            match self.on::<action::ComponentsList>(asked, name, None) {
                Ok(permit) => {
                    let overview = self.rollouts.overview(name).await;
                    permit.settle(name, outcome(&overview));
                    components.push(forms::Component::from(overview?));
                }
                Err(refusal) => denied = Some(refusal),
            }
        }
        match denied {
            Some(refusal) if components.is_empty() => Err(refusal),
            _ => json(StatusCode::OK, &forms::Components { components }),
        }
    }

    pub(super) async fn push<B>(
        &self,
        asked: &Asked,
        name: &str,
        headers: &HeaderMap,
        body: B,
        dry_run: bool,
    ) -> Answered
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        // Asked before the file is read, hence without its digest.
        let permit = self.on::<action::ComponentsPush>(asked, name, Some(&nothing_of(name)))?;
        let arrived = match pulled(headers) {
            true => self.pull(body).await,
            false => self.arrive(headers, body).await,
        };
        let file = match arrived {
            Ok(file) => file,
            Err(refusal) => {
                permit.settle(name, Outcome::Failed(refusal.code));
                return Err(refusal);
            }
        };
        let digest = crate::registry::sha256(&file.wasm);
        let order = self.order(asked, permit, format!("{name} {digest}{}", tried(dry_run)));
        let pushed = self.rollouts.push(order, name, file, dry_run).await?;
        let status = match pushed.new && !dry_run {
            true => StatusCode::CREATED,
            false => StatusCode::OK,
        };
        json(status, &forms::Push::of(pushed, dry_run))
    }

    /// The component in the request itself.
    pub(super) async fn arrive<B>(
        &self,
        headers: &HeaderMap,
        body: B,
    ) -> Result<SignedComponent, Refused>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let minisig = signature(headers)?;
        let wasm = body::collect(body, self.limits.push, self.limits.body_timeout)
            .await
            .map_err(|error| refused(error.status(), error.code(), &error.to_string()))?;
        Ok(SignedComponent { wasm, minisig })
    }

    /// The component in the registry that the request names.
    pub(super) async fn pull<B>(&self, body: B) -> Result<SignedComponent, Refused>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let form: forms::Pull = self.form(body).await?;
        let Some(source) = &self.source else {
            return Err(refused(
                StatusCode::CONFLICT,
                "registry-not-configured",
                "this host pulls from no registry: its configuration has no [oci] section; push the file itself",
            ));
        };
        let component = source.pull(&form.oci).await?;
        tracing::info!(
            reference = form.oci,
            bytes = component.wasm.len(),
            "component pulled"
        );
        Ok(component)
    }

    pub(super) async fn activate(
        &self,
        asked: &Asked,
        name: &str,
        form: forms::Activate,
    ) -> Answered {
        let wish = Wish {
            revision: form.revision,
            canary: form.canary,
            rollback: form.rollback,
            dry_run: form.dry_run,
            why: form.reason,
        };
        let meant = self.meant(name, &wish.revision).await;
        let permit = self.on::<action::ComponentsActivate>(asked, name, Some(&meant))?;
        if wish.rollback {
            // To go back is a right of its own, whichever request asks for it.
            match self.on::<action::ComponentsRollBack>(asked, name, Some(&meant)) {
                Ok(back) => back.settle(cut(&format!("{name} {}", meant.digest)), Outcome::Success),
                Err(refusal) => {
                    permit.settle(cut(name), Outcome::Failed(refusal.code));
                    return Err(refusal);
                }
            }
        }
        let target = format!("{name} {}{}", meant.digest, tried(wish.dry_run));
        let order = self.order(asked, permit, target);
        let change = self.rollouts.activate(order, name, &wish).await?;
        json(StatusCode::OK, &change)
    }

    pub(super) async fn roll_back(
        &self,
        asked: &Asked,
        permit: Permit<action::ComponentsRollBack>,
        name: &str,
        form: forms::RollBack,
    ) -> Answered {
        let order = self.order(asked, permit, format!("{name}{}", tried(form.dry_run)));
        let change = self
            .rollouts
            .roll_back(order, name, &form.reason, form.dry_run)
            .await?;
        json(StatusCode::OK, &change)
    }

    pub(super) async fn remove(
        &self,
        asked: &Asked,
        name: &str,
        wanted: &str,
        dry_run: bool,
    ) -> Answered {
        let meant = self.meant(name, wanted).await;
        let permit = self.on::<action::ComponentsRemove>(asked, name, Some(&meant))?;
        let target = format!("{name} {}{}", meant.digest, tried(dry_run));
        let order = self.order(asked, permit, target);
        let removed = self.rollouts.remove(order, name, wanted, dry_run).await?;
        match dry_run {
            true => json(StatusCode::OK, &forms::Revision::from(removed)),
            false => Ok((StatusCode::NO_CONTENT, Said::Nothing)),
        }
    }

    /// The revision that somebody means, as policy judges it. One that is not there
    /// has no digest.
    async fn meant(&self, name: &str, wanted: &str) -> ComponentIdentity {
        match self.rollouts.find(name, wanted).await {
            Ok(info) => ComponentIdentity {
                name: cut(name),
                digest: info.digest,
                revision: info.version,
            },
            Err(_) => nothing_of(name),
        }
    }

    fn order<A: OperatorAction>(&self, asked: &Asked, permit: Permit<A>, target: String) -> Order {
        let who = &asked.actor.origin.workload;
        Order::new(who, permit.into_record(cut(&target)), &asked.trail)
    }
}

// === helpers ===

/// Whether the request names a component in a registry instead of bringing it.
fn pulled(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.split(';').next() == Some("application/json"))
}

/// minisign's text, from its header; empty where there is none.
fn signature(headers: &HeaderMap) -> Result<String, Refused> {
    let Some(value) = headers.get(SIGNATURE) else {
        return Ok(String::new());
    };
    STANDARD
        .decode(value.as_bytes())
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| {
            malformed("the header zeropass-signature: expected the .minisig file in base64")
        })
}
