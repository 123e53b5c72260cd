//! Statements of the formats that certify more than a signature: each right as it is made,
//! with fields that tests bend.

mod android;
mod apple;
mod compound;
mod tpm;

pub use android::{Android, all_applications, origin, purpose};
pub use apple::{AppleExtension, apple, apple_nonce};
pub use compound::compound_of;
pub use tpm::{Tpm, extended_key_usage, tpm_names, tpm_names_as};
