//! An in-memory host with recorded calls, and a client in a few words.
//!
//! The stores behave as their WIT documentation says; the link answers what a
//! test has set. Each capability can be told to fail.

mod capabilities;

use std::cell::{Cell, RefCell};

use auth_service::{
    host::*,
    http::{Body, Method, Request},
    response::Response,
    router,
};
use serde_json::Value;

pub const RP: &str = "login.example.com";
pub const USER: &str = "0191d3b2-7a4e-7c58-9f3b-5f1f0c2d4e6a";
pub const NOW: u64 = 1_700_000_000_123;
pub const CREDENTIAL: &[u8] = &[1, 2, 3, 250];
pub const THUMBPRINT: [u8; 32] = [7; 32];

pub struct Memory {
    pub identity: RefCell<Identity>,
    pub accounts: RefCell<Vec<Account>>,
    pub sessions: RefCell<Vec<Session>>,
    pub passkeys: RefCell<Vec<Passkey>>,
    /// Tokens are `token-<index>`.
    pub tokens: RefCell<Vec<Verified>>,
    pub now: Cell<u64>,
    /// What the link answers to the next ceremony function instead of success.
    pub rejection: RefCell<Option<Rejection>>,
    /// What a function of this name fails with instead of doing its work.
    pub store_fails: RefCell<Vec<(&'static str, StoreError)>>,
    pub tokens_fail: Cell<Option<TokenError>>,
    pub user_verified: Cell<bool>,
    /// What extensions answered, a JSON object.
    pub outputs: RefCell<String>,
    /// What the link was asked of extensions, in the order of the calls.
    pub extensions: RefCell<Vec<String>>,
    /// Every call that changes or decides something, as `function argument...`.
    pub calls: RefCell<Vec<String>>,
    pub registration: RefCell<Option<RegistrationResponse>>,
    pub authentication: RefCell<Option<AuthenticationResponse>>,
}

pub fn party(id: &str) -> ServedParty {
    ServedParty {
        id: id.into(),
        related_origins: vec![format!("https://{id}"), "https://other.example".into()],
        enroll_url: Some(format!("https://{id}/enroll")),
        manage_url: None,
        fresh_sign_in: None,
    }
}

pub fn passkey() -> Passkey {
    Passkey {
        id: CREDENTIAL.to_vec(),
        user_id: USER.into(),
        label: "Phone".into(),
        status: Status::Active,
        created_at: NOW,
        last_used_at: None,
        algorithm: -7,
        aaguid: (0..16).collect(),
        provider: None,
        transports: vec!["internal".into(), "hybrid".into()],
        backup_eligible: true,
        backup_state: false,
        sign_count: 5,
        suspended_at: None,
        clone_alarm_at: None,
    }
}

pub fn account(status: AccountStatus) -> Account {
    Account {
        id: USER.into(),
        rp_id: RP.into(),
        name: "ada".into(),
        display_name: "Ada L.".into(),
        status,
        created_at: NOW,
    }
}

pub fn rejection(code: Code) -> Rejection {
    Rejection {
        code,
        detail: "from the link".into(),
        remedy: None,
    }
}

/// The body of a response, which must be JSON.
pub fn json(response: &Response) -> Value {
    serde_json::from_slice(&response.body).expect("a JSON body")
}

pub fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response
        .headers
        .iter()
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.as_str())
}

/// A refusal: its status, code and detail, whatever else it must be checked.
pub fn refusal(response: &Response) -> (u16, String, String) {
    let body = json(response);
    assert_eq!(
        header(response, "content-type"),
        Some("application/problem+json")
    );
    assert_eq!(header(response, "cache-control"), Some("no-store"));
    assert_eq!(body["status"], response.status);
    assert_eq!(body["requestId"], "request-1");
    let code = body["code"].as_str().unwrap().to_owned();
    assert_eq!(body["type"], format!("urn:zeropass:problem:{code}"));
    assert!(!body["title"].as_str().unwrap().is_empty());
    (
        response.status,
        code,
        body["detail"].as_str().unwrap().to_owned(),
    )
}

#[track_caller]
pub fn assert_refused(response: &Response, status: u16, code: &str, detail: &str) {
    let found = refusal(response);
    assert_eq!((found.0, found.1.as_str()), (status, code), "{}", found.2);
    assert!(
        found.2.contains(detail),
        "{:?} does not say {detail:?}",
        found.2
    );
}

