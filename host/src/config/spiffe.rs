//! SPIFFE names as they stand in the configuration (SPIFFE-ID section 2).
//!
//! Only their syntax: whether a certificate carries such a name is for
//! `identity` to say, which has its own strict type.

use std::fmt;

use super::format::Parsed;

/// A trust domain name, for example `zeropass.internal`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TrustDomain(String);

/// The SPIFFE id of a workload: a trust domain and a path that is not empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WorkloadId {
    text: String,
    trust_domain: TrustDomain,
}

pub(super) const TRUST_DOMAIN: Parsed<TrustDomain> = Parsed {
    expected: "a SPIFFE trust domain name such as \"zeropass.internal\"",
    parse: TrustDomain::parse,
};

pub(super) const WORKLOAD_ID: Parsed<WorkloadId> = Parsed {
    expected: "a workload's SPIFFE id such as \"spiffe://zeropass.internal/workload/relying-party\"",
    parse: WorkloadId::parse,
};

const TRUST_DOMAIN_MAX: usize = 255;
const ID_MAX: usize = 2048;

// === impl TrustDomain ===

impl TrustDomain {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with("spiffe://") {
            return Err("it is written without \"spiffe://\"".to_owned());
        }
        if text.is_empty() || text.len() > TRUST_DOMAIN_MAX {
            return Err(format!("it has 1 to {TRUST_DOMAIN_MAX} bytes"));
        }
        match text
            .chars()
            .find(|letter| !matches!(letter, 'a'..='z' | '0'..='9' | '.' | '-' | '_'))
        {
            Some(letter) => Err(format!("it has no {letter:?}, only a-z, 0-9, \".-_\"")),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl WorkloadId ===

impl WorkloadId {
    /// The whole id as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part between `spiffe://` and the path.
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// Where the PKI of zeropass puts a component.
    pub(super) fn component(trust_domain: &TrustDomain, name: &str) -> Self {
        Self {
            text: format!("spiffe://{trust_domain}/component/{name}"),
            trust_domain: trust_domain.clone(),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        if text.len() > ID_MAX {
            return Err(format!("it has at most {ID_MAX} bytes"));
        }
        let rest = text
            .strip_prefix("spiffe://")
            .ok_or("it starts with \"spiffe://\"")?;
        let (domain, path) = rest
            .split_once('/')
            .ok_or("a path must follow the trust domain")?;
        let trust_domain = TrustDomain::parse(domain)
            .map_err(|because| format!("its trust domain {domain:?}: {because}"))?;
        for segment in path.split('/') {
            let plain = segment
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "._-".contains(letter));
            if matches!(segment, "" | "." | "..") || !plain {
                return Err(format!("its path can't have the segment {segment:?}"));
            }
        }
        Ok(Self {
            text: text.to_owned(),
            trust_domain,
        })
    }
}

impl fmt::Display for WorkloadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workload_id_has_a_trust_domain_and_a_clean_path() {
        let id = WorkloadId::parse("spiffe://zeropass.internal/shop/web-1").unwrap();
        assert_eq!(id.trust_domain().as_str(), "zeropass.internal");
        assert_eq!(id.as_str(), "spiffe://zeropass.internal/shop/web-1");
        for wrong in [
            "",
            "zeropass.internal/shop",
            "https://zeropass.internal/shop",
            "SPIFFE://zeropass.internal/shop",
            "spiffe://zeropass.internal",
            "spiffe://zeropass.internal/",
            "spiffe:///shop",
            "spiffe://Zeropass.internal/shop",
            "spiffe://zeropass.internal:8443/shop",
            "spiffe://user@zeropass.internal/shop",
            "spiffe://zeropass.internal/shop/",
            "spiffe://zeropass.internal/shop//web",
            "spiffe://zeropass.internal/../shop",
            "spiffe://zeropass.internal/shop?a=b",
            "spiffe://zeropass.internal/sh%6Fp",
        ] {
            assert!(WorkloadId::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn trust_domain_is_lower_case_and_bare() {
        assert!(TrustDomain::parse("zeropass.internal").is_ok());
        for wrong in [
            "",
            "Zeropass",
            "zero pass",
            "spiffe://zeropass.internal",
            "a/b",
        ] {
            assert!(TrustDomain::parse(wrong).is_err(), "{wrong:?}");
        }
        assert!(TrustDomain::parse(&"a".repeat(256)).is_err());
    }
}
