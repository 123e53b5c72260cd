//! Which records a query is about.

use clap::Args;

use super::dates::moment;
use crate::audit::StoredRecord;
use crate::clock::Timestamp;

/// All that is given must fit.
#[derive(Debug, Args)]
pub(super) struct Filter {
    /// Part of the workload's id or of the component's name or digest.
    #[arg(long, value_name = "TEXT")]
    actor: Option<String>,
    /// Part of the target or of the relying party.
    #[arg(long, value_name = "TEXT")]
    target: Option<String>,
    /// An action such as credentials.insert, or its beginning such as credentials.
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// success, denied, failed, or failed:CODE.
    #[arg(long, value_name = "OUTCOME")]
    outcome: Option<String>,
    /// From this moment on: RFC 3339, or a date (UTC).
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Before this moment: RFC 3339, or a date (UTC).
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
}

// === impl Filter ===

impl Filter {
    pub(super) fn accepts(&self, record: &StoredRecord) -> bool {
        let any = |wanted: &Option<String>, texts: &[&str]| {
            wanted
                .as_deref()
                .is_none_or(|wanted| texts.iter().any(|text| text.contains(wanted)))
        };
        let action = self
            .action
            .as_deref()
            .is_none_or(|wanted| begins(&record.action, wanted, '.'));
        let outcome = self
            .outcome
            .as_deref()
            .is_none_or(|wanted| begins(&record.outcome, wanted, ':'));
        let actor = [
            record.workload.as_str(),
            &record.component_name,
            &record.component_digest,
        ];
        any(&self.actor, &actor)
            && any(&self.target, &[&record.target, &record.relying_party])
            && action
            && outcome
            && self.since.is_none_or(|since| record.time >= since)
            && self.until.is_none_or(|until| record.time < until)
    }

    /// What is asked for, to be written down: no value, for it may be anything.
    pub(super) fn told(&self) -> String {
        let given = [
            ("actor", self.actor.is_some()),
            ("target", self.target.is_some()),
            ("action", self.action.is_some()),
            ("outcome", self.outcome.is_some()),
            ("since", self.since.is_some()),
            ("until", self.until.is_some()),
        ];
        let given: Vec<&str> = given
            .iter()
            .filter(|(_, given)| *given)
            .map(|(name, _)| *name)
            .collect();
        if given.is_empty() {
            "all records".into()
        } else {
            format!("by {}", given.join(", "))
        }
    }
}

/// The whole, or its beginning up to a separator.
fn begins(text: &str, wanted: &str, separator: char) -> bool {
    let wanted = wanted.strip_suffix(separator).unwrap_or(wanted);
    text.strip_prefix(wanted)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(separator))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        filter: Filter,
    }

    fn accepts(options: &[&str]) -> bool {
        let record = StoredRecord {
            seq: 1,
            time: 1_700_000_000_000,
            request_id: "r".into(),
            workload: "spiffe://zeropass.internal/workload/shop".into(),
            address: "192.0.2.7:1".into(),
            component_name: "passkey-manager".into(),
            component_digest: "abcd".into(),
            component_revision: "1.0.0".into(),
            action: "credentials.insert".into(),
            relying_party: "example.com".into(),
            target: "a2V5".into(),
            outcome: "failed:exists".into(),
            policies: vec![],
        };
        let line = ["query"].iter().chain(options);
        Line::try_parse_from(line).unwrap().filter.accepts(&record)
    }

    #[test]
    fn each_option_decides_and_all_must_fit() {
        for good in [
            &[][..],
            &["--actor", "workload/shop"],
            &["--actor", "passkey-manager"],
            &["--target", "a2V5"],
            &["--target", "example.com"],
            &["--action", "credentials.insert"],
            &["--action", "credentials"],
            &["--action", "credentials."],
            &["--outcome", "failed"],
            &["--outcome", "failed:exists"],
            &["--since", "2023-11-14"],
            &[
                "--since",
                "2023-11-14T22:13:20Z",
                "--until",
                "2023-11-14T22:13:21Z",
            ],
        ] {
            assert!(accepts(good), "{good:?}");
        }
        for bad in [
            &["--actor", "auth-service"][..],
            &["--target", "b2V5"],
            &["--action", "credential"],
            &["--action", "insert"],
            &["--outcome", "success"],
            &["--outcome", "failed:exist"],
            &["--since", "2023-11-15"],
            &["--until", "2023-11-14T22:13:20Z"],
            &["--action", "credentials", "--outcome", "denied"],
        ] {
            assert!(!accepts(bad), "{bad:?}");
        }
    }
}
