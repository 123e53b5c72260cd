//! The client of zeropass's HTTP API, over mutual TLS.
//!
//! It proves our identity with the client certificate and trusts only the
//! given certificate authority, never the system's. A refusal by zeropass
//! keeps its status and `code`; everything else that goes wrong is
//! `unreachable` or `unexpected`, with the cause on standard error. Paths,
//! challenges and tokens are never logged.

use std::{error::Error, time::Duration};

use anyhow::{Context, anyhow};
use axum::http::{HeaderValue, Method, StatusCode, header};
use reqwest::{Certificate, Client, Identity, RequestBuilder, Response, Url, redirect, tls};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{config::Service, failure::Failure, id::Id, session::SessionToken, visitor::Visitor};

/// A handle to zeropass. Connections are kept and shared.
pub struct Zeropass {
    http: Client,
    base: Url,
}

/// What one visitor asks of zeropass. Each request names them, by nothing but their
/// number, so that a canary does not change under them.
pub struct Asking<'a> {
    zeropass: &'a Zeropass,
    visitor: Visitor,
}

/// The user of a registration. Without an id zeropass opens a new account.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct User<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a Id>,
    pub name: &'a str,
    pub display_name: &'a str,
}

/// What a successful sign-in gives.
#[derive(Deserialize)]
pub struct SignedIn {
    /// As zeropass describes it, for the page.
    pub user: Value,
    /// As zeropass describes it, for the page.
    pub passkey: Value,
    pub session: Session,
}

/// The part of a sign-in that stays out of the page.
#[derive(Deserialize)]
pub struct Session {
    pub token: SessionToken,
}

/// A change to a passkey.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
}

/// Whether a passkey may sign in.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Active,
    Suspended,
}

/// RFC 7662 section 2.2, as far as we use it.
#[derive(Deserialize)]
struct Introspection {
    active: bool,
    sub: Option<Id>,
    username: Option<String>,
}

/// RFC 9457, as far as we use it.
#[derive(Deserialize)]
struct Problem {
    code: String,
    signal: Option<Value>,
}

// === impl Zeropass ===

impl Zeropass {
    /// Makes no connection yet, so zeropass may start later than we do.
    pub fn new(service: &Service) -> anyhow::Result<Self> {
        let roots =
            Certificate::from_pem_bundle(&service.ca).context("--ca is not a PEM certificate")?;
        if roots.is_empty() {
            return Err(anyhow!(
                "--ca holds no certificate; name the PEM file of zeropass's authority"
            ));
        }
        let identity = Identity::from_pem(&service.identity)
            .context("--cert and --key are not a PEM certificate and its private key")?;
        let http = Client::builder()
            .tls_certs_only(roots)
            .identity(identity)
            .tls_version_min(tls::Version::TLS_1_3)
            .https_only(true)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(Duration::from_secs(3))
            .timeout(Duration::from_secs(10))
            .build()
            .context("--ca, --cert and --key don't make a TLS client; is it the key of that certificate?")?;
        Ok(Self {
            http,
            base: service.url.clone(),
        })
    }

    pub fn on_behalf_of(&self, visitor: Visitor) -> Asking<'_> {
        Asking {
            zeropass: self,
            visitor,
        }
    }
}

// === impl Asking ===

