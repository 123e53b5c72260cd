//! Revisions and rollouts in PostgreSQL.

use async_trait::async_trait;
use sqlx::postgres::{PgConnection, Postgres};

use super::PostgresDatabase;
use super::read::read;
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
    INSERT INTO zeropass.revisions (component, digest, version, wasm, minisig, pushed_at, pushed_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (component, digest) DO NOTHING";

/// The bytes are the same; what is said about them may be newer.
const SIGN_ANEW: &str = "
    UPDATE zeropass.revisions SET version = $3, minisig = $4
    WHERE component = $1 AND digest = $2 AND minisig = $5";

const SIGNATURE: &str = "
    SELECT minisig FROM zeropass.revisions WHERE component = $1 AND digest = $2";

/// Of what shall serve, what there is; and it stays until the change has committed.
const THERE: &str = "
    SELECT digest FROM zeropass.revisions
    WHERE component = $1 AND (digest = $2 OR digest = $3)
    FOR KEY SHARE";

const GET: &str = "
    SELECT *, length(wasm)::bigint AS size FROM zeropass.revisions
    WHERE component = $1 AND digest = $2";

const LIST: &str = "
    SELECT component, digest, version, length(wasm)::bigint AS size, pushed_at, pushed_by
    FROM zeropass.revisions WHERE component = $1 ORDER BY pushed_at, digest";

const STATE: &str = "SELECT * FROM zeropass.rollouts WHERE component = $1";

const PRESENT: &str = "
    SELECT rollouts.*, digest, version, minisig FROM zeropass.rollouts
    LEFT JOIN zeropass.revisions ON revisions.component = rollouts.component
        AND digest IN (stable, canary, predecessors::json ->> -1)
    WHERE rollouts.component = $1";

/// Of a change at the same time one waits for the other. All take the rollout first and
/// revisions after it, so that none waits for one that waits for it.
const STATE_FOR_UPDATE: &str = "SELECT * FROM zeropass.rollouts WHERE component = $1 FOR UPDATE";

const REMOVE: &str = "DELETE FROM zeropass.revisions WHERE component = $1 AND digest = $2";

const BEGIN: &str = "
    INSERT INTO zeropass.rollouts (component, epoch, stable, canary, canary_weight, predecessors)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (component) DO NOTHING";

const ADVANCE: &str = "
    UPDATE zeropass.rollouts SET epoch = $2, stable = $3, canary = $4, canary_weight = $5,
        predecessors = $6
    WHERE component = $1 AND epoch = $2 - 1";

const ENTER: &str = "
    INSERT INTO zeropass.rollout_history (component, epoch, time, who, what, from_digest, to_digest, why)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

const HISTORY: &str =
    "SELECT * FROM zeropass.rollout_history WHERE component = $1 ORDER BY epoch DESC LIMIT $2";

const REPORT: &str = "
    INSERT INTO zeropass.rollout_hosts (host, component, epoch, stable, canary, problem, seen_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (host, component) DO UPDATE SET epoch = $3, stable = $4, canary = $5,
        problem = $6, seen_at = $7";

#[async_trait]
impl Rollouts for PostgresDatabase {
    async fn revision_push(
        &self,
        trail: &Trail,
        record: Record,
        artifact: Artifact,
        instead_of: Option<String>,
    ) -> Result<bool, Error> {
        self.rollouts
            .writer
            .enter(trail, record, PushRevision(artifact, instead_of))
            .await
    }

    async fn revision_signature(&self, component: &str, digest: &str) -> Result<String, Error> {
        let found = read(&self.rollouts.readers, |db| async move {
            sqlx::query_scalar(SIGNATURE)
                .bind(component)
                .bind(digest)
                .fetch_optional(&db)
                .await
        });
        found.await?.ok_or(Error::NotFound)
    }

    async fn revision_get(&self, component: &str, digest: &str) -> Result<Artifact, Error> {
        let found = read(&self.rollouts.readers, |db| async move {
            sqlx::query_as(GET)
                .bind(component)
                .bind(digest)
                .fetch_optional(&db)
                .await
        });
        found.await?.ok_or(Error::NotFound)
    }

    async fn revision_list(&self, component: &str) -> Result<Vec<RevisionInfo>, Error> {
        read(&self.rollouts.readers, |db| async move {
            sqlx::query_as(LIST).bind(component).fetch_all(&db).await
        })
        .await
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
        self.rollouts.writer.enter(trail, record, change).await
    }

    async fn rollout_get(&self, component: &str) -> Result<Option<RolloutState>, Error> {
        read(&self.rollouts.readers, |db| async move {
            sqlx::query_as(STATE)
                .bind(component)
                .fetch_optional(&db)
                .await
        })
        .await
    }

    async fn rollout_present(&self, component: &str) -> Result<Option<Present>, Error> {
        let rows = read(&self.rollouts.readers, |db| async move {
            sqlx::query_as(PRESENT).bind(component).fetch_all(&db).await
        });
        rows.await.map(present)
    }

    async fn rollout_set(
        &self,
        trail: &Trail,
        record: Record,
        state: RolloutState,
        entry: HistoryEntry,
    ) -> Result<(), Error> {
        self.rollouts
            .writer
            .enter(trail, record, SetRollout(state, entry))
            .await
    }

    async fn rollout_history(
        &self,
        component: &str,
        limit: u32,
    ) -> Result<Vec<HistoryEntry>, Error> {
        read(&self.rollouts.readers, |db| async move {
            sqlx::query_as(HISTORY)
                .bind(component)
                .bind(i64::from(limit))
                .fetch_all(&db)
                .await
        })
        .await
    }

    async fn host_report(&self, report: HostReport) -> Result<(), Error> {
        self.rollouts
            .writer
            .run(&Trail::new(), ReportHost(report))
            .await
    }

    async fn host_reports(&self) -> Result<Vec<HostReport>, Error> {
        read(&self.rollouts.readers, |db| async move {
            sqlx::query_as("SELECT * FROM zeropass.rollout_hosts ORDER BY host, component")
                .fetch_all(&db)
                .await
        })
        .await
    }
}

// === PushRevision ===

#[async_trait]
impl Applies<PushRevision> for Postgres {
    async fn apply(change: &PushRevision, db: &mut PgConnection) -> Result<bool, Failure> {
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
impl Applies<RemoveRevision> for Postgres {
    async fn apply(change: &RemoveRevision, db: &mut PgConnection) -> Result<(), Failure> {
        let state: Option<RolloutState> = sqlx::query_as(STATE_FOR_UPDATE)
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
impl Applies<SetRollout> for Postgres {
    const SAVEPOINT: bool = true;

    async fn apply(change: &SetRollout, db: &mut PgConnection) -> Result<(), Failure> {
        let SetRollout(state, entry) = change;
        let canary = state.canary.as_ref().map(|one| &one.digest);
        let statement = if state.epoch == 1 { BEGIN } else { ADVANCE };
        let done = sqlx::query(statement)
            .bind(&state.component)
            .bind(time(state.epoch))
            .bind(&state.stable)
            .bind(canary)
            .bind(state.canary.as_ref().map(|one| i64::from(one.weight)))
            .bind(to_list(&state.predecessors)?)
            .execute(&mut *db)
            .await?;
        if done.rows_affected() == 0 {
            return Err(Error::Conflict.into());
        }
        let there = sqlx::query(THERE)
            .bind(&state.component)
            .bind(&state.stable)
            .bind(canary)
            .fetch_all(&mut *db)
            .await?;
        if there.len() != 1 + usize::from(canary.is_some()) {
            return Err(Error::NotFound.into());
        }
        sqlx::query(ENTER)
            .bind(&entry.component)
            .bind(time(entry.epoch))
            .bind(time(entry.time))
            .bind(&entry.who)
            .bind(&entry.what)
            .bind(&entry.from)
            .bind(&entry.to)
            .bind(&entry.why)
            .execute(db)
            .await?;
        Ok(())
    }
}

// === ReportHost ===

#[async_trait]
impl Applies<ReportHost> for Postgres {
    async fn apply(change: &ReportHost, db: &mut PgConnection) -> Result<(), Failure> {
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
