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
//! run is decided by admission, from the signature.

mod artifact;
mod credentials;
mod pull;

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use oci_client::client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol};
use oci_client::errors::{DigestError, OciDistributionError, OciErrorCode};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};

use super::signature::SignedComponent;
use super::surface::Surface;
use crate::identity::{certificates, tls};

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
}

/// A place in a registry: `oci://host[:port]/repository@sha256:...` or `:tag`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OciReference(Reference);

/// A registry that components are fetched from and published to.
pub struct Registry {
    client: Client,
    auth: RegistryAuth,
    reference: OciReference,
}

/// How far a transfer is: bytes done, bytes in all.
pub type Progress<'p> = &'p (dyn Fn(u64, u64) + Sync);

/// Why a component could not be fetched or published.
#[derive(Debug, thiserror::Error)]
pub enum OciError {
    /// The reference is none, or not of the kind that is needed.
    #[error("{reference}: {reason}")]
    Reference {
        /// What was given.
        reference: String,
        /// What is expected.
        reason: &'static str,
    },
    /// The credentials can't be used. No message holds any of them.
    #[error("{}: {reason}", path.display())]
    Credentials {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The certificate authorities can't be used, or TLS can't be set up.
    #[error("TLS: {0}")]
    Tls(String),
    /// The registry can't be reached, or went away.
    #[error("{registry}: {reason}; nothing was changed, try again later")]
    Unreachable {
        /// The registry.
        registry: String,
        /// What happened.
        reason: String,
    },
    /// The registry does not let us in.
    #[error("{registry}: access is denied; --credentials FILE names somebody who may")]
    Denied {
        /// The registry.
        registry: String,
    },
    /// The registry has no such artifact.
    #[error("{reference}: the registry has no such artifact")]
    Missing {
        /// What was asked for.
        reference: String,
    },
    /// The artifact is no component.
    #[error("{reference}: {reason}")]
    NoComponent {
        /// What was asked for.
        reference: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The component is larger than is taken.
    #[error("{reference}: the component has {size} bytes, and the limit is {limit}")]
    TooLarge {
        /// What was asked for.
        reference: String,
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// What came is not what the digest says.
    #[error(
        "{reference}: the registry's content is not what its digest says (expected {expected}, got {actual}); it was changed, don't use it"
    )]
    Changed {
        /// What was asked for.
        reference: String,
        /// The digest that was asked for.
        expected: String,
        /// The digest of what came.
        actual: String,
    },
    /// The registry answered in a way that makes no sense.
    #[error("{registry}: {reason}")]
    Registry {
        /// The registry.
        registry: String,
        /// What it said.
        reason: String,
    },
}

// === impl OciError ===

impl OciError {
    /// A stable code for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Reference { .. } => "reference-malformed",
            Self::Credentials { .. } => "credentials-unusable",
            Self::Tls(_) => "tls-unusable",
            Self::Unreachable { .. } => "registry-unreachable",
            Self::Denied { .. } => "registry-denied",
            Self::Missing { .. } => "artifact-missing",
            Self::NoComponent { .. } => "artifact-no-component",
            Self::TooLarge { .. } => "artifact-too-large",
            Self::Changed { .. } => "artifact-changed",
            Self::Registry { .. } => "registry-error",
        }
    }
}

// === impl OciReference ===

impl OciReference {
    /// Read `oci://host[:port]/repository` with `@sha256:...` or `:tag`.
    ///
    /// # Errors
    /// [`OciError::Reference`].
    pub fn parse(text: &str) -> Result<Self, OciError> {
        let wrong = |reason| OciError::Reference {
            reference: text.chars().take(200).collect(),
            reason,
        };
        let Some(rest) = text.strip_prefix("oci://") else {
            return Err(wrong("expected oci://HOST/REPOSITORY@sha256:DIGEST"));
        };
        // Without a host that looks like one the library would go to Docker's.
        let host = rest.split('/').next().unwrap_or_default();
        if !(host.contains(['.', ':']) || host == "localhost") || !rest.contains('/') {
            return Err(wrong("expected a host and a repository after oci://"));
        }
        let reference: Reference = rest
            .parse()
            .map_err(|_| wrong("expected oci://HOST/REPOSITORY@sha256:DIGEST"))?;
        match reference.digest() {
            Some(digest) if !digest.starts_with("sha256:") => {
                Err(wrong("expected a digest that begins with sha256:"))
            }
            _ => Ok(Self(reference)),
        }
    }

    /// The registry's host and port.
    pub fn registry(&self) -> &str {
        self.0.registry()
    }

    /// The same place under a manifest's digest.
    fn at(&self, digest: &str) -> String {
        format!(
            "oci://{}/{}@{digest}",
            self.0.registry(),
            self.0.repository()
        )
    }
}

impl std::fmt::Display for OciReference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "oci://{}", self.0.whole())
    }
}

// === impl Registry ===

