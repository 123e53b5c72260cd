//! Whether a revision that was admitted before would still be: policy may have changed
//! since. Nothing is compiled and nothing is probed; what does not change with policy
//! does not change with time either.

use super::admission::Admission;
use super::admitted::Admitted;
use super::error::LoadError;
use super::grants;
use super::refusal::AdmissionError;
use super::step::step;
use super::verify::{Distrust, Verified};

// === impl Admission ===

impl Admission {
    /// Whether a revision that was admitted before would still be admitted by the policy
    /// that is in force now: its signer may have been revoked since, or an interface that
    /// it imports may have been taken back. Of one epoch of policy it is asked once.
    ///
    /// # Errors
    /// [`AdmissionError`] with the reason.
    pub fn recheck(&self, admitted: &Admitted) -> Result<(), AdmissionError> {
        let epoch = self.gate().epoch();
        if admitted.is_sound(epoch) {
            return Ok(());
        }
        let refused = |refusal| AdmissionError {
            name: admitted.identity.name.clone(),
            refusal,
        };
        if let Some(verified) = &admitted.verified {
            self.trusted(verified, &admitted.identity.name)
                .map_err(|distrust| refused(distrust.into()))?;
        }
        let denied = grants::denied(&admitted.surface, &admitted.identity, self.gate());
        if denied.is_empty() {
            // All was asked of one policy, if it is still the same.
            if self.gate().epoch() == epoch {
                admitted.found_sound(epoch);
            }
            return Ok(());
        }
        Err(refused(LoadError::Differs(denied).into()))
    }

    fn trusted(&self, verified: &Verified, name: &String) -> Result<(), Distrust> {
        let signers = self.gate().signers();
        let signer = signers.iter().find(|one| one.key_id() == verified.key_id);
        match signer {
            None => Err(Distrust::UnknownSigner(verified.key_id.clone())),
            Some(signer) if signer.revoked => Err(Distrust::RevokedSigner {
                signer: signer.id.clone(),
                key_id: verified.key_id.clone(),
            }),
            Some(signer) if !signer.names.contains(name) => Err(Distrust::SignerNotAllowed {
                signer: signer.id.clone(),
                may: signer.names.clone(),
            }),
            Some(_) => Ok(()),
        }
    }

    /// Whether a revision that was admitted before may follow `against` now: it is
    /// still trusted, and no step back unless that is what is wanted. Compiles
    /// nothing.
    ///
    /// # Errors
    /// [`AdmissionError`] with the reason.
    pub fn may_follow(
        &self,
        admitted: &Admitted,
        against: &Admitted,
        rollback: bool,
    ) -> Result<(), AdmissionError> {
        self.recheck(admitted)?;
        if rollback {
            return Ok(());
        }
        step(admitted.verified.as_ref(), &admitted.identity, against).map_err(|refusal| {
            AdmissionError {
                name: admitted.identity.name.clone(),
                refusal,
            }
        })
    }
}
