//! `link`: the cheapest call that crosses the link, `lifecycle.list` of an account
//! without passkeys, over a store that is empty and in memory.
//!
//! It is authorized, runs on a fresh instance with a deadline, asks the store through
//! the gate, and is settled for audit: all that a call costs but its own work.

use std::sync::Arc;
use std::time::Instant;

use zeropass::audit::{Outcome, Trail};
use zeropass::capabilities::{CallContext, PasskeysLink};
use zeropass::link::InProcess;
use zeropass::policy::action::LifecycleList;
use zeropass::registry::Slot;
use zeropass::runtime::Deadline;
use zeropass::secrets::Pseudonyms;

use super::Places;
use crate::bare::Bare;
use crate::native;
use crate::report::Row;
use crate::sample::{BATCH, ROUNDS, Variant, in_turns};
use crate::subject::{RP_ID, clock, profile};

const USER: &str = "8a2b6c1e-4f1d-4c6a-9b1e-0123456789ab";

pub(super) async fn measure(places: &Places) -> anyhow::Result<Vec<Row>> {
    let bare = Bare::new(places, true)?;
    let (_, passkey_manager) = bare.components(places)?;
    let link = InProcess::new(Arc::new(Slot::new(Arc::new(passkey_manager))));
    let pseudonyms = Pseudonyms::new(&[1; 32]);
    let profile = native::profile(profile());
    let host = native::Values::new(profile, &pseudonyms, clock().now());

    let through_the_link = Variant::batches(|times| {
        let (bare, link) = (&bare, &link);
        Box::pin(async move {
            // As in a request: one trail, whose records are written once.
            let context = CallContext {
                routes: zeropass::registry::Routes::default(),
                trail: Trail::new(),
                ..bare.context()
            };
            let started = Instant::now();
            for _ in 0..times {
                call(&context, link, bare.limits.deadline).await?;
            }
            Ok(started.elapsed())
        })
    });
    let plain = Variant::plain(|| {
        passkey_manager::lifecycle::list(
            std::hint::black_box(&host),
            std::hint::black_box(RP_ID),
            std::hint::black_box(USER),
        )
        .map_err(|rejection| anyhow::anyhow!("refused: {}", rejection.detail))
    });
    let [through, plain] = in_turns(ROUNDS, BATCH, [through_the_link, plain])
        .await?
        .map(|stats| stats.scaled(1e-3));
    Ok(vec![
        Row::new(
            "link/in-process",
            "call through the in-process link",
            "us",
            through,
        )
        .against("a plain function call", plain),
    ])
}

async fn call(
    context: &CallContext,
    link: &InProcess,
    limit: std::time::Duration,
) -> anyhow::Result<()> {
    let gate = &context.services.gate;
    let permit = gate.authorize::<LifecycleList>(&context.actor, Some(RP_ID), &context.trail)?;
    let context = CallContext {
        deadline: Deadline::within(limit),
        ..context.clone()
    };
    let listed = link.list(&permit, &context, USER.into()).await;
    permit.settle(USER, Outcome::Success);
    match listed {
        Ok(passkeys) if passkeys.is_empty() => Ok(()),
        Ok(_) => anyhow::bail!("an empty store listed passkeys"),
        Err(rejection) => anyhow::bail!("refused: {}", rejection.detail),
    }
}
