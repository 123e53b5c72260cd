//! Codes as text.

use super::Code;

/// A code's name, as in WIT and in the HTTP API.
pub fn code_name(code: Code) -> &'static str {
    match code {
        Code::Malformed => "malformed",
        Code::TooLarge => "too-large",
        Code::NotPermitted => "not-permitted",
        Code::NotFound => "not-found",
        Code::CeremonyExpired => "ceremony-expired",
        Code::CeremonyUsed => "ceremony-used",
        Code::OriginMismatch => "origin-mismatch",
        Code::RpIdMismatch => "rp-id-mismatch",
        Code::ChallengeMismatch => "challenge-mismatch",
        Code::UserPresenceMissing => "user-presence-missing",
        Code::UserVerificationMissing => "user-verification-missing",
        Code::SignatureInvalid => "signature-invalid",
        Code::CounterRegressed => "counter-regressed",
        Code::CredentialUnknown => "credential-unknown",
        Code::CredentialSuspended => "credential-suspended",
        Code::CredentialExists => "credential-exists",
        Code::UserHandleMismatch => "user-handle-mismatch",
        Code::AlgorithmNotAllowed => "algorithm-not-allowed",
        Code::AttestationInvalid => "attestation-invalid",
        Code::AttestationUntrusted => "attestation-untrusted",
        Code::RateLimited => "rate-limited",
        Code::Busy => "busy",
    }
}
