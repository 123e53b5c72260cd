//! Fetching: the manifest by its digest, then the layer, taken up again where it
//! broke off.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;

use super::artifact::{Description, MANIFEST};
use super::{OciError, Progress, Registry};
use crate::registry::signature::SignedComponent;
use crate::registry::verify::sha256;

/// The longest manifest, bytes: as registries have it.
const MAX_MANIFEST: usize = 4 << 20;
/// How often a transfer is begun or taken up again without any byte of progress.
const ATTEMPTS: u32 = 4;
/// The first pause before another attempt; each next is twice as long.
const PAUSE: Duration = Duration::from_millis(250);

pub(super) async fn fetch(
    registry: &Registry,
    limit: u64,
    progress: Progress<'_>,
) -> Result<SignedComponent, OciError> {
    let reference = &registry.reference;
    let Some(digest) = reference.0.digest() else {
        return Err(OciError::Reference {
            reference: reference.to_string(),
            reason: "expected a digest: oci://HOST/REPOSITORY@sha256:DIGEST; a tag can point to something else tomorrow",
        });
    };
    let manifest = manifest(registry, digest).await?;
    is_of(registry, digest, &manifest)?;
    let description = Description::read(&manifest).map_err(|reason| OciError::NoComponent {
        reference: reference.to_string(),
        reason,
    })?;
    if description.size > limit {
        return Err(OciError::TooLarge {
            reference: reference.to_string(),
            size: description.size,
            limit,
        });
    }
    let wasm = layer(registry, &description, progress).await?;
    Ok(SignedComponent {
        wasm,
        minisig: description.minisig,
    })
}

/// The manifest under this digest or tag, whatever is in it.
pub(super) async fn manifest(registry: &Registry, name: &str) -> Result<Vec<u8>, OciError> {
    let transport = &registry.transport;
    let path = format!("manifests/{name}");
    let answer = transport.get(&path, Some(MANIFEST), 0).await?;
    transport.body(answer, MAX_MANIFEST).await
}

/// Whether these bytes have this digest.
fn is_of(registry: &Registry, expected: &str, bytes: &[u8]) -> Result<(), OciError> {
    let actual = format!("sha256:{}", sha256(bytes));
    match actual == expected {
        true => Ok(()),
        false => Err(OciError::Changed {
            reference: registry.reference.to_string(),
            expected: expected.to_owned(),
            actual,
        }),
    }
}

async fn layer(
    registry: &Registry,
    description: &Description,
    progress: Progress<'_>,
) -> Result<Bytes, OciError> {
    let size = description.size;
    let mut received = BytesMut::new();
    let mut attempt = 1;
    let mut pause = PAUSE;
    while length(&received) < size {
        let before = received.len();
        let broken = transfer(registry, description, &mut received, progress).await;
        if received.len() > before {
            (attempt, pause) = (1, PAUSE);
        }
        if let Err(error) = broken {
            if attempt == ATTEMPTS || !matches!(error, OciError::Unreachable { .. }) {
                return Err(error);
            }
            attempt += 1;
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }
    is_of(registry, &description.layer, &received)?;
    Ok(received.freeze())
}

/// Receive what is missing, or a part of it.
async fn transfer(
    registry: &Registry,
    description: &Description,
    received: &mut BytesMut,
    progress: Progress<'_>,
) -> Result<(), OciError> {
    let unreachable = |reason: String| OciError::Unreachable {
        registry: registry.reference.registry().to_owned(),
        reason,
    };
    let transport = &registry.transport;
    let path = format!("blobs/{}", description.layer);
    let mut answer = transport.get(&path, None, length(received)).await?;
    if answer.status() != StatusCode::PARTIAL_CONTENT {
        // The registry begins anew.
        received.clear();
    }
    while let Some(bytes) = answer
        .chunk()
        .await
        .map_err(|error| transport.failed(&error))?
    {
        let room = description.size.saturating_sub(length(received));
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > room {
            return Err(OciError::NoComponent {
                reference: registry.reference.to_string(),
                reason: format!(
                    "its layer has more than the {} bytes that it says",
                    description.size
                ),
            });
        }
        received.extend_from_slice(&bytes);
        progress(length(received), description.size);
    }
    if length(received) < description.size {
        return Err(unreachable("the transfer broke off".to_owned()));
    }
    Ok(())
}

fn length(received: &BytesMut) -> u64 {
    u64::try_from(received.len()).unwrap_or(u64::MAX)
}
