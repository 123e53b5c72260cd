//! Who is there, as far as canaries of zeropass care: always the same one.
//!
//! While a new revision of a component is tried out on some people, each of them should
//! meet one revision from beginning to end. So every request to zeropass says whom it is
//! for: a random number for each browser, in a cookie that ends with it. It says nothing
//! about the person, gives no right to anything, and is known before anybody has signed in.

use std::{convert::Infallible, fmt};

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, HeaderValue, header, request::Parts},
    middleware::Next,
    response::Response,
};
use uuid::Uuid;

use crate::config::Origin;

/// Whom a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visitor(Uuid);

/// How the visitor's cookie is called and written.
#[derive(Clone, Copy, Debug)]
pub struct VisitorCookie {
    name: &'static str,
    attributes: &'static str,
}

/// The middleware around everything: the page itself brings the cookie, so that the
/// requests that it makes all have it.
pub async fn recognize(
    State(cookie): State<VisitorCookie>,
    mut request: Request,
    next: Next,
) -> Response {
    let known = cookie.read(request.headers());
    let visitor = known.unwrap_or_else(Visitor::new);
    request.extensions_mut().insert(visitor);
    let mut response = next.run(request).await;
    if known.is_none()
        && let Ok(value) = cookie.set(visitor)
    {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

// === impl Visitor ===

impl Visitor {
    /// Somebody new.
    pub fn new() -> Self {
        Self(Uuid::new_v4())
    }
}

impl fmt::Display for Visitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let known = parts.extensions.get().copied();
        Ok(known.unwrap_or_else(Self::new))
    }
}

// === impl VisitorCookie ===

impl VisitorCookie {
    pub fn new(origin: &Origin) -> Self {
        // Lax: who comes by a link from elsewhere stays who they were.
        if origin.is_https() {
            Self {
                name: "__Host-visitor",
                attributes: "Path=/; HttpOnly; SameSite=Lax; Secure",
            }
        } else {
            Self {
                name: "zeropass-demo-visitor",
                attributes: "Path=/; HttpOnly; SameSite=Lax",
            }
        }
    }

    fn set(self, visitor: Visitor) -> Result<HeaderValue, header::InvalidHeaderValue> {
        HeaderValue::try_from(format!("{}={visitor}; {}", self.name, self.attributes))
    }

    /// The visitor in a request's cookies, if it is one of ours.
    fn read(self, headers: &HeaderMap) -> Option<Visitor> {
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, _)| *name == self.name)
            .and_then(|(_, value)| Uuid::try_parse(value).ok())
            .map(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, middleware, routing::get};

    use super::*;

    fn cookie() -> VisitorCookie {
        VisitorCookie::new(&"http://localhost:8080".parse().unwrap())
    }

    /// A server that says whom it took the request to be from.
    async fn server() -> String {
        let routes = Router::new()
            .route("/", get(async |visitor: Visitor| visitor.to_string()))
            .layer(middleware::from_fn_with_state(cookie(), recognize));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async { axum::serve(listener, routes).await.unwrap() });
        format!("http://{address}/")
    }

    /// The visitor, and the cookie that came along.
    async fn visit(url: &str, cookie: Option<&str>) -> (String, Option<String>) {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut request = reqwest::Client::new().get(url);
        if let Some(cookie) = cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let answer = request.send().await.unwrap();
        let set = answer.headers().get(header::SET_COOKIE);
        let set = set.map(|value| value.to_str().unwrap().to_owned());
        (answer.text().await.unwrap(), set)
    }

    #[tokio::test]
    async fn visitor_stays_the_same_once_the_cookie_is_set() {
        let url = server().await;
        let (first, set) = visit(&url, None).await;
        let set = set.unwrap();
        assert_eq!(
            set,
            format!("zeropass-demo-visitor={first}; Path=/; HttpOnly; SameSite=Lax")
        );
        let (pair, _) = set.split_once(';').unwrap();
        assert_eq!(visit(&url, Some(pair)).await, (first.clone(), None));
        let (other, _) = visit(&url, None).await;
        assert_ne!(first, other);
    }

    #[tokio::test]
    async fn cookie_that_is_not_ours_is_replaced() {
        let url = server().await;
        for odd in [
            "zeropass-demo-visitor=",
            "zeropass-demo-visitor=ada@example.com",
            "visitor=67e5504410b1426f9247bb680e5fe0c8",
        ] {
            let (_, set) = visit(&url, Some(odd)).await;
            assert!(set.is_some(), "{odd}");
        }
    }

    #[test]
    fn cookie_on_a_secure_origin_belongs_to_that_host_alone() {
        let cookie = VisitorCookie::new(&"https://a.example".parse().unwrap());
        let set = cookie.set(Visitor::new()).unwrap();
        let set = set.to_str().unwrap();
        assert!(set.starts_with("__Host-visitor="), "{set}");
        assert!(set.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"));
    }
}
