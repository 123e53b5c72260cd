//! Answers with a body that never ends, or with more headers than there is room for.

#![cfg(target_family = "wasm")]
#![allow(unsafe_code, reason = "the export macro marks its symbols")]

use wasip2::http::types::{Fields, OutgoingResponse, ResponseOutparam};

guests::guest!(|request, outparam| {
    let headers = Fields::new();
    if guests::path(request) == "/v1/users/headers" {
        for number in 0..100_000 {
            let _ = headers.append(&format!("x-more-{number}"), &[b'x'; 1000]);
        }
    }
    let response = OutgoingResponse::new(headers);
    let body = response.body();
    ResponseOutparam::set(outparam, Ok(response));
    let Ok(body) = body else { return };
    let Ok(stream) = body.write() else { return };
    loop {
        // Errors are ignored: a hostile guest goes on writing.
        let _ = stream.blocking_write_and_flush(&[b'x'; 4096]);
    }
});
