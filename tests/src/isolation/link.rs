//! The other end of auth-service's link: a script, or a passkey-manager.

use std::collections::VecDeque;
use std::future::ready;
use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt as _};
use tokio::sync::Mutex;

use super::{
    Authenticated, AuthenticationRequest, AuthenticationResponse, Code, CreationOptions, Passkey,
    PasskeyChange, PasskeyManager, Registered, RegistrationRequest, RegistrationResponse,
    Rejection, RequestOptions,
};

/// What auth-service asks over its link.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "WIT documents each")]
pub enum Question {
    RegistrationBegin(RegistrationRequest),
    RegistrationFinish {
        rp_id: String,
        ceremony: String,
        response: RegistrationResponse,
        label: Option<String>,
    },
    AuthenticationBegin(AuthenticationRequest),
    AuthenticationFinish {
        rp_id: String,
        ceremony: String,
        response: AuthenticationResponse,
    },
    List {
        rp_id: String,
        user_id: String,
    },
    Get {
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
    },
    Rename {
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
        label: String,
    },
    Suspend {
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
    },
    Resume {
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
    },
    Change {
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
        change: PasskeyChange,
    },
    Revoke {
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
    },
    Withdraw {
        rp_id: String,
        user_id: String,
        id: Vec<u8>,
    },
}

/// What it is told.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "WIT documents each")]
pub enum Answer {
    CreationOptions(CreationOptions),
    Registered(Registered),
    RequestOptions(RequestOptions),
    Authenticated(Authenticated),
    Passkeys(Vec<Passkey>),
    /// Of `get`, `rename`, `suspend`, `resume` and `change`.
    Passkey(Passkey),
    /// Of `revoke` and `withdraw`.
    Revoked,
    /// Of any question.
    Rejected(Rejection),
}

/// Something that answers for passkey-manager: a [`PasskeyManager`], a closure
/// from [`Question`] to [`Answer`], or a queue of answers in their order.
pub trait Link: Send {
    /// Answer one question.
    fn ask(&mut self, question: Question) -> BoxFuture<'_, Answer>;
}

/// As instances share it.
pub(super) type SharedLink = Arc<Mutex<Box<dyn Link>>>;

// === impl Question ===

impl Question {
    /// Interface, function, and what it is about.
    pub(super) fn call(&self) -> (&'static str, &'static str, String) {
        let passkey = |rp_id: &str, user_id: &str| format!("{rp_id} {user_id}");
        match self {
            Self::RegistrationBegin(request) => (
                "registration",
                "begin",
                passkey(&request.rp_id, &request.user.id),
            ),
            Self::RegistrationFinish { rp_id, .. } => ("registration", "finish", rp_id.clone()),
            Self::AuthenticationBegin(request) => {
                ("authentication", "begin", request.rp_id.clone())
            }
            Self::AuthenticationFinish { rp_id, .. } => ("authentication", "finish", rp_id.clone()),
            Self::List { rp_id, user_id } => ("lifecycle", "list", passkey(rp_id, user_id)),
            Self::Get { rp_id, user_id, .. } => ("lifecycle", "get", passkey(rp_id, user_id)),
            Self::Rename { rp_id, user_id, .. } => ("lifecycle", "rename", passkey(rp_id, user_id)),
            Self::Suspend { rp_id, user_id, .. } => {
                ("lifecycle", "suspend", passkey(rp_id, user_id))
            }
            Self::Resume { rp_id, user_id, .. } => ("lifecycle", "resume", passkey(rp_id, user_id)),
            Self::Change { rp_id, user_id, .. } => ("lifecycle", "change", passkey(rp_id, user_id)),
            Self::Revoke { rp_id, user_id, .. } => ("lifecycle", "revoke", passkey(rp_id, user_id)),
            Self::Withdraw { rp_id, user_id, .. } => {
                ("lifecycle", "withdraw", passkey(rp_id, user_id))
            }
        }
    }
}

// === impl Answer ===

impl<T: Into<Answer>> From<Result<T, Rejection>> for Answer {
    fn from(result: Result<T, Rejection>) -> Self {
        result.map_or_else(Self::Rejected, Into::into)
    }
}

macro_rules! answers {
    ($($type:ty => $variant:ident),+) => {$(
        impl From<$type> for Answer {
            fn from(value: $type) -> Self {
                Self::$variant(value)
            }
        }
    )+};
}
answers!(
    CreationOptions => CreationOptions,
    Registered => Registered,
    RequestOptions => RequestOptions,
    Authenticated => Authenticated,
    Vec<Passkey> => Passkeys,
    Passkey => Passkey
);

impl From<()> for Answer {
    fn from((): ()) -> Self {
        Self::Revoked
    }
}

// === impl Link ===

impl<F: FnMut(Question) -> Answer + Send> Link for F {
    fn ask(&mut self, question: Question) -> BoxFuture<'_, Answer> {
        ready(self(question)).boxed()
    }
}

impl Link for VecDeque<Answer> {
    fn ask(&mut self, _: Question) -> BoxFuture<'_, Answer> {
        let answer = self.pop_front().unwrap_or_else(|| {
            Answer::Rejected(Rejection {
                code: Code::Busy,
                detail: "the script has no more answers".into(),
                remedy: None,
            })
        });
        ready(answer).boxed()
    }
}

impl Link for PasskeyManager {
    fn ask(&mut self, question: Question) -> BoxFuture<'_, Answer> {
        let manager = self.clone();
        async move { manager.answer(question).await }.boxed()
    }
}
