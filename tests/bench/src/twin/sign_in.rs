//! The two requests of a named sign-in, with each question to the gate and each
//! call of the store where the host has it.

use std::sync::Arc;

use auth_service::problem::Problem;
use auth_service::time::rfc3339;
use auth_service::wire::authentication::{Begin, Begun, Finish, Finished, SessionJson, Who};
use auth_service::wire::object;
use auth_service::{http::Request, response::Response};
use passkey_manager::authentication;
use passkey_manager::bindings::Subject;
use passkey_manager::bindings::authentication::BeginRequest;
use passkey_manager::bindings::relying_party::CredentialForm;
use zeropass::audit::{ComponentIdentity, Outcome, target};
use zeropass::policy::Permit;
use zeropass::policy::action::{
    AccountsFindById, AccountsFindByName, Action, AuthenticationBegin, AuthenticationFinish,
    CeremoniesPut, CeremoniesTake, CredentialsGet, CredentialsListForUser, CredentialsRecordUse,
    CredentialsTypical, RelyingPartyDescribe, RelyingPartyPseudonym, SessionsCreate,
    SignaturesVerify, TokensSign,
};
use zeropass::secrets::Claims;
use zeropass::store::{CeremonyKind, CredentialUse, NewSession};

use super::{Call, words};
use crate::native::{self, Values};
use crate::subject::profile;

// === impl Call ===

