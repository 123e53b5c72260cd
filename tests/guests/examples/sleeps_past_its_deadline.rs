//! Waits in a host call for a hundred years.

#![cfg(target_family = "wasm")]
#![allow(unsafe_code, reason = "the export macro marks its symbols")]

use wasip2::clocks::monotonic_clock;

guests::guest!(|_, outparam| {
    monotonic_clock::subscribe_duration(100 * 365 * 24 * 60 * 60 * 1_000_000_000).block();
    guests::answer(outparam, "{\"well\":false}");
});
