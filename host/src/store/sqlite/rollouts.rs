//! Revisions and rollouts in SQLite.

use async_trait::async_trait;
use sqlx::{Sqlite, SqliteConnection};

use super::{SqliteDatabase, unavailable};
use crate::audit::{Record, Trail};
use crate::store::Error;
use crate::store::changes::{PushRevision, RemoveRevision, ReportHost, SetRollout};
use crate::store::columns::{time, to_list};
use crate::store::job::{Applies, Failure};
use crate::store::rollouts::{
    Artifact, HistoryEntry, HostReport, Present, RevisionInfo, RolloutState, Rollouts,
};
use crate::store::rows::present;

const PUSH: &str = "
    INSERT INTO revisions (component, digest, version, wasm, minisig, pushed_at, pushed_by)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
    ON CONFLICT (component, digest) DO NOTHING";

/// The bytes are the same; what is said about them may be newer.
const SIGN_ANEW: &str = "
    UPDATE revisions SET version = ?3, minisig = ?4
    WHERE component = ?1 AND digest = ?2 AND minisig = ?5";

const SIGNATURE: &str = "SELECT minisig FROM revisions WHERE component = ?1 AND digest = ?2";

const INFO: &str = "component, digest, version, length(wasm) AS size, pushed_at, pushed_by";

const REMOVE: &str = "DELETE FROM revisions WHERE component = ?1 AND digest = ?2";

/// Without the files: they stand behind what is asked for here.
const PRESENT: &str = "
    SELECT rollouts.*, digest, version, minisig FROM rollouts
    LEFT JOIN revisions ON revisions.component = rollouts.component
        AND digest IN (stable, canary, json_extract(predecessors, '$[#-1]'))
    WHERE rollouts.component = ?1";

const BEGIN: &str = "
    INSERT INTO rollouts (component, epoch, stable, canary, canary_weight, predecessors)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (component) DO NOTHING";

const ADVANCE: &str = "
    UPDATE rollouts SET epoch = ?2, stable = ?3, canary = ?4, canary_weight = ?5, predecessors = ?6
    WHERE component = ?1 AND epoch = ?2 - 1";

/// A line of history, if the state before is of the epoch before and all is there that
/// shall serve.
const ENTER: &str = "
    INSERT INTO rollout_history (component, epoch, time, who, what, from_digest, to_digest, why)
    SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8
    WHERE ?2 - 1 = coalesce((SELECT epoch FROM rollouts WHERE component = ?1), 0)
        AND ?11 = (SELECT count(*) FROM revisions
            WHERE component = ?1 AND (digest = ?9 OR digest = ?10))";

/// Whether the state before is of the epoch before.
const FOLLOWS: &str =
    "SELECT ?2 - 1 = coalesce((SELECT epoch FROM rollouts WHERE component = ?1), 0)";

const HISTORY: &str =
    "SELECT * FROM rollout_history WHERE component = ?1 ORDER BY epoch DESC LIMIT ?2";

