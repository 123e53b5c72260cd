//! A table that both databases have: how it is read from each, and written to one.

use std::fmt::Write as _;

use futures::TryStreamExt as _;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use super::Imported;
use super::sum::Sum;

/// A table of both databases.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [(&'static str, Kind)],
    /// The columns of the primary key, compared byte by byte.
    pub(super) key: &'static [&'static str],
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Text,
    Bytes,
    Flag,
}

// === impl Table ===

/// The statements are put together from the table's constants and nothing else.
impl Table {
    pub(super) fn select_sqlite(&self) -> String {
        let columns = self.columns.iter().map(|(name, kind)| match kind {
            Kind::Bytes => format!("lower(hex({name}))"),
            Kind::Int | Kind::Text | Kind::Flag => (*name).to_owned(),
        });
        let columns = columns.collect::<Vec<_>>().join(", ");
        let key = self.key.join(", ");
        format!(
            "SELECT json_array({columns}) FROM {} ORDER BY {key}",
            self.name
        )
    }

    fn select_postgres(&self) -> String {
        let columns = self.columns.iter().map(|(name, kind)| match kind {
            Kind::Bytes => format!("encode({name}, 'hex')"),
            Kind::Flag => format!("{name}::int"),
            Kind::Int | Kind::Text => (*name).to_owned(),
        });
        let columns = columns.collect::<Vec<_>>().join(", ");
        let key = self.key.iter().map(|name| match self.kind(name) {
            Some(Kind::Text) => format!("{name} COLLATE \"C\""),
            _ => (*name).to_owned(),
        });
        let key = key.collect::<Vec<_>>().join(", ");
        format!(
            "SELECT json_build_array({columns})::text FROM zeropass.{} ORDER BY {key}",
            self.name
        )
    }

    fn insert_postgres(&self) -> String {
        let (mut names, mut values) = (String::new(), String::new());
        for (place, (name, kind)) in self.columns.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            let _ = write!(names, "{comma}{name}");
            let _ = match kind {
                Kind::Bytes => write!(values, "{comma}decode(r ->> {place}, 'hex')"),
                Kind::Flag => write!(values, "{comma}(r ->> {place})::int::boolean"),
                Kind::Int => write!(values, "{comma}(r ->> {place})::bigint"),
                Kind::Text => write!(values, "{comma}r ->> {place}"),
            };
        }
        format!(
            "INSERT INTO zeropass.{} ({names}) SELECT {values} FROM json_array_elements($1::json) r",
            self.name
        )
    }

    fn kind(&self, name: &str) -> Option<Kind> {
        let mut columns = self.columns.iter();
        columns.find(|(one, _)| *one == name).map(|(_, kind)| *kind)
    }

    pub(super) async fn count(&self, db: &mut PgConnection) -> Result<u64, sqlx::Error> {
        let count = format!("SELECT count(*) FROM zeropass.{}", self.name);
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(count))
            .fetch_one(db)
            .await?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    pub(super) async fn insert(
        &self,
        db: &mut PgConnection,
        rows: &[String],
    ) -> Result<(), sqlx::Error> {
        if rows.is_empty() {
            return Ok(());
        }
        let json = format!("[{}]", rows.join(","));
        sqlx::query(AssertSqlSafe(self.insert_postgres()))
            .bind(json)
            .execute(db)
            .await?;
        Ok(())
    }

    pub(super) async fn read_back(&self, db: &mut PgConnection) -> Result<Imported, sqlx::Error> {
        let mut sum = Sum::default();
        let select = AssertSqlSafe(self.select_postgres());
        let mut rows = sqlx::query_scalar::<_, String>(select).fetch(db);
        while let Some(row) = rows.try_next().await? {
            sum.add(&row)?;
        }
        Ok(sum.finish(self.name))
    }
}

#[cfg(test)]
impl Table {
    /// What the catalogs must say.
    pub(super) fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.columns.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names
    }
}
