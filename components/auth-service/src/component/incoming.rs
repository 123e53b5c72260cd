//! `wasi:http/incoming-handler`: bytes in, bytes out.
//!
//! The body is read no further than its limit. The head of the answer goes out
//! before its body, which the host may still be refusing: that is the caller's
//! loss, and no reason to trap.

#![allow(unsafe_code, reason = "the export macro marks its symbols")]

use wasip2::{
    exports::http::incoming_handler::Guest,
    http::types::{
        Fields, IncomingBody, IncomingRequest, Method as WasiMethod, OutgoingBody,
        OutgoingResponse, ResponseOutparam,
    },
    io::streams::{OutputStream, StreamError},
};

use super::imports::Imports;
use crate::{
    http::{BODY_LIMIT, Body, Method, Request, SESSION_HEADER},
    response::Response,
    router,
};

/// What `blocking-write-and-flush` takes at most.
const WRITE_LIMIT: usize = 4096;

struct AuthService;

wasip2::http::proxy::export!(AuthService with_types_in wasip2);

// === impl AuthService ===

impl Guest for AuthService {
    fn handle(request: IncomingRequest, outparam: ResponseOutparam) {
        let request = read(&request);
        let response = router::handle(Imports.host(), &request);
        send(&response, outparam);
    }
}

fn read(request: &IncomingRequest) -> Request {
    let headers = request.headers();
    let header = |name: &str| {
        let value = headers.get(name).into_iter().next();
        value.and_then(|value| String::from_utf8(value).ok())
    };
    let (content_type, session) = (header("content-type"), header(SESSION_HEADER));
    drop(headers);
    Request {
        method: match request.method() {
            WasiMethod::Get => Method::Get,
            WasiMethod::Post => Method::Post,
            WasiMethod::Patch => Method::Patch,
            WasiMethod::Delete => Method::Delete,
            _ => Method::Other,
        },
        target: request.path_with_query().unwrap_or_default(),
        content_type,
        session,
        body: request
            .consume()
            .map_or(Body::Incomplete, |body| read_body(&body)),
    }
}

fn read_body(body: &IncomingBody) -> Body {
    let Ok(stream) = body.stream() else {
        return Body::Incomplete;
    };
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(16 * 1024) {
            Ok(chunk) if bytes.len() + chunk.len() > BODY_LIMIT => return Body::TooLarge,
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(StreamError::Closed) => return Body::Complete(bytes),
            Err(StreamError::LastOperationFailed(_)) => return Body::Incomplete,
        }
    }
}

fn send(response: &Response, outparam: ResponseOutparam) {
    let headers = Fields::new();
    for (name, value) in &response.headers {
        // Refused only when a value can't stand in a header; none of ours can't.
        let _ = headers.append(name, value.as_bytes());
    }
    let has_body = response.status != 204;
    if has_body {
        let _ = headers.append("content-length", response.body.len().to_string().as_bytes());
    }
    let outgoing = OutgoingResponse::new(headers);
    let _ = outgoing.set_status_code(response.status);
    let body = outgoing.body();
    ResponseOutparam::set(outparam, Ok(outgoing));
    let Ok(body) = body else { return };
    if let Ok(stream) = body.write() {
        let _ = write(&stream, &response.body);
    }
    let _ = OutgoingBody::finish(body, None);
}

fn write(stream: &OutputStream, bytes: &[u8]) -> Result<(), StreamError> {
    for chunk in bytes.chunks(WRITE_LIMIT) {
        stream.blocking_write_and_flush(chunk)?;
    }
    Ok(())
}