impl Asking<'_> {
    /// Begin a registration; the answer is for the page. Whoever adds a passkey to their
    /// account shows with their session how fresh their sign-in is.
    pub async fn begin_registration(
        &self,
        user: User<'_>,
        session: Option<&SessionToken>,
    ) -> Result<Value, Failure> {
        /// A discoverable credential where the authenticator can make one: only
        /// such a passkey can sign in without a name.
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Body<'a> {
            user: User<'a>,
            resident_key: &'static str,
        }
        let body = Body {
            user,
            resident_key: "preferred",
        };
        let mut request = self.request(Method::POST, "/v1/registrations")?;
        if let Some(session) = session {
            request = with_session(request, session);
        }
        answer(request.json(&body)).await
    }

    /// Finish a registration with what the browser's `create()` returned.
    pub async fn finish_registration(
        &self,
        ceremony: &Id,
        credential: &Value,
    ) -> Result<Value, Failure> {
        let path = format!("/v1/registrations/{ceremony}");
        answer(
            self.request(Method::POST, &path)?
                .json(&Credential { credential }),
        )
        .await
    }

    /// Begin a sign-in, for a name or for whoever has a passkey; the answer is for the page.
    pub async fn begin_authentication(&self, name: Option<&str>) -> Result<Value, Failure> {
        #[derive(Serialize)]
        struct Name<'a> {
            name: &'a str,
        }
        #[derive(Serialize)]
        struct Body<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            user: Option<Name<'a>>,
        }
        let body = Body {
            user: name.map(|name| Name { name }),
        };
        answer(
            self.request(Method::POST, "/v1/authentications")?
                .json(&body),
        )
        .await
    }

    /// Finish a sign-in with what the browser's `get()` returned.
    pub async fn finish_authentication(
        &self,
        ceremony: &Id,
        credential: &Value,
    ) -> Result<SignedIn, Failure> {
        let path = format!("/v1/authentications/{ceremony}");
        answer(
            self.request(Method::POST, &path)?
                .json(&Credential { credential }),
        )
        .await
    }

    /// The id and name of the person whose session this is; `None` when it has ended.
    pub async fn who_is(&self, token: &SessionToken) -> Result<Option<(Id, String)>, Failure> {
        let found: Introspection =
            answer(self.token_form("/v1/sessions/introspect", token)?).await?;
        Ok(found
            .active
            .then_some(found.sub.zip(found.username))
            .flatten())
    }

    /// End a session.
    pub async fn revoke_session(&self, token: &SessionToken) -> Result<(), Failure> {
        send(self.token_form("/v1/sessions/revoke", token)?)
            .await
            .map(drop)
    }

    /// All passkeys of a person; the answer is for the page.
    pub async fn passkeys(&self, user: &Id) -> Result<Value, Failure> {
        answer(self.request(Method::GET, &format!("/v1/users/{user}/passkeys"))?).await
    }

    /// Rename, suspend or resume a passkey; the answer is for the page.
    pub async fn change_passkey(
        &self,
        user: &Id,
        passkey: &Id,
        change: &Change,
        session: &SessionToken,
    ) -> Result<Value, Failure> {
        let path = format!("/v1/users/{user}/passkeys/{passkey}");
        let request = with_session(self.request(Method::PATCH, &path)?, session);
        answer(request.json(change)).await
    }

    /// Remove a passkey for good.
    pub async fn revoke_passkey(
        &self,
        user: &Id,
        passkey: &Id,
        session: &SessionToken,
    ) -> Result<(), Failure> {
        let path = format!("/v1/users/{user}/passkeys/{passkey}");
        let request = with_session(self.request(Method::DELETE, &path)?, session);
        send(request).await.map(drop)
    }

    /// What the page tells the provider of a person's passkeys.
    pub async fn signals(&self, user: &Id) -> Result<Value, Failure> {
        answer(self.request(Method::GET, &format!("/v1/users/{user}/signals"))?).await
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, Failure> {
        let Zeropass { http, base } = self.zeropass;
        let url = base.join(path).map_err(|_| Failure::malformed())?;
        let request = http.request(method, url);
        Ok(request.header("zeropass-sticky", self.visitor.to_string()))
    }

    /// A token's letters need no escaping in a form (see [`SessionToken::parse`]).
    fn token_form(&self, path: &str, token: &SessionToken) -> Result<RequestBuilder, Failure> {
        Ok(self
            .request(Method::POST, path)?
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(format!("token={}", token.as_str())))
    }
}

/// What the browser returned goes on as it is: zeropass checks every byte of it.
#[derive(Serialize)]
struct Credential<'a> {
    credential: &'a Value,
}

/// Where zeropass is configured to want a fresh sign-in, it looks at this token.
fn with_session(request: RequestBuilder, session: &SessionToken) -> RequestBuilder {
    let value = HeaderValue::try_from(session.as_str()).map(|mut value| {
        value.set_sensitive(true);
        value
    });
    match value {
        Ok(value) => request.header("zeropass-session", value),
        // Never: a token's letters are all allowed in a header.
        Err(_) => request,
    }
}

async fn send(request: RequestBuilder) -> Result<Response, Failure> {
    let response = request.send().await.map_err(failed)?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    match response.json::<Problem>().await {
        Ok(problem) => Err(Failure::new(status, problem.code).signalling(problem.signal)),
        Err(_) => {
            eprintln!("relying-party: zeropass answered {status} without a problem document");
            Err(Failure::new(StatusCode::BAD_GATEWAY, "unexpected"))
        }
    }
}

async fn answer<T: for<'de> Deserialize<'de>>(request: RequestBuilder) -> Result<T, Failure> {
    send(request).await?.json().await.map_err(failed)
}

/// The error's own text would hold the URL, and with it ids; its causes don't.
fn failed(error: reqwest::Error) -> Failure {
    let code = if error.is_decode() {
        "unexpected"
    } else {
        "unreachable"
    };
    let error = error.without_url();
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        line = format!("{line}: {inner}");
        cause = inner.source();
    }
    eprintln!("relying-party: zeropass: {line}");
    Failure::new(StatusCode::BAD_GATEWAY, code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_a_visitor_have_the_same_number_on_them() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let zeropass = Zeropass {
            http: Client::new(),
            base: Url::parse("https://zeropass.example").unwrap(),
        };
        let sticky = |visitor| {
            let asking = zeropass.on_behalf_of(visitor);
            let paths = ["/v1/authentications", "/v1/sessions/introspect"];
            paths.map(|path| {
                let request = asking.request(Method::POST, path).unwrap();
                let request = request.build().unwrap();
                request.headers().get("zeropass-sticky").cloned()
            })
        };
        let (one, other) = (Visitor::new(), Visitor::new());
        let expected = Some(HeaderValue::try_from(one.to_string()).unwrap());
        assert_eq!(sticky(one), [expected.clone(), expected]);
        assert_ne!(sticky(other), sticky(one));
    }
}
