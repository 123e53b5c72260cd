//! `zeropass:host/tokens`: names for claims that are kept in memory. Nothing is
//! signed, so nothing can be forged either: what is not on the list is invalid.

use std::sync::MutexGuard;

use zeropass::capabilities::bindings::tokens::{Claims, Host, Verified};

use super::super::TokenError;
use super::super::calls::Failure;
use super::super::memory::Memory;
use super::super::state::State;

impl State {
    fn tokens(&self, function: &'static str) -> Result<MutexGuard<'_, Memory>, TokenError> {
        self.enter("tokens", function, String::new())
            .map_err(|failure| match failure {
                Failure::Tokens(error) => error,
                _ => TokenError::Busy,
            })
    }
}

impl Host for State {
    async fn sign(&mut self, claims: Claims) -> Result<String, TokenError> {
        let mut memory = self.tokens("sign")?;
        let certificate_thumbprint = memory.identity.certificate_thumbprint.clone();
        let workload = memory.identity.workload.clone();
        memory.tokens.push(Verified {
            claims,
            issuer: "https://kit.test".into(),
            certificate_thumbprint,
            workload,
        });
        Ok(format!("token-{}", memory.tokens.len()))
    }

    async fn verify(&mut self, token: String) -> Result<Verified, TokenError> {
        let memory = self.tokens("verify")?;
        let number = token
            .strip_prefix("token-")
            .and_then(|number| number.parse::<usize>().ok());
        number
            .and_then(|number| memory.tokens.get(number.checked_sub(1)?))
            .filter(|verified| verified.claims.expires_at > memory.now())
            .cloned()
            .ok_or(TokenError::Invalid)
    }

    async fn keys(&mut self) -> Result<String, TokenError> {
        drop(self.tokens("keys")?);
        Ok(r#"{"keys":[]}"#.into())
    }
}
