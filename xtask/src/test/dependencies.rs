//! Whether `docs/dependencies.md` says of each crate that a manifest asks for why it is
//! there, and of no other.

use std::collections::BTreeSet;

use toml::{Table, Value};

/// The table that must name them all.
pub const TABLE: &str = "docs/dependencies.md";

/// What the table lacks and what it has too much, by the manifests of all packages.
pub fn violations<'a>(table: &str, manifests: impl Iterator<Item = &'a str>) -> Vec<String> {
    let (mut asked, mut declared, mut own) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for manifest in manifests.filter_map(|text| text.parse::<Table>().ok()) {
        let member = |table: &str, member: &str| manifest.get(table)?.get(member).cloned();
        if let Some(Value::String(name)) = member("package", "name") {
            own.insert(name);
        }
        if let Some(Value::Table(of_all)) = member("workspace", "dependencies") {
            declared.extend(of_all.into_iter().map(|(name, _)| name));
        }
        asked.extend(dependencies(&manifest));
    }
    let explained: BTreeSet<String> = explained(table).map(str::to_owned).collect();
    let crates: BTreeSet<String> = asked.difference(&own).cloned().collect();
    let lacking = crates.difference(&explained);
    let too_much = explained.difference(&crates);
    let unused = declared.difference(&asked);
    lacking
        .map(|name| format!("{TABLE} does not say why `{name}` is there"))
        .chain(too_much.map(|name| format!("{TABLE} names `{name}`, which no manifest does")))
        .chain(unused.map(|name| format!("Cargo.toml declares `{name}`, which nobody asks for")))
        .collect()
}

/// The names in a manifest's tables of dependencies, those for one target too.
fn dependencies(manifest: &Table) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (key, value) in manifest {
        let Some(table) = value.as_table() else {
            continue;
        };
        if key.ends_with("dependencies") {
            names.extend(table.keys().cloned());
        } else if key == "target" {
            let targets = table.values().filter_map(Value::as_table);
            names.extend(targets.flat_map(dependencies));
        }
    }
    names
}

/// The names in the first column, each without what stands behind it.
fn explained(table: &str) -> impl Iterator<Item = &str> {
    let rows = table.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.filter_map(|row| row.split('|').next());
    cells
        .filter(|cell| cell.trim() != "crate")
        .flat_map(|cell| cell.split(','))
        .filter_map(|name| name.split_whitespace().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "[workspace.dependencies]\nown = { path = \"own\" }\nserde = \"1\"\n";
    const MEMBER: &str = "[package]\nname = \"own\"\n[dependencies]\nserde.workspace = true\n\
        [target.'cfg(unix)'.dev-dependencies]\nrustix = \"1\"\n[dev-dependencies]\nown = {}\n";

    fn found(table: &str, root: &str) -> Vec<String> {
        violations(table, [root, MEMBER].into_iter())
    }

    #[test]
    fn table_with_every_crate_is_in_order() {
        let table = "| crate | for |\n|---|---|\n| serde 1, rustix (process) | forms |\n";
        assert!(found(table, ROOT).is_empty());
    }

    #[test]
    fn what_is_missing_and_what_is_too_much_is_named() {
        let found = found(
            "| serde, time | forms |\n",
            &format!("{ROOT}uuid = \"1\"\n"),
        );
        assert_eq!(
            found,
            [
                "docs/dependencies.md does not say why `rustix` is there",
                "docs/dependencies.md names `time`, which no manifest does",
                "Cargo.toml declares `uuid`, which nobody asks for",
            ]
        );
    }
}
