//! The body of a change of a person's names.

use serde_json::Value;

use super::{
    object::{Malformed, Object},
    text,
};
use crate::host::AccountChange;

/// The body of `PATCH /v1/users/{user}`: something changes.
pub struct Change(pub AccountChange);

// === impl Change ===

impl Change {
    /// Read the body.
    pub fn read(body: &Value) -> Result<Self, Malformed> {
        let root = Object::root(body)?;
        root.only(&["name", "displayName"])?;
        let change = AccountChange {
            name: text::optional(&root, "name")?.map(str::to_owned),
            display_name: text::optional(&root, "displayName")?.map(str::to_owned),
        };
        if change.name.is_none() && change.display_name.is_none() {
            return Err(Malformed::new("body", "neither name nor displayName"));
        }
        Ok(Self(change))
    }
}
