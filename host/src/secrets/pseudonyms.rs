//! Values that look random and always come out the same.

use aws_lc_rs::hmac;

/// HMAC-SHA-256 under the deployment's pseudonym key.
pub struct Pseudonyms(hmac::Key);

// === impl Pseudonyms ===

impl Pseudonyms {
    /// Pseudonyms under `key`.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// 32 bytes for these three words. Each goes in with its length, so that no
    /// two triples run into each other.
    pub fn derive(&self, rp_id: &str, purpose: &str, input: &str) -> Vec<u8> {
        let mut message = Vec::new();
        for part in [rp_id, purpose, input] {
            message.extend_from_slice(&(part.len() as u64).to_be_bytes());
            message.extend_from_slice(part.as_bytes());
        }
        hmac::sign(&self.0, &message).as_ref().to_vec()
    }
}

impl std::fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pseudonyms(...)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stable_and_distinct() {
        let pseudonyms = Pseudonyms::new(&[1; 32]);
        assert_eq!(
            pseudonyms.derive("a", "b", "c"),
            pseudonyms.derive("a", "b", "c")
        );
        assert_ne!(
            pseudonyms.derive("a", "b", "c"),
            pseudonyms.derive("ab", "", "c")
        );
        assert_ne!(
            pseudonyms.derive("a", "b", "c"),
            Pseudonyms::new(&[2; 32]).derive("a", "b", "c")
        );
    }
}
