//! `policy`: one decision of the gate, remembered and not.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

use zeropass::audit::{Actor, Outcome, Trail};
use zeropass::policy::Gate;
use zeropass::policy::action::CeremoniesPut;

use super::Places;
use crate::report::Row;
use crate::sample::{BATCH, ROUNDS, Variant, in_turns};
use crate::subject::{RP_ID, actor, component, gate};

pub(super) async fn measure(places: &Places) -> anyhow::Result<Vec<Row>> {
    // Two gates: what the one forgets when its cache is full is not the other's.
    let (warm, cold) = (gate(&places.policies)?, gate(&places.policies)?);
    let same = actor("passkey-manager");
    let revisions = Cell::new(0_u64);

    let cached = Variant::batches(|times| {
        let (warm, same) = (&warm, &same);
        Box::pin(async move {
            let trail = Trail::new();
            let started = Instant::now();
            for _ in 0..times {
                ask(warm, same, &trail)?;
            }
            Ok(started.elapsed())
        })
    });
    let evaluated = Variant::batches(|times| {
        // A revision that the gate has never seen: the same policies, facts and
        // sizes, but nothing to remember.
        let base = revisions.get();
        revisions.set(base + u64::from(times));
        let actors: Vec<Actor> = (base..base + u64::from(times))
            .map(|number| Actor {
                component: Some(component("passkey-manager", &number.to_string())),
                ..same.clone()
            })
            .collect();
        let cold = &cold;
        Box::pin(async move {
            let trail = Trail::new();
            let started = Instant::now();
            for actor in &actors {
                ask(cold, actor, &trail)?;
            }
            Ok(started.elapsed())
        })
    });
    let [cached, evaluated] = in_turns(ROUNDS, BATCH, [cached, evaluated])
        .await?
        .map(|stats| stats.scaled(1e-3));
    Ok(vec![
        Row::new("policy/cached", "policy decision, remembered", "us", cached)
            .against("policy decision, evaluated", evaluated),
        Row::new(
            "policy/evaluated",
            "policy decision, evaluated",
            "us",
            evaluated,
        ),
    ])
}

/// A decision with its permit, as a capability takes it and settles it.
fn ask(gate: &Arc<Gate>, actor: &Actor, trail: &Trail) -> anyhow::Result<()> {
    gate.authorize::<CeremoniesPut>(actor, Some(RP_ID), trail)?
        .settle("-", Outcome::Success);
    Ok(())
}
