//! The paths of the admin API.

use http::Method;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// `GET /v1/components`
    Components,
    /// `GET /v1/components/{name}`
    Component(String),
    /// `POST /v1/components/{name}/revisions`
    Push(String),
    /// `DELETE /v1/components/{name}/revisions/{revision}`
    Remove(String, String),
    /// `POST /v1/components/{name}/activate`
    Activate(String),
    /// `POST /v1/components/{name}/rollback`
    RollBack(String),
    /// `GET /v1/components/{name}/history`
    History(String),
    /// `POST /v1/policy/reload`
    ReloadPolicy,
    /// `GET /v1/status`
    Status,
    /// `GET /metrics`
    Metrics,
}

// === impl Route ===

impl Route {
    pub(super) fn of(method: &Method, path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let text = |text: &&str| (*text).to_owned();
        Some(match (method.as_str(), segments.as_slice()) {
            ("GET", ["v1", "components"]) => Self::Components,
            ("GET", ["v1", "components", name]) => Self::Component(text(name)),
            ("POST", ["v1", "components", name, "revisions"]) => Self::Push(text(name)),
            ("DELETE", ["v1", "components", name, "revisions", revision]) => {
                Self::Remove(text(name), text(revision))
            }
            ("POST", ["v1", "components", name, "activate"]) => Self::Activate(text(name)),
            ("POST", ["v1", "components", name, "rollback"]) => Self::RollBack(text(name)),
            ("GET", ["v1", "components", name, "history"]) => Self::History(text(name)),
            ("POST", ["v1", "policy", "reload"]) => Self::ReloadPolicy,
            ("GET", ["v1", "status"]) => Self::Status,
            ("GET", ["metrics"]) => Self::Metrics,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_whole_paths_with_their_method() {
        let name = || "auth-service".to_owned();
        assert_eq!(
            Route::of(&Method::POST, "/v1/components/auth-service/rollback"),
            Some(Route::RollBack(name()))
        );
        assert_eq!(
            Route::of(
                &Method::DELETE,
                "/v1/components/auth-service/revisions/1.0.0"
            ),
            Some(Route::Remove(name(), "1.0.0".into()))
        );
        for (method, path) in [
            (Method::GET, "/v1/components/auth-service/rollback"),
            (Method::POST, "/v1/components/auth-service/rollback/"),
            (Method::GET, "/v1"),
            (Method::GET, "//metrics"),
            (Method::POST, "/metrics"),
        ] {
            assert_eq!(Route::of(&method, path), None, "{method} {path}");
        }
    }
}
