//! Assertions: what an authenticator signed, checked against the credential that
//! it claims to be (WebAuthn L3 section 7.2 steps 19 to 22), under the relying party's
//! policy for counters and backup eligibility.
//!
//! The signature is checked before anything is said about the credential as it is
//! stored (backup eligibility, suspended, counter), so that only the holder of the key
//! learns it.

use crate::authenticator_data::AuthenticatorData;
use crate::bindings::credentials::{Credential, Status};
use crate::bindings::relying_party::{CounterPolicy, LifecyclePolicy};
use crate::bindings::{Code, Rejection, signatures};
use crate::client_data::ClientData;
use crate::cose::CoseKey;
use crate::host::Host;
use crate::rejection::{malformed, reject};

/// An assertion that was parsed but not yet believed.
pub struct Assertion<'a> {
    /// The client data, already checked.
    pub client_data: &'a ClientData,
    /// The authenticator data as it came: this is what is signed.
    pub authenticator_data: &'a [u8],
    /// The same, parsed, and checked as far as no credential is needed for it.
    pub data: &'a AuthenticatorData<'a>,
    /// The signature.
    pub signature: &'a [u8],
}

/// What the counter of an assertion means (step 22).
pub struct Counter {
    /// The counter to keep.
    pub keep: u32,
    /// Whether it did not grow as it should, and policy wants that known.
    pub alarm: bool,
}

// === impl Assertion ===

impl Assertion<'_> {
    /// Believe the assertion or say what is wrong with it. Whether the credential may be
    /// used now is for [`Assertion::usable`].
    ///
    /// # Errors
    /// The code of the first check that fails.
    pub fn verify(
        &self,
        host: &impl Host,
        credential: &Credential,
        policy: LifecyclePolicy,
    ) -> Result<(), Rejection> {
        self.verify_signature(host, credential)?;
        self.check_attested(credential)?;
        self.check_backup(credential, policy)
    }

    /// Not of Level 3: an authenticator that repeats the credential in a sign-in (flag AT)
    /// speaks of the one that signs.
    fn check_attested(&self, credential: &Credential) -> Result<(), Rejection> {
        match &self.data.attested {
            Some(repeated)
                if repeated.credential_id != credential.id
                    || repeated.public_key != credential.public_key =>
            {
                Err(malformed(
                    "the authenticator data hold another credential than the one that signs",
                ))
            }
            _ => Ok(()),
        }
    }

    /// Step 19, after the signature: what flag BE of a passkey is, is not for everybody
    /// to find out. It never changes, unless policy knows authenticators that learn to
    /// back up. None forgets it.
    fn check_backup(
        &self,
        credential: &Credential,
        policy: LifecyclePolicy,
    ) -> Result<(), Rejection> {
        let (before, now) = (credential.backup_eligible, self.data.backup_eligible);
        let learnt = !before && now && policy.accept_late_backup_eligibility;
        if before != now && !learnt {
            return Err(malformed(
                "flag BE is not what it was when the passkey was registered",
            ));
        }
        Ok(())
    }

    /// Step 22, for a signature that is right: whether this credential, as it is now,
    /// may be used, and what becomes of its counter. Another sign-in may have set its flag
    /// BE since the signature was verified.
    ///
    /// # Errors
    /// `malformed`, `credential-suspended`, `counter-regressed`.
    pub fn usable(
        &self,
        credential: &Credential,
        policy: LifecyclePolicy,
    ) -> Result<Counter, Rejection> {
        self.check_backup(credential, policy)?;
        // Ours: section 7.2 knows no suspended credentials.
        if credential.status == Status::Suspended {
            return Err(reject(
                Code::CredentialSuspended,
                "this passkey is suspended; resume it to sign in with it",
            ));
        }
        // A counter that is used at all must grow.
        let (before, now) = (credential.sign_count, self.data.sign_count);
        let grew = (before == 0 && now == 0) || now > before;
        let response = match self.data.backup_eligible {
            true => policy.counter_synced,
            false => policy.counter,
        };
        match response {
            _ if grew => Ok(Counter {
                keep: now,
                alarm: false,
            }),
            CounterPolicy::Ignore => Ok(Counter {
                keep: now,
                alarm: false,
            }),
            // The highest one stays, so that the copy that lags behind gives an alarm
            // each time.
            CounterPolicy::Alarm => Ok(Counter {
                keep: before,
                alarm: true,
            }),
            CounterPolicy::Deny => Err(counter_regressed(before, now)),
        }
    }

    /// Steps 20 and 21.
    ///
    /// # Errors
    /// `signature-invalid`, `algorithm-not-allowed` for a stored key that can't be used,
    /// `not-permitted`.
    pub fn verify_signature(
        &self,
        host: &impl Host,
        credential: &Credential,
    ) -> Result<(), Rejection> {
        let unusable = |detail: String| reject(Code::AlgorithmNotAllowed, detail);
        let key = CoseKey::parse(&credential.public_key)
            .map_err(|error| unusable(format!("the stored key can't be used: {error}")))?;
        if key.algorithm != credential.algorithm {
            return Err(unusable(format!(
                "the stored key is for COSE algorithm {}, its record says {}",
                key.algorithm, credential.algorithm
            )));
        }
        // The host takes an empty signature for a question about the key.
        if self.signature.is_empty() {
            return Err(signature_invalid());
        }
        let message = [self.authenticator_data, self.client_data.hash()].concat();
        match host.verify(key.algorithm, &key.key, &message, self.signature) {
            Ok(true) => Ok(()),
            Ok(false) => Err(signature_invalid()),
            Err(signatures::Error::InvalidKey) => {
                Err(unusable("the stored key is not a valid key".to_owned()))
            }
            Err(signatures::Error::UnsupportedAlgorithm) => Err(unusable(format!(
                "the host does not verify COSE algorithm {}",
                key.algorithm
            ))),
            Err(signatures::Error::NotPermitted) => Err(reject(
                Code::NotPermitted,
                "policy does not allow to verify signatures",
            )),
        }
    }
}

/// The refusal of a signature.
pub fn signature_invalid() -> Rejection {
    reject(
        Code::SignatureInvalid,
        "the signature was not made with this passkey over these bytes",
    )
}

/// The refusal of a counter that did not grow: a sign of a cloned passkey.
pub fn counter_regressed(before: u32, now: u32) -> Rejection {
    reject(
        Code::CounterRegressed,
        format!("the signature counter is {now} and was {before}: the passkey may be cloned"),
    )
}
