//! `zeropass:host/tokens`: the key stays here, the claims come from the component.

use super::bindings::tokens::{Claims, Error, Host, Verified};
use super::state::CallState;
use crate::audit::{Outcome, target};
use crate::policy::action;
use crate::secrets;

impl Host for CallState {
    async fn sign(&mut self, claims: Claims) -> Result<String, Error> {
        let permit = self.context.permit::<action::TokensSign>(&claims.rp_id)?;
        let target = claims.session_id.clone();
        let caller = &self.context.caller;
        let signed =
            self.context
                .services
                .signer
                .sign(&claims.into(), &caller.thumbprint, &caller.workload);
        match signed {
            Ok(token) => {
                permit.settle(target, Outcome::Success);
                Ok(token)
            }
            Err(_) => {
                permit.settle(target, Outcome::Failed("busy"));
                Err(Error::Busy)
            }
        }
    }

    async fn verify(&mut self, token: String) -> Result<Verified, Error> {
        let permit = self.context.permit_anywhere::<action::TokensVerify>()?;
        let services = &self.context.services;
        match services.signer.verify(&token, services.clock.now()) {
            Ok(verified) => {
                permit.settle(verified.claims.session_id.clone(), Outcome::Success);
                Ok(Verified {
                    claims: verified.claims.into(),
                    issuer: services.signer.issuer().to_owned(),
                    certificate_thumbprint: verified.certificate_thumbprint,
                    workload: verified.workload,
                })
            }
            Err(_) => {
                permit.settle(target::NONE, Outcome::Failed("invalid"));
                Err(Error::Invalid)
            }
        }
    }

    async fn keys(&mut self) -> Result<String, Error> {
        let permit = self.context.permit_anywhere::<action::TokensKeys>()?;
        permit.settle(target::NONE, Outcome::Success);
        Ok(self.context.services.signer.jwks().to_owned())
    }
}

impl From<Claims> for secrets::Claims {
    fn from(claims: Claims) -> Self {
        Self {
            rp_id: claims.rp_id,
            user_id: claims.user_id,
            session_id: claims.session_id,
            issued_at: claims.issued_at,
            expires_at: claims.expires_at,
            authenticated_at: claims.authenticated_at,
            methods: claims.methods,
            user_verified: claims.user_verified,
        }
    }
}

impl From<secrets::Claims> for Claims {
    fn from(claims: secrets::Claims) -> Self {
        Self {
            rp_id: claims.rp_id,
            user_id: claims.user_id,
            session_id: claims.session_id,
            issued_at: claims.issued_at,
            expires_at: claims.expires_at,
            authenticated_at: claims.authenticated_at,
            methods: claims.methods,
            user_verified: claims.user_verified,
        }
    }
}
