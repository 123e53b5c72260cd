//! A request on its way through a handler, with what handlers ask of it.

use crate::{
    base64url,
    host::{Host, Identity, ServedParty},
    http::Request,
    problem::Problem,
    relying_party,
};

/// A request on its way through a handler.
pub struct Call<'a> {
    /// The capabilities.
    pub host: Host<'a>,
    /// Who asks.
    pub caller: &'a Identity,
    /// What they ask.
    pub request: &'a Request,
    pub(crate) params: Vec<&'a str>,
}

// === impl Call ===

impl Call<'_> {
    /// The text at the place of the route's `index`-th braces.
    pub fn param(&self, index: usize) -> &str {
        self.params.get(index).copied().unwrap_or_default()
    }

    /// The ceremony that a path has in its first braces. Text that no ceremony can have
    /// as its id never travels further.
    pub fn ceremony(&self) -> Result<&str, Problem> {
        let ceremony = self.param(0);
        if ceremony.len() <= 128 && base64url::is_valid(ceremony) {
            Ok(ceremony)
        } else {
            Err(Problem::not_found("there is no such ceremony"))
        }
    }

    /// The relying party by a body's `rpId`.
    pub fn relying_party(&self, rp_id: Option<&str>) -> Result<&ServedParty, Problem> {
        relying_party::choose(self.caller, rp_id)
    }

    /// The relying party by the query's `rpId`, where a body has no place for it.
    pub fn relying_party_of_query(&self) -> Result<&ServedParty, Problem> {
        self.relying_party(self.request.query("rpId").as_deref())
    }
}
