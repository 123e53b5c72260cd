//! `policy`: one decision of the gate, remembered and not.
//!
//! The rows of the 95th percentile time each decision by itself, the clock's own
//! time included.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use zeropass::audit::{Actor, Outcome, Trail};
use zeropass::policy::Gate;
use zeropass::policy::action::CeremoniesPut;

use super::Places;
use crate::report::Row;
use crate::sample::{BATCH, ROUNDS, Stats, Variant, in_turns};
use crate::subject::{RP_ID, actor, component, gate};

/// Decisions of which one has the 95th percentile, and how often that is measured.
const DECISIONS: u64 = 2_000;
const REPEATED: u64 = 21;

/// Microseconds that a decision may take at the 95th percentile: with facts that have
/// not changed, and with others.
const REMEMBERED: f64 = 2.0;
const EVALUATED: f64 = 30.0;

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
        let actors = strangers(&same, base..base + u64::from(times));
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
    let [cached_p95, evaluated_p95] = percentiles(&warm, &cold, &same, revisions.get())?;
    Ok(vec![
        Row::new("policy/cached", "policy decision, remembered", "us", cached)
            .against("policy decision, evaluated", evaluated),
        Row::new(
            "policy/evaluated",
            "policy decision, evaluated",
            "us",
            evaluated,
        ),
        Row::new(
            "policy/cached-p95",
            "policy decision, remembered, 95th percentile",
            "us",
            cached_p95,
        )
        .at_most(REMEMBERED, "2 us"),
        Row::new(
            "policy/evaluated-p95",
            "policy decision, evaluated, 95th percentile",
            "us",
            evaluated_p95,
        )
        .at_most(EVALUATED, "30 us"),
    ])
}

/// The 95th percentiles in microseconds, remembered and evaluated, in turns. `next` is
/// the number of the first revision that the cold gate has not seen.
fn percentiles(
    warm: &Arc<Gate>,
    cold: &Arc<Gate>,
    same: &Actor,
    next: u64,
) -> anyhow::Result<[Stats; 2]> {
    let (mut remembered, mut evaluated) = (Vec::new(), Vec::new());
    for round in 0..REPEATED {
        let trail = Trail::new();
        let usual = std::iter::repeat_n(same, usize::try_from(DECISIONS)?);
        remembered.push(percentile(usual, |actor| ask(warm, actor, &trail))?);
        let first = next + round * DECISIONS;
        let actors = strangers(same, first..first + DECISIONS);
        evaluated.push(percentile(&actors, |actor| ask(cold, actor, &trail))?);
    }
    Ok([Stats::of(remembered)?, Stats::of(evaluated)?])
}

fn percentile<'a>(
    actors: impl IntoIterator<Item = &'a Actor>,
    mut ask: impl FnMut(&Actor) -> anyhow::Result<()>,
) -> anyhow::Result<f64> {
    let mut taken = Vec::new();
    for actor in actors {
        let started = Instant::now();
        ask(actor)?;
        taken.push(started.elapsed().as_secs_f64() * 1e6);
    }
    taken.sort_by(f64::total_cmp);
    let at = taken.len() * 95 / 100;
    taken.get(at).copied().context("no decision was taken")
}

/// Revisions of these numbers.
fn strangers(same: &Actor, numbers: std::ops::Range<u64>) -> Vec<Actor> {
    numbers
        .map(|number| Actor {
            component: Some(component("passkey-manager", &number.to_string())),
            ..same.clone()
        })
        .collect()
}

/// A decision with its permit, as a capability takes it and settles it.
fn ask(gate: &Arc<Gate>, actor: &Actor, trail: &Trail) -> anyhow::Result<()> {
    gate.authorize::<CeremoniesPut>(actor, Some(RP_ID), trail)?
        .settle("-", Outcome::Success);
    Ok(())
}
