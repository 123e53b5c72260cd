//! Requests to a registry: over HTTPS alone, to nobody whom only the registry names, and
//! with answers of a bounded length.
//!
//! - Credentials go to the registry itself, and where [`token`](super::token) says.
//! - A redirect is followed to the registry and to hosts that are allowed, without
//!   credentials where the host is another, and never to plain HTTP. So is the place that it
//!   names for an upload.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LOCATION, RANGE,
};
use reqwest::redirect::Policy;
use reqwest::{ClientBuilder, RequestBuilder, Response, Url};

use super::credentials::Credentials;
use super::error::told;
use super::{CONNECT, OciError, OciReference, READ, RegistryOptions};
use crate::identity::certificates;

/// Redirects that are followed for one request.
const REDIRECTS: usize = 3;

/// The least that an upload must come to, bytes a second.
const LEAST_PACE: usize = 16 * 1024;

/// What is asked of the registry, as scopes have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Pull,
    Push,
}

/// The way to one repository of one registry.
pub(super) struct Transport {
    pub(super) client: reqwest::Client,
    /// The same, but for how long an answer may be waited for.
    uploads: reqwest::Client,
    pub(super) reference: OciReference,
    pub(super) credentials: Credentials,
    /// Hosts that may be talked to beside the registry; any where there are none.
    pub(super) elsewhere: Option<Arc<[String]>>,
    /// What the registry wanted when it was last asked for something of this scope.
    authorization: Mutex<Option<(Scope, HeaderValue)>>,
}

// === impl Transport ===

impl Transport {
    pub(super) fn new(
        reference: OciReference,
        options: &RegistryOptions,
        credentials: Credentials,
    ) -> Result<Self, OciError> {
        let tls = |error: &dyn std::fmt::Display| OciError::Tls(error.to_string());
        let elsewhere: Option<Arc<[String]>> = options
            .hosts
            .as_ref()
            .map(|hosts| hosts.iter().cloned().collect());
        let builder = || {
            let (own, allowed) = (reference.address().to_owned(), elsewhere.clone());
            let redirects = Policy::custom(move |attempt| {
                if attempt.previous().len() > REDIRECTS {
                    return attempt.error("too many redirects");
                }
                let host = authority(attempt.url());
                match attempt.url().scheme() == "https" && is_known(&host, &own, allowed.as_deref())
                {
                    true => attempt.follow(),
                    false => attempt.error(format!("it leads to {host}, which is not allowed")),
                }
            });
            let builder = reqwest::Client::builder()
                .https_only(true)
                .redirect(redirects)
                .connect_timeout(CONNECT)
                .user_agent(concat!("zeropass/", env!("CARGO_PKG_VERSION")));
            let Some(file) = &options.ca else {
                return Ok(builder);
            };
            let roots = certificates(file, "certificate authorities of the registry")
                .map_err(|error| tls(&error))?;
            let roots: Result<Vec<_>, _> = roots
                .iter()
                .map(|root| reqwest::Certificate::from_der(root))
                .collect();
            Ok(builder.tls_certs_only(roots.map_err(|error| tls(&told(&error)))?))
        };
        let built = |builder: ClientBuilder| builder.build().map_err(|error| tls(&told(&error)));
        Ok(Self {
            client: built(builder()?.read_timeout(READ))?,
            // Nothing is answered before the whole of an upload has come.
            uploads: built(builder()?)?,
            reference,
            credentials,
            elsewhere,
            authorization: Mutex::default(),
        })
    }

    /// The URL of a path of the repository, such as `manifests/sha256:...`.
    pub(super) fn url(&self, path: &str) -> Result<Url, OciError> {
        let (registry, repository) = (self.reference.address(), self.reference.repository());
        let url = format!("https://{registry}/v2/{repository}/{path}");
        Url::parse(&url).map_err(|_| self.senseless(format!("{url} is no URL")))
    }

    /// `GET` of a path of the repository, from this byte on.
    pub(super) async fn get(
        &self,
        path: &str,
        accept: Option<&'static str>,
        from: u64,
    ) -> Result<Response, OciError> {
        let url = self.url(path)?;
        let request = || {
            let mut request = self.client.get(url.clone());
            if let Some(accept) = accept {
                request = request.header(ACCEPT, accept);
            }
            if from > 0 {
                request = request.header(RANGE, format!("bytes={from}-"));
            }
            request
        };
        self.well(self.ask(Scope::Pull, request).await?)
    }

