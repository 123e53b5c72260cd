//! The host's answers for people: tables, and sentences about changes.

use std::io::Write;

use serde_json::Value;

use super::table::Table;

pub(super) fn list(answer: &Value, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut table = Table::new(&["COMPONENT", "VERSION", "DIGEST", "SERVES", "PUSHED", "BY"]);
    for component in array(answer, "components") {
        let name = text(component, "name");
        for revision in array(component, "revisions") {
            let serves = match (text(revision, "serves"), component.get("canary")) {
                ("canary", Some(canary)) => format!(
                    "canary {}%, {} healthy calls",
                    canary["weight"], canary["healthyCalls"]
                ),
                (serves, _) => serves.to_owned(),
            };
            table.row([
                name,
                text(revision, "version"),
                short(text(revision, "digest")),
                &serves,
                text(revision, "pushedAt"),
                text(revision, "pushedBy"),
            ]);
        }
    }
    write!(out, "{table}")?;
    for component in array(answer, "components") {
        for host in array(component, "hosts") {
            let problem = text(host, "problem");
            if problem != "-" {
                writeln!(
                    out,
                    "{} on {} stays where it is: {problem}",
                    text(component, "name"),
                    text(host, "host"),
                )?;
            }
        }
    }
    Ok(())
}

pub(super) fn history(answer: &Value, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut table = Table::new(&["EPOCH", "TIME", "WHAT", "FROM", "TO", "WHO", "WHY"]);
    for change in array(answer, "history") {
        table.row([
            &change["epoch"].to_string(),
            text(change, "time"),
            text(change, "what"),
            short(text(change, "from")),
            short(text(change, "to")),
            text(change, "who"),
            text(change, "why"),
        ]);
    }
    Ok(write!(out, "{table}")?)
}

pub(super) fn hosts(answer: &Value, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut table = Table::new(&[
        "HOST",
        "COMPONENT",
        "EPOCH",
        "STABLE",
        "CANARY",
        "SEEN",
        "PROBLEM",
    ]);
    for component in array(answer, "components") {
        for host in array(component, "hosts") {
            table.row([
                text(host, "host"),
                text(host, "component"),
                &host["epoch"].to_string(),
                short(text(host, "stable")),
                short(text(host, "canary")),
                text(host, "seenAt"),
                text(host, "problem"),
            ]);
        }
    }
    Ok(write!(out, "{table}")?)
}

/// One sentence about a change.
pub(super) fn change(answer: &Value, out: &mut dyn Write) -> anyhow::Result<()> {
    let named = |version: &str, digest: &str| {
        format!(
            "{} ({})",
            text(answer, version),
            short(text(answer, digest))
        )
    };
    let (from, to) = (named("fromVersion", "from"), named("toVersion", "to"));
    let would = answer["dryRun"].as_bool() == Some(true);
    let name = text(answer, "component");
    let sentence = match (text(answer, "what"), &answer["canary"]) {
        ("canary" | "canary-older", weight) => format!(
            "{to} {} {weight}% of the callers, {from} the others",
            if would { "would serve" } else { "serves" },
        ),
        ("rolled-back" | "canary-ended", _) => format!(
            "{to} {} everybody again, {from} nobody",
            if would { "would serve" } else { "serves" },
        ),
        _ => format!(
            "{to} {} everybody; a rollback {} to {from}",
            if would { "would serve" } else { "serves" },
            if would { "would return" } else { "returns" },
        ),
    };
    write!(out, "{name}: {sentence}")?;
    if answer.get("ended").is_some() {
        let ended = named("endedVersion", "ended");
        let ends = if would { "would end" } else { "ends" };
        write!(out, "; the trial of {ended} {ends}")?;
    }
    Ok(writeln!(out)?)
}

// === helpers ===

pub(super) fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value.get(member).and_then(Value::as_str).unwrap_or("-")
}

pub(super) fn array<'v>(value: &'v Value, member: &str) -> impl Iterator<Item = &'v Value> {
    value
        .get(member)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// Enough of a digest to tell revisions apart, and to name one.
pub(super) fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(what: &str, dry_run: bool, canary: Option<u8>) -> Value {
        json!({
            "component": "auth-service", "what": what, "dryRun": dry_run, "canary": canary,
            "from": "a".repeat(64), "fromVersion": "1.0.0",
            "to": "b".repeat(64), "toVersion": "1.1.0",
        })
    }

    #[test]
    fn changes_are_told_in_one_sentence() {
        let told = |what: &str, dry_run: bool, canary: Option<u8>| {
            let answer = answer(what, dry_run, canary);
            let mut out = Vec::new();
            change(&answer, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            told("activated", false, None),
            "auth-service: 1.1.0 (bbbbbbbbbbbb) serves everybody; a rollback returns to 1.0.0 (aaaaaaaaaaaa)\n"
        );
        assert_eq!(
            told("canary", true, Some(5)),
            "auth-service: 1.1.0 (bbbbbbbbbbbb) would serve 5% of the callers, 1.0.0 (aaaaaaaaaaaa) the others\n"
        );
        assert_eq!(
            told("rolled-back", false, None),
            "auth-service: 1.1.0 (bbbbbbbbbbbb) serves everybody again, 1.0.0 (aaaaaaaaaaaa) nobody\n"
        );
        assert_eq!(
            told("canary-ended", false, None),
            told("rolled-back", false, None)
        );
    }

    #[test]
    fn trial_that_ends_besides_is_told_too() {
        for (what, dry_run, canary, end) in [
            (
                "activated",
                false,
                None,
                "; the trial of 1.0.9 (cccccccccccc) ends\n",
            ),
            (
                "canary",
                true,
                Some(5),
                "; the trial of 1.0.9 (cccccccccccc) would end\n",
            ),
        ] {
            let mut answer = answer(what, dry_run, canary);
            answer["ended"] = json!("c".repeat(64));
            answer["endedVersion"] = json!("1.0.9");
            let mut out = Vec::new();
            change(&answer, &mut out).unwrap();
            let told = String::from_utf8(out).unwrap();
            assert!(told.ends_with(end), "{told}");
        }
    }
}
