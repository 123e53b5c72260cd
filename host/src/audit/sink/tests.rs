//! What is exported is read back, whatever was torn.

use super::*;
use crate::audit::key::{SealKey, Turn};
use crate::audit::note::Checkpoint;
use crate::audit::notes::{TAIL, TORN, read_notes};

fn note(key: &SealKey, size: u64) -> String {
    key.sign(&Checkpoint {
        origin: key.log_id().to_owned(),
        size,
        root: Hash([1; 32]),
        time: 1,
        adopted: None,
    })
}

fn leaves(sink: &Sink) -> Vec<Hash> {
    let mut leaves = Vec::new();
    sink.read_leaves(|leaf| leaves.push(leaf)).unwrap();
    leaves
}

#[test]
fn what_is_exported_is_read_back_by_log() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checkpoints");
    let (one, two) = (
        SealKey::open(folder.path(), "one", Turn::Now).unwrap(),
        SealKey::open(folder.path(), "two", Turn::Now).unwrap(),
    );
    let sink = Sink::new(&file, one.log_id());
    assert!(sink.last(one.log_id()).unwrap().is_none());
    sink.export(0, &[Hash([1; 32]), Hash([2; 32])], &note(&one, 2))
        .unwrap();
    Sink::new(&file, two.log_id())
        .export(0, &[], &note(&two, 9))
        .unwrap();
    // As after a crash: the last leaf again, and one more.
    sink.export(1, &[Hash([2; 32]), Hash([3; 32])], &note(&one, 3))
        .unwrap();
    let sizes: Vec<u64> = read_notes(&file)
        .unwrap()
        .iter()
        .map(|n| n.claimed().size)
        .collect();
    assert_eq!(sizes, [2, 9, 3]);
    let last = |key: &SealKey| sink.last(key.log_id()).unwrap().unwrap().claimed().size;
    assert_eq!((last(&one), last(&two)), (3, 9));
    assert_eq!(leaves(&sink), [Hash([1; 32]), Hash([2; 32]), Hash([3; 32])]);
}

#[test]
fn half_a_note_is_cut_off_wherever_it_was_torn() {
    let folder = tempfile::tempdir().unwrap();
    let key = SealKey::open(folder.path(), "host", Turn::Now).unwrap();
    let sink = Sink::new(&folder.path().join("checkpoints"), key.log_id());
    sink.export(0, &[], &note(&key, 1)).unwrap();
    let whole = std::fs::read(sink.checkpoints()).unwrap();
    sink.export(0, &[], &note(&key, 2)).unwrap();
    let both = std::fs::read(sink.checkpoints()).unwrap();
    for end in whole.len()..both.len() {
        std::fs::write(sink.checkpoints(), both.get(..end).unwrap()).unwrap();
        assert_eq!(read_notes(sink.checkpoints()).unwrap().len(), 1, "{end}");
        sink.mend().unwrap();
        assert_eq!(std::fs::read(sink.checkpoints()).unwrap(), whole);
    }
    sink.export(0, &[], &note(&key, 3)).unwrap();
    assert_eq!(sink.last(key.log_id()).unwrap().unwrap().claimed().size, 3);
}

/// As on a disk that is full: a part of the note is there, and the writer heard an error.
#[test]
fn half_a_note_before_another_log_s_is_cut_off_by_whoever_comes_next() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (
        SealKey::open(folder.path(), "one", Turn::Now).unwrap(),
        SealKey::open(folder.path(), "two", Turn::Now).unwrap(),
    );
    let file = folder.path().join("checkpoints");
    let sink = Sink::new(&file, one.log_id());
    sink.export(0, &[], &note(&one, 1)).unwrap();
    let half = note(&one, 2);
    let torn = [std::fs::read(&file).unwrap(), half.into_bytes()].concat();
    std::fs::write(&file, torn.get(..torn.len() - 9).unwrap()).unwrap();
    Sink::new(&file, two.log_id())
        .export(0, &[], &note(&two, 7))
        .unwrap();
    let sizes = read_notes(&file).unwrap();
    let sizes: Vec<u64> = sizes.iter().map(|note| note.claimed().size).collect();
    assert_eq!(sizes, [1, 7]);
}

/// Nobody may shorten it, not even root (chattr +a).
struct AppendOnly(PathBuf);

impl AppendOnly {
    /// None where the file system or the user can't do it.
    fn new(path: &Path) -> Option<Self> {
        let set = std::process::Command::new("chattr")
            .arg("+a")
            .arg(path)
            .output();
        let set = set.is_ok_and(|output| output.status.success());
        set.then(|| Self(path.to_owned()))
    }
}

impl Drop for AppendOnly {
    fn drop(&mut self) {
        let _ = std::process::Command::new("chattr")
            .arg("-a")
            .arg(&self.0)
            .status();
    }
}

