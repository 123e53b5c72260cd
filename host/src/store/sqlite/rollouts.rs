//! Revisions and rollouts in SQLite.

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _, Sqlite, SqliteConnection};

use super::{SqliteDatabase, done};
use crate::audit::{Record, Trail};
use crate::store::Error;
use crate::store::changes::{PushRevision, RemoveRevision, ReportHost, SetRollout};
use crate::store::columns::{time, to_list};
use crate::store::job::{Applies, Failure};
use crate::store::rollouts::{
    Artifact, HistoryEntry, HostReport, Present, RevisionInfo, RolloutState, Rollouts, Vouched,
};

const PUSH: &str = "
    INSERT INTO revisions (component, digest, version, wasm, minisig, pushed_at, pushed_by)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
    ON CONFLICT (component, digest) DO NOTHING";

/// The bytes are the same; what is said about them may be newer.
const SIGN_ANEW: &str = "
    UPDATE revisions SET version = ?3, minisig = ?4
    WHERE component = ?1 AND digest = ?2 AND minisig = ?5";

const SIGNATURE: &str = "SELECT minisig FROM revisions WHERE component = ?1 AND digest = ?2";

const FILE: &str =
    "SELECT *, length(wasm) AS size FROM revisions WHERE component = ?1 AND digest = ?2";

const INFO: &str = "component, digest, version, length(wasm) AS size, pushed_at, pushed_by";

const REMOVE: &str = "DELETE FROM revisions WHERE component = ?1 AND digest = ?2";

/// Without the files: they stand behind what is asked for here. One row: each is a way from
/// SQLite's thread.
const PRESENT: &str = "
    SELECT rollouts.*,
        (SELECT json_group_array(json_array(digest, version, minisig)) FROM revisions
            WHERE revisions.component = rollouts.component
                AND digest IN (stable, canary, json_extract(predecessors, '$[#-1]'))) AS vouched
    FROM rollouts WHERE component = ?1";

/// A line of history, if the state before is of the epoch before and all is there that
/// shall serve. Then, if the line was written, the state.
const ADVANCE: &str = "
    INSERT INTO rollout_history (component, epoch, time, who, what, from_digest, to_digest, why)
    SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8
    WHERE ?2 - 1 = coalesce((SELECT epoch FROM rollouts WHERE component = ?1), 0)
        AND 1 + (?10 IS NOT NULL) = (SELECT count(*) FROM revisions
            WHERE component = ?1 AND (digest = ?9 OR digest = ?10));
    INSERT INTO rollouts (component, epoch, stable, canary, canary_weight, predecessors)
    SELECT ?1, ?2, ?9, ?10, ?11, ?12 WHERE changes() = 1
    ON CONFLICT (component) DO UPDATE SET epoch = excluded.epoch, stable = excluded.stable,
        canary = excluded.canary, canary_weight = excluded.canary_weight,
        predecessors = excluded.predecessors
    WHERE rollouts.epoch = excluded.epoch - 1";

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
        let query = sqlx::query(SIGNATURE).bind(component).bind(digest);
        let (minisig,) = self.readers.optional(query).await?.ok_or(Error::NotFound)?;
        Ok(minisig)
    }

    async fn revision_get(&self, component: &str, digest: &str) -> Result<Artifact, Error> {
        let query = sqlx::query(FILE).bind(component).bind(digest);
        self.readers.optional(query).await?.ok_or(Error::NotFound)
    }

    async fn revision_list(&self, component: &str) -> Result<Vec<RevisionInfo>, Error> {
        let select =
            format!("SELECT {INFO} FROM revisions WHERE component = ?1 ORDER BY pushed_at, rowid");
        let query = sqlx::query(sqlx::AssertSqlSafe(select)).bind(component);
        self.readers.all(query).await
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
        let query = sqlx::query("SELECT * FROM rollouts WHERE component = ?1").bind(component);
        self.readers.optional(query).await
    }

    async fn rollout_present(&self, component: &str) -> Result<Option<Present>, Error> {
        let query = sqlx::query(PRESENT).bind(component);
        self.readers.optional(query).await
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
        let query = sqlx::query(HISTORY).bind(component).bind(limit);
        self.readers.all(query).await
    }

    async fn host_report(&self, report: HostReport) -> Result<(), Error> {
        self.writer.run(&Trail::new(), ReportHost(report)).await
    }

    async fn host_reports(&self) -> Result<Vec<HostReport>, Error> {
        let query = sqlx::query("SELECT * FROM rollout_hosts ORDER BY host, component");
        self.readers.all(query).await
    }
}

/// Of [`PRESENT`].
impl FromRow<'_, SqliteRow> for Present {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let vouched: Vec<(String, String, String)> = serde_json::from_str(row.try_get("vouched")?)
            .map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        let vouched = vouched
            .into_iter()
            .map(|(digest, version, minisig)| Vouched {
                digest,
                version,
                minisig,
            });
        Ok(Self {
            state: RolloutState::from_row(row)?,
            vouched: vouched.collect(),
        })
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
            .bind(&**wasm)
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
    /// nothing has to be undone. Both go to SQLite's thread in one way.
    async fn apply(change: &SetRollout, db: &mut SqliteConnection) -> Result<(), Failure> {
        let SetRollout(state, entry) = change;
        let advance = sqlx::query(ADVANCE)
            .bind(&entry.component)
            .bind(time(entry.epoch))
            .bind(time(entry.time))
            .bind(&entry.who)
            .bind(&entry.what)
            .bind(&entry.from)
            .bind(&entry.to)
            .bind(&entry.why)
            .bind(&state.stable)
            .bind(state.canary.as_ref().map(|one| &one.digest))
            .bind(state.canary.as_ref().map(|one| one.weight))
            .bind(to_list(&state.predecessors)?);
        match done(&mut *db, advance).await? {
            [1, 1] => return Ok(()),
            [0, 0] => {}
            // The entry is not of this change.
            _ => return Err(Failure::Broken(sqlx::Error::RowNotFound)),
        }
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
        Err(refusal.into())
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
