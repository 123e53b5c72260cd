//! Count and digest of a table's rows, the same for both databases.

use std::fmt::Write as _;

use aws_lc_rs::digest::{Context, SHA256};

use super::Imported;

/// Count and digest of rows.
pub(super) struct Sum {
    rows: u64,
    digest: Context,
}

// === impl Sum ===

impl Default for Sum {
    fn default() -> Self {
        Self {
            rows: 0,
            digest: Context::new(&SHA256),
        }
    }
}

impl Sum {
    /// The databases set spaces otherwise: what counts is the array.
    pub(super) fn add(&mut self, row: &str) -> Result<(), sqlx::Error> {
        let unreadable = |error: serde_json::Error| sqlx::Error::Decode(Box::new(error));
        let row: Vec<serde_json::Value> = serde_json::from_str(row).map_err(unreadable)?;
        self.digest
            .update(&serde_json::to_vec(&row).map_err(unreadable)?);
        self.digest.update(b"\n");
        self.rows += 1;
        Ok(())
    }

    pub(super) fn finish(self, table: &'static str) -> Imported {
        let digest = self.digest.finish();
        let digest = digest
            .as_ref()
            .iter()
            .fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            });
        Imported {
            table,
            rows: self.rows,
            digest,
        }
    }
}
