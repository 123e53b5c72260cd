//! Values as TOML has them.

use std::path::Path;

pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

pub(super) fn path(path: &Path) -> String {
    quoted(path.to_str().expect("a path that is text"))
}
