//! The one memory behind all interfaces.

use std::cell::RefCell;

use crate::Component;
use crate::bindings::exports::zeropass::host::relying_party::Profile;
use crate::bindings::exports::zeropass::standalone::setup;
use crate::bindings::exports::zeropass::store::ceremonies::Ceremony;
use crate::bindings::exports::zeropass::store::credentials::Credential;

/// Everything that is kept.
#[derive(Default)]
pub struct Memory {
    pub profile: Option<Profile>,
    pub anchors: Vec<Vec<u8>>,
    pub credentials: Vec<Credential>,
    /// With whether they were taken.
    pub ceremonies: Vec<(Ceremony, bool)>,
}

thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::default();
}

/// Look at the memory, or change it. Nothing calls back from inside.
pub fn with<T>(look: impl FnOnce(&mut Memory) -> T) -> T {
    MEMORY.with_borrow_mut(look)
}

impl setup::Guest for Component {
    fn start(profile: Profile, anchors: Vec<Vec<u8>>) {
        with(|memory| {
            *memory = Memory {
                profile: Some(profile),
                anchors,
                ..Memory::default()
            };
        });
    }
}
