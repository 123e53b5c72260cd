//! Good behaviour, and the way to the bad one.

use wasip2::clocks::monotonic_clock;
use wasip2::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

/// Nanoseconds that an answer to `/v1/users/ok/later` takes at least.
const LATER: u64 = 200_000_000;

/// Answer well or do the worst, as the path says.
pub fn serve(
    request: IncomingRequest,
    outparam: ResponseOutparam,
    misbehave: fn(&IncomingRequest, ResponseOutparam),
) {
    if path(&request) == "/openapi.json" {
        return answer(outparam, "{\"openapi\":\"3.1.0\"}");
    }
    match path(&request).strip_prefix("/v1/users/ok/") {
        Some(rest) => {
            if rest == "later" {
                monotonic_clock::subscribe_duration(LATER).block();
            }
            answer(outparam, "{\"well\":true}");
        }
        None => misbehave(&request, outparam),
    }
}

/// The path of a request.
pub fn path(request: &IncomingRequest) -> String {
    request.path_with_query().unwrap_or_default()
}

/// A proper answer: 200 with JSON.
pub fn answer(outparam: ResponseOutparam, json: &str) {
    let headers = Fields::new();
    let _ = headers.append("content-type", b"application/json");
    let response = OutgoingResponse::new(headers);
    let body = response.body();
    ResponseOutparam::set(outparam, Ok(response));
    let Ok(body) = body else { return };
    if let Ok(stream) = body.write() {
        let _ = stream.blocking_write_and_flush(json.as_bytes());
    }
    let _ = OutgoingBody::finish(body, None);
}
