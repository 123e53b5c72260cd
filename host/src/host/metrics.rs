//! What the host's metrics are called: the names are a contract with those who watch.

use crate::audit;
use crate::policy;
use crate::telemetry::metrics::Registry;

/// Everything that is counted about calls and their records.
pub(super) fn registry(gate: &policy::Counts, log: &audit::Counts) -> Registry {
    let metrics = Registry::default();
    let calls = "Calls decided by the gate; each has one audit record.";
    let name = "zeropass_mediated_calls_total";
    metrics.counter(name, calls, &[("decision", "allowed")], &gate.allowed);
    metrics.counter(name, calls, &[("decision", "denied")], &gate.denied);
    metrics.counter(
        "zeropass_audit_records_total",
        "Audit records committed by this host.",
        &[],
        &log.records,
    );
    metrics.counter(
        "zeropass_audit_failures_total",
        "Alarm: commits that failed with their audit records. Calls were answered busy.",
        &[],
        &log.failures,
    );
    metrics.counter(
        "zeropass_audit_lost_total",
        "Alarm: audit records lost for good. A log.gap record says so in the log.",
        &[],
        &log.lost,
    );
    metrics
}
