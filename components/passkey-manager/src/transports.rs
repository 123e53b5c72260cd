//! Transports and hints: short tokens that pass through this component.
//!
//! WebAuthn L3 section 5.8.4 tells a relying party to keep transports that it
//! does not know, so only their form is checked.

use crate::bindings::Rejection;
use crate::rejection::malformed;

const MAX_TOKENS: usize = 16;
const MAX_TOKEN_LENGTH: usize = 32;

/// A list of tokens such as `internal` or `smart-card`, without repetitions, in
/// the order given.
///
/// # Errors
/// `malformed` for more than 16 tokens, or one that is not 1 to 32 letters,
/// digits and hyphens in ASCII.
pub fn parse(what: &str, given: &[String]) -> Result<Vec<String>, Rejection> {
    if given.len() > MAX_TOKENS {
        return Err(malformed(format!(
            "{} {what} were given, and at most {MAX_TOKENS} are accepted",
            given.len()
        )));
    }
    let mut tokens: Vec<String> = Vec::with_capacity(given.len());
    for token in given {
        let well_formed = (1..=MAX_TOKEN_LENGTH).contains(&token.len())
            && token
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !well_formed {
            return Err(malformed(format!(
                "one of the {what} is not 1 to {MAX_TOKEN_LENGTH} letters, digits and hyphens"
            )));
        }
        if !tokens.contains(token) {
            tokens.push(token.clone());
        }
    }
    Ok(tokens)
}
