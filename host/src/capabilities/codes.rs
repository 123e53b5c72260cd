//! The codes of `zeropass:passkeys`, one list for the HTTP API and for audit records.

use super::bindings::passkeys::Code;

macro_rules! codes {
    ($($code:ident => $name:literal),* $(,)?) => {
        /// Their names.
        pub const CODES: &[&str] = &[$($name),*];

        /// The code's name in the HTTP API and in audit records.
        pub const fn code_name(code: Code) -> &'static str {
            match code {
                $(Code::$code => $name),*
            }
        }
    };
}

codes! {
    Malformed => "malformed",
    TooLarge => "too-large",
    NotPermitted => "not-permitted",
    NotFound => "not-found",
    CeremonyExpired => "ceremony-expired",
    CeremonyUsed => "ceremony-used",
    OriginMismatch => "origin-mismatch",
    RpIdMismatch => "rp-id-mismatch",
    ChallengeMismatch => "challenge-mismatch",
    UserPresenceMissing => "user-presence-missing",
    UserVerificationMissing => "user-verification-missing",
    SignatureInvalid => "signature-invalid",
    CounterRegressed => "counter-regressed",
    CredentialUnknown => "credential-unknown",
    CredentialSuspended => "credential-suspended",
    CredentialExists => "credential-exists",
    UserHandleMismatch => "user-handle-mismatch",
    AlgorithmNotAllowed => "algorithm-not-allowed",
    AttestationInvalid => "attestation-invalid",
    AttestationUntrusted => "attestation-untrusted",
    RateLimited => "rate-limited",
    Busy => "busy",
}
