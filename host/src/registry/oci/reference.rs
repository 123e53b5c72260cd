//! References to artifacts: `oci://host[:port]/repository@sha256:...`.

use oci_client::Reference;

use super::OciError;

/// A place in a registry: `oci://host[:port]/repository@sha256:...` or `:tag`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OciReference(pub(super) Reference);

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

    /// Where that is asked: Docker's own has another name than the one that people write.
    pub(super) fn address(&self) -> &str {
        self.0.resolve_registry()
    }

    /// The repository in it.
    pub(super) fn repository(&self) -> &str {
        self.0.repository()
    }

    /// The same place under a manifest's digest.
    pub(super) fn at(&self, digest: &str) -> String {
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

#[cfg(test)]
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
