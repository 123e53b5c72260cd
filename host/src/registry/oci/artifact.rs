//! A component as an OCI artifact: what is written, and what is accepted.

use oci_client::manifest::OciImageManifest;
use serde_json::{Value, json};

use super::SIGNATURE_ANNOTATION;
use crate::clock::rfc3339;
use crate::registry::signature::{MAX_MINISIG, Signature, SignedComponent};
use crate::registry::statement::Statement;
use crate::registry::surface::Surface;
use crate::registry::verify::sha256;

/// The manifest's media type.
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The config's media type.
const CONFIG: &str = "application/vnd.wasm.config.v0+json";
/// The layer's media type.
const LAYER: &str = "application/wasm";

/// What is sent to a registry beside the component itself.
pub(super) struct Artifact {
    pub layer: String,
    pub config: Vec<u8>,
    pub config_digest: String,
    pub manifest: Vec<u8>,
    pub manifest_digest: String,
}

/// What a manifest says about its component.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Description {
    pub layer: String,
    pub size: u64,
    pub minisig: String,
}

// === impl Artifact ===

impl Artifact {
    pub fn of(component: &SignedComponent, surface: &Surface) -> Self {
        let statement = Signature::parse(&component.minisig)
            .ok()
            .and_then(|signature| Statement::parse(signature.comment()).ok());
        let layer = format!("sha256:{}", sha256(&component.wasm));
        let created = rfc3339(statement.as_ref().map_or(0, |statement| statement.time));
        let names = |items: &std::collections::BTreeMap<String, _>| -> Vec<String> {
            items.keys().cloned().collect()
        };
        let config = json!({
            "created": created,
            "architecture": "wasm",
            "os": "wasip2",
            "layerDigests": [layer],
            "component": {
                "imports": names(&surface.imports),
                "exports": names(&surface.exports),
            },
        })
        .to_string()
        .into_bytes();
        let config_digest = format!("sha256:{}", sha256(&config));
        let mut annotations = serde_json::Map::new();
        let mut annotate = |key: &str, value: String| {
            annotations.insert(key.to_owned(), Value::from(value));
        };
        if !component.minisig.is_empty() {
            annotate(SIGNATURE_ANNOTATION, component.minisig.clone());
        }
        if let Some(statement) = &statement {
            annotate("org.opencontainers.image.title", statement.name.clone());
            annotate(
                "org.opencontainers.image.version",
                statement.version.to_string(),
            );
            annotate("org.opencontainers.image.created", created);
        }
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": config_digest, "size": config.len()},
            "layers": [{"mediaType": LAYER, "digest": layer, "size": component.wasm.len()}],
            "annotations": annotations,
        })
        .to_string()
        .into_bytes();
        Self {
            manifest_digest: format!("sha256:{}", sha256(&manifest)),
            layer,
            config,
            config_digest,
            manifest,
        }
    }
}

// === impl Description ===

impl Description {
    /// Read a manifest whose digest has been checked.
    ///
    /// # Errors
    /// What keeps it from being a component's.
    pub fn read(manifest: &[u8]) -> Result<Self, String> {
        let manifest: OciImageManifest =
            serde_json::from_slice(manifest).map_err(|error| format!("no manifest: {error}"))?;
        let config = &manifest.config.media_type;
        if config != CONFIG {
            return Err(format!("its config is {config}; expected {CONFIG}"));
        }
        let [layer] = manifest.layers.as_slice() else {
            let layers = manifest.layers.len();
            return Err(format!("it has {layers} layers; expected one"));
        };
        if layer.media_type != LAYER {
            return Err(format!(
                "its layer is {}; expected {LAYER}",
                layer.media_type
            ));
        }
        let size = u64::try_from(layer.size).map_err(|_| "its layer has no size".to_owned())?;
        let digits = layer.digest.strip_prefix("sha256:");
        if !digits.is_some_and(|digits| digits.len() == 64 && digits.bytes().all(is_digit)) {
            return Err("its layer's digest is not sha256".to_owned());
        }
        let minisig = manifest
            .annotations
            .and_then(|mut annotations| annotations.remove(SIGNATURE_ANNOTATION))
            .unwrap_or_default();
        if minisig.len() > MAX_MINISIG {
            return Err("its signature is longer than 4 KiB".to_owned());
        }
        Ok(Self {
            layer: layer.digest.clone(),
            size,
            minisig,
        })
    }
}

/// Of lower-case hexadecimal.
fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact() -> Artifact {
        let component = SignedComponent {
            wasm: b"wasm".as_slice().into(),
            minisig: "signature".into(),
        };
        Artifact::of(&component, &Surface::default())
    }

    #[test]
    fn what_is_written_is_read_again() {
        let artifact = artifact();
        assert_eq!(
            Description::read(&artifact.manifest),
            Ok(Description {
                layer: artifact.layer,
                size: 4,
                minisig: "signature".into(),
            })
        );
    }

    #[test]
    fn manifests_of_other_things_are_refused() {
        let good = String::from_utf8(artifact().manifest).unwrap();
        for (from, to, reason) in [
            (
                CONFIG,
                "application/vnd.oci.image.config.v1+json",
                "its config is",
            ),
            (
                LAYER,
                "application/vnd.oci.image.layer.v1.tar",
                "its layer is",
            ),
            ("\"size\":4", "\"size\":-4", "no size"),
            ("\"layers\":[", "\"layers\":[],\"other\":[", "0 layers"),
            ("{", "[", "no manifest"),
        ] {
            let text = good.replacen(from, to, 1);
            assert_ne!(text, good);
            let error = Description::read(text.as_bytes()).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
        let long = good.replace(
            "\"signature\"",
            &format!("{:?}", "s".repeat(MAX_MINISIG + 1)),
        );
        assert!(
            Description::read(long.as_bytes())
                .unwrap_err()
                .contains("4 KiB")
        );
    }
}
