//! passkey-manager's code natively.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use passkey_manager::bindings::authentication::Response as NativeResponse;
use zeropass::secrets::Pseudonyms;

use super::{CEREMONY, CHALLENGE, ceremony};
use crate::authenticator::Authenticator;
use crate::native;
use crate::subject::{RP_ID, clock, profile};

pub(super) struct Unsandboxed {
    pseudonyms: Pseudonyms,
    ceremony: passkey_manager::bindings::ceremonies::Ceremony,
    credential: passkey_manager::bindings::credentials::Credential,
    response: NativeResponse,
}

impl Unsandboxed {
    pub(super) fn new(authenticator: &Authenticator) -> anyhow::Result<Self> {
        let signed = authenticator.sign(&CHALLENGE)?;
        Ok(Self {
            pseudonyms: Pseudonyms::new(&[1; 32]),
            ceremony: native::ceremony(ceremony(authenticator).into()),
            credential: native::credential(authenticator.credential()?),
            response: NativeResponse {
                id: URL_SAFE_NO_PAD.encode(&authenticator.id),
                raw_id: authenticator.id.clone(),
                client_data_json: signed.client_data_json,
                authenticator_data: signed.authenticator_data,
                signature: signed.signature,
                user_handle: Some(authenticator.user_id.as_bytes().to_vec()),
                client_extension_results: "{}".into(),
            },
        })
    }

    pub(super) fn finish(&self) -> anyhow::Result<()> {
        let mut host =
            native::Values::new(native::profile(profile()), &self.pseudonyms, clock().now());
        host.credentials = vec![self.credential.clone()];
        host.ceremony.replace(Some(self.ceremony.clone()));
        match passkey_manager::authentication::finish(&host, RP_ID, CEREMONY, self.response.clone())
        {
            Ok(_) => Ok(()),
            Err(rejection) => anyhow::bail!("refused: {}", rejection.detail),
        }
    }
}
