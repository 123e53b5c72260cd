//! Which logs are continued, and with what.

use async_trait::async_trait;
use tempfile::TempDir;

use super::*;
use crate::audit::merkle::root;
use crate::audit::stored::tests::sample;
use crate::audit::{SealKey, Turn};

/// A log in memory.
struct Records(Vec<Entry>);

#[async_trait]
impl Source for Records {
    async fn logs(&self) -> Result<Vec<String>, SourceError> {
        Ok(Vec::new())
    }

    async fn head(&self, _: &str) -> Result<u64, SourceError> {
        Ok(self.0.last().map_or(0, Entry::seq))
    }

    async fn entries(&self, _: &str, after: u64, _: u32) -> Result<Vec<Entry>, SourceError> {
        let behind = self.0.iter().filter(|entry| entry.seq() > after);
        Ok(behind.cloned().collect())
    }
}

/// So many records, of which so many are sealed.
fn log(records: u64, sealed: u64) -> (TempDir, SealKey, Sink, Records, Vec<Hash>) {
    let folder = TempDir::new().unwrap();
    let key = SealKey::open(folder.path(), "host", Turn::Now).unwrap();
    let sink = Sink::new(&folder.path().join("checkpoints"), key.log_id());
    let records: Vec<_> = (1..=records).map(sample).collect();
    let leaves: Vec<Hash> = records.iter().map(|record| record.leaf()).collect();
    let exported = leaves.get(..usize::try_from(sealed).unwrap()).unwrap();
    let note = key.sign(&Checkpoint {
        origin: key.log_id().to_owned(),
        size: sealed,
        root: root(exported),
        time: 1,
        adopted: None,
    });
    sink.export(0, exported, &note).unwrap();
    let entries = records.into_iter().map(|one| Entry::Record(Box::new(one)));
    let source = Records(entries.collect());
    (folder, key, sink, source, leaves)
}

#[tokio::test]
async fn more_unsealed_records_than_the_window_are_all_sealed_next() {
    for window in [0, 1, 3, 7, 8, 9, 20, 21] {
        let (_folder, key, sink, source, leaves) = log(20, 12);
        let resumed = resume(&key, &sink, &source, window, 1).await.unwrap();
        assert_eq!(resumed.exported.size(), 12, "{window}");
        assert_eq!(resumed.pending, leaves[12..], "{window}");
        assert_eq!(resumed.adopted, Some(13), "{window}");
        let mut tree = resumed.exported;
        resumed.pending.iter().for_each(|leaf| tree.push(*leaf));
        assert_eq!(tree.root(), root(&leaves), "{window}");
    }
}

#[tokio::test]
async fn what_is_gone_must_be_the_beginning_and_a_year_old() {
    let cut = |places: std::ops::RangeInclusive<usize>| {
        let (folder, key, sink, mut source, leaves) = log(20, 20);
        for place in places {
            let (seq, leaf) = (place as u64, leaves[place - 1]);
            source.0[place - 1] = Entry::Pruned { seq, leaf };
        }
        (folder, key, sink, source)
    };
    let refused = async |places, window, now| {
        let (_folder, key, sink, source) = cut(places);
        let error = resume(&key, &sink, &source, window, now).await.unwrap_err();
        error.to_string()
    };
    let old = YEAR + 1;
    let (_folder, key, sink, source) = cut(1..=5);
    let good = resume(&key, &sink, &source, 100, old).await;
    let good = good.unwrap();
    assert_eq!((good.exported.size(), good.adopted), (20, None));
    let young = refused(1..=5, 100, old - 1).await;
    assert!(young.contains("records up to 5 are gone"), "{young}");
    let middle = refused(7..=8, 100, old).await;
    assert!(
        middle.contains("record 7 is gone from the middle"),
        "{middle}"
    );
    // What is before the window is for the verifier; what is in it is looked at.
    let middle = refused(18..=18, 4, old).await;
    assert!(middle.contains("record 18 is gone"), "{middle}");
}
