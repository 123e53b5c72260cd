//! Answers with something that is no HTTP response, in the way that the path says.

#![cfg(target_family = "wasm")]
#![allow(unsafe_code, reason = "the export macro marks its symbols")]

use wasip2::http::types::{ErrorCode, Fields, OutgoingBody, OutgoingResponse, ResponseOutparam};

guests::guest!(|request, outparam| match guests::path(request).as_str() {
    "/v1/users/nothing" => drop(outparam),
    "/v1/users/error" => ResponseOutparam::set(
        outparam,
        Err(ErrorCode::InternalError(Some("secret".to_owned())))
    ),
    "/v1/users/short" => send(outparam, "10", true),
    "/v1/users/long" => send(outparam, "2", true),
    "/v1/users/unfinished" => send(outparam, "5", false),
    _ => guests::answer(outparam, "{\"well\":false}"),
});

/// Five bytes that are announced as `length`.
fn send(outparam: ResponseOutparam, length: &str, finish: bool) {
    let headers = Fields::new();
    let _ = headers.append("content-length", length.as_bytes());
    let response = OutgoingResponse::new(headers);
    let body = response.body();
    ResponseOutparam::set(outparam, Ok(response));
    let Ok(body) = body else { return };
    if let Ok(stream) = body.write() {
        let _ = stream.blocking_write_and_flush(b"hello");
    }
    if finish {
        let _ = OutgoingBody::finish(body, None);
    }
}
