//! A relying party's backend, as far as HTTP goes.

use std::path::Path;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use rustls::ClientConfig;
use serde_json::Value;

use super::certificates::{Certificate, client_config_by};

/// What a client offers by ALPN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/2 and HTTP/1.1.
    Any,
    /// HTTP/1.1 alone.
    Http1,
    /// HTTP/2 alone.
    Http2,
}

/// A client of one deployment over mTLS. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    tls: ClientConfig,
    protocol: Protocol,
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    status: StatusCode,
    version: http::Version,
    headers: HeaderMap,
    body: Bytes,
}

// === impl Protocol ===

impl Protocol {
    /// The protocol names of ALPN (RFC 7301 section 6), best first.
    pub fn alpn(self) -> Vec<Vec<u8>> {
        let names: &[&str] = match self {
            Self::Any => &["h2", "http/1.1"],
            Self::Http1 => &["http/1.1"],
            Self::Http2 => &["h2"],
        };
        names.iter().map(|name| name.as_bytes().to_vec()).collect()
    }
}

// === impl Client ===

impl Client {
    pub(super) fn new(url: &str, mut tls: ClientConfig, protocol: Protocol) -> Self {
        // reqwest takes a prepared configuration as it is, ALPN and all.
        tls.alpn_protocols = protocol.alpn();
        let builder = reqwest::Client::builder()
            .no_proxy()
            .tls_backend_preconfigured(tls.clone());
        let builder = match protocol {
            Protocol::Any => builder,
            Protocol::Http1 => builder.http1_only(),
            Protocol::Http2 => builder.http2_prior_knowledge(),
        };
        Self {
            http: builder.build().expect("a client can be built"),
            url: url.to_owned(),
            tls,
            protocol,
        }
    }

    /// A client of the host at `url` as the PEM files of its authority, its own
    /// certificate and key say.
    ///
    /// # Panics
    /// One of them can't be used.
    pub fn of_files(url: &str, authority: &Path, certificate: &Path, key: &Path) -> Self {
        let read = |file: &Path| std::fs::read_to_string(file).expect("a PEM file");
        let authority = Certificate::new(read(authority), String::new());
        let certificate = Certificate::new(read(certificate), read(key));
        let tls = client_config_by(authority.chain(), Some(&certificate));
        Self::new(url, tls, Protocol::Any)
    }

    /// The same client without a connection.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self::new(&self.url, self.tls.clone(), self.protocol)
    }

    /// A request that is not sent yet, for what the other functions don't offer.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::DELETE, path)).await
    }

    /// `POST` of JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::POST, path).json(body)).await
    }

    /// `PATCH` of JSON.
    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::PATCH, path).json(body)).await
    }

    /// `POST` of a form with one field, `token`.
    pub async fn post_token(&self, path: &str, token: &str) -> Answer {
        let encoded: String = token
            .bytes()
            .map(|byte| match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                    char::from(byte).to_string()
                }
                other => format!("%{other:02X}"),
            })
            .collect();
        self.post_bytes(
            path,
            Some("application/x-www-form-urlencoded"),
            format!("token={encoded}"),
        )
        .await
    }

    /// `POST` of any bytes as any type.
    pub async fn post_bytes(
        &self,
        path: &str,
        content_type: Option<&str>,
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let mut request = self.request(Method::POST, path).body(body);
        if let Some(content_type) = content_type {
            request = request.header(http::header::CONTENT_TYPE, content_type);
        }
        Answer::of(request).await
    }
}

// === impl Answer ===

impl Answer {
    /// Send the request and read the whole answer.
    ///
    /// # Panics
    /// No answer comes.
    pub async fn of(request: reqwest::RequestBuilder) -> Self {
        Self::try_of(request).await.expect("the host answers")
    }

    /// Send the request and read the whole answer.
    ///
    /// # Errors
    /// No connection, or it breaks before the answer's end.
    pub async fn try_of(request: reqwest::RequestBuilder) -> reqwest::Result<Self> {
        let response = request.send().await?;
        Ok(Self {
            status: response.status(),
            version: response.version(),
            headers: response.headers().clone(),
            body: response.bytes().await?,
        })
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// The version of HTTP that was spoken.
    pub fn version(&self) -> http::Version {
        self.version
    }

    /// A header's text, or the empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("header text"))
    }

    /// The body as it came.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// It is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in the body of {self:?}"))
    }

    /// The body as JSON, of an answer that must have this status.
    ///
    /// # Panics
    /// It has another.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(
            self.status(),
            status,
            "{}",
            String::from_utf8_lossy(&self.body)
        );
        if self.body.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }

    /// The status and code of a problem document (RFC 9457), which must be a proper
    /// one. What is no problem has the code `-`.
    ///
    /// # Panics
    /// It says that it is one, and is not.
    #[track_caller]
    pub fn problem(&self) -> (u16, String) {
        if self.header("content-type") != "application/problem+json" {
            return (self.status(), "-".to_owned());
        }
        let json = self.json();
        let code = json["code"]
            .as_str()
            .expect("a problem has a code")
            .to_owned();
        assert_eq!(json["status"], self.status(), "{json}");
        assert_eq!(
            json["type"],
            format!("urn:zeropass:problem:{code}"),
            "{json}"
        );
        assert_eq!(json["requestId"], self.request_id(), "{json}");
        (self.status(), code)
    }

    /// The request's id.
    pub fn request_id(&self) -> &str {
        self.header("x-request-id")
    }
}
