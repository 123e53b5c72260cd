//! Publishing: the layer and the config, unless the registry has them, and then the
//! manifest, without which they are nothing.

use bytes::Bytes;

use super::artifact::{Artifact, MANIFEST};
use super::transport::Transport;
use super::{OciError, Registry};
use crate::registry::signature::SignedComponent;

/// The media type of a blob, whatever is in it.
const BLOB: &str = "application/octet-stream";

/// Publish an artifact under the tag of the registry's reference.
pub(super) async fn publish(
    registry: &Registry,
    component: &SignedComponent,
    artifact: &Artifact,
) -> Result<(), OciError> {
    let reference = &registry.reference.0;
    let (Some(tag), None) = (reference.tag(), reference.digest()) else {
        return Err(OciError::Reference {
            reference: registry.reference.to_string(),
            reason: "expected a tag to publish under: oci://HOST/REPOSITORY:TAG",
        });
    };
    let transport = &registry.transport;
    let config = Bytes::from(artifact.config.clone());
    blob(transport, component.wasm.clone(), &artifact.layer).await?;
    blob(transport, config, &artifact.config_digest).await?;
    let url = transport.url(&format!("manifests/{tag}"))?;
    let manifest = Bytes::from(artifact.manifest.clone());
    transport.put(&url, MANIFEST, manifest).await
}

async fn blob(transport: &Transport, content: Bytes, digest: &str) -> Result<(), OciError> {
    if transport.has(&format!("blobs/{digest}")).await? {
        return Ok(());
    }
    let mut url = transport.upload().await?;
    url.query_pairs_mut().append_pair("digest", digest);
    transport.put(&url, BLOB, content).await
}
