//! Who a registry is told that we are: the credentials themselves, or a token that the
//! service which it names gives for them.
//!
//! Credentials go to the registry itself, and to the token service only where that is on the
//! registry's own host or the file of credentials names it.

use http::StatusCode;
use http::header::{HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Response, Url};
use serde::Deserialize;

use super::OciError;
use super::challenge::Challenge;
use super::transport::{Scope, Transport, authority, host_of, is_known};

/// The longest answer of a token service, bytes.
const MAX_TOKEN: usize = 64 * 1024;

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

// === impl Transport ===

impl Transport {
    pub(super) async fn authorize(
        &self,
        refused: &Response,
        scope: Scope,
    ) -> Result<HeaderValue, OciError> {
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
        let mut url =
            Url::parse(realm).map_err(|_| self.elsewhere(realm.chars().take(200).collect()))?;
        let host = authority(&url);
        let ours = host_of(&host) == host_of(self.reference.address());
        let basic = self.credentials.basic();
        let known = match &basic {
            // Whoever gets them was named by somebody who may read them.
            Some(_) => ours || self.credentials.hosts.contains(&host),
            None => is_known(&host, self.reference.registry(), self.elsewhere.as_deref()) || ours,
        };
        if url.scheme() != "https" || !known {
            return Err(self.elsewhere(format!("{}://{host}", url.scheme())));
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
}
