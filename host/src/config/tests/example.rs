//! The delivered example, as it is and with everything switched on.

use std::collections::BTreeSet;

use super::*;
use crate::clock::{Clock as _, SystemClock};
use crate::identity::pki;

/// The example with its optional settings switched on.
fn whole_example() -> String {
    let mut text = String::new();
    for line in EXAMPLE.lines() {
        let setting = line
            .strip_prefix('#')
            .filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '['));
        text.push_str(setting.unwrap_or(line));
        text.push('\n');
    }
    text
}

#[test]
fn example_is_valid_as_it_is_and_with_all_optional_settings() {
    parse(EXAMPLE).unwrap();
    let whole = parse(&whole_example()).unwrap();
    let party = &whole.relying_parties[0];
    assert!(party.enroll_url.is_some() && party.manage_url.is_some());
}

/// So whoever follows the README is let in.
#[test]
fn workload_of_the_example_is_the_one_that_pki_init_issues() {
    let folder = tempfile::tempdir().unwrap();
    let steps = pki::init(folder.path(), None, SystemClock.now()).unwrap();
    let issued = steps
        .iter()
        .find(|step| step.file.ends_with("relying-party.pem"));
    let party = &parse(EXAMPLE).unwrap().relying_parties[0];
    let workloads: Vec<_> = party.workloads.iter().map(ToString::to_string).collect();
    assert_eq!(workloads, [issued.unwrap().id.as_str()]);
}

#[test]
fn example_names_every_setting_in_the_order_of_reading() {
    let config = parse(&whole_example()).unwrap();
    for setting in config.settings() {
        assert_eq!(
            setting.given,
            Given::File,
            "{setting:?} is not in the example"
        );
    }
    // The other way round, an unknown key, is an error already. Left is the order.
    let in_file: Vec<&str> = whole_example_keys();
    let read: Vec<&str> = keys(&config).iter().map(|(_, key)| *key).collect();
    assert_eq!(in_file, read);
}

fn whole_example_keys() -> Vec<&'static str> {
    let lines = EXAMPLE.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') => rest,
        _ => line,
    });
    lines
        .filter(|line| !line.starts_with(['#', ' ']))
        .filter_map(|line| line.split_once(" = "))
        .map(|(key, _)| key)
        .collect()
}

#[test]
fn example_shows_the_true_defaults() {
    let minimal = parse(&format!("{MINIMAL}[admin]\n[health]\n")).unwrap();
    let example = parse(EXAMPLE).unwrap();
    let mut compared = BTreeSet::new();
    for (default, shown) in minimal.settings().iter().zip(example.settings()) {
        assert_eq!((&default.section, default.key), (&shown.section, shown.key));
        if default.given == Given::Default {
            assert_eq!(
                default.value, shown.value,
                "{}.{}",
                shown.section, shown.key
            );
            compared.insert((&default.section, default.key));
        }
    }
    assert_eq!(minimal.settings().len(), example.settings().len());
    // All but the fourteen required settings.
    assert_eq!(compared.len(), keys(&minimal).len() - 14);
}

#[test]
fn example_marks_required_settings_and_no_others() {
    let minimal = parse(&format!("{MINIMAL}[admin]\n[health]\n")).unwrap();
    let mut comment = String::new();
    let mut settings = minimal.settings().iter();
    let mut in_optional_section = false;
    for line in EXAMPLE.lines() {
        if line.starts_with(['[', '#']) && line.contains('[') && !line.starts_with("# ") {
            in_optional_section = line.starts_with('#');
        }
        if in_optional_section {
            comment.clear();
            continue;
        }
        // As the head of the example says: "#" and no blank.
        let optional = line.starts_with('#') && line.contains(" = ") && !line.starts_with("# ");
        if line.starts_with('#') && !optional {
            comment.push_str(line);
            continue;
        }
        if let Some((key, _)) = line.split_once(" = ") {
            let setting = settings.next().unwrap();
            let required = setting.given == Given::File;
            assert_eq!(comment.contains("# Required."), required, "{key}");
            assert!(!comment.is_empty(), "{key} has no comment");
        }
        comment.clear();
    }
}
