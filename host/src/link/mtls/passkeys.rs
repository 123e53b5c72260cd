//! [`PasskeysLink`] over a [`LinkClient`].

use std::sync::Arc;

use async_trait::async_trait;

use super::client::{Failed, LinkClient};
use crate::capabilities::bindings::passkeys::{self, Code, Rejection};
use crate::capabilities::{CallContext, PasskeysLink, busy, each_function};
use crate::link::wire::envelope::Request;
use crate::link::wire::passkeys as w;
use crate::link::wire::{Bytes, Function, Wire};
use crate::policy::{Permit, action};

/// Calls passkey-manager over mutually authenticated TLS.
#[derive(Debug)]
pub struct Mtls {
    client: Arc<LinkClient>,
}

// === impl Mtls ===

impl Mtls {
    /// A link through this client.
    pub fn new(client: Arc<LinkClient>) -> Self {
        Self { client }
    }

    async fn call<F, T>(
        &self,
        context: &CallContext,
        arguments: F::Arguments,
    ) -> Result<T, Rejection>
    where
        F: Function<Error = w::Rejection>,
        F::Answer: Wire<T>,
    {
        let Some(component) = &context.actor.component else {
            return Err(busy("only a component can call over a link"));
        };
        let request = Request {
            id: context.actor.origin.request_id.clone(),
            workload: context.caller.workload.clone(),
            thumbprint: Some(Bytes(context.caller.thumbprint.to_vec())),
            place: Some(context.routes.place()),
            relying_parties: context.caller.relying_parties.clone(),
        };
        let called = self
            .client
            .call::<F>(request, component, context.deadline, arguments)
            .await;
        match called {
            Ok(Ok(answer)) => Ok(answer.native()),
            Ok(Err(rejection)) => Err(rejection.native()),
            Err(failed) => Err(rejection(&failed)),
        }
    }
}

/// The link's failure, for whoever called: it may try again, unless its revision is not
/// wanted.
fn rejection(failed: &Failed) -> Rejection {
    match failed {
        Failed::NotAdmitted => Rejection {
            code: Code::NotPermitted,
            detail: failed.to_string(),
            remedy: None,
        },
        _ => busy(&failed.to_string()),
    }
}

macro_rules! carry {
    ($(
        $method:ident($action:ident) [$($rp_id:ident)?] {
            $($argument:ident: $type:ty),*
        } -> $answer:ty = $interface:ident.$call:ident($($given:expr),*);
    )+) => {
        #[async_trait]
        impl PasskeysLink for Mtls {
            $(async fn $method(
                &self,
                permit: &Permit<action::$action>,
                context: &CallContext,
                $($argument: $type),*
            ) -> Result<$answer, Rejection> {
                type Arguments = <action::$action as Function>::Arguments;
                let arguments = Arguments {
                    $($rp_id: permit.relying_party().to_owned(),)?
                    $($argument: Wire::of($argument)),*
                };
                let _ = permit;
                self.call::<action::$action, _>(context, arguments).await
            })+
        }
    };
}
each_function!(carry);
