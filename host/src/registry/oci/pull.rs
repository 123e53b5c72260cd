//! Fetching: the manifest by its digest, then the layer, taken up again where it
//! broke off.

use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use oci_client::client::{BlobResponse, SizedStream};

use super::artifact::{Description, MANIFEST};
use super::{OciError, Progress, Registry};
use crate::hex::hex;
use crate::registry::signature::SignedComponent;

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
    if reference.0.digest().is_none() {
        return Err(OciError::Reference {
            reference: reference.to_string(),
            reason: "expected a digest: oci://HOST/REPOSITORY@sha256:DIGEST; a tag can point to something else tomorrow",
        });
    }
    // The library compares it with the digest of the reference.
    let (manifest, _) = registry
        .client
        .pull_manifest_raw(&reference.0, &registry.auth, &[MANIFEST])
        .await
        .map_err(|error| registry.error(error))?;
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
    let mut context = Context::new(&SHA256);
    context.update(&received);
    let actual = format!("sha256:{}", hex(context.finish().as_ref()));
    if actual != description.layer {
        return Err(OciError::Changed {
            reference: registry.reference.to_string(),
            expected: description.layer.clone(),
            actual,
        });
    }
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
    let answer = registry
        .client
        .pull_blob_stream_partial(
            &registry.reference.0,
            description.layer.as_str(),
            length(received),
            None,
        )
        .await
        .map_err(|error| registry.error(error))?;
    let SizedStream { mut stream, .. } = match answer {
        BlobResponse::Partial(stream) => stream,
        BlobResponse::Full(stream) => {
            // The registry begins anew.
            received.clear();
            stream
        }
    };
    while let Some(bytes) = stream.next().await {
        // A digest that the library finds wrong is found wrong below too, where the
        // message is ours.
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(_) if length(received) == description.size => break,
            Err(error) => return Err(unreachable(super::told(&error))),
        };
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
