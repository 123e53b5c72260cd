//! Has nothing to say to anybody, not even to the probe.

#![cfg(target_family = "wasm")]
#![allow(unsafe_code, reason = "the export macro marks its symbols")]

struct Silent;

impl wasip2::exports::http::incoming_handler::Guest for Silent {
    fn handle(_: wasip2::http::types::IncomingRequest, _: wasip2::http::types::ResponseOutparam) {
        core::arch::wasm32::unreachable();
    }
}

wasip2::http::proxy::export!(Silent with_types_in wasip2);
