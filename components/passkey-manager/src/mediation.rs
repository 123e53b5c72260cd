//! Conditional creation (WebAuthn L3 section 5.1.3): a page adds a passkey right after
//! another kind of sign-in, and nobody is asked. The authenticator then need not have seen
//! the person (section 7.1 step 15).
//!
//! That the page begins one so is kept with the stored ceremony, as one more identifier
//! among those of extensions. What the browser returns can't claim it, and a revision of this
//! component that does not know it passes it over, and asks for the person's presence.

use crate::bindings::ceremonies::Ceremony;

/// What is kept.
const IDENTIFIER: &str = "mediation:conditional";

/// What to keep of a registration that is begun so, or not.
pub fn identifier(conditional: bool) -> Option<String> {
    conditional.then(|| IDENTIFIER.to_owned())
}

/// Whether a registration was begun so.
pub fn is_conditional(ceremony: &Ceremony) -> bool {
    ceremony.extensions.iter().any(|one| one == IDENTIFIER)
}
