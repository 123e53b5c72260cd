//! House rules that no lint knows: no path of somebody's machine and no private
//! registry in the files, hand-written unsafe code in one module only, a reason for each
//! dependency, and no page that names a test which is not there.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use super::dependencies;
use super::named::Named;
use super::report::Outcome;
use crate::process;
use crate::workspace::Workspace;

/// How folders of one machine begin. Written in two halves, so that this file obeys.
const MACHINE_PATHS: [&str; 4] = [
    concat!("/wor", "k/"),
    concat!("/roo", "t/"),
    concat!("/hom", "e/"),
    concat!("/User", "s/"),
];

/// The one source that `Cargo.lock` may name.
const REGISTRY: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";

/// In two halves, as above.
const KEYWORD: &str = concat!("un", "safe");

/// How unsafe code begins, after the keyword.
const UNSAFE_FORMS: [&str; 6] = ["{", "fn ", "impl ", "trait ", "extern ", "("];

/// Checks every file that git tracks or would track.
pub fn check(workspace: &Workspace) -> Result<Outcome> {
    let mut git = Command::new("git");
    git.current_dir(workspace.root());
    git.args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    let Ok(files) = process::output(&mut git) else {
        return Ok(Outcome::Skipped(
            "not a git checkout, or git is not installed".into(),
        ));
    };
    let mut broken = Vec::new();
    let mut with_unsafe = Vec::new();
    let mut named = Named::default();
    let (mut manifests, mut table) = (Vec::new(), String::new());
    for file in files.split('\0').filter(|file| !file.is_empty()) {
        // Pictures and removed files have no text to check.
        let Ok(text) = std::fs::read_to_string(workspace.root().join(file)) else {
            continue;
        };
        broken.extend(violations(file, &text));
        named.read(file, &text);
        if has_unsafe_code(file, &text) {
            with_unsafe.push(file);
        }
        if Path::new(file).ends_with("Cargo.toml") {
            manifests.push(text);
        } else if file == dependencies::TABLE {
            table = text;
        }
    }
    if with_unsafe.len() > 1 {
        broken.push(format!(
            "unsafe code is written in more than one module: {}",
            with_unsafe.join(", ")
        ));
    }
    broken.extend(named.missing());
    let manifests = manifests.iter().map(String::as_str);
    broken.extend(dependencies::violations(&table, manifests));
    if broken.is_empty() {
        return Ok(Outcome::Passed);
    }
    bail!("{}", broken.join("; "))
}

fn violations(file: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let place = format!("{file}:{}", index + 1);
        if let Some(path) = MACHINE_PATHS.iter().find(|path| names_path(line, path)) {
            found.push(format!("{place} names a path of one machine ({path})"));
        }
        if file == "Cargo.lock" && line.starts_with("source = ") && line != REGISTRY {
            found.push(format!("{place} names another source than crates.io"));
        }
        if file.starts_with(".cargo/") && line.contains("replace-with") {
            found.push(format!("{place} replaces crates.io"));
        }
    }
    found
}

/// Whether an absolute path begins so; `a/wor` + `k/b` is a relative one.
fn names_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || "./-_}>".contains(c))
    })
}

/// Whether somebody wrote unsafe code there. What a macro generates is its author's;
/// the guests live in a sandbox and are meant to be bad.
fn has_unsafe_code(file: &str, text: &str) -> bool {
    let path = Path::new(file);
    let rust = path.extension().is_some_and(|extension| extension == "rs");
    rust && !path.starts_with("tests/guests") && text.lines().any(is_unsafe)
}

fn is_unsafe(line: &str) -> bool {
    let code = line.trim_start();
    !code.starts_with("//")
        && code.match_indices(KEYWORD).any(|(at, _)| {
            let (before, rest) = code.split_at(at);
            let rest = rest.trim_start_matches(KEYWORD).trim_start();
            let word = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
            word && UNSAFE_FORMS.iter().any(|form| rest.starts_with(form))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machine_path_is_found_with_its_place() {
        let text = format!("fine\nlet x = \"{}me/x\";\n", concat!("/hom", "e/"));
        let found = violations("a.rs", &text);
        assert_eq!(found.len(), 1);
        assert!(
            found.iter().all(|line| line.starts_with("a.rs:2 ")),
            "{found:?}"
        );
    }

    #[test]
    fn relative_path_is_no_machine_path() {
        assert!(violations("a.md", concat!("docs/wor", "k/flow.md")).is_empty());
    }

    #[test]
    fn other_registry_is_found_in_the_lock_file() {
        assert!(violations("Cargo.lock", REGISTRY).is_empty());
        let other = "source = \"registry+https://example.com/index\"";
        assert_eq!(violations("Cargo.lock", other).len(), 1);
    }

    #[test]
    fn unsafe_code_is_seen_in_every_form_and_not_in_comments() {
        for form in [
            "{ x() }",
            "fn f()",
            "impl Send for X {}",
            "extern \"C\" {}",
            "(no_mangle)",
        ] {
            assert!(
                has_unsafe_code("host/src/a.rs", &format!("    let x = {KEYWORD} {form}")),
                "{form}"
            );
        }
        assert!(!has_unsafe_code(
            "host/src/a.rs",
            &format!("// {KEYWORD} {{ why }}")
        ));
        assert!(!has_unsafe_code(
            "host/src/a.rs",
            &format!("#![allow({KEYWORD}_code)]")
        ));
        assert!(!has_unsafe_code(
            "tests/guests/examples/a.rs",
            &format!("{KEYWORD} {{}}")
        ));
        assert!(!has_unsafe_code("docs/a.md", &format!("{KEYWORD} {{}}")));
    }
}