impl Registry {
    /// The registry of this reference. Nothing is sent yet.
    ///
    /// # Errors
    /// The certificate authorities or credentials can't be used.
    pub fn new(reference: OciReference, options: &RegistryOptions) -> Result<Self, OciError> {
        let tls_error = |error: &dyn std::fmt::Display| OciError::Tls(error.to_string());
        // The library takes the process's provider of cryptography: ours.
        let _ = (*tls::provider()).clone().install_default();
        let mut roots = Vec::new();
        if let Some(file) = &options.ca {
            let certificates = certificates(file, "certificate authorities of the registry")
                .map_err(|error| tls_error(&error))?;
            roots.extend(certificates.iter().map(|certificate| Certificate {
                encoding: CertificateEncoding::Der,
                data: certificate.to_vec(),
            }));
        }
        let auth = match &options.credentials {
            Some(file) => credentials::read(file, reference.registry())?,
            None => RegistryAuth::Anonymous,
        };
        let config = ClientConfig {
            protocol: ClientProtocol::Https,
            tls_certs_only: roots,
            platform_resolver: None,
            connect_timeout: Some(CONNECT),
            read_timeout: Some(READ),
            user_agent: concat!("zeropass/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        let client = Client::try_from(config).map_err(|error| tls_error(&told(&error)))?;
        Ok(Self {
            client,
            auth,
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
        if self.reference.0.digest().is_some() {
            return Err(OciError::Reference {
                reference: self.reference.to_string(),
                reason: "expected a tag to publish under: oci://HOST/REPOSITORY:TAG",
            });
        }
        let reference = &self.reference.0;
        self.client
            .store_auth_if_needed(reference.resolve_registry(), &self.auth)
            .await;
        let artifact = artifact::Artifact::of(component, surface);
        let failed = |error| self.error(error);
        for (data, digest) in [
            (component.wasm.clone(), &artifact.layer),
            (
                Bytes::from(artifact.config.clone()),
                &artifact.config_digest,
            ),
        ] {
            // An empty chunked upload is refused by the library.
            self.client
                .push_blob(reference, data, digest)
                .await
                .map_err(failed)?;
        }
        let media_type = http::HeaderValue::from_static(artifact::MANIFEST);
        self.client
            .push_manifest_raw(reference, artifact.manifest.clone(), media_type)
            .await
            .map_err(failed)?;
        Ok(self.reference.at(&artifact.manifest_digest))
    }

    /// What the library says, in the words of ours.
    fn error(&self, error: OciDistributionError) -> OciError {
        let registry = self.reference.registry().to_owned();
        let reference = self.reference.to_string();
        let missing = |code: u16| code == 404;
        match error {
            OciDistributionError::UnauthorizedError { .. }
            | OciDistributionError::AuthenticationFailure(_) => OciError::Denied { registry },
            OciDistributionError::ServerError { code, .. } if missing(code) => {
                OciError::Missing { reference }
            }
            OciDistributionError::ServerError {
                code: 401 | 403, ..
            } => OciError::Denied { registry },
            OciDistributionError::ImageManifestNotFoundError(_) => OciError::Missing { reference },
            OciDistributionError::RegistryError { envelope, .. } => {
                use OciErrorCode as Code;
                let says = |codes: &[Code]| envelope.errors.iter().any(|e| codes.contains(&e.code));
                if says(&[
                    Code::ManifestUnknown,
                    Code::BlobUnknown,
                    Code::NameUnknown,
                    Code::NotFound,
                ]) {
                    OciError::Missing { reference }
                } else if says(&[Code::Denied, Code::Unauthorized]) {
                    OciError::Denied { registry }
                } else {
                    OciError::Registry {
                        registry,
                        reason: envelope.to_string(),
                    }
                }
            }
            OciDistributionError::DigestError(DigestError::VerificationError {
                expected,
                actual,
            }) => OciError::Changed {
                reference,
                expected,
                actual,
            },
            OciDistributionError::RequestError(_) | OciDistributionError::IoError(_) => {
                OciError::Unreachable {
                    registry,
                    reason: told(&error),
                }
            }
            error => OciError::Registry {
                registry,
                reason: told(&error),
            },
        }
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry")
            .field("reference", &self.reference)
            .finish_non_exhaustive()
    }
}

/// The last cause says what happened; the ones before it only where.
fn told(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn references_name_host_repository_and_digest_or_tag() {
        let digest = format!("sha256:{}", "0".repeat(64));
        for (text, registry) in [
            (
                format!("oci://localhost:5000/a/b@{digest}"),
                "localhost:5000",
            ),
            (
                "oci://registry.example/auth-service:1.3.0".to_owned(),
                "registry.example",
            ),
        ] {
            let reference = OciReference::parse(&text).unwrap();
            assert_eq!(reference.registry(), registry);
            assert_eq!(reference.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for text in [
            "registry.example/a:1",
            "https://registry.example/a:1",
            "oci://auth-service:1",
            "oci://registry.example",
            "oci://team/auth-service:1",
            "oci://registry.example/A",
            "oci://registry.example/a@sha256:00",
        ] {
            let error = OciReference::parse(text).unwrap_err();
            assert_eq!(error.code(), "reference-malformed", "{text}");
            assert!(error.to_string().starts_with(text), "{error}");
        }
        let sha512 = format!("oci://registry.example/a@sha512:{}", "0".repeat(128));
        assert_eq!(
            OciReference::parse(&sha512).unwrap_err().code(),
            "reference-malformed"
        );
    }
}
