//! What the host's metrics are called: the names are a contract with those who watch.

use std::sync::Arc;

use crate::audit::{Log, SealCounts};
use crate::clock::Clock;
use crate::policy;
use crate::telemetry::metrics::Registry;

/// Everything that is counted about calls and their records.
pub(super) fn registry(
    gate: &policy::Counts,
    log: &Arc<Log>,
    seal: &SealCounts,
    clock: &Arc<dyn Clock>,
) -> Registry {
    let metrics = Registry::default();
    let calls = "Calls decided by the gate; each has one audit record.";
    let name = "zeropass_mediated_calls_total";
    metrics.counter(name, calls, &[("decision", "allowed")], &gate.allowed);
    metrics.counter(name, calls, &[("decision", "denied")], &gate.denied);
    metrics.counter(
        "zeropass_audit_records_total",
        "Audit records committed by this host.",
        &[],
        &log.counts().records,
    );
    metrics.counter(
        "zeropass_audit_failures_total",
        "Alarm: commits that failed with their audit records. Calls were answered busy.",
        &[],
        &log.counts().failures,
    );
    metrics.counter(
        "zeropass_audit_lost_total",
        "Alarm: audit records lost for good. A log.gap record says so in the log.",
        &[],
        &log.counts().lost,
    );
    metrics.counter(
        "zeropass_audit_checkpoints_total",
        "Signed checkpoints exported to the second place.",
        &[],
        &seal.checkpoints,
    );
    metrics.counter(
        "zeropass_audit_checkpoint_failures_total",
        "Alarm: checkpoints that could not be exported. Calls are answered busy.",
        &[],
        &seal.failures,
    );
    let (refusing, unsealed) = (Arc::clone(log), Arc::clone(log));
    metrics.computed(
        "zeropass_audit_refusing",
        "Alarm: 1 while the audit log can't be sealed and calls are answered busy.",
        &[],
        move || u64::from(!refusing.accepts()),
    );
    let sealed = seal.sealed.clone();
    metrics.computed(
        "zeropass_audit_unsealed_records",
        "Records that no checkpoint covers yet.",
        &[],
        move || (unsealed.next() - 1).saturating_sub(sealed.get()),
    );
    let (time, clock) = (seal.time.clone(), Arc::clone(clock));
    metrics.computed(
        "zeropass_audit_checkpoint_age_seconds",
        "Since the last checkpoint of this run; 0 before its first. Without traffic none is made.",
        &[],
        move || match time.get() {
            0 => 0,
            time => clock.now().saturating_sub(time) / 1000,
        },
    );
    metrics
}
