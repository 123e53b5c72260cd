//! Executes `unreachable`; before its answer, or half-way through it.

#![cfg(target_family = "wasm")]
#![allow(unsafe_code, reason = "the export macro marks its symbols")]

use wasip2::http::types::{Fields, OutgoingResponse, ResponseOutparam};

guests::guest!(|request, outparam| {
    if guests::path(request) == "/v1/users/half-way" {
        let response = OutgoingResponse::new(Fields::new());
        let body = response.body();
        ResponseOutparam::set(outparam, Ok(response));
        if let Ok(stream) = body.and_then(|body| body.write()) {
            let _ = stream.blocking_write_and_flush(b"{\"half\":");
        }
    }
    core::arch::wasm32::unreachable()
});
