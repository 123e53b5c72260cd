//! Only our own page may change anything (protection against CSRF).
//!
//! Two independent checks on POST, PATCH and DELETE: the `Origin` header,
//! which browsers set and pages can't forge, is exactly ours; and the content
//! type is JSON, which no HTML form can send. The cookie's SameSite=Strict is
//! a third, but it counts other ports and subdomains as the same site.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{App, config::Origin, failure::Failure};

/// The middleware around `/api`. Answers are never cached: they are about one person.
pub async fn same_origin(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let mut response = match check(&app.origin, request.method(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(failure) => failure.into_response(),
    };
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn check(origin: &Origin, method: &Method, headers: &HeaderMap) -> Result<(), Failure> {
    if method.is_safe() {
        return Ok(());
    }
    if headers
        .get(header::ORIGIN)
        .is_none_or(|value| value != origin.as_str())
    {
        return Err(Failure::new(StatusCode::FORBIDDEN, "cross-origin"));
    }
    if headers
        .get(header::CONTENT_TYPE)
        .is_none_or(|value| value != "application/json")
    {
        return Err(Failure::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "malformed",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(method: Method, headers: &[(header::HeaderName, &'static str)]) -> StatusCode {
        let origin = "http://localhost:8080".parse().unwrap();
        let headers = headers
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect();
        check(&origin, &method, &headers)
            .map_or_else(|f| f.into_response().status(), |()| StatusCode::OK)
    }

    const JSON: (header::HeaderName, &str) = (header::CONTENT_TYPE, "application/json");

    #[test]
    fn own_page_may_change_things() {
        let own = (header::ORIGIN, "http://localhost:8080");
        for method in [Method::POST, Method::PATCH, Method::DELETE] {
            assert_eq!(status(method, &[own.clone(), JSON]), StatusCode::OK);
        }
    }

    #[test]
    fn another_origin_may_not_change_things() {
        for other in [
            "http://localhost:8081",
            "https://localhost:8080",
            "http://localhost",
            "http://localhost:8080.evil.example",
            "null",
            "",
        ] {
            for method in [Method::POST, Method::PATCH, Method::DELETE] {
                assert_eq!(
                    status(method, &[(header::ORIGIN, other), JSON]),
                    StatusCode::FORBIDDEN,
                    "{other}"
                );
            }
        }
    }

    #[test]
    fn request_without_origin_may_not_change_things() {
        assert_eq!(status(Method::DELETE, &[JSON]), StatusCode::FORBIDDEN);
    }

    #[test]
    fn forms_may_not_change_things() {
        let own = (header::ORIGIN, "http://localhost:8080");
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
        ] {
            let headers = [own.clone(), (header::CONTENT_TYPE, kind)];
            assert_eq!(
                status(Method::POST, &headers),
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "{kind}"
            );
        }
        assert_eq!(
            status(Method::POST, &[own]),
            StatusCode::UNSUPPORTED_MEDIA_TYPE
        );
    }

    #[test]
    fn reading_needs_no_origin() {
        assert_eq!(status(Method::GET, &[]), StatusCode::OK);
    }
}
