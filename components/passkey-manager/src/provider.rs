//! Which product keeps a passkey, by the AAGUID that it states (WebAuthn L3
//! section 6.5.1).
//!
//! A statement, not a proof: without trusted attestation anybody can claim any
//! AAGUID. Good enough for a label, never for a decision.

use uuid::{Uuid, uuid};

use crate::bindings::relying_party::Model;
use crate::host::Host;

/// AAGUIDs and the names under which people know the products: passkey providers as they
/// stand in the community's list of them, which they are asked to put themselves on
/// (compared in November 2026), and Yubico's security keys as Microsoft lists them for
/// Entra ID. Other security keys are named by FIDO metadata.
const PROVIDERS: &[(Uuid, &str)] = &[
    (
        uuid!("fbfc3007-154e-4ecc-8c0b-6e020557d7bd"),
        "Apple Passwords",
    ),
    (
        uuid!("dd4ec289-e01d-41c9-bb89-70fa845d4bf2"),
        "iCloud Keychain (Managed)",
    ),
    (
        uuid!("ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4"),
        "Google Password Manager",
    ),
    (
        uuid!("adce0002-35bc-c60a-648b-0b25f1f05503"),
        "Chrome on Mac",
    ),
    (uuid!("771b48fd-d3d4-4f74-9232-fc157ab0507a"), "Edge on Mac"),
    (
        uuid!("b5397666-4885-aa6b-cebf-e52262a439a2"),
        "Chromium Browser",
    ),
    (
        uuid!("08987058-cadc-4b81-b6e1-30de50dcbe96"),
        "Windows Hello",
    ),
    (
        uuid!("9ddd1817-af5a-4672-a2b9-3e3dd95000a9"),
        "Windows Hello",
    ),
    (
        uuid!("6028b017-b1d4-4c02-b4b3-afcdafc96bb2"),
        "Windows Hello",
    ),
    (
        uuid!("53414d53-554e-4700-0000-000000000000"),
        "Samsung Pass",
    ),
    (uuid!("bada5566-a7aa-401f-bd96-45619a55120d"), "1Password"),
    (uuid!("d548826e-79b4-db40-a3d8-11116f7e8349"), "Bitwarden"),
    (uuid!("531126d6-e717-415c-9320-3d9aa6981239"), "Dashlane"),
    (uuid!("b84e4048-15dc-4dd0-8640-f4f60813c8af"), "NordPass"),
    (uuid!("0ea242b4-43c4-4a1b-8b17-dd6d0b6baec6"), "Keeper"),
    (uuid!("f3809540-7f14-49c1-a8b3-8f813b225541"), "Enpass"),
    (uuid!("50726f74-6f6e-5061-7373-50726f746f6e"), "Proton Pass"),
    (uuid!("fdb141b2-5d84-443e-8a35-4698c205a502"), "KeePassXC"),
    (uuid!("b35a26b2-8f6e-4697-ab1d-d44db4da28c6"), "Zoho Vault"),
    (uuid!("b78a0a55-6ef8-d246-a042-ba0f6d55050c"), "LastPass"),
    (uuid!("de503f9c-21a4-4f76-b4b7-558eb55c6f89"), "Devolutions"),
    (uuid!("39a5647e-1853-446c-a1f6-a79bae9f5bc7"), "IDmelon"),
    (
        uuid!("d3452668-01fd-4c12-926c-83a4204853aa"),
        "Microsoft Password Manager",
    ),
    (
        uuid!("a10c6dd9-465e-4226-8198-c7c44b91c555"),
        "Kaspersky Password Manager",
    ),
    (
        uuid!("fa37f553-f9b6-4adb-ac53-8bbb57ebdf0d"),
        "Norton Password Manager",
    ),
    (
        uuid!("6bb49926-160a-4306-a100-4eb39ba6ac45"),
        "AVG Password Manager",
    ),
    (
        uuid!("a4a2d88e-9796-4356-9164-e2a5a8bd019c"),
        "Avast Password Manager",
    ),
    (
        uuid!("e7db2bd3-f2fe-4d71-ad78-7e7aa166cfd1"),
        "Avira Password Manager",
    ),
    (uuid!("a11a5faa-9f32-4b8c-8c5d-2f7d13e8c942"), "AliasVault"),
    (uuid!("eaecdef2-1c31-5634-8639-f1cbd9c00a08"), "KeePassDX"),
    (uuid!("22248c4c-7a12-46e2-9a41-44291b373a4d"), "LogMeOnce"),
    (
        uuid!("d9be9d39-e6a6-4c28-a581-32b044d986e4"),
        "Sticky Password Manager",
    ),
    (uuid!("45e3057e-b2f9-48ed-912f-9b901e153b16"), "Uniqkey"),
    (uuid!("cb69481e-8ff7-4039-93ec-0a2729a154a8"), "YubiKey 5"),
    (uuid!("ee882879-721c-4913-9775-3dfcce97072a"), "YubiKey 5"),
    (
        uuid!("fa2b99dc-9e39-4257-8f92-4a30d23c4118"),
        "YubiKey 5 NFC",
    ),
    (
        uuid!("2fc0579f-8113-47ea-b116-bb5a8db9202a"),
        "YubiKey 5 NFC",
    ),
    (
        uuid!("73bb0cd4-e502-49b8-9c6f-b59445bf720b"),
        "YubiKey 5 FIPS",
    ),
    (uuid!("c5ef55ff-ad9a-4b9f-b580-adebafe026d0"), "YubiKey 5Ci"),
    (
        uuid!("c1f9a0bc-1dd2-404a-b27f-8e29047a43fd"),
        "YubiKey 5 NFC FIPS",
    ),
    (
        uuid!("85203421-48f9-4355-9bc8-8a53846e5083"),
        "YubiKey 5Ci FIPS",
    ),
    (uuid!("d8522d9f-575b-4866-88a9-ba99fa02f35b"), "YubiKey Bio"),
];

/// The product of an AAGUID, when it is a known one.
pub fn name(aaguid: &[u8]) -> Option<&'static str> {
    PROVIDERS
        .iter()
        .find(|(known, _)| known.as_bytes().as_slice() == aaguid)
        .map(|(_, name)| *name)
}

/// The same, or else the model's name in FIDO metadata. A name is worth no failure: where
/// metadata can't be asked there is none.
pub fn of(host: &impl Host, rp_id: &str, aaguid: &[u8]) -> Option<String> {
    if let Some(name) = name(aaguid) {
        return Some(name.to_owned());
    }
    if aaguid == Uuid::nil().as_bytes() {
        return None;
    }
    let model = Model::Aaguid(aaguid.to_vec());
    host.authenticator(rp_id, &model).ok()??.description
}
