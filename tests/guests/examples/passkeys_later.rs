//! A passkey-manager that begins sign-ins well, after four seconds.

#![cfg(target_family = "wasm")]
#![allow(unsafe_code, reason = "the export macro marks its symbols")]

use wasip2::clocks::monotonic_clock;

guests::passkeys!(|| {
    monotonic_clock::subscribe_duration(4_000_000_000).block();
    Ok(())
});