    /// Whether there is something under a path of the repository, asked by whoever is about
    /// to put it there.
    pub(super) async fn has(&self, path: &str) -> Result<bool, OciError> {
        let url = self.url(path)?;
        let request = || self.client.head(url.clone());
        match self.well(self.ask(Scope::Push, request).await?) {
            Ok(_) => Ok(true),
            Err(OciError::Missing { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Where the registry wants a blob to be put.
    ///
    /// # Errors
    /// It names a place where nothing may be sent.
    pub(super) async fn upload(&self) -> Result<Url, OciError> {
        let url = self.url("blobs/uploads/")?;
        let request = || self.client.post(url.clone()).header(CONTENT_LENGTH, 0);
        let answer = self.well(self.ask(Scope::Push, request).await?)?;
        let location = answer.headers().get(LOCATION);
        let url = location
            .and_then(|location| location.to_str().ok())
            .and_then(|location| answer.url().join(location).ok())
            .ok_or_else(|| self.senseless("it does not say where to upload to".to_owned()))?;
        let host = authority(&url);
        let known = is_known(&host, self.reference.address(), self.elsewhere.as_deref());
        match url.scheme() == "https" && known {
            true => Ok(url),
            false => Err(self.senseless(format!(
                "it wants the upload at {}://{host}, which is not allowed",
                url.scheme()
            ))),
        }
    }

    /// `PUT` of this content at a URL of the registry, or at the one where it wants an
    /// upload. Credentials go to the registry alone.
    pub(super) async fn put(
        &self,
        url: &Url,
        kind: &'static str,
        content: Bytes,
    ) -> Result<(), OciError> {
        let seconds = u64::try_from(content.len() / LEAST_PACE).unwrap_or(u64::MAX);
        let patience = READ.saturating_add(Duration::from_secs(seconds));
        let request = || {
            let request = self.uploads.put(url.clone()).timeout(patience);
            request.header(CONTENT_TYPE, kind).body(content.clone())
        };
        let answer = match authority(url) == self.reference.address() {
            true => self.ask(Scope::Push, request).await?,
            false => self.send(request(), None).await?,
        };
        self.well(answer).map(drop)
    }

    /// One request to the registry, with the authorization that it wants.
    async fn ask(
        &self,
        scope: Scope,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<Response, OciError> {
        let known = self.authorization().clone();
        let known = known.filter(|known| known.0 == scope).map(|known| known.1);
        let answer = self.send(request(), known.as_ref()).await?;
        if answer.status() != StatusCode::UNAUTHORIZED || known.is_some() {
            return Ok(answer);
        }
        let authorization = self.authorize(&answer, scope).await?;
        let answer = self.send(request(), Some(&authorization)).await?;
        *self.authorization() = Some((scope, authorization));
        Ok(answer)
    }

    /// A body of at most `limit` bytes.
    pub(super) async fn body(
        &self,
        mut answer: Response,
        limit: usize,
    ) -> Result<Vec<u8>, OciError> {
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|error| self.failed(&error))? {
            if body.len() + piece.len() > limit {
                return Err(self.senseless(format!("its answer is longer than {limit} bytes")));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    pub(super) async fn send(
        &self,
        request: RequestBuilder,
        authorization: Option<&HeaderValue>,
    ) -> Result<Response, OciError> {
        let request = match authorization {
            Some(value) => request.header(AUTHORIZATION, value),
            None => request,
        };
        request.send().await.map_err(|error| self.failed(&error))
    }

    /// The answer, if it is a good one.
    fn well(&self, answer: Response) -> Result<Response, OciError> {
        match answer.status() {
            status if status.is_success() => Ok(answer),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(self.denied()),
            StatusCode::NOT_FOUND => Err(OciError::Missing {
                reference: self.reference.to_string(),
            }),
            status => Err(self.senseless(format!("it answers {}", status.as_u16()))),
        }
    }

    pub(super) fn failed(&self, error: &reqwest::Error) -> OciError {
        let registry = self.reference.registry().to_owned();
        let reason = told(error);
        match error.is_redirect() || error.is_builder() {
            true => OciError::Registry { registry, reason },
            false => OciError::Unreachable { registry, reason },
        }
    }

    pub(super) fn denied(&self) -> OciError {
        OciError::Denied {
            registry: self.reference.registry().to_owned(),
        }
    }

    pub(super) fn elsewhere(&self, host: String) -> OciError {
        OciError::Elsewhere {
            registry: self.reference.registry().to_owned(),
            host,
        }
    }

    pub(super) fn senseless(&self, reason: String) -> OciError {
        OciError::Registry {
            registry: self.reference.registry().to_owned(),
            reason,
        }
    }

    fn authorization(&self) -> std::sync::MutexGuard<'_, Option<(Scope, HeaderValue)>> {
        self.authorization
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

// === helpers ===

/// Host and port, the port only where it is another than that of HTTPS: as registries are
/// named.
pub(super) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

pub(super) fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// Whether it is the registry, or a host that may be talked to as well.
pub(super) fn is_known(host: &str, registry: &str, elsewhere: Option<&[String]>) -> bool {
    host == registry || elsewhere.is_none_or(|hosts| hosts.iter().any(|one| one == host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_hosts_are_known_where_any_are_named() {
        let hosts = ["cdn.example".to_owned()];
        for (host, known) in [
            ("registry.example:5000", true),
            ("cdn.example", true),
            ("registry.example", false),
            ("evil.example", false),
        ] {
            assert_eq!(is_known(host, "registry.example:5000", Some(&hosts)), known);
            assert!(is_known(host, "registry.example:5000", None));
        }
    }

    #[test]
    fn host_is_told_from_its_port() {
        for (authority, host) in [
            ("registry.example:5000", "registry.example"),
            ("registry.example", "registry.example"),
            ("[::1]:5000", "[::1]"),
            ("[::1]", "[::1]"),
        ] {
            assert_eq!(host_of(authority), host, "{authority}");
        }
    }
}