#[test]
fn files_that_can_only_be_appended_to_are_exported_to_and_keep_what_was_torn() {
    let folder = tempfile::tempdir().unwrap();
    let key = SealKey::open(folder.path(), "host", Turn::Now).unwrap();
    let sink = Sink::new(&folder.path().join("checkpoints"), key.log_id());
    let (one, two) = (Hash([1; 32]), Hash([2; 32]));
    sink.export(0, &[one], &note(&key, 1)).unwrap();
    let whole = std::fs::read(sink.checkpoints()).unwrap();
    sink.export(1, &[], &note(&key, 2)).unwrap();
    let both = std::fs::read(sink.checkpoints()).unwrap();
    let last = (both.len() - 6)..both.len();
    for end in (whole.len()..both.len()).step_by(11).chain(last) {
        // Torn notes and half a leaf, as a crash leaves them.
        let torn = both.get(..end).unwrap();
        std::fs::write(sink.checkpoints(), torn).unwrap();
        std::fs::write(sink.leaves(), [[1; 32].as_slice(), &[2; 7]].concat()).unwrap();
        let held = AppendOnly::new(sink.checkpoints()).zip(AppendOnly::new(sink.leaves()));
        if held.is_none() {
            println!("chattr +a is not possible here");
            return;
        }
        if end % 2 == 0 {
            sink.mend().unwrap();
        }
        sink.export(1, &[two], &note(&key, 3)).unwrap();
        sink.mend().unwrap();
        sink.export(2, &[], &note(&key, 4)).unwrap();
        assert_eq!(leaves(&sink), [one, two]);
        let text = std::fs::read(sink.checkpoints()).unwrap();
        assert!(text.starts_with(torn), "nothing was cut");
        let marks = String::from_utf8_lossy(&text).matches(TORN).count();
        assert_eq!(marks, usize::from(end > whole.len()), "{end}");
        let sizes = read_notes(sink.checkpoints()).unwrap();
        let sizes: Vec<u64> = sizes.iter().map(|note| note.claimed().size).collect();
        assert_eq!(sizes, [1, 3, 4], "{end}");
        let last = sink.last(key.log_id()).unwrap().unwrap();
        assert_eq!(last.claimed().size, 4);
    }
}

#[test]
fn leaves_that_are_not_the_log_s_are_not_added_to() {
    let folder = tempfile::tempdir().unwrap();
    let key = SealKey::open(folder.path(), "host", Turn::Now).unwrap();
    let sink = Sink::new(&folder.path().join("checkpoints"), key.log_id());
    let one = [Hash([1; 32])];
    for (there, said) in [
        (vec![], "has 0 leaves, not 1"),
        (vec![1; 33], "is not of this log"),
        (vec![1; 65], "somebody else has added"),
    ] {
        std::fs::write(sink.leaves(), there).unwrap();
        let error = sink
            .export(1, &[Hash([2; 32])], &note(&key, 2))
            .unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
    std::fs::remove_file(sink.leaves()).unwrap();
    sink.export(0, &one, &note(&key, 1)).unwrap();
    assert_eq!(leaves(&sink), one);
}

#[test]
fn last_checkpoint_of_a_long_file_is_found_even_far_from_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (
        SealKey::open(folder.path(), "one", Turn::Now).unwrap(),
        SealKey::open(folder.path(), "two", Turn::Now).unwrap(),
    );
    let sink = Sink::new(&folder.path().join("checkpoints"), one.log_id());
    let mut text = format!("{}\n", note(&two, 7));
    for size in 0..3_000 {
        text.push_str(&format!("{}\n", note(&one, size)));
    }
    assert!(text.len() as u64 > 2 * TAIL);
    std::fs::write(sink.checkpoints(), text).unwrap();
    let last = |key: &SealKey| sink.last(key.log_id()).unwrap().unwrap().claimed().size;
    assert_eq!((last(&one), last(&two)), (2_999, 7));
}

#[test]
fn sink_that_can_not_be_written_says_which_file() {
    let folder = tempfile::tempdir().unwrap();
    let key = SealKey::open(folder.path(), "host", Turn::Now).unwrap();
    let sink = Sink::new(&folder.path().join("missing/checkpoints"), key.log_id());
    let error = sink.export(0, &[], &note(&key, 0)).unwrap_err().to_string();
    assert!(error.contains("missing/checkpoints"), "{error}");
    std::fs::write(
        folder.path().join("odd"),
        "x\n\n\u{2014} y\n\nz\n\n\u{2014} a b\n\n",
    )
    .unwrap();
    let error = read_notes(&folder.path().join("odd"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("odd, line 1: not a checkpoint"), "{error}");
}
