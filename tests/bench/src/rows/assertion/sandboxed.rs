//! passkey-manager in the sandbox.

use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::Mutex;
use zeropass::capabilities::bindings::passkeys::AuthenticationResponse;
use zeropass::runtime::Limits;

use super::{CEREMONY, CHALLENGE, ceremony};
use crate::alone::{Linked, Values};
use crate::authenticator::Authenticator;
use crate::bare::{Bare, sandbox};
use crate::rows::Places;
use crate::sample::Variant;
use crate::subject::{RP_ID, profile};

pub(super) struct Sandboxed {
    // The engine's epoch stops with the runtime in it.
    _bare: Bare,
    linked: Linked,
    values: Values,
    limits: Limits,
    response: AuthenticationResponse,
}

pub(super) type Instance = (
    zeropass::capabilities::bindings::passkey_manager::PasskeyManager,
    wasmtime::Store<crate::alone::Alone>,
);

impl Sandboxed {
    pub(super) fn new(places: &Places, authenticator: &Authenticator) -> anyhow::Result<Self> {
        let bare = Bare::new(places, true)?;
        let linked = Linked::new(&bare.passkey_manager_component(places)?)?;
        let signed = authenticator.sign(&CHALLENGE)?;
        // The reused instance lives as long as the row.
        let limits = Limits {
            deadline: std::time::Duration::from_secs(3600),
            ..bare.limits.clone()
        };
        Ok(Self {
            _bare: bare,
            linked,
            values: Values {
                profile: profile(),
                ceremony: ceremony(authenticator),
                credential: authenticator.credential()?.into(),
            },
            limits,
            response: AuthenticationResponse {
                id: URL_SAFE_NO_PAD.encode(&authenticator.id),
                raw_id: authenticator.id.clone(),
                client_data_json: signed.client_data_json,
                authenticator_data: signed.authenticator_data,
                signature: signed.signature,
                user_handle: Some(authenticator.user_id.as_bytes().to_vec()),
                client_extension_results: "{}".into(),
            },
        })
    }

    pub(super) async fn instance(&self) -> anyhow::Result<Instance> {
        self.linked.instance(&self.values, &self.limits).await
    }

    /// Assertions that all go through this instance.
    pub(super) fn reusing<'a>(&'a self, reused: &'a Mutex<Instance>) -> Variant<'a> {
        Variant::batches(move |times| {
            Box::pin(async move {
                let mut reused = reused.lock().await;
                let (instance, store) = &mut *reused;
                let started = Instant::now();
                for _ in 0..times {
                    self.finish(instance, store).await?;
                }
                Ok(started.elapsed())
            })
        })
    }

    pub(super) async fn finish(
        &self,
        instance: &zeropass::capabilities::bindings::passkey_manager::PasskeyManager,
        store: &mut wasmtime::Store<crate::alone::Alone>,
    ) -> anyhow::Result<()> {
        let answer = instance
            .zeropass_passkeys_authentication()
            .call_finish(store, RP_ID, CEREMONY, &self.response)
            .await
            .map_err(sandbox)?;
        match answer {
            Ok(_) => Ok(()),
            Err(rejection) => anyhow::bail!("refused: {}", rejection.detail),
        }
    }
}
