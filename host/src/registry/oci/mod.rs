//! Components in OCI registries, in the layout for WebAssembly artifacts: a config of
//! type `application/vnd.wasm.config.v0+json` and exactly one layer of type
//! `application/wasm`. The signature is the manifest's annotation
//! [`SIGNATURE_ANNOTATION`], so that tools that know nothing of it still pull the
//! component, and copying the artifact copies its signature.
//!
//! An artifact is fetched by the digest of its manifest, which covers everything:
//! the layer's digest and size, and the signature. What does not match its digest
//! never leaves this module. A transfer that breaks off is taken up again where it
//! ended, a few times; then it fails, and nothing has changed.
//!
//! A registry is not trusted with anything but to have the bytes: whether they may
//! run is decided by admission, from the signature. All requests are made by
//! [`transport`], which goes nowhere that only a registry names.

mod artifact;
mod challenge;
mod credentials;
mod error;
mod pull;
mod push;
mod reference;
mod source;
mod token;
mod transport;

use std::path::PathBuf;
use std::time::Duration;

use self::credentials::Credentials;
use self::transport::Transport;
use super::signature::SignedComponent;
use super::surface::Surface;
use super::verify::sha256;
use crate::identity::tls;

pub use self::error::OciError;
pub use self::reference::OciReference;
pub use self::source::{Source, Transfer};

/// The annotation of a manifest that holds the text of the `.minisig` file.
pub const SIGNATURE_ANNOTATION: &str = "zeropass.component.minisig";
/// The largest component that is fetched, bytes.
pub const MAX_COMPONENT: u64 = 64 << 20;

/// For a connection to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// For the next bytes of an answer to come.
const READ: Duration = Duration::from_secs(30);

/// How a registry is reached.
#[derive(Debug, Clone, Default)]
pub struct RegistryOptions {
    /// The certificate authorities that the registry's certificate may come from,
    /// PEM, and no others; without, those of the system.
    pub ca: Option<PathBuf>,
    /// Credentials in the format of Docker's `config.json`, as `docker login` and
    /// `podman login` write it; without, none are sent.
    pub credentials: Option<PathBuf>,
    /// Where a registry may send us on to beside itself; without, to any host, over HTTPS
    /// and without credentials.
    pub hosts: Option<Vec<String>>,
}

/// A registry that components are fetched from and published to.
pub struct Registry {
    transport: Transport,
    reference: OciReference,
}

/// How far a transfer is: bytes done, bytes in all.
pub type Progress<'p> = &'p (dyn Fn(u64, u64) + Sync);

// === impl Registry ===

impl Registry {
    /// The registry of this reference. Nothing is sent yet.
    ///
    /// # Errors
    /// The certificate authorities or credentials can't be used.
    pub fn new(reference: OciReference, options: &RegistryOptions) -> Result<Self, OciError> {
        // The library takes the process's provider of cryptography: ours.
        let _ = (*tls::provider()).clone().install_default();
        let credentials = match &options.credentials {
            Some(file) => credentials::read(file, reference.registry())?,
            None => Credentials::anonymous(),
        };
        let transport = Transport::new(reference.clone(), options, credentials)?;
        Ok(Self {
            transport,
            reference,
        })
    }

    /// Fetch the component of at most `limit` bytes, with its signature.
    ///
    /// # Errors
    /// [`OciError`]; there is no half component.
    pub async fn fetch(
        &self,
        limit: u64,
        progress: Progress<'_>,
    ) -> Result<SignedComponent, OciError> {
        pull::fetch(self, limit, progress).await
    }

    /// The reference by digest under which a component would be published.
    pub fn named(&self, component: &SignedComponent, surface: &Surface) -> String {
        let artifact = artifact::Artifact::of(component, surface);
        self.reference.at(&artifact.manifest_digest)
    }

    /// What the tag of the reference leads to now, by digest; none when there is no such
    /// tag.
    ///
    /// # Errors
    /// [`OciError`].
    pub async fn tagged(&self) -> Result<Option<String>, OciError> {
        let Some(tag) = self.reference.0.tag() else {
            return Ok(None);
        };
        match pull::manifest(self, tag).await {
            Ok(manifest) => {
                let digest = format!("sha256:{}", sha256(&manifest));
                Ok(Some(self.reference.at(&digest)))
            }
            Err(OciError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Publish a component with its signature, under the tag of the reference.
    /// Returns the reference by digest that fetches it.
    ///
    /// # Errors
    /// [`OciError`]; without its manifest, what was sent is nothing yet.
    pub async fn publish(
        &self,
        component: &SignedComponent,
        surface: &Surface,
    ) -> Result<String, OciError> {
        let artifact = artifact::Artifact::of(component, surface);
        push::publish(self, component, &artifact).await?;
        Ok(self.reference.at(&artifact.manifest_digest))
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry")
            .field("reference", &self.reference)
            .finish_non_exhaustive()
    }
}
