//! Steps, what became of them, and the table at the end.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::results::Counts;
use crate::progress::{Progress, seconds};
use crate::stop::{Interrupted, Stop};

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it should.
    Passed,
    /// It did not; with the reason.
    Failed(String),
    /// It could not be tried; with the reason.
    Skipped(String),
    /// It is for something that a checkout need not have; with what that is. Told like a
    /// skipped step, and never a failure.
    Absent(String),
}

/// All steps so far.
#[derive(Debug)]
pub struct Report {
    progress: Progress,
    ci: bool,
    rows: Vec<Row>,
    counts: Counts,
}

#[derive(Debug)]
struct Row {
    name: &'static str,
    outcome: Outcome,
    took: Duration,
}

// === impl Report ===

impl Report {
    /// An empty report. With `ci`, a skipped step counts as a failure.
    pub fn new(ci: bool) -> Self {
        Self {
            progress: Progress::start(),
            ci,
            rows: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// Runs one step and keeps what became of it, unless a step that it needs has not passed.
    ///
    /// # Errors
    /// Only [`Interrupted`]: every other error is the step's outcome.
    pub fn step(
        &mut self,
        stop: &Stop,
        name: &'static str,
        needs: &[&str],
        run: impl FnOnce() -> Result<Outcome>,
    ) -> Result<()> {
        stop.check()?;
        let start = Instant::now();
        let outcome = match self.missing(needs) {
            Some(missing) => Outcome::Skipped(format!("needs `{missing}`")),
            None => {
                self.progress.line(format!("{name} ..."));
                match run() {
                    Ok(outcome) => outcome,
                    Err(error) if error.is::<Interrupted>() => return Err(error),
                    Err(error) => Outcome::Failed(format!("{error:#}")),
                }
            }
        };
        let took = start.elapsed();
        match &outcome {
            Outcome::Passed => {}
            Outcome::Failed(why) => self.progress.line(format!("{name} FAILED: {why}")),
            Outcome::Skipped(why) | Outcome::Absent(why) => {
                self.progress.line(format!("{name} skipped: {why}"));
            }
        }
        self.rows.push(Row {
            name,
            outcome,
            took,
        });
        Ok(())
    }

    /// Adds the counts of a run of tests.
    pub fn count(&mut self, counts: Counts) {
        self.counts.add(counts);
    }

    /// Prints the table and, as the last line, the sums.
    pub fn finish(&self) -> ExitCode {
        println!("\n{}", self.table());
        if self.ci
            && self
                .rows
                .iter()
                .any(|row| matches!(row.outcome, Outcome::Skipped(_)))
        {
            println!("CI=true: a skipped step is a failure\n");
        }
        println!("{}", self.sums());
        if self.succeeded() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    fn missing<'n>(&self, needs: &[&'n str]) -> Option<&'n str> {
        let passed = |need: &&str| {
            self.rows
                .iter()
                .any(|row| row.name == *need && row.outcome == Outcome::Passed)
        };
        needs.iter().find(|need| !passed(need)).copied()
    }

    fn succeeded(&self) -> bool {
        self.rows.iter().all(|row| match row.outcome {
            Outcome::Passed | Outcome::Absent(_) => true,
            Outcome::Failed(_) => false,
            Outcome::Skipped(_) => !self.ci,
        })
    }

    fn table(&self) -> String {
        let mut table = String::new();
        for row in &self.rows {
            let (word, why) = match &row.outcome {
                Outcome::Passed => ("passed", ""),
                Outcome::Failed(why) => ("FAILED", why.as_str()),
                Outcome::Skipped(why) | Outcome::Absent(why) => ("skipped", why.as_str()),
            };
            let why = why.lines().next().unwrap_or_default();
            let line = format!("{:<22} {word:<8} {:>8}  {why}", row.name, seconds(row.took));
            table.push_str(line.trim_end());
            table.push('\n');
        }
        table.push_str(&format!(
            "{:<22} {:<8} {:>8}\n",
            "all",
            "",
            self.progress.elapsed()
        ));
        table
    }

    fn sums(&self) -> String {
        let Counts {
            passed,
            failed,
            skipped,
            ..
        } = &self.counts;
        format!("{passed} passed, {failed} failed, {skipped} skipped")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(ci: bool, steps: &[(&'static str, &[&str], Outcome)]) -> Report {
        let (stop, mut report) = (Stop::on_signals().unwrap(), Report::new(ci));
        for (name, needs, outcome) in steps {
            report
                .step(&stop, name, needs, || Ok(outcome.clone()))
                .unwrap();
        }
        report
    }

    #[test]
    fn failure_skips_what_needs_it_and_nothing_else() {
        let report = report(
            false,
            &[
                ("build", &[], Outcome::Failed("no".into())),
                ("tests", &["build"], Outcome::Passed),
                ("format", &[], Outcome::Passed),
            ],
        );
        let outcomes: Vec<_> = report.rows.iter().map(|row| row.outcome.clone()).collect();
        let skipped = Outcome::Skipped("needs `build`".into());
        assert_eq!(
            outcomes,
            [Outcome::Failed("no".into()), skipped, Outcome::Passed]
        );
        assert!(!report.succeeded());
    }

    #[test]
    fn skipped_step_is_a_failure_only_in_ci() {
        let steps: [(&'static str, &[&str], Outcome); 1] =
            [("browser", &[], Outcome::Skipped("none".into()))];
        assert!(report(false, &steps).succeeded());
        assert!(!report(true, &steps).succeeded());
    }

    #[test]
    fn what_a_checkout_need_not_have_is_told_and_no_failure() {
        let steps: [(&'static str, &[&str], Outcome); 1] =
            [("vectors", &[], Outcome::Absent("no file".into()))];
        for ci in [false, true] {
            let report = report(ci, &steps);
            assert!(report.succeeded());
            assert!(
                report
                    .table()
                    .contains("vectors                skipped        0s  no file\n"),
                "{}",
                report.table()
            );
        }
    }

    #[test]
    fn error_of_a_step_is_its_outcome_and_not_the_end() {
        let (stop, mut report) = (Stop::on_signals().unwrap(), Report::new(false));
        report
            .step(&stop, "lint", &[], || anyhow::bail!("three\nlines\nhere"))
            .unwrap();
        assert!(!report.succeeded());
        assert!(
            report
                .table()
                .contains("lint                   FAILED         0s  three\n"),
            "{}",
            report.table()
        );
    }

    #[test]
    fn sums_stand_alone_on_their_line() {
        assert_eq!(Report::new(false).sums(), "0 passed, 0 failed, 0 skipped");
    }
}
