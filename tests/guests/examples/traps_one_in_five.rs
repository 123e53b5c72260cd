//! Executes `unreachable` in one call of five, by chance; answers well in the others.

#![cfg(target_family = "wasm")]
#![allow(unsafe_code, reason = "the export macro marks its symbols")]

use wasip2::random::random::get_random_u64;

guests::guest!(|_, outparam| {
    if get_random_u64().is_multiple_of(5) {
        core::arch::wasm32::unreachable()
    }
    guests::answer(outparam, "{\"well\":true}");
});
