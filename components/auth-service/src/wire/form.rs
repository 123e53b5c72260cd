//! Form bodies of the session endpoints (RFC 7662 section 2.1, RFC 7009
//! section 2.1).

use super::object::Malformed;

/// The `token` of a form. Other parameters, such as `token_type_hint`, are for
/// servers with several kinds of token.
pub fn token(body: &[u8]) -> Result<String, Malformed> {
    let mut tokens = form_urlencoded::parse(body).filter(|(key, _)| key == "token");
    match (tokens.next(), tokens.next()) {
        (None, _) => Err(Malformed::new("token", "missing")),
        // RFC 6749 section 3.2: no parameter more than once.
        (Some(_), Some(_)) => Err(Malformed::new("token", "more than once")),
        (Some((_, token)), None) if token.is_empty() => Err(Malformed::new("token", "empty")),
        (Some((_, token)), None) => Ok(token.into_owned()),
    }
}
