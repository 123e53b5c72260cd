//! The table for people and the rows for programs.

use std::fmt;

use serde::Serialize;

use crate::sample::Stats;

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Its name for `--only`: the group, a slash, and what it is.
    pub row: String,
    /// Of `median`, `min` and `max`.
    pub unit: &'static str,
    /// The middle sample.
    pub median: f64,
    /// The smallest sample.
    pub min: f64,
    /// The largest sample.
    pub max: f64,
    /// What it is compared with.
    pub against: Vec<Against>,
    /// In words, for the table.
    #[serde(skip)]
    pub title: String,
    /// What it should be, for the table.
    #[serde(skip)]
    pub target: Option<Target>,
}

/// What a figure is compared with, measured in the same run.
#[derive(Debug, Clone, Serialize)]
pub struct Against {
    /// In words.
    pub name: String,
    /// Its own middle sample, in the row's unit.
    pub median: f64,
    /// The row's median over this one.
    pub ratio: f64,
    /// What the ratio should be, for the table.
    #[serde(skip)]
    pub target: Option<Target>,
}

/// What a figure or a ratio should be.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    bound: Bound,
    value: f64,
    /// In words.
    what: &'static str,
}

/// On which side of its value a target is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    AtMost,
    AtLeast,
}

/// All figures of a run.
#[derive(Debug, Default)]
pub struct Report {
    rows: Vec<Row>,
    failures: Vec<String>,
}

// === impl Row ===

impl Row {
    /// A figure that is compared with nothing yet.
    pub fn new(row: &str, title: impl Into<String>, unit: &'static str, stats: Stats) -> Self {
        Self {
            row: row.to_owned(),
            unit,
            median: stats.median,
            min: stats.min,
            max: stats.max,
            against: Vec::new(),
            title: title.into(),
            target: None,
        }
    }

    /// Compare it with a figure of the same unit.
    pub fn against(mut self, name: &str, stats: Stats) -> Self {
        self.against.push(Against {
            name: name.to_owned(),
            median: stats.median,
            ratio: self.median / stats.median,
            target: None,
        });
        self
    }

    /// The same, with the largest ratio that is good enough.
    pub fn against_at_most(self, name: &str, stats: Stats, most: f64, what: &'static str) -> Self {
        let target = Target {
            bound: Bound::AtMost,
            value: most,
            what,
        };
        self.against_target(name, stats, target)
    }

    /// The same, with the smallest ratio that is good enough.
    pub fn against_at_least(
        self,
        name: &str,
        stats: Stats,
        least: f64,
        what: &'static str,
    ) -> Self {
        let target = Target {
            bound: Bound::AtLeast,
            value: least,
            what,
        };
        self.against_target(name, stats, target)
    }

    /// The largest median that is good enough.
    pub fn at_most(mut self, most: f64, what: &'static str) -> Self {
        self.target = Some(Target {
            bound: Bound::AtMost,
            value: most,
            what,
        });
        self
    }

    fn against_target(mut self, name: &str, stats: Stats, target: Target) -> Self {
        self = self.against(name, stats);
        if let Some(against) = self.against.last_mut() {
            against.target = Some(target);
        }
        self
    }
}

// === impl Target ===

impl Target {
    fn is_met_by(&self, value: f64) -> bool {
        match self.bound {
            Bound::AtMost => value <= self.value,
            Bound::AtLeast => value >= self.value,
        }
    }

    fn verdict(&self, value: f64) -> &'static str {
        if self.is_met_by(value) {
            "met"
        } else {
            "missed"
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.bound {
            Bound::AtMost => "at most",
            Bound::AtLeast => "at least",
        };
        write!(f, "{side} {} wanted", figure(self.value))
    }
}

// === impl Report ===

impl Report {
    /// Keep rows: all of a group, or the one that was asked for.
    pub fn add(&mut self, rows: Vec<Row>, only: Option<&str>) {
        let one = only.filter(|only| only.contains('/'));
        self.rows.extend(
            rows.into_iter()
                .filter(|row| one.is_none_or(|one| row.row == one)),
        );
    }

    /// A group could not be measured.
    pub fn fail(&mut self, group: &str, error: &anyhow::Error) {
        self.failures.push(format!("{group}: {error:#}"));
    }

    /// Whether anything could not be measured or missed its target.
    pub fn failed(&self) -> bool {
        !self.failures.is_empty() || self.missed().next().is_some()
    }

    /// The targets that were missed: the row's name, the figure or ratio, and the target.
    fn missed(&self) -> impl Iterator<Item = (&str, f64, Target)> {
        self.rows.iter().flat_map(|row| {
            let ratios = row.against.iter();
            let ratios = ratios.map(|against| (against.ratio, against.target));
            ratios
                .chain([(row.median, row.target)])
                .filter_map(|(value, target)| {
                    let target = target?;
                    (!target.is_met_by(value)).then_some((row.row.as_str(), value, target))
                })
        })
    }

