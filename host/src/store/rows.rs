//! Rows to what they mean, alike for all databases.

use sqlx::FromRow;

use super::columns::{Columns, byte_list, decode, decode_some, list, word};
use super::lockout::Counted;
use super::rollouts::{
    Artifact, CanaryState, HistoryEntry, HostReport, Present, RevisionInfo, RolloutState, Vouched,
};
use super::{
    Account, AccountStatus, AttestationConveyance, Ceremony, CeremonyKind, CeremonyUser,
    Credential, CredentialStatus, ResidentKey, Session, StoredRecord, UserVerification,
};

/// A row that was found, or what stands in for it so that finding nothing is no less work.
pub(super) struct Found<T> {
    found: bool,
    row: T,
}

// === impl Found ===

impl<T> Found<T> {
    /// The row, unless it is a stand-in.
    pub(super) fn real(self) -> Option<T> {
        self.found.then_some(self.row)
    }
}

impl<'r, R: Columns, T: FromRow<'r, R>> FromRow<'r, R> for Found<T> {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self {
            found: row.flag("found")?,
            row: T::from_row(row)?,
        })
    }
}

// === impl Credential ===

impl<'r, R: Columns> FromRow<'r, R> for Credential {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self {
            rp_id: row.text("rp_id")?,
            user_id: row.text("user_id")?,
            id: row.bytes("id")?,
            label: row.text("label")?,
            status: word(row, "status", CredentialStatus::from_word)?,
            created_at: decode(row, "created_at")?,
            last_used_at: decode_some(row, "last_used_at")?,
            public_key: row.bytes("public_key")?,
            algorithm: decode(row, "algorithm")?,
            sign_count: decode(row, "sign_count")?,
            aaguid: row.bytes("aaguid")?,
            transports: list(row, "transports")?,
            backup_eligible: row.flag("backup_eligible")?,
            backup_state: row.flag("backup_state")?,
            user_verified: row.flag("user_verified")?,
            discoverable: row.some_flag("discoverable")?,
            attestation_format: row.text("attestation_format")?,
            suspended_at: decode_some(row, "suspended_at")?,
            clone_alarm_at: decode_some(row, "clone_alarm_at")?,
        })
    }
}

// === impl Ceremony ===

impl<'r, R: Columns> FromRow<'r, R> for Ceremony {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let user = match row.some_text("user_id")? {
            Some(id) => Some(CeremonyUser {
                id,
                name: row.text("user_name")?,
                display_name: row.text("user_display_name")?,
            }),
            None => None,
        };
        Ok(Self {
            id: row.text("id")?,
            rp_id: row.text("rp_id")?,
            kind: word(row, "kind", CeremonyKind::from_word)?,
            challenge: row.bytes("challenge")?,
            expires_at: decode(row, "expires_at")?,
            user,
            user_verification: word(row, "user_verification", UserVerification::from_word)?,
            resident_key: word(row, "resident_key", ResidentKey::from_word)?,
            attestation: word(row, "attestation", AttestationConveyance::from_word)?,
            algorithms: list(row, "algorithms")?,
            credentials: byte_list(row, "credentials")?,
            extensions: list(row, "extensions")?,
        })
    }
}

// === impl Account ===

impl<'r, R: Columns> FromRow<'r, R> for Account {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.text("id")?,
            rp_id: row.text("rp_id")?,
            name: row.text("name")?,
            display_name: row.text("display_name")?,
            status: word(row, "status", AccountStatus::from_word)?,
            created_at: decode(row, "created_at")?,
        })
    }
}

// === impl Session ===

impl<'r, R: Columns> FromRow<'r, R> for Session {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.text("id")?,
            rp_id: row.text("rp_id")?,
            user_id: row.text("user_id")?,
            credential_id: row.bytes("credential_id")?,
            created_at: decode(row, "created_at")?,
            expires_at: decode(row, "expires_at")?,
            revoked_at: decode_some(row, "revoked_at")?,
            user_verified: row.flag("user_verified")?,
            last_used_at: decode(row, "last_used_at")?,
        })
    }
}

// === impl StoredRecord ===

impl<'r, R: Columns> FromRow<'r, R> for StoredRecord {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self {
            seq: decode(row, "seq")?,
            time: decode(row, "time")?,
            request_id: row.text("request_id")?,
            workload: row.text("workload")?,
            address: row.text("address")?,
            component_name: row.text("component_name")?,
            component_digest: row.text("component_digest")?,
            component_revision: row.text("component_revision")?,
            action: row.text("action")?,
            relying_party: row.text("relying_party")?,
            target: row.text("target")?,
            outcome: row.text("outcome")?,
            policies: list(row, "policies")?,
        })
    }
}

// === revisions and rollouts ===

impl<'r, R: Columns> FromRow<'r, R> for Artifact {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self {
            info: RevisionInfo::from_row(row)?,
            wasm: row.bytes("wasm")?.into(),
            minisig: row.text("minisig")?,
        })
    }
}

impl<'r, R: Columns> FromRow<'r, R> for RevisionInfo {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self {
            component: row.text("component")?,
            digest: row.text("digest")?,
            version: row.text("version")?,
            size: decode(row, "size")?,
            pushed_at: decode(row, "pushed_at")?,
            pushed_by: row.text("pushed_by")?,
        })
    }
}

impl<'r, R: Columns> FromRow<'r, R> for RolloutState {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let digest = row.some_text("canary")?;
        let weight: Option<u8> = decode_some(row, "canary_weight")?;
        Ok(Self {
            component: row.text("component")?,
            epoch: decode(row, "epoch")?,
            stable: row.text("stable")?,
            canary: digest
                .zip(weight)
                .map(|(digest, weight)| CanaryState { digest, weight }),
            predecessors: list(row, "predecessors")?,
        })
    }
}

/// A rollout beside one of the revisions that it names, if any is there.
pub(super) struct Beside {
    state: RolloutState,
    vouched: Option<Vouched>,
}

impl<'r, R: Columns> FromRow<'r, R> for Beside {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let vouched = match row.some_text("digest")? {
            Some(digest) => Some(Vouched {
                digest,
                version: row.text("version")?,
                minisig: row.text("minisig")?,
            }),
            None => None,
        };
        Ok(Self {
            state: RolloutState::from_row(row)?,
            vouched,
        })
    }
}

/// The one rollout of its rows.
pub(super) fn present(rows: Vec<Beside>) -> Option<Present> {
    let state = rows.first()?.state.clone();
    let vouched = rows.into_iter().filter_map(|row| row.vouched).collect();
    Some(Present { state, vouched })
}

impl<'r, R: Columns> FromRow<'r, R> for HistoryEntry {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self {
            component: row.text("component")?,
            epoch: decode(row, "epoch")?,
            time: decode(row, "time")?,
            who: row.text("who")?,
            what: row.text("what")?,
            from: row.text("from_digest")?,
            to: row.text("to_digest")?,
            why: row.text("why")?,
        })
    }
}

impl<'r, R: Columns> FromRow<'r, R> for HostReport {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        Ok(Self {
            host: row.text("host")?,
            component: row.text("component")?,
            epoch: decode(row, "epoch")?,
            stable: row.text("stable")?,
            canary: row.some_text("canary")?,
            problem: row.text("problem")?,
            seen_at: decode(row, "seen_at")?,
        })
    }
}

// === impl Counted ===

impl<'r, R: Columns> FromRow<'r, R> for Counted {
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let count = row.number("count")?;
        Ok(Self {
            count: u32::try_from(count).unwrap_or(u32::MAX),
            since: decode(row, "since")?,
            locked_until: decode_some(row, "locked_until")?,
        })
    }
}
