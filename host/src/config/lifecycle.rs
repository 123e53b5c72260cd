//! The part of `[[relying-party]]` that says what may become of passkeys after their
//! registration, and which extensions are used.

use std::time::Duration;

use super::format::{Choice, Flag, Time};
use super::section::Section;

/// What may become of a relying party's passkeys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifecycle {
    /// For passkeys that never leave their device.
    pub counter: CounterPolicy,
    /// For passkeys that can be copied to other devices.
    pub counter_synced: CounterPolicy,
    /// Whether a passkey may become able to be backed up after its registration.
    pub accept_late_backup_eligibility: bool,
    /// Whether an account must keep an active passkey.
    pub keep_last_passkey: bool,
    /// How long ago a person may have signed in whose passkeys are added to, changed
    /// or removed. None: the workload's word is enough.
    pub fresh_sign_in: Option<Duration>,
}

/// What to do about a signature counter that did not grow (WebAuthn L3 section 7.2
/// step 22).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CounterPolicy {
    /// Nothing.
    Ignore,
    /// Accept, mark the passkey, tell the operator.
    Alarm,
    /// Refuse.
    Deny,
}

/// A WebAuthn extension (WebAuthn L3 section 10, CTAP 2.2 section 12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extension {
    /// Whether a new passkey is discoverable.
    CredProps,
    /// How well a new passkey is protected on its authenticator.
    CredProtect,
    /// The shortest PIN that the authenticator allows.
    MinPinLength,
    /// Secrets that only the passkey can derive.
    Prf,
    /// A blob kept with the passkey.
    LargeBlob,
}

pub(super) const EXTENSION: Choice<Extension> = Choice(&[
    ("credProps", Extension::CredProps),
    ("credProtect", Extension::CredProtect),
    ("minPinLength", Extension::MinPinLength),
    ("prf", Extension::Prf),
    ("largeBlob", Extension::LargeBlob),
]);

const COUNTER: Choice<CounterPolicy> = Choice(&[
    ("ignore", CounterPolicy::Ignore),
    ("alarm", CounterPolicy::Alarm),
    ("deny", CounterPolicy::Deny),
]);

pub(super) fn read(section: &mut Section<'_>) -> Option<Lifecycle> {
    let counter = section.or("counter", r#""deny""#, COUNTER);
    let counter_synced = section.or("counter-synced", r#""deny""#, COUNTER);
    let late = section.or("accept-late-backup-eligibility", "false", Flag);
    let keep_last_passkey = section.or("keep-last-passkey", "false", Flag);
    let fresh = Time(Duration::from_secs(60)..=Duration::from_secs(86_400));
    let fresh_sign_in = section.optional("fresh-sign-in", fresh);
    Some(Lifecycle {
        counter: counter?,
        counter_synced: counter_synced?,
        accept_late_backup_eligibility: late?,
        keep_last_passkey: keep_last_passkey?,
        fresh_sign_in: fresh_sign_in?,
    })
}

// === impl Extension ===

impl Extension {
    /// As it stands in WebAuthn's registry (L3 section 9.1), and in the configuration.
    pub fn identifier(self) -> &'static str {
        EXTENSION
            .0
            .iter()
            .find(|(_, extension)| *extension == self)
            .map_or("", |(identifier, _)| identifier)
    }
}
