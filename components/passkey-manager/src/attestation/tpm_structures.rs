//! The structures of TPM 2.0 part 2 that a statement holds: TPMT_PUBLIC (section
//! 12.2.4) and TPMS_ATTEST (section 10.12.8), each read to its last byte.

const ALG_RSA: u16 = 0x0001;
const ALG_NULL: u16 = 0x0010;
const ALG_RSAES: u16 = 0x0015;
const ALG_ECDAA: u16 = 0x001a;
const ALG_ECC: u16 = 0x0023;
/// What an exponent of zero stands for.
const DEFAULT_EXPONENT: u32 = 65_537;

/// The public area of a key.
pub(super) struct PublicArea<'a> {
    /// TPM_ALG_ID of the hash in the key's name.
    pub(super) name_algorithm: u16,
    pub(super) id: PublicId<'a>,
}

/// `parameters` and `unique`: which key it is.
pub(super) enum PublicId<'a> {
    Rsa {
        modulus: &'a [u8],
        exponent: u32,
    },
    /// `curve` is a TPM_ECC_CURVE.
    Ecc {
        curve: u16,
        x: &'a [u8],
        y: &'a [u8],
    },
}

/// What a TPM attested.
pub(super) struct Attest<'a> {
    pub(super) magic: u32,
    pub(super) kind: u16,
    pub(super) extra_data: &'a [u8],
    /// Of the TPMS_CERTIFY_INFO in `attested`.
    pub(super) name: &'a [u8],
}

struct Reader<'a>(&'a [u8]);

// === impl PublicArea ===

impl<'a> PublicArea<'a> {
    /// `None` for anything but one RSA or ECC key.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let kind = reader.u16()?;
        let name_algorithm = reader.u16()?;
        // objectAttributes and authPolicy.
        reader.u32()?;
        reader.sized()?;
        // symmetric: AES and its like have a size and a mode.
        if reader.u16()? != ALG_NULL {
            reader.u32()?;
        }
        // scheme: a hash, a count more for ECDAA; RSAES has nothing.
        match reader.u16()? {
            ALG_NULL | ALG_RSAES => {}
            ALG_ECDAA => {
                reader.u32()?;
            }
            _ => {
                reader.u16()?;
            }
        }
        let id = match kind {
            ALG_RSA => {
                // keyBits says what the modulus shows.
                reader.u16()?;
                let exponent = match reader.u32()? {
                    0 => DEFAULT_EXPONENT,
                    exponent => exponent,
                };
                PublicId::Rsa {
                    modulus: reader.sized()?,
                    exponent,
                }
            }
            ALG_ECC => {
                let curve = reader.u16()?;
                // kdf, with a hash if there is one.
                if reader.u16()? != ALG_NULL {
                    reader.u16()?;
                }
                PublicId::Ecc {
                    curve,
                    x: reader.sized()?,
                    y: reader.sized()?,
                }
            }
            _ => return None,
        };
        reader
            .0
            .is_empty()
            .then_some(PublicArea { name_algorithm, id })
    }
}

// === impl Attest ===

impl<'a> Attest<'a> {
    /// `None` for what does not have the form of a certification. Clock, firmware
    /// and signers are ignored, as section 8.3 says.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let magic = reader.u32()?;
        let kind = reader.u16()?;
        // qualifiedSigner.
        reader.sized()?;
        let extra_data = reader.sized()?;
        // clockInfo and firmwareVersion.
        reader.take(17)?;
        reader.take(8)?;
        let name = reader.sized()?;
        // qualifiedName.
        reader.sized()?;
        reader.0.is_empty().then_some(Attest {
            magic,
            kind,
            extra_data,
            name,
        })
    }
}

// === impl Reader ===

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_be_bytes(*bytes))
    }

    fn u32(&mut self) -> Option<u32> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*bytes))
    }

    /// A TPM2B: a length and so many bytes.
    fn sized(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }
}
