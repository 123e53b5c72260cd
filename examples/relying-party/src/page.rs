//! The page: static files in the binary, and the headers that protect it.
//!
//! Nothing is loaded from anywhere else, and no inline script or style runs,
//! so that a slip in the page can't become script of somebody else.

use axum::{
    Router,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const IMAGE: &str = "image/svg+xml";

const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

pub fn routes() -> Router {
    Router::new()
        .route("/", file(HTML, include_str!("../page/index.html")))
        .route("/style.css", file(STYLE, include_str!("../page/style.css")))
        .route("/icon.svg", file(IMAGE, include_str!("../page/icon.svg")))
        .route("/app.js", file(SCRIPT, include_str!("../page/app.js")))
        .route("/api.js", file(SCRIPT, include_str!("../page/api.js")))
        .route(
            "/ceremony.js",
            file(SCRIPT, include_str!("../page/ceremony.js")),
        )
        .route(
            "/passkeys.js",
            file(SCRIPT, include_str!("../page/passkeys.js")),
        )
        .route("/words.js", file(SCRIPT, include_str!("../page/words.js")))
}

/// Sets the security headers on every response.
pub async fn protect(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            header::HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn file<S: Clone + Send + Sync + 'static>(
    kind: &'static str,
    text: &'static str,
) -> axum::routing::MethodRouter<S> {
    // no-cache: asked for again on each visit, so that page and backend match.
    get(async move || {
        (
            [
                (header::CONTENT_TYPE, kind),
                (header::CACHE_CONTROL, "no-cache"),
            ],
            text,
        )
            .into_response()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_response_is_protected() {
        let response = protect("".into_response()).await;
        let policy = response.headers().get(header::CONTENT_SECURITY_POLICY);
        assert!(policy.is_some_and(|value| {
            value
                .to_str()
                .is_ok_and(|text| text.starts_with("default-src 'none'; "))
        }));
        assert!(
            response
                .headers()
                .get(header::X_CONTENT_TYPE_OPTIONS)
                .is_some_and(|value| value == "nosniff")
        );
        assert!(
            response
                .headers()
                .get(header::REFERRER_POLICY)
                .is_some_and(|value| value == "no-referrer")
        );
    }

    /// The policy forbids both; a browser would silently drop them.
    #[test]
    fn page_has_no_inline_script_style_or_foreign_address() {
        let page = include_str!("../page/index.html");
        for forbidden in [
            "<script>",
            "<style",
            " style=",
            " onclick=",
            "http://",
            "https://",
            "//",
        ] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
    }
}
