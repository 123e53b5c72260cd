//! `zeropass policy check`: what a policy folder decides, for people.
//!
//! Shows the golden tests one by one, then what the folder holds. The same checks
//! run when the host loads the folder; here all failing tests are shown, not only
//! the first.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use crate::policy::Draft;
use crate::policy::golden::{Report, Row};

/// Check the policies in `folder` and write the outcome to `out`. True when the
/// host would take them.
///
/// # Errors
/// Only when `out` can't be written.
pub fn check(folder: &Path, out: &mut dyn Write) -> anyhow::Result<bool> {
    writeln!(out, "Policies in {}\n", folder.display())?;
    let draft = match Draft::read(folder) {
        Ok(draft) => draft,
        Err(error) => {
            writeln!(
                out,
                "{error}\n\nFAIL: the host would refuse this folder; no test was run."
            )?;
            return Ok(false);
        }
    };
    let report = draft.report();
    write_table(&report, out)?;
    write_gaps(&draft, &report, out)?;

    let files: BTreeSet<&String> = draft.homes().values().collect();
    writeln!(
        out,
        "{} policies in {} files pass strict validation against schema.cedarschema.\nBundle sha256:{}",
        draft.homes().len(),
        files.len(),
        draft.digest(),
    )?;
    let (failed, total) = (report.failed(), report.rows.len());
    match (failed, total) {
        (0, 0) => writeln!(
            out,
            "PASS, but there are no golden tests: nothing shows that these policies decide what you mean."
        )?,
        (0, _) => writeln!(out, "PASS: all {total} requests were decided as expected.")?,
        _ => writeln!(
            out,
            "FAIL: {failed} of {total} requests were not decided as expected; the host would refuse this folder."
        )?,
    }
    Ok(failed == 0)
}

/// One line for each request under the name of its test. A request that fails
/// although the decision is right has the expected policies on a second line.
fn write_table(report: &Report, out: &mut dyn Write) -> anyhow::Result<()> {
    let width = report
        .rows
        .iter()
        .map(|row| row.request.chars().count())
        .max()
        .unwrap_or_default();
    if !report.rows.is_empty() {
        writeln!(
            out,
            "RESULT  {:width$}  EXPECTED  GOT    DECIDED BY",
            "REQUEST"
        )?;
    }
    let mut last = None;
    for row in &report.rows {
        let test = (&row.file, &row.test);
        if last.replace(test) != Some(test) {
            writeln!(out, "\n{}: {}", row.file, row.test)?;
        }
        writeln!(
            out,
            "{:6}  {:width$}  {:8}  {:5}  {}",
            if row.passed() { "PASS" } else { "FAIL" },
            row.request,
            word(row.expect_allowed),
            word(row.got.allowed),
            ids(&row.got.policies),
        )?;
        if !row.passed() {
            write_expected(row, width, out)?;
        }
    }
    if !report.rows.is_empty() {
        writeln!(out)?;
    }
    Ok(())
}

fn write_expected(row: &Row, width: usize, out: &mut dyn Write) -> anyhow::Result<()> {
    let expected = format!("expected to be decided by: {}", ids(&row.expect_policies));
    writeln!(out, "{:6}  {:width$}", "", expected)?;
    Ok(())
}

/// What the tests leave unproven. A hint, not a failure.
fn write_gaps(draft: &Draft, report: &Report, out: &mut dyn Write) -> anyhow::Result<()> {
    let never = report.never_allowed();
    if !never.is_empty() {
        writeln!(
            out,
            "No test expects these actions to be allowed to anybody: {}",
            never.join(", ")
        )?;
    }
    let deciding: BTreeSet<&String> = report
        .rows
        .iter()
        .flat_map(|row| row.got.policies.iter())
        .collect();
    let idle: Vec<&str> = draft
        .homes()
        .keys()
        .filter(|id| !deciding.contains(id))
        .map(String::as_str)
        .collect();
    if !idle.is_empty() {
        writeln!(out, "These policies decide no test: {}", idle.join(", "))?;
    }
    Ok(())
}

fn word(allowed: bool) -> &'static str {
    if allowed { "allow" } else { "deny" }
}

/// A denial by nobody is the default.
fn ids(policies: &[String]) -> String {
    if policies.is_empty() {
        "(default deny)".to_owned()
    } else {
        policies.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const SCHEMA: &str = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../policies/schema.cedarschema"
    );

    fn run(folder: &Path) -> (bool, String) {
        let mut out = Vec::new();
        let passed = check(folder, &mut out).unwrap();
        (passed, String::from_utf8(out).unwrap())
    }

    #[test]
    fn delivered_policies_pass_and_leave_no_action_and_no_policy_untested() {
        let (passed, text) = run(Path::new(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../policies"
        )));
        println!("{text}");
        assert!(passed);
        assert!(text.lines().last().unwrap().starts_with("PASS: all "));
        assert!(!text.contains("FAIL"));
        assert!(!text.contains("No test expects"));
        assert!(!text.contains("These policies decide no test"));
    }

    #[test]
    fn a_failing_test_is_shown_with_what_was_expected_and_what_came() {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(SCHEMA, folder.path().join("schema.cedarschema")).unwrap();
        fs::create_dir(folder.path().join("tests")).unwrap();
        let test = r#"{"tests": [{"name": "strangers come in", "workload": "w", "actions": ["api.users"],
            "expect": "allow", "policies": ["open"]}]}"#;
        fs::write(folder.path().join("tests/t.json"), test).unwrap();
        let (passed, text) = run(folder.path());
        assert!(!passed);
        let lines: Vec<&str> = text.lines().collect();
        let row = lines
            .iter()
            .position(|line| line.starts_with("FAIL    w api.users on -"))
            .unwrap();
        assert!(
            lines[row].ends_with("allow     deny   (default deny)"),
            "{}",
            lines[row]
        );
        assert!(lines[row + 1].contains("expected to be decided by: open"));
        assert!(text.contains("FAIL: 1 of 1 requests"));
    }

    #[test]
    fn a_folder_that_can_not_be_read_as_policies_is_a_failure_with_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        let (passed, text) = run(folder.path());
        assert!(!passed);
        assert!(text.contains("schema.cedarschema: missing"));
        assert!(text.contains("FAIL: the host would refuse this folder"));
    }
}
