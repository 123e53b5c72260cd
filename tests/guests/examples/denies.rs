//! Tells everybody no.

#![cfg(target_family = "wasm")]
#![allow(unsafe_code, reason = "the export macro marks its symbols")]

use wasip2::http::types::{Fields, OutgoingBody, OutgoingResponse, ResponseOutparam};

guests::guest!(|_, outparam| {
    let response = OutgoingResponse::new(Fields::new());
    let _ = response.set_status_code(403);
    let body = response.body();
    ResponseOutparam::set(outparam, Ok(response));
    if let Ok(body) = body {
        let _ = OutgoingBody::finish(body, None);
    }
});
