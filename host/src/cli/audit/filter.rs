//! Which records a query is about.

use clap::Args;

use super::dates::{moment, told};
use crate::audit::StoredRecord;
use crate::audit::verify::UNSEALED;
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
    /// success, denied, failed, or failed:CODE. A success may have a note: success:NOTE.
    #[arg(long, value_name = "OUTCOME", value_parser = outcome)]
    outcome: Option<String>,
    /// From this moment on: RFC 3339, or a date (UTC).
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Before this moment: RFC 3339, or a date (UTC).
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
    /// The log to look in; all without.
    #[arg(long, value_name = "ID")]
    pub(super) log: Option<String>,
}

// === impl Filter ===

impl Filter {
    /// An empty answer says that there is nothing in this time, and must not come from times in
    /// the wrong order.
    ///
    /// # Errors
    /// No moment is in both.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        if let (Some(since), Some(until)) = (self.since, self.until) {
            anyhow::ensure!(
                since < until,
                "no time is from {} on and before {}: --since must be the earlier one",
                told(since),
                told(until)
            );
        }
        Ok(())
    }

    pub(super) fn accepts(&self, record: &StoredRecord) -> bool {
        let any = |wanted: &Option<String>, texts: &[&str]| {
            wanted
                .as_deref()
                .is_none_or(|wanted| texts.iter().any(|text| text.contains(wanted)))
        };
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
            && self.is_of_action(record)
            && outcome
            && self.since.is_none_or(|since| record.time >= since)
            && self.until.is_none_or(|until| record.time < until)
    }

    /// Whether the action fits, whatever else is asked for.
    pub(super) fn is_of_action(&self, record: &StoredRecord) -> bool {
        self.action
            .as_deref()
            .is_none_or(|wanted| begins(&record.action, wanted, '.'))
    }

    /// Why there may be no answer, as a person is told: an action that is in no record may be
    /// one that was not typed well.
    pub(super) fn nothing(&self, action_found: bool) -> String {
        match &self.action {
            Some(action) if !action_found => {
                format!("no record fits: the log has no action, or area of actions, {action:?}")
            }
            _ => "no record fits".into(),
        }
    }

    /// What is asked for, to be written down: ids and codes as they are, of anything else
    /// only that it was asked for. What somebody typed may be a person's name.
    pub(super) fn told(&self) -> String {
        let text = |name: &str, value: &Option<String>, fits: fn(&str) -> bool| {
            let value = value.as_deref()?;
            let value = if fits(value) { value } else { "(text)" };
            Some(format!("{name}={value}"))
        };
        let time = |name: &str, value: Option<Timestamp>| {
            value.map(|moment| format!("{name}={}", told(moment)))
        };
        let given: Vec<String> = [
            text("actor", &self.actor, is_id),
            text("target", &self.target, is_id),
            text("action", &self.action, is_code),
            text("outcome", &self.outcome, is_code),
            time("since", self.since),
            time("until", self.until),
            text("log", &self.log, is_log),
        ]
        .into_iter()
        .flatten()
        .collect();
        if given.is_empty() {
            "all records".into()
        } else {
            given.join(" ")
        }
    }
}

/// The ids that are in records: of workloads, operators, components, accounts, sessions
/// and credentials.
fn is_id(text: &str) -> bool {
    /// 128 bits in base64url.
    const RANDOM: usize = 22;
    let base64url = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let hexadecimal = |c: char| c.is_ascii_hexdigit();
    let workload = text
        .strip_prefix("spiffe://")
        .or_else(|| text.strip_prefix("operator:uid-"));
    let plain = |c: char| base64url(c) || c == '.' || c == '/';
    workload.is_some_and(|rest| rest.chars().all(plain))
        || ["host", "auth-service", "passkey-manager"].contains(&text)
        || uuid::Uuid::try_parse(text).is_ok()
        || text.len() >= 8 && text.chars().all(hexadecimal)
        || text.len() >= RANDOM && text.chars().all(base64url)
}

