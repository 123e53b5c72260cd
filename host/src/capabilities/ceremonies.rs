//! `zeropass:store/ceremonies`: single use, through the gate into the store.

use super::bindings::ceremonies::{Ceremony, Host, Kind, User};
use super::bindings::relying_party::{AttestationConveyance, ResidentKey, UserVerification};
use super::bindings::store::Error;
use super::state::CallState;
use crate::policy::action;
use crate::store::{self, CeremonyUser as StoredUser};

impl Host for CallState {
    async fn put(&mut self, ceremony: Ceremony) -> Result<(), Error> {
        let permit = self
            .context
            .permit::<action::CeremoniesPut>(&ceremony.rp_id)?;
        let store = &self.context.services.store;
        Ok(store.ceremonies_put(permit, ceremony.into()).await?)
    }

    async fn take(&mut self, rp_id: String, id: String, kind: Kind) -> Result<Ceremony, Error> {
        let permit = self.context.permit::<action::CeremoniesTake>(&rp_id)?;
        let store = &self.context.services.store;
        let ceremony = store.ceremonies_take(permit, id, kind.into()).await?;
        if let Some(user) = &ceremony.user {
            self.context.attempts(&user.id);
        }
        Ok(ceremony.into())
    }
}

/// Enumerations that have the same names on both sides.
macro_rules! convert_words {
    ($wit:ident, $store:path, $($variant:ident),+) => {
        impl From<$wit> for $store {
            fn from(value: $wit) -> Self {
                match value { $($wit::$variant => Self::$variant),+ }
            }
        }
        impl From<$store> for $wit {
            fn from(value: $store) -> Self {
                match value { $(<$store>::$variant => Self::$variant),+ }
            }
        }
    };
}
convert_words!(Kind, store::CeremonyKind, Registration, Authentication);
convert_words!(
    UserVerification,
    store::UserVerification,
    Required,
    Preferred,
    Discouraged
);
convert_words!(
    ResidentKey,
    store::ResidentKey,
    Required,
    Preferred,
    Discouraged
);
convert_words!(
    AttestationConveyance,
    store::AttestationConveyance,
    None,
    Indirect,
    Direct,
    Enterprise
);

macro_rules! convert_ceremony {
    ($from:ty => $to:ty, $user:ident) => {
        impl From<$from> for $to {
            fn from(ceremony: $from) -> Self {
                Self {
                    id: ceremony.id,
                    rp_id: ceremony.rp_id,
                    kind: ceremony.kind.into(),
                    challenge: ceremony.challenge,
                    expires_at: ceremony.expires_at,
                    user: ceremony.user.map(|user| $user {
                        id: user.id,
                        name: user.name,
                        display_name: user.display_name,
                    }),
                    user_verification: ceremony.user_verification.into(),
                    resident_key: ceremony.resident_key.into(),
                    attestation: ceremony.attestation.into(),
                    algorithms: ceremony.algorithms,
                    credentials: ceremony.credentials,
                    extensions: ceremony.extensions,
                }
            }
        }
    };
}
convert_ceremony!(Ceremony => store::Ceremony, StoredUser);
convert_ceremony!(store::Ceremony => Ceremony, User);
