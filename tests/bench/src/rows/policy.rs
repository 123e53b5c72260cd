//! `policy`: one decision of the gate, remembered and not.
//!
//! Each decision is timed by itself, the clock's own time included, and the two kinds take
//! turns: none runs for so long that the machine has nothing else in its caches. The
//! middle one and the 95th percentile are of the same decisions.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use zeropass::audit::{Actor, Outcome, Trail};
use zeropass::policy::Gate;
use zeropass::policy::action::CeremoniesPut;

use super::Places;
use crate::report::Row;
use crate::sample::Stats;
use crate::subject::{RP_ID, actor, component, gate};

/// Decisions of a turn, remembered and evaluated: some 300 us of each.
const REMEMBERED_IN_TURN: usize = 512;
const EVALUATED_IN_TURN: u64 = 8;

/// Turns over which a percentile is taken, and how often that is done.
const TURNS: u64 = 20;
const REPEATED: u64 = 21;

/// Microseconds that a decision may take at the 95th percentile: with facts that have
/// not changed, and with others.
const REMEMBERED: f64 = 2.0;
const EVALUATED: f64 = 30.0;

/// The middle and the 95th percentile of each repetition, microseconds.
#[derive(Default)]
struct Figures {
    middle: Vec<f64>,
    p95: Vec<f64>,
}

pub(super) async fn measure(places: &Places) -> anyhow::Result<Vec<Row>> {
    // Two gates: what the one forgets when its cache is full is not the other's.
    let (warm, cold) = (gate(&places.policies)?, gate(&places.policies)?);
    let same = actor("passkey-manager");
    let (mut remembered, mut evaluated) = (Figures::default(), Figures::default());
    // A first round warms up.
    for round in 0..=REPEATED {
        let (mut usual, mut new) = (Vec::new(), Vec::new());
        for turn in 0..TURNS {
            let trail = Trail::new();
            for _ in 0..REMEMBERED_IN_TURN {
                usual.push(time(&warm, &same, &trail)?);
            }
            // Revisions that the gate has never seen: the same policies, facts and sizes,
            // but nothing to remember.
            let first = (round * TURNS + turn) * EVALUATED_IN_TURN;
            for actor in strangers(&same, first..first + EVALUATED_IN_TURN) {
                new.push(time(&cold, &actor, &trail)?);
            }
        }
        if round > 0 {
            remembered.add(usual)?;
            evaluated.add(new)?;
        }
    }
    let (cached, cached_p95) = remembered.stats()?;
    let (evaluated, evaluated_p95) = evaluated.stats()?;
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

// === impl Figures ===

impl Figures {
    fn add(&mut self, mut taken: Vec<f64>) -> anyhow::Result<()> {
        taken.sort_by(f64::total_cmp);
        let at = |percent| {
            let at = taken.get(taken.len() * percent / 100);
            at.copied().context("no decision was taken")
        };
        self.middle.push(at(50)?);
        self.p95.push(at(95)?);
        Ok(())
    }

    fn stats(self) -> anyhow::Result<(Stats, Stats)> {
        Ok((Stats::of(self.middle)?, Stats::of(self.p95)?))
    }
}

/// What a decision takes, microseconds.
fn time(gate: &Arc<Gate>, actor: &Actor, trail: &Trail) -> anyhow::Result<f64> {
    let started = Instant::now();
    ask(gate, actor, trail)?;
    Ok(started.elapsed().as_secs_f64() * 1e6)
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
