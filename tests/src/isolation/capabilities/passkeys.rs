//! `zeropass:passkeys`: auth-service's link, to whatever the kit was given.

use std::sync::Arc;

use zeropass::capabilities::bindings::{authentication, lifecycle, registration};

use super::super::calls::Failure;
use super::super::link::{Answer, Question};
use super::super::state::State;
use super::super::{
    Authenticated, AuthenticationRequest, AuthenticationResponse, Code, CreationOptions, Passkey,
    PasskeyChange, Registered, RegistrationRequest, RegistrationResponse, Rejection,
    RequestOptions,
};

impl State {
    async fn ask(&mut self, question: Question) -> Result<Answer, Rejection> {
        let (interface, function, about) = question.call();
        match self.enter(interface, function, about) {
            Ok(memory) => drop(memory),
            Err(Failure::Rejection(rejection)) => return Err(rejection),
            Err(_) => return Err(busy("it was told to fail")),
        }
        let link = self.link.as_ref().map(Arc::clone);
        let link = link.ok_or_else(|| busy("this component has no link"))?;
        let answer = link.lock().await.ask(question).await;
        match answer {
            Answer::Rejected(rejection) => Err(rejection),
            answer => Ok(answer),
        }
    }
}

fn busy(detail: &str) -> Rejection {
    Rejection {
        code: Code::Busy,
        detail: detail.into(),
        remedy: None,
    }
}

/// A script that answers beside the question is a mistake in the test, and must
/// not pass for a refusal that the test may have expected.
#[allow(clippy::panic, reason = "ends the test that has the mistake")]
fn beside(answer: &Answer) -> ! {
    panic!("the link's script answered another question: {answer:?}")
}

macro_rules! ask {
    ($self:ident, $question:expr, $answer:pat => $value:expr) => {
        match $self.ask($question).await? {
            $answer => Ok($value),
            other => beside(&other),
        }
    };
}

impl registration::Host for State {
    async fn begin(&mut self, request: RegistrationRequest) -> Result<CreationOptions, Rejection> {
        ask!(self, Question::RegistrationBegin(request), Answer::CreationOptions(options) => options)
    }

    async fn finish(
        &mut self,
        rp_id: String,
        ceremony: String,
        response: RegistrationResponse,
        label: Option<String>,
    ) -> Result<Registered, Rejection> {
        ask!(self, Question::RegistrationFinish { rp_id, ceremony, response, label }, Answer::Registered(registered) => registered)
    }
}

impl authentication::Host for State {
    async fn begin(&mut self, request: AuthenticationRequest) -> Result<RequestOptions, Rejection> {
        ask!(self, Question::AuthenticationBegin(request), Answer::RequestOptions(options) => options)
    }

    async fn finish(
        &mut self,
        rp_id: String,
        ceremony: String,
        response: AuthenticationResponse,
    ) -> Result<Authenticated, Rejection> {
        ask!(self, Question::AuthenticationFinish { rp_id, ceremony, response }, Answer::Authenticated(authenticated) => authenticated)
    }
}

impl lifecycle::Host for State {
    async fn list(&mut self, rp_id: String, user_id: String) -> Result<Vec<Passkey>, Rejection> {
        ask!(self, Question::List { rp_id, user_id }, Answer::Passkeys(passkeys) => passkeys)
    }

    async fn get(
        &mut self,
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
    ) -> Result<Passkey, Rejection> {
        ask!(self, Question::Get { rp_id, user_id, id }, Answer::Passkey(passkey) => passkey)
    }

    async fn rename(
        &mut self,
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
        label: String,
    ) -> Result<Passkey, Rejection> {
        ask!(self, Question::Rename { rp_id, user_id, id, label }, Answer::Passkey(passkey) => passkey)
    }

    async fn suspend(
        &mut self,
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
    ) -> Result<Passkey, Rejection> {
        ask!(self, Question::Suspend { rp_id, user_id, id }, Answer::Passkey(passkey) => passkey)
    }

    async fn resume(
        &mut self,
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
    ) -> Result<Passkey, Rejection> {
        ask!(self, Question::Resume { rp_id, user_id, id }, Answer::Passkey(passkey) => passkey)
    }

    async fn revoke(
        &mut self,
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
    ) -> Result<(), Rejection> {
        ask!(self, Question::Revoke { rp_id, user_id, id }, Answer::Revoked => ())
    }

    async fn change(
        &mut self,
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
        change: PasskeyChange,
    ) -> Result<Passkey, Rejection> {
        ask!(self, Question::Change { rp_id, user_id, id, change }, Answer::Passkey(passkey) => passkey)
    }

    async fn withdraw(
        &mut self,
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
    ) -> Result<(), Rejection> {
        ask!(self, Question::Withdraw { rp_id, user_id, id }, Answer::Revoked => ())
    }
}
