//! passkey-manager alone in a sandbox, with capabilities in memory: the component
//! and the crossing of its boundary, without gate, audit and store.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::{Component, HasSelf, Linker};
use zeropass::audit::ComponentIdentity;
use zeropass::capabilities::bindings::ceremonies::{Ceremony, Kind};
use zeropass::capabilities::bindings::credentials::{
    Credential, CredentialChange, Host as Credentials, Status, Use,
};
use zeropass::capabilities::bindings::log::Level;
use zeropass::capabilities::bindings::passkey_manager::{PasskeyManager, PasskeyManagerPre};
use zeropass::capabilities::bindings::relying_party::{
    CredentialForm, Model, ModelReport, Profile,
};
use zeropass::capabilities::bindings::signatures::PublicKey;
use zeropass::capabilities::bindings::{
    ceremonies, log, passkeys, relying_party, signatures, store,
};
use zeropass::capabilities::verify_signature;
use zeropass::runtime::output::Output;
use zeropass::runtime::{Deadline, Limits, Sandbox, wasi_interfaces};

use crate::bare::sandbox;

/// The data of one instance's store.
pub struct Alone {
    sandbox: Sandbox,
    values: Values,
}

/// What the capabilities answer, the same at every call.
#[derive(Clone)]
pub struct Values {
    /// The relying party.
    pub profile: Profile,
    /// Taken again and again.
    pub ceremony: Ceremony,
    /// The one credential.
    pub credential: Credential,
}

/// The component, linked to capabilities in memory.
pub struct Linked {
    identity: Arc<ComponentIdentity>,
    pre: PasskeyManagerPre<Alone>,
}

// === impl Linked ===

impl Linked {
    /// Link a compiled passkey-manager.
    ///
    /// # Errors
    /// It imports something else.
    pub fn new(component: &Component) -> anyhow::Result<Self> {
        let mut linker: Linker<Alone> = Linker::new(component.engine());
        for (_, add) in wasi_interfaces::<Alone>() {
            add(&mut linker).map_err(sandbox)?;
        }
        PasskeyManager::add_to_linker::<Alone, HasSelf<Alone>>(&mut linker, |state| state)
            .map_err(sandbox)?;
        let pre = linker.instantiate_pre(component).map_err(sandbox)?;
        Ok(Self {
            identity: crate::subject::component("passkey-manager", "bench"),
            pre: PasskeyManagerPre::new(pre).map_err(sandbox)?,
        })
    }

    /// A fresh instance, made as the host makes one.
    ///
    /// # Errors
    /// The pool is empty or the component traps.
    pub async fn instance(
        &self,
        values: &Values,
        limits: &Limits,
    ) -> anyhow::Result<(PasskeyManager, Store<Alone>)> {
        let output = Output::new(
            Arc::clone(&self.identity),
            "bench".into(),
            limits.output_bytes,
        );
        let state = Alone {
            sandbox: Sandbox::new(limits, output),
            values: values.clone(),
        };
        let mut store = Store::new(self.pre.engine(), state);
        store.limiter(|state| &mut state.sandbox.limiter);
        store.set_hostcall_fuel(limits.hostcall_bytes);
        Deadline::within(limits.deadline).arm(&mut store);
        let instance = self
            .pre
            .instantiate_async(&mut store)
            .await
            .map_err(sandbox)?;
        Ok((instance, store))
    }
}

// === impl Alone ===

impl wasmtime_wasi::WasiView for Alone {
    fn ctx(&mut self) -> wasmtime_wasi::WasiCtxView<'_> {
        wasmtime_wasi::WasiView::ctx(&mut self.sandbox)
    }
}

impl wasmtime_wasi_http::WasiHttpView for Alone {
    fn http(&mut self) -> wasmtime_wasi_http::WasiHttpCtxView<'_> {
        wasmtime_wasi_http::WasiHttpView::http(&mut self.sandbox)
    }
}

impl store::Host for Alone {}
impl passkeys::Host for Alone {}

impl relying_party::Host for Alone {
    async fn describe(&mut self, _: String) -> Result<Profile, relying_party::Error> {
        Ok(self.values.profile.clone())
    }

    async fn attestation_anchors(
        &mut self,
        _: String,
        _: Model,
    ) -> Result<Vec<Vec<u8>>, relying_party::Error> {
        Err(relying_party::Error::Busy)
    }

    async fn authenticator(
        &mut self,
        _: String,
        _: Model,
    ) -> Result<Option<ModelReport>, relying_party::Error> {
        Err(relying_party::Error::Busy)
    }

    async fn pseudonym(
        &mut self,
        _: String,
        _: String,
        _: String,
    ) -> Result<Vec<u8>, relying_party::Error> {
        Err(relying_party::Error::Busy)
    }
}

impl signatures::Host for Alone {
    async fn verify(
        &mut self,
        algorithm: i32,
        key: PublicKey,
        message: Vec<u8>,
        signature: Vec<u8>,
    ) -> Result<bool, signatures::Error> {
        verify_signature(algorithm, &key, &message, &signature)
            .map_err(|_| signatures::Error::InvalidKey)
    }
}

impl log::Host for Alone {
    async fn write(&mut self, _: Level, _: String) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl ceremonies::Host for Alone {
    async fn put(&mut self, _: Ceremony) -> Result<(), store::Error> {
        Err(store::Error::Busy)
    }

    async fn take(&mut self, _: String, _: String, _: Kind) -> Result<Ceremony, store::Error> {
        Ok(self.values.ceremony.clone())
    }
}

impl Credentials for Alone {
    async fn insert(&mut self, _: Credential, _: bool) -> Result<(), store::Error> {
        Err(store::Error::Busy)
    }

    async fn get(&mut self, _: String, _: Vec<u8>) -> Result<Credential, store::Error> {
        Ok(self.values.credential.clone())
    }

    async fn list_for_user(
        &mut self,
        _: String,
        _: String,
    ) -> Result<Vec<Credential>, store::Error> {
        Err(store::Error::Busy)
    }

    async fn rename(
        &mut self,
        _: String,
        _: String,
        _: Vec<u8>,
        _: String,
    ) -> Result<Credential, store::Error> {
        Err(store::Error::Busy)
    }

    async fn set_status(
        &mut self,
        _: String,
        _: String,
        _: Vec<u8>,
        _: Status,
        _: bool,
    ) -> Result<Credential, store::Error> {
        Err(store::Error::Busy)
    }

    async fn change(
        &mut self,
        _: String,
        _: String,
        _: Vec<u8>,
        _: CredentialChange,
        _: bool,
    ) -> Result<Credential, store::Error> {
        Err(store::Error::Busy)
    }

    async fn remove(
        &mut self,
        _: String,
        _: String,
        _: Vec<u8>,
        _: bool,
    ) -> Result<(), store::Error> {
        Err(store::Error::Busy)
    }

    async fn record_use(
        &mut self,
        _: String,
        _: Vec<u8>,
        used: Use,
    ) -> Result<Credential, store::Error> {
        Ok(Credential {
            sign_count: used.sign_count,
            backup_state: used.backup_state,
            last_used_at: Some(used.at),
            ..self.values.credential.clone()
        })
    }

    async fn typical(&mut self, _: String) -> Result<Option<CredentialForm>, store::Error> {
        Err(store::Error::Busy)
    }
}
