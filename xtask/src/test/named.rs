//! House rule: every test that a table of the documentation names exists.

use std::collections::BTreeSet;

/// The pages whose tables name the tests of controls.
const PAGES: [&str; 6] = [
    "docs/audit.md",
    "docs/identity.md",
    "docs/lifecycle.md",
    "docs/link.md",
    "docs/pci.md",
    "docs/webauthn.md",
];

/// What the pages name, and the functions that there are.
#[derive(Default)]
pub struct Named {
    names: Vec<(String, String)>,
    functions: BTreeSet<String>,
}

// === impl Named ===

impl Named {
    /// Look at one more file.
    pub fn read(&mut self, file: &str, text: &str) {
        if file.ends_with(".rs") {
            self.functions.extend(text.lines().filter_map(function));
        } else if PAGES.contains(&file) {
            for (index, line) in text.lines().enumerate() {
                let place = format!("{file}:{}", index + 1);
                let names = tests(line).map(|name| (place.clone(), name.to_owned()));
                self.names.extend(names);
            }
        }
    }

    /// What is named and is not there.
    pub fn missing(&self) -> Vec<String> {
        self.names
            .iter()
            .filter(|(_, name)| !self.functions.contains(last(name)))
            .map(|(place, name)| format!("{place} names the test `{name}`, which is not there"))
            .collect()
    }
}

/// The function that a line begins, if it does.
fn function(line: &str) -> Option<String> {
    let (before, rest) = line.split_once("fn ")?;
    let begins = before
        .split_whitespace()
        .all(|word| word.starts_with("pub") || ["async", "const"].contains(&word));
    let name: String = rest.chars().take_while(|c| is_of_a_name(*c)).collect();
    (begins && !name.is_empty()).then_some(name)
}

/// The tests that a row of a table names: sentences in small letters, with or without the
/// module before them.
fn tests(line: &str) -> impl Iterator<Item = &str> {
    let row = line.starts_with('|');
    line.split('`')
        .skip(1)
        .step_by(2)
        .filter(move |_| row)
        .filter(|name| name.chars().all(|c| is_of_a_name(c) || c == ':'))
        // Metrics have names like these.
        .filter(|name| last(name).matches('_').count() >= 2 && !name.starts_with("zeropass_"))
}

fn last(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

fn is_of_a_name(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(page: &str) -> Vec<String> {
        let mut named = Named::default();
        named.read("tests/a.rs", "    async fn who_is_there_is_found() {\n");
        named.read("tests/b.rs", "// a fn in_a_comment_is_none()\n");
        named.read("docs/link.md", page);
        named.missing()
    }

    #[test]
    fn named_test_that_is_not_there_is_found_with_its_place() {
        assert!(missing("| x | `who_is_there_is_found`, `a::who_is_there_is_found` |").is_empty());
        let found = missing("\n| x | `a::who_is_gone_is_missed` |");
        assert_eq!(
            found,
            ["docs/link.md:2 names the test `a::who_is_gone_is_missed`, which is not there"]
        );
        assert_eq!(missing("| x | `in_a_comment_is_none` |").len(), 1);
    }

    #[test]
    fn other_words_of_a_page_are_no_tests() {
        assert!(missing("| `max-age` | `a::*` | `request_id` |").is_empty());
        assert!(missing("in a sentence: `some_name_or_other`").is_empty());
    }
}
