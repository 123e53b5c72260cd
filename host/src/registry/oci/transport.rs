//! Requests to a registry: over HTTPS alone, to nobody whom only the registry names, and
//! with answers of a bounded length.
//!
//! - Credentials go to the registry itself, and to the token service that it names only
//!   where that is on the registry's own host or the file of credentials names it.
//! - A redirect is followed to the registry and to hosts that are allowed, without
//!   credentials where the host is another, and never to plain HTTP.

use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;
use http::header::{ACCEPT, AUTHORIZATION, HeaderValue, RANGE, WWW_AUTHENTICATE};
use oci_client::secrets::RegistryAuth;
use reqwest::redirect::Policy;
use reqwest::{RequestBuilder, Response, Url};
use serde::Deserialize;

use super::challenge::Challenge;
use super::credentials::Credentials;
use super::error::told;
use super::{CONNECT, OciError, OciReference, READ, RegistryOptions};
use crate::identity::certificates;

/// The longest answer of a token service, bytes.
const MAX_TOKEN: usize = 64 * 1024;

/// Redirects that are followed for one request.
const REDIRECTS: usize = 3;

/// What is asked of the registry, as scopes have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Pull,
    Push,
}

/// The way to one repository of one registry.
pub(super) struct Transport {
    client: reqwest::Client,
    reference: OciReference,
    credentials: Credentials,
    /// Hosts that may be talked to beside the registry; any where there are none.
    elsewhere: Option<Arc<[String]>>,
    /// What the registry wanted at its first answer.
    authorization: Mutex<Option<HeaderValue>>,
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
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
        let (own, allowed) = (reference.address().to_owned(), elsewhere.clone());
        let redirects = Policy::custom(move |attempt| {
            if attempt.previous().len() > REDIRECTS {
                return attempt.error("too many redirects");
            }
            let host = authority(attempt.url());
            match attempt.url().scheme() == "https" && is_known(&host, &own, allowed.as_deref()) {
                true => attempt.follow(),
                false => attempt.error(format!("it leads to {host}, which is not allowed")),
            }
        });
        let mut builder = reqwest::Client::builder()
            .https_only(true)
            .redirect(redirects)
            .connect_timeout(CONNECT)
            .read_timeout(READ)
            .user_agent(concat!("zeropass/", env!("CARGO_PKG_VERSION")));
        if let Some(file) = &options.ca {
            let roots = certificates(file, "certificate authorities of the registry")
                .map_err(|error| tls(&error))?;
            let roots: Result<Vec<_>, _> = roots
                .iter()
                .map(|root| reqwest::Certificate::from_der(root))
                .collect();
            builder = builder.tls_certs_only(roots.map_err(|error| tls(&told(&error)))?);
        }
        Ok(Self {
            client: builder.build().map_err(|error| tls(&told(&error)))?,
            reference,
            credentials,
            elsewhere,
            authorization: Mutex::default(),
        })
    }

    /// `GET` of a path of the repository, such as `manifests/sha256:...`, from this byte on.
    pub(super) async fn get(
        &self,
        path: &str,
        accept: Option<&'static str>,
        from: u64,
    ) -> Result<Response, OciError> {
        let url = format!(
            "https://{}/v2/{}/{path}",
            self.reference.address(),
            self.reference.repository()
        );
        let request = || {
            let mut request = self.client.get(&url);
            if let Some(accept) = accept {
                request = request.header(ACCEPT, accept);
            }
            if from > 0 {
                request = request.header(RANGE, format!("bytes={from}-"));
            }
            request
        };
        let known = self.authorization().clone();
        let answer = self.send(request(), known.as_ref()).await?;
        if answer.status() != StatusCode::UNAUTHORIZED || known.is_some() {
            return self.well(answer);
        }
        let authorization = self.authorize(&answer, Scope::Pull).await?;
        let answer = self.send(request(), Some(&authorization)).await?;
        *self.authorization() = Some(authorization);
        self.well(answer)
    }

    /// What the library is to send along when it asks for `scope`: it would ask whichever
    /// token service the registry names.
    pub(super) async fn auth(&self, scope: Scope) -> Result<RegistryAuth, OciError> {
        let url = format!("https://{}/v2/", self.reference.address());
        let answer = self.send(self.client.get(url), None).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(RegistryAuth::Anonymous);
        }
        match self.challenge(&answer)? {
            Challenge::Basic => Ok(self.credentials.auth.clone()),
            Challenge::Bearer { realm, service } => {
                let token = self.token(&realm, service.as_deref(), scope).await?;
                Ok(RegistryAuth::Bearer(token))
            }
        }
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

    async fn send(
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

    async fn authorize(&self, refused: &Response, scope: Scope) -> Result<HeaderValue, OciError> {
        let text = match self.challenge(refused)? {
            Challenge::Basic => self.credentials.basic().ok_or_else(|| self.denied())?,
            Challenge::Bearer { realm, service } => {
                let token = self.token(&realm, service.as_deref(), scope).await?;
                format!("Bearer {token}")
            }
        };
        let mut value = HeaderValue::from_str(&text).map_err(|_| self.denied())?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn challenge(&self, refused: &Response) -> Result<Challenge, OciError> {
        let challenges = refused.headers().get_all(WWW_AUTHENTICATE);
        challenges
            .iter()
            .filter_map(|value| value.to_str().ok())
            .find_map(Challenge::parse)
            .ok_or_else(|| self.denied())
    }

    /// A token for the repository from the token service at `realm`.
    async fn token(
        &self,
        realm: &str,
        service: Option<&str>,
        scope: Scope,
    ) -> Result<String, OciError> {
        let elsewhere = |host: String| OciError::Elsewhere {
            registry: self.reference.registry().to_owned(),
            host,
        };
        let mut url =
            Url::parse(realm).map_err(|_| elsewhere(realm.chars().take(200).collect()))?;
        let host = authority(&url);
        let ours = host_of(&host) == host_of(self.reference.address());
        let basic = self.credentials.basic();
        let known = match &basic {
            // Whoever gets them was named by somebody who may read them.
            Some(_) => ours || self.credentials.hosts.contains(&host),
            None => is_known(&host, self.reference.registry(), self.elsewhere.as_deref()) || ours,
        };
        if url.scheme() != "https" || !known {
            return Err(elsewhere(format!("{}://{host}", url.scheme())));
        }
        let repository = self.reference.repository();
        let actions = match scope {
            Scope::Pull => "pull",
            Scope::Push => "pull,push",
        };
        url.query_pairs_mut()
            .append_pair("scope", &format!("repository:{repository}:{actions}"));
        if let Some(service) = service {
            url.query_pairs_mut().append_pair("service", service);
        }
        let authorization = basic
            .map(|basic| HeaderValue::from_str(&basic).map_err(|_| self.denied()))
            .transpose()?;
        let answer = self
            .send(self.client.get(url), authorization.as_ref())
            .await?;
        if answer.status() != StatusCode::OK {
            return Err(self.denied());
        }
        let body = self.body(answer, MAX_TOKEN).await?;
        // The parser's own message could repeat what it stumbled over.
        let token: Token = serde_json::from_slice(&body)
            .map_err(|_| self.senseless("its token is not understood".to_owned()))?;
        token
            .token
            .or(token.access_token)
            .ok_or_else(|| self.denied())
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

    fn denied(&self) -> OciError {
        OciError::Denied {
            registry: self.reference.registry().to_owned(),
        }
    }

    fn senseless(&self, reason: String) -> OciError {
        OciError::Registry {
            registry: self.reference.registry().to_owned(),
            reason,
        }
    }

    fn authorization(&self) -> std::sync::MutexGuard<'_, Option<HeaderValue>> {
        self.authorization
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

// === helpers ===

/// Host and port, the port only where it is another than that of HTTPS: as registries are
/// named.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// Whether it is the registry, or a host that may be talked to as well.
fn is_known(host: &str, registry: &str, elsewhere: Option<&[String]>) -> bool {
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