const REPORT: &str = "
    INSERT INTO rollout_hosts (host, component, epoch, stable, canary, problem, seen_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
    ON CONFLICT (host, component) DO UPDATE SET epoch = ?3, stable = ?4, canary = ?5,
        problem = ?6, seen_at = ?7";

#[async_trait]
impl Rollouts for SqliteDatabase {
    async fn revision_push(
        &self,
        trail: &Trail,
        record: Record,
        artifact: Artifact,
        instead_of: Option<String>,
    ) -> Result<bool, Error> {
        self.writer
            .enter(trail, record, PushRevision(artifact, instead_of))
            .await
    }

    async fn revision_signature(&self, component: &str, digest: &str) -> Result<String, Error> {
        sqlx::query_scalar(SIGNATURE)
            .bind(component)
            .bind(digest)
            .fetch_optional(&self.readers)
            .await
            .map_err(unavailable)?
            .ok_or(Error::NotFound)
    }

    async fn revision_get(&self, component: &str, digest: &str) -> Result<Artifact, Error> {
        sqlx::query_as(
            "SELECT *, length(wasm) AS size FROM revisions WHERE component = ?1 AND digest = ?2",
        )
        .bind(component)
        .bind(digest)
        .fetch_optional(&self.readers)
        .await
        .map_err(unavailable)?
        .ok_or(Error::NotFound)
    }

    async fn revision_list(&self, component: &str) -> Result<Vec<RevisionInfo>, Error> {
        let select =
            format!("SELECT {INFO} FROM revisions WHERE component = ?1 ORDER BY pushed_at, rowid");
        sqlx::query_as(sqlx::AssertSqlSafe(select))
            .bind(component)
            .fetch_all(&self.readers)
            .await
            .map_err(unavailable)
    }

    async fn revision_remove(
        &self,
        trail: &Trail,
        record: Record,
        component: &str,
        digest: &str,
    ) -> Result<(), Error> {
        let change = RemoveRevision {
            component: component.to_owned(),
            digest: digest.to_owned(),
        };
        self.writer.enter(trail, record, change).await
    }

    async fn rollout_get(&self, component: &str) -> Result<Option<RolloutState>, Error> {
        sqlx::query_as("SELECT * FROM rollouts WHERE component = ?1")
            .bind(component)
            .fetch_optional(&self.readers)
            .await
            .map_err(unavailable)
    }

    async fn rollout_present(&self, component: &str) -> Result<Option<Present>, Error> {
        sqlx::query_as(PRESENT)
            .bind(component)
            .fetch_all(&self.readers)
            .await
            .map(present)
            .map_err(unavailable)
    }

    async fn rollout_set(
        &self,
        trail: &Trail,
        record: Record,
        state: RolloutState,
        entry: HistoryEntry,
    ) -> Result<(), Error> {
        self.writer
            .enter(trail, record, SetRollout(state, entry))
            .await
    }

    async fn rollout_history(
        &self,
        component: &str,
        limit: u32,
    ) -> Result<Vec<HistoryEntry>, Error> {
        sqlx::query_as(HISTORY)
            .bind(component)
            .bind(limit)
            .fetch_all(&self.readers)
            .await
            .map_err(unavailable)
    }

    async fn host_report(&self, report: HostReport) -> Result<(), Error> {
        self.writer.run(&Trail::new(), ReportHost(report)).await
    }

    async fn host_reports(&self) -> Result<Vec<HostReport>, Error> {
        sqlx::query_as("SELECT * FROM rollout_hosts ORDER BY host, component")
            .fetch_all(&self.readers)
            .await
            .map_err(unavailable)
    }
}

// === PushRevision ===

#[async_trait]
impl Applies<PushRevision> for Sqlite {
    async fn apply(change: &PushRevision, db: &mut SqliteConnection) -> Result<bool, Failure> {
        let Artifact {
            info,
            wasm,
            minisig,
        } = &change.0;
        let instead_of = &change.1;
        let pushed = sqlx::query(PUSH)
            .bind(&info.component)
            .bind(&info.digest)
            .bind(&info.version)
            .bind(wasm)
            .bind(minisig)
            .bind(time(info.pushed_at))
            .bind(&info.pushed_by)
            .execute(&mut *db)
            .await?;
        if pushed.rows_affected() == 1 {
            return Ok(true);
        }
        let Some(instead_of) = instead_of else {
            return Ok(false);
        };
        let signed = sqlx::query(SIGN_ANEW)
            .bind(&info.component)
            .bind(&info.digest)
            .bind(&info.version)
            .bind(minisig)
            .bind(instead_of)
            .execute(db)
            .await?;
        if signed.rows_affected() == 0 {
            return Err(Error::Conflict.into());
        }
        Ok(false)
    }
}

// === RemoveRevision ===

#[async_trait]
impl Applies<RemoveRevision> for Sqlite {
    async fn apply(change: &RemoveRevision, db: &mut SqliteConnection) -> Result<(), Failure> {
        let state: Option<RolloutState> =
            sqlx::query_as("SELECT * FROM rollouts WHERE component = ?1")
                .bind(&change.component)
                .fetch_optional(&mut *db)
                .await?;
        if state.is_some_and(|state| state.names(&change.digest)) {
            return Err(Error::Conflict.into());
        }
        let removed = sqlx::query(REMOVE)
            .bind(&change.component)
            .bind(&change.digest)
            .execute(db)
            .await?;
        if removed.rows_affected() == 0 {
            return Err(Error::NotFound.into());
        }
        Ok(())
    }
}

// === SetRollout ===

#[async_trait]
impl Applies<SetRollout> for Sqlite {
    /// History first: whatever speaks against the change, its line is not written, and
    /// nothing has to be undone. Each statement is a way to another thread and back.
    async fn apply(change: &SetRollout, db: &mut SqliteConnection) -> Result<(), Failure> {
        let SetRollout(state, entry) = change;
        let canary = state.canary.as_ref().map(|one| &one.digest);
        let entered = sqlx::query(ENTER)
            .bind(&entry.component)
            .bind(time(entry.epoch))
            .bind(time(entry.time))
            .bind(&entry.who)
            .bind(&entry.what)
            .bind(&entry.from)
            .bind(&entry.to)
            .bind(&entry.why)
            .bind(&state.stable)
            .bind(canary)
            .bind(1 + i64::from(canary.is_some()))
            .execute(&mut *db)
            .await?;
        if entered.rows_affected() == 0 {
            let follows: bool = sqlx::query_scalar(FOLLOWS)
                .bind(&entry.component)
                .bind(time(entry.epoch))
                .fetch_one(db)
                .await?;
            let refusal = if follows {
                Error::NotFound
            } else {
                Error::Conflict
            };
            return Err(refusal.into());
        }
        let statement = if state.epoch == 1 { BEGIN } else { ADVANCE };
        let done = sqlx::query(statement)
            .bind(&state.component)
            .bind(time(state.epoch))
            .bind(&state.stable)
            .bind(canary)
            .bind(state.canary.as_ref().map(|one| one.weight))
            .bind(to_list(&state.predecessors)?)
            .execute(db)
            .await?;
        match done.rows_affected() {
            // The entry is not of this change.
            0 => Err(Failure::Broken(sqlx::Error::RowNotFound)),
            _ => Ok(()),
        }
    }
}

// === ReportHost ===

#[async_trait]
impl Applies<ReportHost> for Sqlite {
    async fn apply(change: &ReportHost, db: &mut SqliteConnection) -> Result<(), Failure> {
        let ReportHost(report) = change;
        sqlx::query(REPORT)
            .bind(&report.host)
            .bind(&report.component)
            .bind(time(report.epoch))
            .bind(&report.stable)
            .bind(&report.canary)
            .bind(&report.problem)
            .bind(time(report.seen_at))
            .execute(db)
            .await?;
        Ok(())
    }
}
