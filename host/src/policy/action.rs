//! Every action that policy decides on, as a type.
//!
//! The name is that of the Cedar action, of the audit record, and of the
//! function in WIT: `interface.function`. A [`Permit`](super::Permit) carries the
//! action as its type, so that a permit for reading can't be spent on removing.

/// An action of the policy schema.
pub trait Action: Send + Sync + 'static {
    /// The Cedar action id, `interface.function`.
    const NAME: &'static str;
}

macro_rules! actions {
    ($($(#[$doc:meta])* $type:ident = $name:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy)]
            pub enum $type {}
            impl Action for $type {
                const NAME: &'static str = $name;
            }
        )*

        /// The names of all actions that a component or workload can ask for.
        pub const ALL: &[&str] = &[$($name),*];
    };
}

actions! {
    /// `zeropass:store/credentials.insert`
    CredentialsInsert = "credentials.insert";
    /// `zeropass:store/credentials.get`
    CredentialsGet = "credentials.get";
    /// `zeropass:store/credentials.list-for-user`
    CredentialsListForUser = "credentials.list-for-user";
    /// `zeropass:store/credentials.rename`
    CredentialsRename = "credentials.rename";
    /// `zeropass:store/credentials.set-status`
    CredentialsSetStatus = "credentials.set-status";
    /// `zeropass:store/credentials.change`
    CredentialsChange = "credentials.change";
    /// `zeropass:store/credentials.remove`
    CredentialsRemove = "credentials.remove";
    /// `zeropass:store/credentials.record-use`
    CredentialsRecordUse = "credentials.record-use";
    /// `zeropass:store/credentials.typical`
    CredentialsTypical = "credentials.typical";
    /// `zeropass:store/ceremonies.put`
    CeremoniesPut = "ceremonies.put";
    /// `zeropass:store/ceremonies.take`
    CeremoniesTake = "ceremonies.take";
    /// `zeropass:store/accounts.create`
    AccountsCreate = "accounts.create";
    /// `zeropass:store/accounts.activate`
    AccountsActivate = "accounts.activate";
    /// `zeropass:store/accounts.change`
    AccountsChange = "accounts.change";
    /// `zeropass:store/accounts.find-by-id`
    AccountsFindById = "accounts.find-by-id";
    /// `zeropass:store/accounts.find-by-name`
    AccountsFindByName = "accounts.find-by-name";
    /// `zeropass:store/sessions.create`
    SessionsCreate = "sessions.create";
    /// `zeropass:store/sessions.get`
    SessionsGet = "sessions.get";
    /// `zeropass:store/sessions.touch`
    SessionsTouch = "sessions.touch";
    /// `zeropass:store/sessions.revoke`
    SessionsRevoke = "sessions.revoke";
    /// `zeropass:host/relying-party.describe`
    RelyingPartyDescribe = "relying-party.describe";
    /// `zeropass:host/relying-party.pseudonym`
    RelyingPartyPseudonym = "relying-party.pseudonym";
    /// `zeropass:host/relying-party.attestation-anchors`
    RelyingPartyAttestationAnchors = "relying-party.attestation-anchors";
    /// `zeropass:host/relying-party.authenticator`
    RelyingPartyAuthenticator = "relying-party.authenticator";
    /// `zeropass:host/signatures.verify`
    SignaturesVerify = "signatures.verify";
    /// `zeropass:host/tokens.sign`
    TokensSign = "tokens.sign";
    /// `zeropass:host/tokens.verify`
    TokensVerify = "tokens.verify";
    /// `zeropass:host/tokens.keys`
    TokensKeys = "tokens.keys";
    /// `zeropass:passkeys/registration.begin`
    RegistrationBegin = "registration.begin";
    /// `zeropass:passkeys/registration.finish`
    RegistrationFinish = "registration.finish";
    /// `zeropass:passkeys/authentication.begin`
    AuthenticationBegin = "authentication.begin";
    /// `zeropass:passkeys/authentication.finish`
    AuthenticationFinish = "authentication.finish";
    /// `zeropass:passkeys/lifecycle.list`
    LifecycleList = "lifecycle.list";
    /// `zeropass:passkeys/lifecycle.get`
    LifecycleGet = "lifecycle.get";
    /// `zeropass:passkeys/lifecycle.rename`
    LifecycleRename = "lifecycle.rename";
    /// `zeropass:passkeys/lifecycle.suspend`
    LifecycleSuspend = "lifecycle.suspend";
    /// `zeropass:passkeys/lifecycle.resume`
    LifecycleResume = "lifecycle.resume";
    /// `zeropass:passkeys/lifecycle.change`
    LifecycleChange = "lifecycle.change";
    /// `zeropass:passkeys/lifecycle.withdraw`
    LifecycleWithdraw = "lifecycle.withdraw";
    /// `zeropass:passkeys/lifecycle.revoke`
    LifecycleRevoke = "lifecycle.revoke";
    /// Inbound `/v1/registrations`.
    ApiRegistrations = "api.registrations";
    /// Inbound `/v1/authentications`.
    ApiAuthentications = "api.authentications";
    /// Inbound `/v1/users`.
    ApiUsers = "api.users";
    /// Inbound `/v1/sessions`.
    ApiSessions = "api.sessions";
    /// Inbound `/.well-known` and `/openapi.json`.
    ApiMetadata = "api.metadata";
}

macro_rules! operator_actions {
    ($($(#[$doc:meta])* $type:ident = $name:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy)]
            pub enum $type {}
            impl Action for $type {
                const NAME: &'static str = $name;
            }
            impl OperatorAction for $type {}
        )*

        /// The names of all actions that an operator can ask for.
        pub const OPERATOR: &[&str] = &[$($name),*];
    };
}

/// An action of operators. Those named `components.` concern a component, all others
/// the host.
pub trait OperatorAction: Action {}

operator_actions! {
    /// See what a component runs, and its history.
    ComponentsList = "components.list";
    /// Hand in a revision.
    ComponentsPush = "components.push";
    /// Let a revision serve.
    ComponentsActivate = "components.activate";
    /// Return to the revision before.
    ComponentsRollBack = "components.roll-back";
    /// Forget a revision.
    ComponentsRemove = "components.remove";
    /// Read the policy folder again.
    PolicyReload = "policy.reload";
    /// See what the host does.
    HostStatus = "host.status";
    /// Read the host's metrics.
    HostMetrics = "host.metrics";
}
/// The calls that cross a link: all of passkeys, and what auth-service has of the store.
pub const LINK: &[&str] = &[
    RegistrationBegin::NAME,
    RegistrationFinish::NAME,
    AuthenticationBegin::NAME,
    AuthenticationFinish::NAME,
    LifecycleList::NAME,
    LifecycleGet::NAME,
    LifecycleRename::NAME,
    LifecycleSuspend::NAME,
    LifecycleResume::NAME,
    LifecycleChange::NAME,
    LifecycleWithdraw::NAME,
    LifecycleRevoke::NAME,
    AccountsCreate::NAME,
    AccountsActivate::NAME,
    AccountsFindById::NAME,
    AccountsFindByName::NAME,
    SessionsCreate::NAME,
    SessionsGet::NAME,
    SessionsTouch::NAME,
    SessionsRevoke::NAME,
];
/// The inbound actions: the parts of the HTTP API.
pub const API: &[&str] = &[
    ApiRegistrations::NAME,
    ApiAuthentications::NAME,
    ApiUsers::NAME,
    ApiSessions::NAME,
    ApiMetadata::NAME,
];
