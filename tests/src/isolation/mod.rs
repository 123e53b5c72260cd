//! The isolation kit: one component alone under wasmtime, with everything it
//! imports kept in memory. Platform teams test their own revisions with it; the
//! tests of our own components are written on it.
//!
//! What it guarantees: the component runs as in the host, from its file, in a
//! fresh instance for every call and with exactly the imports that its world
//! names; one that imports more does not load. The capabilities behave as their
//! WIT documentation says (single use, expiry, unique ids). Clocks stand still
//! until the test moves them, randomness follows from a seed, and every call to a
//! capability is recorded. [`PasskeyManager::fail_next`] makes a capability fail.
//!
//! What it leaves out: policy, audit, certificates and the SQL stores. Those are
//! the host's, and the end-to-end tests have them.
//!
//! ```no_run
//! use zeropass_tests::isolation::{Authenticator, PasskeyManager, StoreError, Subject, profile, requests};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let kit = PasskeyManager::load("my_passkey_manager.wasm")?;
//! kit.relying_party(profile("login.example.com", &["https://login.example.com"]));
//!
//! // A whole registration, with a software authenticator.
//! let mut key = Authenticator::new();
//! let request = requests::registration("login.example.com", "0190b6c1-6e2a-7d2f-9d3b-0f7a3c5e1a01");
//! let options = kit.registration_begin(request).await?;
//! let response = key.create(&options, "https://login.example.com");
//! kit.registration_finish("login.example.com", &options.ceremony, response, None).await?;
//!
//! // Time passes only when it is told to.
//! let request = requests::authentication("login.example.com", Subject::Anyone);
//! let options = kit.authentication_begin(request.clone()).await?;
//! kit.clock().set(options.expires_at);
//! let response = key.get(&options, "https://login.example.com");
//! let refused = kit.authentication_finish("login.example.com", &options.ceremony, response).await;
//! assert_eq!(refused.unwrap_err().code(), "ceremony-expired");
//!
//! // What the component asked for, and what it does when it gets none.
//! assert_eq!(kit.calls().last().unwrap().to_string(), "ceremonies.take");
//! kit.fail_next("ceremonies.put", StoreError::Busy);
//! let refused = kit.authentication_begin(request).await;
//! assert_eq!(refused.unwrap_err().code(), "busy");
//! # Ok(())
//! # }
//! ```
//!
//! [`AuthService`] does the same for the HTTP API: [`AuthService::request`] takes
//! a request and gives the response, and the link to passkey-manager is a script
//! or a [`PasskeyManager`] (see [`Link`]).

pub mod authenticator;
pub mod replay;
pub mod requests;

mod auth_service;
mod calls;
mod capabilities;
mod component;
mod link;
mod memory;
mod passkey_manager;
mod state;

pub use auth_service::AuthService;
pub use authenticator::Authenticator;
pub use calls::{Call, Failure};
pub use component::{CallError, LoadError, built};
pub use link::{Answer, Link, Question};
pub use passkey_manager::PasskeyManager;
pub use requests::profile;

/// A code's name, as in WIT and in the HTTP API.
pub use zeropass::capabilities::code_name;

/// The WIT types that calls carry, as the host has them.
pub use zeropass::capabilities::bindings::{
    accounts::Account,
    caller::{Identity, ServedParty},
    ceremonies::{Ceremony, Kind, User as CeremonyUser},
    credentials::Credential,
    passkeys::{
        Authenticated, AuthenticationRequest, AuthenticationResponse, Code, CreationOptions,
        Descriptor, Passkey, PasskeyChange, Registered, RegistrationRequest, RegistrationResponse,
        Rejection, Remedy, RequestOptions, Status, Subject, User,
    },
    relying_party::{
        AttestationConveyance, AuthenticatorPolicy, CertificationLevel, CounterPolicy,
        Error as RelyingPartyError, LifecyclePolicy, Model, ModelReport, Profile, ResidentKey,
        UserVerification,
    },
    sessions::Session,
    signatures::Error as SignatureError,
    store::Error as StoreError,
    tokens::Error as TokenError,
};