impl Call<'_> {
    /// `POST /v1/authentications`.
    pub(super) async fn begin(&self, request: &Request) -> Result<Response, Problem> {
        let body = Begin::read(&object::parse(request.body_of_type("application/json")?)?)?;
        let rp_id = self.rp_id(body.rp_id.as_deref())?;
        let Who::Name(name) = body.who else {
            return Err(Problem::not_found("the twin signs in by name only"));
        };
        let permit: Permit<AccountsFindByName> = self.auth_service(rp_id)?;
        let account = self.twin.store.accounts_find_by_name(permit, name).await;
        let account = account.map_err(words::stored)?;

        let link: Permit<AuthenticationBegin> = self.auth_service(rp_id)?;
        let options = self.begin_ceremony(rp_id, account.id).await;
        link.settle("-", outcome(&options));
        let options = words::options(options?);
        let ceremony = options.ceremony.clone();
        Ok(Response::json(201, &Begun::from(options)).created_at("/v1/authentications", &ceremony))
    }

    async fn begin_ceremony(
        &self,
        rp_id: &str,
        user_id: String,
    ) -> Result<passkey_manager::bindings::authentication::RequestOptions, Problem> {
        let store = &self.twin.store;
        let mut host = self.values();
        self.passkey_manager::<RelyingPartyDescribe>(rp_id)?
            .settle("-", Outcome::Success);
        self.passkey_manager::<RelyingPartyPseudonym>(rp_id)?
            .settle("-", Outcome::Success);
        let permit: Permit<CredentialsTypical> = self.passkey_manager(rp_id)?;
        let typical = store.credentials_typical(permit).await;
        let typical = typical.map_err(words::stored)?;
        host.typical = typical.map(|form| CredentialForm {
            id_length: form.id_length,
            transports: form.transports,
        });
        let permit: Permit<CredentialsListForUser> = self.passkey_manager(rp_id)?;
        let credentials = store
            .credentials_list_for_user(permit, user_id.clone())
            .await
            .map_err(words::stored)?;
        host.credentials = credentials.into_iter().map(native::credential).collect();
        let request = BeginRequest {
            rp_id: rp_id.to_owned(),
            subject: Subject::Account(user_id),
            user_verification: None,
            hints: Vec::new(),
            extensions: "{}".into(),
        };
        let options = authentication::begin(&host, request).map_err(words::rejected)?;
        let ceremony = host.ceremony.into_inner();
        let ceremony = ceremony.ok_or_else(|| words::busy("no ceremony was put"))?;
        let permit: Permit<CeremoniesPut> = self.passkey_manager(rp_id)?;
        let ceremony = native::ceremony_to_store(ceremony);
        store
            .ceremonies_put(permit, ceremony)
            .await
            .map_err(words::stored)?;
        Ok(options)
    }

    /// `POST /v1/authentications/{ceremony}`.
    pub(super) async fn finish(
        &self,
        request: &Request,
        ceremony: &str,
    ) -> Result<Response, Problem> {
        let body = Finish::read(&object::parse(request.body_of_type("application/json")?)?)?;
        let rp_id = self.rp_id(body.rp_id.as_deref())?;
        let link: Permit<AuthenticationFinish> = self.auth_service(rp_id)?;
        let response = words::response(body.response);
        let authenticated = self.finish_ceremony(rp_id, ceremony, response).await;
        link.settle(target::ceremony(ceremony), outcome(&authenticated));
        let authenticated = authenticated?;

        let store = &self.twin.store;
        let permit: Permit<AccountsFindById> = self.auth_service(rp_id)?;
        let account = store
            .accounts_find_by_id(permit, authenticated.user_id.clone())
            .await
            .map_err(words::stored)?;
        let permit: Permit<SessionsCreate> = self.auth_service(rp_id)?;
        let session = NewSession {
            user_id: account.id.clone(),
            credential_id: authenticated.passkey.id.clone(),
            user_verified: authenticated.user_verified,
        };
        let session = store
            .sessions_create(permit, session)
            .await
            .map_err(words::stored)?;
        let permit: Permit<TokensSign> = self.auth_service(rp_id)?;
        let claims = Claims {
            rp_id: rp_id.to_owned(),
            user_id: account.id.clone(),
            session_id: session.id.clone(),
            issued_at: session.created_at,
            expires_at: session.expires_at,
            authenticated_at: session.created_at,
            methods: ["pop", "user", "mfa"].map(str::to_owned).to_vec(),
            user_verified: authenticated.user_verified,
        };
        let token = self
            .twin
            .signer
            .sign(&claims, &self.peer.thumbprint, crate::subject::WORKLOAD);
        permit.settle(session.id, Outcome::Success);
        let finished = Finished {
            user: words::account(account).into(),
            passkey: words::passkey(authenticated.passkey).into(),
            session: SessionJson {
                token: token.map_err(|_| words::busy("no token"))?,
                expires_at: rfc3339(session.expires_at),
            },
            extensions: None,
        };
        Ok(Response::json(200, &finished))
    }

    async fn finish_ceremony(
        &self,
        rp_id: &str,
        ceremony: &str,
        response: passkey_manager::bindings::authentication::Response,
    ) -> Result<passkey_manager::bindings::authentication::Authenticated, Problem> {
        let store = &self.twin.store;
        let permit: Permit<CeremoniesTake> = self.passkey_manager(rp_id)?;
        let taken = store
            .ceremonies_take(permit, ceremony.to_owned(), CeremonyKind::Authentication)
            .await
            .map_err(words::stored)?;
        self.passkey_manager::<RelyingPartyDescribe>(rp_id)?
            .settle("-", Outcome::Success);
        let permit: Permit<CredentialsGet> = self.passkey_manager(rp_id)?;
        let id = response.raw_id.clone();
        let credential = store
            .credentials_get(permit, id.clone())
            .await
            .map_err(words::stored)?;
        let mut host = self.values();
        host.credentials = vec![native::credential(credential)];
        host.ceremony.replace(Some(native::ceremony(taken)));
        let verify = self.anywhere::<SignaturesVerify>()?;
        let authenticated =
            authentication::finish(&host, rp_id, ceremony, response).map_err(words::rejected);
        verify.settle("-", outcome(&authenticated));
        let authenticated = authenticated?;
        let used = host.used.into_inner();
        let used = used.ok_or_else(|| words::busy("no use was recorded"))?;
        let permit: Permit<CredentialsRecordUse> = self.passkey_manager(rp_id)?;
        let used = CredentialUse {
            previous_sign_count: used.previous_sign_count,
            sign_count: used.sign_count,
            previous_backup_state: used.previous_backup_state,
            backup_state: used.backup_state,
            backup_eligible: used.backup_eligible,
            clone_alarm: used.clone_alarm,
            at: used.at,
        };
        store
            .credentials_record_use(permit, id, used)
            .await
            .map_err(words::stored)?;
        Ok(authenticated)
    }

    fn values(&self) -> Values<'_> {
        let now = self.twin.clock.now();
        Values::new(native::profile(profile()), &self.twin.pseudonyms, now)
    }

    fn auth_service<A: Action>(&self, rp_id: &str) -> Result<Permit<A>, Problem> {
        self.permit(&self.twin.auth_service, Some(rp_id))
    }

    fn passkey_manager<A: Action>(&self, rp_id: &str) -> Result<Permit<A>, Problem> {
        self.permit(&self.twin.passkey_manager, Some(rp_id))
    }

    fn anywhere<A: Action>(&self) -> Result<Permit<A>, Problem> {
        self.permit(&self.twin.passkey_manager, None)
    }

    fn permit<A: Action>(
        &self,
        component: &Arc<ComponentIdentity>,
        rp_id: Option<&str>,
    ) -> Result<Permit<A>, Problem> {
        let actor = self.actor(Some(component));
        self.twin
            .gate
            .authorize(&actor, rp_id, self.trail)
            .map_err(words::denied)
    }
}

fn outcome<T>(result: &Result<T, Problem>) -> Outcome {
    match result {
        Ok(_) => Outcome::Success,
        Err(_) => Outcome::Failed("refused"),
    }
}
