//! Whom a request is from, as far as canaries care.
//!
//! The relying party's backend may say it in a header, with anything that stays the
//! same for a person. Without it the path is asked: a ceremony or a user in it keep
//! their side. A request that names nobody is somebody new.

use crate::audit::Origin;
use crate::capabilities::Routes;
use crate::registry::rollout::Sticky;

/// The header with which a relying party's backend names the person.
pub(super) const HEADER: &str = "zeropass-sticky";

/// The routes of a request.
pub(super) fn routes<B>(sticky: Sticky, origin: &Origin, request: &http::Request<B>) -> Routes {
    let workload = &origin.workload;
    if sticky == Sticky::Workload {
        return Routes::of(workload, "");
    }
    if let Some(person) = request.headers().get(HEADER) {
        return Routes::of(workload, &String::from_utf8_lossy(person.as_bytes()));
    }
    match named(request.uri().path()) {
        Some(name) => Routes::of(workload, name),
        None => Routes::of(workload, &origin.request_id),
    }
}

/// The ceremony or user of a path: `/v1/registrations/{ceremony}`,
/// `/v1/users/{user}/...`.
fn named(path: &str) -> Option<&str> {
    let mut segments = path.split('/').skip(1);
    match (segments.next(), segments.next()) {
        (Some("v1"), Some("registrations" | "authentications" | "users")) => {
            segments.next().filter(|name| !name.is_empty())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_names_its_ceremony_or_user() {
        assert_eq!(named("/v1/registrations/abc"), Some("abc"));
        assert_eq!(named("/v1/users/ada/passkeys/x"), Some("ada"));
        assert_eq!(named("/v1/authentications"), None);
        assert_eq!(named("/v1/authentications/"), None);
        assert_eq!(named("/v1/sessions/introspect"), None);
        assert_eq!(named("/.well-known/jwks.json"), None);
    }
}