/// The id of a log: a name and eight digits of its key.
fn is_log(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text == UNSEALED
        || text.rsplit_once('-').is_some_and(|(name, key)| {
            name.chars().all(plain) && key.len() == 8 && key.chars().all(|c| c.is_ascii_hexdigit())
        })
}

/// The forms that outcomes in records have: any other word fits none of them, and an empty answer
/// would say that nothing of the kind has happened.
fn outcome(text: &str) -> Result<String, String> {
    let (word, code) = match text.split_once(':') {
        Some((word, code)) => (word, Some(code)),
        None => (text, None),
    };
    let good = match code {
        None => ["success", "denied", "failed"].contains(&word),
        Some(code) => ["success", "failed"].contains(&word) && is_code(code),
    };
    good.then(|| text.to_owned()).ok_or_else(|| {
        format!(
            "{text:?} is no outcome: expected success, denied, failed, failed:CODE or success:NOTE"
        )
    })
}

/// An action, an outcome, or the beginning of one, as this program names them.
fn is_code(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".:-".contains(c);
    text.len() <= 64 && text.chars().all(plain)
}

/// The whole, or its beginning up to a separator.
fn begins(text: &str, wanted: &str, separator: char) -> bool {
    let wanted = wanted.strip_suffix(separator).unwrap_or(wanted);
    text.strip_prefix(wanted)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(separator))
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn ids_and_codes_are_told_and_nothing_else_is() {
        let told = |options: &[&str]| {
            let line = ["query"].iter().chain(options);
            Line::try_parse_from(line).unwrap().filter.told()
        };
        assert_eq!(told(&[]), "all records");
        let all = [
            "--actor",
            "spiffe://zeropass.internal/workload/shop",
            "--target",
            "7b0a8e2c-5d52-4b7c-9f86-0d9f6f9c1a11",
            "--action",
            "credentials.insert",
            "--outcome",
            "failed:exists",
            "--since",
            "2023-11-14",
        ];
        assert_eq!(
            told(&all),
            "actor=spiffe://zeropass.internal/workload/shop \
             target=7b0a8e2c-5d52-4b7c-9f86-0d9f6f9c1a11 action=credentials.insert \
             outcome=failed:exists since=2023-11-14T00:00:00.000Z"
        );
        for id in ["0a1b2c3d4e5f", "kR3vQ9sLw7XyZbN2mT5cHd", "operator:uid-0"] {
            assert_eq!(told(&["--target", id]), format!("target={id}"));
        }
        for personal in [
            "Ada",
            "ada@example.com",
            "ada.lovelace",
            "ada lovelace the first",
        ] {
            assert_eq!(told(&["--target", personal]), "target=(text)", "{personal}");
        }
        assert_eq!(told(&["--action", "Ada L."]), "action=(text)");
        for log in ["host-1f2e3d4c", "operators-0a1b2c3d", "unsealed"] {
            assert_eq!(told(&["--log", log]), format!("log={log}"));
        }
        assert_eq!(told(&["--log", "ada-lovelace"]), "log=(text)");
    }

    #[test]
    fn words_that_no_record_can_have_are_refused() {
        let line = |options: &[&str]| Line::try_parse_from(["query"].iter().chain(options));
        for good in [
            "success",
            "success:user-verified",
            "denied",
            "failed",
            "failed:",
            "failed:x",
        ] {
            assert!(line(&["--outcome", good]).is_ok(), "{good}");
        }
        for bad in [
            "",
            "failure",
            "deny",
            "Failed",
            "denied:x",
            "failed:Ada L.",
            "fail",
            "ok",
        ] {
            let refused = line(&["--outcome", bad]).unwrap_err().to_string();
            assert!(refused.contains("is no outcome"), "{refused}");
        }
        let times = |since, until| {
            let line = line(&["--since", since, "--until", until]).unwrap();
            line.filter.check().is_ok()
        };
        assert!(times("2026-01-01", "2026-01-02"));
        assert!(!times("2026-01-02", "2026-01-02"));
        assert!(!times("2026-01-03", "2026-01-02"));
    }
}
