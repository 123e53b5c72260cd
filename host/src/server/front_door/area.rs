//! The parts of the API, by the prefix of a path, and the methods that it has: all that
//! an audit record says of a request. The rest of a path may hold anything.

use http::Method;

/// The part of the API that a path belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Area {
    Registrations,
    Authentications,
    Users,
    Sessions,
    Metadata,
}

// === impl Area ===

impl Area {
    /// The area of a path. None for a path outside the API.
    pub(super) fn of(path: &str) -> Option<Self> {
        let mut segments = path.split('/').skip(1);
        Some(match (segments.next()?, segments.next()) {
            ("v1", Some("registrations")) => Self::Registrations,
            ("v1", Some("authentications")) => Self::Authentications,
            ("v1", Some("users")) => Self::Users,
            ("v1", Some("sessions")) => Self::Sessions,
            (".well-known", Some(_)) | ("openapi.json", None) => Self::Metadata,
            _ => return None,
        })
    }

    /// The prefix that names the area.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Registrations => "/v1/registrations",
            Self::Authentications => "/v1/authentications",
            Self::Users => "/v1/users",
            Self::Sessions => "/v1/sessions",
            Self::Metadata => "/.well-known",
        }
    }
}

/// Audit names only the methods that the API has.
pub(super) fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_belong_to_areas_by_whole_segments() {
        assert_eq!(Area::of("/v1/registrations"), Some(Area::Registrations));
        assert_eq!(Area::of("/v1/registrations/abc"), Some(Area::Registrations));
        assert_eq!(Area::of("/v1/registrationsx"), None);
        assert_eq!(Area::of("/v1"), None);
        assert_eq!(Area::of("//v1/users"), None);
        assert_eq!(Area::of("/.well-known/jwks.json"), Some(Area::Metadata));
        assert_eq!(Area::of("/openapi.json"), Some(Area::Metadata));
        assert_eq!(Area::of("/openapi.json/x"), None);
        assert_eq!(Area::of("*"), None);
    }
}
