//! Credentials for a registry, from a file in the format of Docker's `config.json`.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oci_client::secrets::RegistryAuth;
use serde::Deserialize;

use super::OciError;

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    /// Base64 of `username:password`.
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

/// What a registry gets to know of whoever asks.
pub(super) struct Credentials {
    pub(super) auth: RegistryAuth,
    /// The registries and token services that the file names.
    pub(super) hosts: Vec<String>,
}

// === impl Credentials ===

impl Credentials {
    /// Of nobody.
    pub(super) fn anonymous() -> Self {
        Self {
            auth: RegistryAuth::Anonymous,
            hosts: Vec::new(),
        }
    }

    /// The value of the header `authorization`, where there are any.
    pub(super) fn basic(&self) -> Option<String> {
        match &self.auth {
            RegistryAuth::Basic(username, password) => {
                let both = STANDARD.encode(format!("{username}:{password}"));
                Some(format!("Basic {both}"))
            }
            _ => None,
        }
    }
}

/// The credentials for `registry` (host and port) in `path`.
///
/// # Errors
/// The file can't be read, is none, or has nothing for this registry.
pub(super) fn read(path: &Path, registry: &str) -> Result<Credentials, OciError> {
    let refused = |reason: String| OciError::Credentials {
        path: path.to_owned(),
        reason,
    };
    let text = std::fs::read_to_string(path).map_err(|error| refused(error.to_string()))?;
    // The parser's own message could repeat what it stumbled over.
    let file: File = serde_json::from_str(&text).map_err(|error| {
        refused(format!(
            "line {}: not in the format of Docker's config.json",
            error.line()
        ))
    })?;
    let entry = file
        .auths
        .get(registry)
        .ok_or_else(|| refused(format!("nothing for {registry} under \"auths\"")))?;
    let credentials = |username: &str, password: &str| Credentials {
        auth: RegistryAuth::Basic(username.into(), password.into()),
        hosts: file.auths.keys().cloned().collect(),
    };
    let incomplete = || {
        refused(format!(
            "{registry}: expected \"auth\", or \"username\" and \"password\""
        ))
    };
    if let Some(auth) = entry.auth.as_deref().filter(|auth| !auth.is_empty()) {
        let decoded = STANDARD
            .decode(auth)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(incomplete)?;
        let (username, password) = decoded.split_once(':').ok_or_else(incomplete)?;
        return Ok(credentials(username, password));
    }
    match (&entry.username, &entry.password) {
        (Some(username), Some(password)) => Ok(credentials(username, password)),
        _ => Err(incomplete()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<RegistryAuth, OciError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        read(file.path(), "localhost:5000").map(|credentials| credentials.auth)
    }

    #[test]
    fn both_ways_of_writing_them_are_understood() {
        let expected = RegistryAuth::Basic("me".into(), "se:cret".into());
        for text in [
            r#"{"auths": {"localhost:5000": {"auth": "bWU6c2U6Y3JldA=="}}}"#,
            r#"{"auths": {"localhost:5000": {"username": "me", "password": "se:cret"}}, "credsStore": "x"}"#,
        ] {
            assert!(of(text).unwrap() == expected, "{text}");
        }
    }

    #[test]
    fn unusable_credentials_are_refused_and_never_repeated() {
        for (text, reason) in [
            (
                r#"{"auths": {"localhost:5000": "se:cret"}}"#,
                "line 1: not in the format",
            ),
            (
                r#"{"auths": {"localhost:5000": {"auth": "secret!"}}}"#,
                "expected \"auth\"",
            ),
            (
                r#"{"auths": {"localhost:5000": {"auth": "c2VjcmV0"}}}"#,
                "expected \"auth\"",
            ),
            (
                r#"{"auths": {"localhost:5000": {"username": "secret"}}}"#,
                "expected \"auth\"",
            ),
            (
                r#"{"auths": {"localhost": {"auth": "secret"}}}"#,
                "nothing for localhost:5000",
            ),
        ] {
            let error = of(text).unwrap_err();
            assert_eq!(error.code(), "credentials-unusable");
            let message = error.to_string();
            assert!(message.contains(reason), "{message}");
            assert!(!message.contains("cret"), "{message}");
        }
    }
}
