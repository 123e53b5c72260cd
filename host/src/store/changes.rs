//! What a store changes: one type for each change, with its arguments, which are checked by
//! then. How a database makes it is beside its statements ([`Applies`]).
//!
//! [`Applies`]: super::job::Applies

use super::job::Change;
use super::rollouts::{Artifact, HistoryEntry, HostReport, RolloutState};
use super::{
    Account, AccountChange, Ceremony, CeremonyKind, Credential, CredentialChange, CredentialUse,
    Failed, LockoutPolicy, Session,
};
use crate::clock::Timestamp;

pub struct InsertCredential {
    pub credential: Credential,
    pub only_first: bool,
}

pub struct RenameCredential {
    pub rp_id: String,
    pub user_id: String,
    pub id: Vec<u8>,
    pub label: String,
}

pub struct AlterCredential {
    pub rp_id: String,
    pub user_id: String,
    pub id: Vec<u8>,
    pub to: CredentialChange,
    pub now: Timestamp,
}

pub struct RemoveCredential {
    pub rp_id: String,
    pub user_id: String,
    pub id: Vec<u8>,
    pub keep_last: bool,
}

pub struct RecordUse {
    pub rp_id: String,
    pub id: Vec<u8>,
    pub recorded: CredentialUse,
    pub now: Timestamp,
}

pub struct PutCeremony(pub Ceremony);

pub struct TakeCeremony {
    pub rp_id: String,
    pub id: String,
    pub kind: CeremonyKind,
    pub now: Timestamp,
}

pub struct CreateAccount(pub Account);

pub struct ActivateAccount {
    pub rp_id: String,
    pub id: String,
}

pub struct AlterAccount {
    pub rp_id: String,
    pub id: String,
    pub to: AccountChange,
}

pub struct CreateSession(pub Session);

pub struct TouchSession {
    pub rp_id: String,
    pub id: String,
    pub now: Timestamp,
    /// Milliseconds that the session may rest.
    pub idle: u64,
}

pub struct RevokeSession {
    pub rp_id: String,
    pub id: String,
    pub now: Timestamp,
}

pub struct CountFailure {
    pub rp_id: String,
    pub subject: String,
    pub policy: LockoutPolicy,
    pub now: Timestamp,
}

/// Answers whether the revision is a new one. If not, its signature takes the place of this
/// one.
pub struct PushRevision(pub Artifact, pub Option<String>);

pub struct RemoveRevision {
    pub component: String,
    pub digest: String,
}

pub struct SetRollout(pub RolloutState, pub HistoryEntry);

pub struct ReportHost(pub HostReport);

macro_rules! answers {
    ($($change:ty => $output:ty),* $(,)?) => {
        $(impl Change for $change {
            type Output = $output;
        })*
    };
}

/// Only the answer names it, and only another request can take it.
impl Change for PutCeremony {
    type Output = ();
    const PROMISED: bool = true;
}

answers! {
    InsertCredential => (),
    RenameCredential => Credential,
    AlterCredential => Credential,
    RemoveCredential => (),
    RecordUse => Credential,
    TakeCeremony => Ceremony,
    CreateAccount => Account,
    ActivateAccount => Account,
    AlterAccount => Account,
    CreateSession => Session,
    TouchSession => Session,
    RevokeSession => (),
    CountFailure => Failed,
    PushRevision => bool,
    RemoveRevision => (),
    SetRollout => (),
    ReportHost => (),
}
