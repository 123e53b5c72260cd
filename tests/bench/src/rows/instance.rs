//! `instance`: a fresh instance for a call, from its store to the end of it, with
//! the pool and without.

use std::sync::Arc;
use std::time::{Duration, Instant};

use zeropass::audit::ComponentIdentity;
use zeropass::capabilities::{CallContext, CallState};
use zeropass::registry::{AuthService, PasskeyManager};

use super::Places;
use crate::bare::{Bare, sandbox};
use crate::report::Row;
use crate::sample::{BATCH, ROUNDS, Variant, in_turns};

/// Microseconds with the pool.
const TARGET: f64 = 30.0;

/// What is instantiated.
#[derive(Clone, Copy)]
enum Which<'a> {
    AuthService(&'a AuthService),
    PasskeyManager(&'a PasskeyManager),
}

/// What of it is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// From nothing to nothing.
    Whole,
    /// Until its first function can be called.
    Ready,
}

pub(super) async fn measure(places: &Places) -> anyhow::Result<Vec<Row>> {
    let (pooled, on_demand) = (Bare::new(places, true)?, Bare::new(places, false)?);
    let (pooled_auth, pooled_manager) = pooled.components(places)?;
    let (plain_auth, plain_manager) = on_demand.components(places)?;
    let pairs = [
        (
            "instance/auth-service",
            "fresh instance of auth-service, made and gone",
            Which::AuthService(&pooled_auth),
            Which::AuthService(&plain_auth),
        ),
        (
            "instance/passkey-manager",
            "fresh instance of passkey-manager, made and gone",
            Which::PasskeyManager(&pooled_manager),
            Which::PasskeyManager(&plain_manager),
        ),
    ];
    let mut rows = Vec::new();
    for (name, title, with_pool, without) in pairs {
        let [whole, ready, on_demand] = in_turns(
            ROUNDS,
            BATCH,
            [
                variant(&pooled, with_pool, Part::Whole),
                variant(&pooled, with_pool, Part::Ready),
                variant(&on_demand, without, Part::Whole),
            ],
        )
        .await?
        .map(|stats| stats.scaled(1e-3));
        rows.push(
            Row::new(name, title, "us", whole)
                .against("until its first function can be called", ready)
                .against("without the pool", on_demand)
                .at_most(TARGET, "30 us with the pool"),
        );
    }
    Ok(rows)
}

fn variant<'a>(bare: &'a Bare, which: Which<'a>, part: Part) -> Variant<'a> {
    let context = bare.context();
    Variant::batches(move |times| {
        let context = context.clone();
        Box::pin(async move {
            let mut taken = Duration::ZERO;
            let begun = Instant::now();
            for _ in 0..times {
                let started = Instant::now();
                let store = which.instance(bare, &context).await?;
                if part == Part::Ready {
                    taken += started.elapsed();
                }
                drop(store);
            }
            Ok(match part {
                Part::Whole => begun.elapsed(),
                Part::Ready => taken,
            })
        })
    })
}

// === impl Which ===

impl Which<'_> {
    fn identity(&self) -> &Arc<ComponentIdentity> {
        match self {
            Self::AuthService(revision) => &revision.identity,
            Self::PasskeyManager(revision) => &revision.identity,
        }
    }

    async fn instance(
        &self,
        bare: &Bare,
        context: &CallContext,
    ) -> anyhow::Result<wasmtime::Store<CallState>> {
        let mut store = bare.store(context, self.identity());
        match self {
            Self::AuthService(revision) => {
                revision
                    .pre()
                    .instantiate_async(&mut store)
                    .await
                    .map_err(sandbox)?;
            }
            Self::PasskeyManager(revision) => {
                revision
                    .pre()
                    .instantiate_async(&mut store)
                    .await
                    .map_err(sandbox)?;
            }
        }
        Ok(store)
    }
}
