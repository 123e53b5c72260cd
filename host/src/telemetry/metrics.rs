//! Metrics: counters and gauges, rendered in Prometheus' text format.
//!
//! Whoever counts owns its [`Counter`]s and [`Gauge`]s; the host's one [`Registry`]
//! knows them by name and renders what they say at that moment. Counting is one
//! atomic operation and never waits. Names, labels and helps are the program's own
//! words: no value of a request ever becomes one, so the number of series is fixed.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A number that only grows. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<AtomicU64>);

/// A number that comes and goes. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Gauge(Arc<AtomicU64>);

/// All series of one host.
#[derive(Default)]
pub struct Registry(Mutex<Vec<Series>>);

struct Series {
    name: &'static str,
    help: &'static str,
    kind: &'static str,
    /// `{name="value",...}` or nothing.
    labels: String,
    read: Box<dyn Fn() -> u64 + Send + Sync>,
}

// === impl Counter ===

impl Counter {
    /// So many more.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// The count so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

// === impl Gauge ===

impl Gauge {
    /// What it is now.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// What it was set to last.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

// === impl Registry ===

impl Registry {
    /// A counter, under a name that ends in `_total`.
    pub fn counter(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &str)],
        counter: &Counter,
    ) {
        let counter = counter.clone();
        self.add(name, help, "counter", labels, move || counter.get());
    }

    /// A gauge.
    pub fn gauge(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &str)],
        gauge: &Gauge,
    ) {
        let gauge = gauge.clone();
        self.add(name, help, "gauge", labels, move || gauge.get());
    }

    /// A gauge that is worked out when it is read.
    pub fn computed(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &str)],
        read: impl Fn() -> u64 + Send + Sync + 'static,
    ) {
        self.add(name, help, "gauge", labels, read);
    }

    /// Everything as it stands, in Prometheus' text format, version 0.0.4
    /// (`text/plain; version=0.0.4`).
    pub fn render(&self) -> String {
        let series = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        let mut last = "";
        for one in series.iter() {
            if last != one.name {
                let _ = writeln!(text, "# HELP {} {}", one.name, one.help);
                let _ = writeln!(text, "# TYPE {} {}", one.name, one.kind);
                last = one.name;
            }
            let _ = writeln!(text, "{}{} {}", one.name, one.labels, (one.read)());
        }
        text
    }

    fn add(
        &self,
        name: &'static str,
        help: &'static str,
        kind: &'static str,
        labels: &[(&'static str, &str)],
        read: impl Fn() -> u64 + Send + Sync + 'static,
    ) {
        let labels: Vec<String> = labels
            .iter()
            .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
            .collect();
        let labels = match labels.as_slice() {
            [] => String::new(),
            labels => format!("{{{}}}", labels.join(",")),
        };
        let mut series = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Series of one name stand together, as the format wants it.
        let place = series
            .iter()
            .rposition(|one| one.name == name)
            .map_or(series.len(), |last| last + 1);
        series.insert(
            place,
            Series {
                name,
                help,
                kind,
                labels,
                read: Box::new(read),
            },
        );
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_of_one_name_stand_together_under_one_head() {
        let registry = Registry::default();
        let (allowed, denied, age) = (Counter::default(), Counter::default(), Gauge::default());
        let help = "Calls.";
        registry.counter("calls_total", help, &[("outcome", "allowed")], &allowed);
        registry.gauge("age_seconds", "Age.", &[], &age);
        registry.counter("calls_total", help, &[("outcome", "de\"ni\\ed")], &denied);
        registry.computed("double_age", "Twice.", &[], move || age.get() * 2);
        allowed.add(3);
        allowed.add(1);
        let text = registry.render();
        let expected = concat!(
            "# HELP calls_total Calls.\n",
            "# TYPE calls_total counter\n",
            "calls_total{outcome=\"allowed\"} 4\n",
            "calls_total{outcome=\"de\\\"ni\\\\ed\"} 0\n",
            "# HELP age_seconds Age.\n",
            "# TYPE age_seconds gauge\n",
            "age_seconds 0\n",
            "# HELP double_age Twice.\n",
            "# TYPE double_age gauge\n",
            "double_age 0\n",
        );
        assert_eq!(text, expected);
        denied.add(1);
        assert!(registry.render().contains("de\\\"ni\\\\ed\"} 1\n"));
    }
}
