//! A passkey-manager that begins sign-ins well, after three tenths of a second.

#![cfg(target_family = "wasm")]
#![allow(unsafe_code, reason = "the export macro marks its symbols")]

use wasip2::clocks::monotonic_clock;

guests::passkeys!(|| {
    monotonic_clock::subscribe_duration(300_000_000).block();
    Ok(())
});