    /// The rows as `[{row, unit, median, min, max, against: [{name, median, ratio}]}]`.
    ///
    /// # Errors
    /// A figure is not a number.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(&self.rows).map(|text| text + "\n")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').next().unwrap_or("unknown");
        writeln!(
            f,
            "\n{cores} cores, load {load} at the end; medians of this run\n"
        )?;
        let title = self
            .rows
            .iter()
            .flat_map(|row| {
                let own = row.title.chars().count();
                row.against
                    .iter()
                    .map(|against| against.name.chars().count() + 2)
                    .chain([own])
            })
            .max()
            .unwrap_or(0);
        let name = self
            .rows
            .iter()
            .map(|row| row.row.len())
            .max()
            .unwrap_or(3)
            .max(3);
        writeln!(
            f,
            "{:<name$}  {:<title$}  {:>9}  {:>9}  {:>9}  {:<14}  {:>6}",
            "row", "", "median", "min", "max", "unit", "ratio"
        )?;
        for row in &self.rows {
            writeln!(
                f,
                "{:<name$}  {:<title$}  {:>9}  {:>9}  {:>9}  {}",
                row.row,
                row.title,
                figure(row.median),
                figure(row.min),
                figure(row.max),
                row.unit
            )?;
            for against in &row.against {
                writeln!(
                    f,
                    "{:<name$}  {:<title$}  {:>9}  {:>9}  {:>9}  {:<14}  {:>6}",
                    "",
                    format!("  {}", against.name),
                    figure(against.median),
                    "",
                    "",
                    row.unit,
                    format!("{:.2}", against.ratio)
                )?;
                if let Some(target) = against.target {
                    writeln!(
                        f,
                        "{:<name$}  {:<title$}  {:>9}  {:>9}  {:>9}  {:<14}  {:>6}",
                        "",
                        format!(
                            "    target {}: {}",
                            target.verdict(against.ratio),
                            target.what
                        ),
                        "",
                        "",
                        "",
                        "",
                        format!("{:.2}", target.value)
                    )?;
                }
            }
            if let Some(target) = row.target {
                writeln!(
                    f,
                    "{:<name$}  {:<title$}  {:>9}",
                    "",
                    format!("  target {}: {}", target.verdict(row.median), target.what),
                    figure(target.value)
                )?;
            }
        }
        for (row, value, target) in self.missed() {
            writeln!(f, "\ntarget missed: {row}: {}, {target}", figure(value))?;
        }
        for failure in &self.failures {
            writeln!(f, "\nnot measured: {failure}")?;
        }
        Ok(())
    }
}

/// Three digits that matter, or all before the point.
fn figure(value: f64) -> String {
    let digits = match value.abs() {
        large if large >= 100.0 => 0,
        middle if middle >= 10.0 => 1,
        small if small >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str) -> Row {
        let stats = |median| Stats {
            median,
            min: 1.0,
            max: 9.0,
        };
        Row::new(name, "a call", "us", stats(5.0)).against("a plain one", stats(2.0))
    }

    #[test]
    fn json_has_the_documented_members() {
        let mut report = Report::default();
        report.add(vec![row("link/in-process")], None);
        let value: serde_json::Value = serde_json::from_str(&report.json().unwrap()).unwrap();
        let expected = serde_json::json!([{
            "row": "link/in-process", "unit": "us", "median": 5.0, "min": 1.0, "max": 9.0,
            "against": [{"name": "a plain one", "median": 2.0, "ratio": 2.5}],
        }]);
        assert_eq!(value, expected);
    }

    #[test]
    fn targets_of_figures_and_ratios_are_judged() {
        let stats = |median| Stats {
            median,
            min: 1.0,
            max: 9.0,
        };
        let judged = |target, ratio| {
            let mut report = Report::default();
            let row = Row::new("a/x", "a call", "us", stats(6.0))
                .against_at_most("a plain one", stats(2.0), ratio, "few times")
                .at_most(target, "quick");
            report.add(vec![row], None);
            (report.failed(), report.to_string())
        };
        let (failed, met) = judged(6.0, 3.0);
        assert!(!failed, "{met}");
        assert!(met.contains("target met: quick") && met.contains("target met: few times"));
        let (failed, missed) = judged(5.9, 2.9);
        assert!(failed, "{missed}");
        assert!(missed.contains("target missed: a/x: 6.00, at most 5.90 wanted"));
        assert!(missed.contains("target missed: a/x: 3.00, at most 2.90 wanted"));
        assert!(missed.contains("target missed: quick"));
        assert!(missed.contains("target missed: few times"));
    }

    #[test]
    fn ratio_below_the_least_that_is_good_enough_misses_its_target() {
        let stats = |median| Stats {
            median,
            min: 1.0,
            max: 9.0,
        };
        let judged = |least| {
            let mut report = Report::default();
            let row = Row::new("a/x", "a call", "calls/s", stats(6.0)).against_at_least(
                "a plain one",
                stats(8.0),
                least,
                "most of it",
            );
            report.add(vec![row], None);
            (report.failed(), report.to_string())
        };
        let (failed, met) = judged(0.75);
        assert!(!failed && met.contains("target met: most of it"), "{met}");
        let (failed, missed) = judged(0.76);
        assert!(failed, "{missed}");
        assert!(missed.contains("target missed: a/x: 0.750, at least 0.760 wanted"));
    }

    #[test]
    fn one_row_is_picked_by_its_whole_name() {
        let mut report = Report::default();
        report.add(vec![row("a/x"), row("a/y")], Some("a/y"));
        report.add(vec![row("b/x"), row("b/y")], Some("b"));
        let names: Vec<_> = report.rows.iter().map(|row| row.row.as_str()).collect();
        assert_eq!(names, ["a/y", "b/x", "b/y"]);
    }

    #[test]
    fn what_could_not_be_measured_fails_the_run_and_is_named() {
        let mut report = Report::default();
        report.fail("login", &anyhow::anyhow!("no certificate"));
        assert!(report.failed());
        assert!(
            report
                .to_string()
                .contains("not measured: login: no certificate")
        );
    }
}
