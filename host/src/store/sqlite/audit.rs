//! The audit table: appended to by the writer, read by host duties.

use std::sync::Arc;

use sqlx::SqliteConnection;
use sqlx::sqlite::SqlitePool;

use super::insertion::{Insertion, Rows, Unfinished};
use crate::audit::Placed;
use crate::store::columns::{time, to_list};
use crate::store::job::TOGETHER;
use crate::store::{Error, StoredRecord};

/// How records are written.
struct Form {
    /// While more follow.
    next: Insertion,
    last: Insertion,
    /// What they have in common.
    common: fn(Rows, &str, &Placed<'_>) -> Result<Rows, sqlx::Error>,
    own: fn(Rows, &Placed<'_>) -> Result<Rows, sqlx::Error>,
}

const MIXED_COLUMNS: &str = "audit (log, seq, time, request_id, workload, address, component_name,
    component_digest, component_revision, action, relying_party, target, outcome, policies)";

static MIXED: Form = Form {
    next: Insertion::new(MIXED_COLUMNS, 1, 13),
    last: Insertion::last(MIXED_COLUMNS, 1, 13),
    common: |query, log, _| Ok(query.bind(log.to_owned())),
    own: bind,
};

const ALIKE_COLUMNS: &str = "audit (log, workload, component_name, component_digest,
    component_revision, action, relying_party, outcome, policies, seq, time, request_id, address,
    target)";

/// For records of which one is like the other, but for when it was, of which request, and about
/// what.
static ALIKE: Form = Form {
    next: Insertion::new(ALIKE_COLUMNS, 9, 5),
    last: Insertion::last(ALIKE_COLUMNS, 9, 5),
    common: bind_common,
    own: bind_own,
};

const SELECT: &str = "
    SELECT seq, time, request_id, workload, address, component_name, component_digest,
        component_revision, action, relying_party, target, outcome, policies
    FROM audit WHERE log = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";

const HEAD: &str = "
    SELECT coalesce(max(head), 0) FROM (
        SELECT max(seq) AS head FROM audit WHERE log = ?1
        UNION ALL SELECT max(seq) FROM audit_pruned WHERE log = ?1)";

/// Append records, consecutive and oldest first, and commit. A place that is taken fails the
/// statement: nobody else may write this log.
///
/// # Errors
/// Whether records were refused, or COMMIT was.
pub(super) async fn append_and_commit(
    db: &mut SqliteConnection,
    log: &str,
    records: &[Placed<'_>],
) -> Result<(), Unfinished> {
    let mut rest = records;
    while let [first, others @ ..] = rest {
        let (records, more) = rest.split_at(TOGETHER.min(rest.len()));
        let alike = others
            .iter()
            .take(TOGETHER - 1)
            .all(|other| common(other) == common(first));
        let form = if alike { &ALIKE } else { &MIXED };
        let bind_common = |query| (form.common)(query, log, first);
        if more.is_empty() {
            let put = form.last.put_and_commit(db, records, bind_common, form.own);
            return put.await;
        }
        let put = form.next.put(db, records, bind_common, form.own).await;
        put.map_err(Unfinished::Put)?;
        rest = more;
    }
    let commit = sqlx::query("COMMIT").execute(db).await;
    commit.map(drop).map_err(Unfinished::Commit)
}

/// What [`ALIKE`] binds once.
fn common<'a>(record: &'a Placed<'_>) -> ([&'a str; 7], &'a [String]) {
    let [
        _,
        workload,
        _,
        name,
        digest,
        revision,
        action,
        rp,
        _,
        outcome,
    ] = &record.texts;
    let texts = [workload, name, digest, revision, action, rp, outcome];
    (texts.map(|text| &**text), record.policies)
}

fn bind_common(query: Rows, log: &str, record: &Placed<'_>) -> Result<Rows, sqlx::Error> {
    let (texts, policies) = common(record);
    let query = bind_texts(query.bind(log.to_owned()), &texts);
    Ok(query.bind(to_list(policies)?))
}

fn bind_own(query: Rows, record: &Placed<'_>) -> Result<Rows, sqlx::Error> {
    let query = query.bind(time(record.seq)).bind(time(record.time));
    let [request_id, _, address, _, _, _, _, _, target, _] = &record.texts;
    Ok(bind_texts(query, &[request_id, address, target]))
}

/// A record without its log.
fn bind(query: Rows, record: &Placed<'_>) -> Result<Rows, sqlx::Error> {
    let query = query.bind(time(record.seq)).bind(time(record.time));
    let query = bind_texts(query, &record.texts.each_ref().map(|text| &**text));
    Ok(query.bind(to_list(record.policies)?))
}

fn bind_texts(query: Rows, texts: &[&str]) -> Rows {
    let texts = texts.iter().copied();
    texts.fold(query, |query, text| query.bind(Arc::<str>::from(text)))
}

/// The last place that is taken, 0 in a log without records.
pub(super) async fn head(db: &mut SqliteConnection, log: &str) -> Result<u64, sqlx::Error> {
    let head: i64 = sqlx::query_scalar(HEAD).bind(log).fetch_one(db).await?;
    u64::try_from(head).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

/// The records of `log` after `seq`, oldest first.
pub(super) async fn after(
    db: &SqlitePool,
    log: &str,
    seq: u64,
    limit: u32,
) -> Result<Vec<StoredRecord>, Error> {
    let mut db = db.acquire().await.map_err(super::unavailable)?;
    behind(&mut db, log, seq, limit)
        .await
        .map_err(super::unavailable)
}

/// As [`after`], on one connection.
pub(super) async fn behind(
    db: &mut SqliteConnection,
    log: &str,
    seq: u64,
    limit: u32,
) -> Result<Vec<StoredRecord>, sqlx::Error> {
    sqlx::query_as(SELECT)
        .bind(log)
        .bind(time(seq))
        .bind(limit)
        .fetch_all(db)
        .await
}