pub fn request(method: Method, target: &str, content_type: &str, body: &[u8]) -> Request {
    Request {
        method,
        target: target.into(),
        content_type: Some(content_type.into()),
        session: None,
        body: Body::Complete(body.to_vec()),
    }
}

// === impl Memory ===

impl Memory {
    /// A caller with one relying party, and nothing else.
    pub fn new() -> Self {
        Self {
            identity: RefCell::new(Identity {
                workload: "spiffe://example.com/shop".into(),
                certificate_thumbprint: THUMBPRINT.to_vec(),
                request_id: "request-1".into(),
                relying_parties: vec![party(RP)],
            }),
            accounts: RefCell::default(),
            sessions: RefCell::default(),
            passkeys: RefCell::default(),
            tokens: RefCell::default(),
            now: Cell::new(NOW),
            rejection: RefCell::default(),
            store_fails: RefCell::default(),
            tokens_fail: Cell::default(),
            user_verified: Cell::new(true),
            outputs: RefCell::new("{}".into()),
            extensions: RefCell::default(),
            calls: RefCell::default(),
            registration: RefCell::default(),
            authentication: RefCell::default(),
        }
    }

    /// With an account and its passkey.
    pub fn with_ada() -> Self {
        let memory = Self::new();
        memory
            .accounts
            .borrow_mut()
            .push(account(AccountStatus::Active));
        memory.passkeys.borrow_mut().push(passkey());
        memory
    }

    pub fn send(&self, request: &Request) -> Response {
        let host = Host {
            caller: self,
            tokens: self,
            accounts: self,
            sessions: self,
            registration: self,
            authentication: self,
            lifecycle: self,
            clock: self,
            log: self,
        };
        let response = router::handle(host, request);
        assert!(response.status != 500);
        response
    }

    pub fn get(&self, target: &str) -> Response {
        let mut request = request(Method::Get, target, "", b"");
        request.content_type = None;
        self.send(&request)
    }

    pub fn delete(&self, target: &str) -> Response {
        let mut request = request(Method::Delete, target, "", b"");
        request.content_type = None;
        self.send(&request)
    }

    pub fn post(&self, target: &str, body: &Value) -> Response {
        let body = body.to_string();
        self.send(&request(
            Method::Post,
            target,
            "application/json",
            body.as_bytes(),
        ))
    }

    pub fn patch(&self, target: &str, body: &Value) -> Response {
        let body = body.to_string();
        self.send(&request(
            Method::Patch,
            target,
            "application/json",
            body.as_bytes(),
        ))
    }

    pub fn form(&self, target: &str, body: &str) -> Response {
        let form = "application/x-www-form-urlencoded";
        self.send(&request(Method::Post, target, form, body.as_bytes()))
    }

    pub fn called(&self, call: &str) -> bool {
        self.calls.borrow().iter().any(|made| made == call)
    }

    pub fn fail_store(&self, function: &'static str, error: StoreError) {
        self.store_fails.borrow_mut().push((function, error));
    }

    fn record(&self, call: String) {
        self.calls.borrow_mut().push(call);
    }

    fn store(&self, function: &str) -> Result<(), StoreError> {
        match self
            .store_fails
            .borrow()
            .iter()
            .find(|(name, _)| *name == function)
        {
            Some((_, error)) => Err(*error),
            None => Ok(()),
        }
    }

    fn link(&self) -> Result<(), Rejection> {
        self.rejection.borrow_mut().take().map_or(Ok(()), Err)
    }

    fn remove(&self, user: &str, id: &[u8]) -> Result<(), Rejection> {
        self.alter(user, id, |_| ())?;
        let theirs = |passkey: &Passkey| passkey.id == id && passkey.user_id == user;
        self.passkeys
            .borrow_mut()
            .retain(|passkey| !theirs(passkey));
        Ok(())
    }

    fn alter(
        &self,
        user: &str,
        id: &[u8],
        change: impl FnOnce(&mut Passkey),
    ) -> Result<Passkey, Rejection> {
        self.link()?;
        let mut passkeys = self.passkeys.borrow_mut();
        let passkey = passkeys
            .iter_mut()
            .find(|passkey| passkey.id == id && passkey.user_id == user)
            .ok_or_else(|| rejection(Code::NotFound))?;
        change(passkey);
        Ok(passkey.clone())
    }
}
