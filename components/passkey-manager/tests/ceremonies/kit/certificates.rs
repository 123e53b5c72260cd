//! Certificates of a test maker of authenticators.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, DnValue, IsCa,
    Issuer, KeyUsagePurpose, PublicKeyData,
};

use super::TestKey;

/// A certificate authority: a root, or an intermediate of another.
pub struct Authority {
    params: CertificateParams,
    key: TestKey,
    pub der: Vec<u8>,
}

impl Authority {
    pub fn root(algorithm: i32) -> Self {
        Authority::root_with(algorithm, |_| {})
    }

    pub fn root_with(algorithm: i32, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = TestKey::generate(algorithm);
        let mut params = authority("Test Root");
        change(&mut params);
        let der = params.self_signed(&key).unwrap().der().to_vec();
        Authority { params, key, der }
    }

    /// An authority below this one.
    pub fn intermediate(
        &self,
        algorithm: i32,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Self {
        let key = TestKey::generate(algorithm);
        let mut params = authority("Test Intermediate");
        change(&mut params);
        let der = self.issue(&params, &key);
        Authority { params, key, der }
    }

    /// A certificate about `key`.
    pub fn issue(&self, params: &CertificateParams, key: &impl PublicKeyData) -> Vec<u8> {
        let issuer = Issuer::from_params(&self.params, &self.key);
        params.signed_by(key, &issuer).unwrap().der().to_vec()
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject(&[(DnType::CommonName, name)]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

pub fn subject(attributes: &[(DnType, &str)]) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    for (kind, text) in attributes {
        name.push(kind.clone(), DnValue::Utf8String((*text).to_owned()));
    }
    name
}

/// A certificate that is no authority.
pub fn leaf() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject(&[(DnType::CommonName, "Test Leaf")]);
    params.is_ca = IsCa::ExplicitNoCa;
    params
}

/// L3 section 8.2.1.
pub fn packed_leaf() -> CertificateParams {
    let mut params = leaf();
    params.distinguished_name = subject(&[
        (DnType::CountryName, "SE"),
        (DnType::OrganizationName, "Test Maker"),
        (DnType::OrganizationalUnitName, "Authenticator Attestation"),
        (DnType::CommonName, "Test Model"),
    ]);
    params
}

/// DER by hand, for extensions.
pub mod der {
    use super::CustomExtension;

    pub fn tlv(tag: &[u8], contents: &[u8]) -> Vec<u8> {
        let length = contents.len();
        let length = match length {
            0..=0x7f => vec![u8::try_from(length).unwrap()],
            0x80..=0xff => vec![0x81, u8::try_from(length).unwrap()],
            _ => vec![
                0x82,
                u8::try_from(length >> 8).unwrap(),
                u8::try_from(length & 0xff).unwrap(),
            ],
        };
        [tag, &length, contents].concat()
    }

    pub fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
        tlv(&[0x30], &parts.concat())
    }

    pub fn octets(bytes: &[u8]) -> Vec<u8> {
        tlv(&[4], bytes)
    }

    pub fn integer(number: u8) -> Vec<u8> {
        tlv(&[2], &[number])
    }

    pub fn extension(oid: &[u64], critical: bool, contents: Vec<u8>) -> CustomExtension {
        let mut extension = CustomExtension::from_oid_content(oid, contents);
        extension.set_criticality(critical);
        extension
    }
}
