//! From a request to its handler.
//!
//! Routes are data, so that the OpenAPI document can be checked against them.

use crate::{
    authentications,
    call::Call,
    host::{Host, Identity},
    http::{Method, Request},
    openapi, passkeys,
    problem::Problem,
    registrations,
    response::Response,
    sessions, signals, users, well_known,
};

type Handler = fn(&Call<'_>) -> Result<Response, Problem>;

/// A method on a path.
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Segments in braces stand for any text.
    pub path: &'static str,
    handler: Handler,
}

/// The whole API.
pub const ROUTES: &[Route] = &[
    route(Method::Post, "/v1/registrations", registrations::begin),
    route(
        Method::Post,
        "/v1/registrations/{ceremony}",
        registrations::finish,
    ),
    route(Method::Post, "/v1/authentications", authentications::begin),
    route(
        Method::Post,
        "/v1/authentications/{ceremony}",
        authentications::finish,
    ),
    route(Method::Patch, "/v1/users/{user}", users::change),
    route(Method::Get, "/v1/users/{user}/passkeys", passkeys::list),
    route(
        Method::Patch,
        "/v1/users/{user}/passkeys/{passkey}",
        passkeys::change,
    ),
    route(
        Method::Delete,
        "/v1/users/{user}/passkeys/{passkey}",
        passkeys::revoke,
    ),
    route(Method::Get, "/v1/users/{user}/signals", signals::signals),
    route(
        Method::Post,
        "/v1/sessions/introspect",
        sessions::introspect,
    ),
    route(Method::Post, "/v1/sessions/revoke", sessions::revoke),
    route(Method::Get, "/.well-known/jwks.json", well_known::jwks),
    route(Method::Get, "/.well-known/webauthn", well_known::webauthn),
    route(
        Method::Get,
        "/.well-known/passkey-endpoints",
        well_known::passkey_endpoints,
    ),
    route(Method::Get, "/openapi.json", openapi::document),
];

/// Answer a request. Every request gets an answer, and none a 500.
pub fn handle(host: Host<'_>, request: &Request) -> Response {
    let caller = host.caller.get();
    dispatch(host, &caller, request)
        .unwrap_or_else(|problem| problem.into_response(&caller.request_id))
}

fn dispatch(host: Host<'_>, caller: &Identity, request: &Request) -> Result<Response, Problem> {
    let path = request.path();
    let mut allowed = Vec::new();
    for route in ROUTES {
        let Some(params) = params(route.path, path) else {
            continue;
        };
        if route.method == request.method {
            return (route.handler)(&Call {
                host,
                caller,
                request,
                params,
            });
        }
        allowed.push(route.method.as_str());
    }
    if allowed.is_empty() {
        Err(Problem::not_found(
            "path: not a path of this API; /openapi.json has them all",
        ))
    } else {
        Err(Problem::method_not_allowed(allowed.join(", ")))
    }
}

const fn route(method: Method, path: &'static str, handler: Handler) -> Route {
    Route {
        method,
        path,
        handler,
    }
}

/// What stands in the braces, or none when the path is not of this pattern.
fn params<'a>(pattern: &str, path: &'a str) -> Option<Vec<&'a str>> {
    let mut params = Vec::new();
    let mut segments = path.split('/');
    for expected in pattern.split('/') {
        let found = segments.next()?;
        if expected.starts_with('{') {
            if found.is_empty() {
                return None;
            }
            params.push(found);
        } else if expected != found {
            return None;
        }
    }
    segments.next().is_none().then_some(params)
}
