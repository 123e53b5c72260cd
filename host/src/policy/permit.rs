//! The proof that a call was authorized, and the debt of an audit record.
//!
//! Only the gate makes a [`Permit`]. The store and the link take it by value, so
//! that an unauthorized call does not compile, and settle it with what came of
//! the call. A permit that is dropped unsettled (its caller was cancelled or
//! trapped) leaves the record `failed:abandoned`: no allowed call goes unrecorded.

use std::marker::PhantomData;
use std::sync::Arc;

use super::action::Action;
use crate::audit::{Actor, Outcome, Record, Trail, target};
use crate::clock::Timestamp;
use crate::runtime::Deadline;

/// Permission for one call of action `A` on one relying party.
#[derive(Debug)]
pub struct Permit<A: Action> {
    debt: Option<Debt>,
    deadline: Option<Deadline>,
    action: PhantomData<fn() -> A>,
}

#[derive(Debug)]
struct Debt {
    time: Timestamp,
    success: Outcome,
    actor: Actor,
    relying_party: String,
    policies: Arc<[String]>,
    trail: Trail,
}

// === impl Permit ===

impl<A: Action> Permit<A> {
    /// For the gate alone.
    pub(super) fn grant(
        time: Timestamp,
        actor: Actor,
        relying_party: String,
        policies: Arc<[String]>,
        trail: Trail,
    ) -> Self {
        Self {
            debt: Some(Debt {
                time,
                success: Outcome::Success,
                actor,
                relying_party,
                policies,
                trail,
            }),
            deadline: None,
            action: PhantomData,
        }
    }

    /// The relying party that the permit is for; empty only in a settled permit.
    pub fn relying_party(&self) -> &str {
        self.debt.as_ref().map_or("", |debt| &debt.relying_party)
    }

    /// Say in the record what a success changed beyond what was asked for.
    #[must_use]
    pub fn noting(mut self, note: Option<&'static str>) -> Self {
        if let (Some(debt), Some(note)) = (&mut self.debt, note) {
            debt.success = Outcome::Noted(note);
        }
        self
    }

    /// Say when the call that it was granted to must be over.
    #[must_use]
    pub fn until(mut self, deadline: Deadline) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// When the call that it was granted to must be over; none where nobody has said it.
    pub fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    /// Who may do it; none only in a settled permit.
    pub fn actor(&self) -> Option<&Actor> {
        self.debt.as_ref().map(|debt| &debt.actor)
    }

    /// The trail that the record will join.
    pub fn trail(&self) -> Trail {
        self.debt
            .as_ref()
            .map_or_else(Trail::new, |debt| debt.trail.clone())
    }

    /// Pay the debt: put the record of this call on its request's trail.
    pub fn settle(mut self, target: impl Into<String>, outcome: Outcome) {
        if let Some(debt) = self.debt.take() {
            let trail = debt.trail.clone();
            trail.push(debt.into_record::<A>(target.into(), outcome));
        }
    }

    /// Take the record out, for a store that writes it in the transaction of the
    /// change. The outcome is a success until the store knows better.
    pub fn into_record(mut self, target: impl Into<String>) -> Option<Record> {
        self.debt.take().map(|debt| {
            let success = debt.success.clone();
            debt.into_record::<A>(target.into(), success)
        })
    }
}

impl<A: Action> Drop for Permit<A> {
    fn drop(&mut self) {
        if let Some(debt) = self.debt.take() {
            let trail = debt.trail.clone();
            trail.push(debt.into_record::<A>(target::NONE.into(), Outcome::Failed("abandoned")));
        }
    }
}

// === impl Debt ===

impl Debt {
    fn into_record<A: Action>(self, target: String, outcome: Outcome) -> Record {
        Record {
            time: self.time,
            actor: self.actor,
            action: A::NAME,
            relying_party: self.relying_party,
            target,
            outcome,
            policies: self.policies,
        }
    }
}

#[cfg(test)]
impl<A: Action> Permit<A> {
    /// A permit without a gate, for the tests of those who take permits.
    pub(crate) fn for_tests(
        time: Timestamp,
        actor: Actor,
        relying_party: &str,
        trail: &Trail,
    ) -> Self {
        let policies: Arc<[String]> = Arc::from(["test-policy".to_owned()]);
        Self::grant(
            time,
            actor,
            relying_party.to_owned(),
            policies,
            trail.clone(),
        )
    }
}
