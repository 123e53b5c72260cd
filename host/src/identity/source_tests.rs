use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::clock::{FixedClock, SystemClock};
use crate::identity::TrustDomain;
use crate::identity::pki::{Ca, IssueRequest};

const DAY: u64 = 24 * 60 * 60 * 1000;
const OFTEN: Duration = Duration::from_millis(2);

struct Site {
    folder: TempDir,
    ca: Ca,
    clock: Arc<FixedClock>,
}

impl Site {
    fn new() -> Self {
        let now = SystemClock.now();
        let domain: TrustDomain = "td".parse().unwrap();
        let site = Self {
            folder: tempfile::tempdir().unwrap(),
            ca: Ca::new(&domain, now).unwrap(),
            clock: Arc::new(FixedClock::new(now)),
        };
        fs::write(site.path("ca.pem"), site.ca.pem()).unwrap();
        site
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// A new certificate of this name into `folder`: key first, as anybody would.
    fn issue(&self, folder: &Path, name: &str, change: impl FnOnce(&mut IssueRequest)) {
        let mut request = IssueRequest::workload(&format!("spiffe://td/{name}"), self.clock.now());
        change(&mut request);
        let issued = self.ca.issue(&request).unwrap();
        fs::write(folder.join("leaf.key"), issued.key).unwrap();
        fs::write(folder.join("leaf.pem"), issued.certificate).unwrap();
    }

    fn source(&self, folder: &Path) -> FileSource {
        let files = MaterialFiles {
            certificate: folder.join("leaf.pem"),
            key: folder.join("leaf.key"),
            roots: self.path("ca.pem"),
            crls: Vec::new(),
            trust_domains: vec!["td".parse().unwrap()],
        };
        FileSource::new(files, Arc::clone(&self.clock) as Arc<dyn Clock>).every(OFTEN)
    }
}

async fn id(source: &mut FileSource) -> String {
    source.next().await.unwrap().svid().id.to_string()
}

async fn code(source: &mut FileSource) -> &'static str {
    source.next().await.unwrap_err().code()
}

#[tokio::test]
async fn replaced_files_are_noticed() {
    let site = Site::new();
    let folder = site.folder.path();
    site.issue(folder, "a", |_| ());
    let mut source = site.source(folder);
    assert_eq!(id(&mut source).await, "spiffe://td/a");
    site.issue(folder, "b", |_| ());
    assert_eq!(id(&mut source).await, "spiffe://td/b");
}

#[tokio::test]
async fn swapped_link_is_noticed() {
    let site = Site::new();
    for name in ["a", "b"] {
        fs::create_dir(site.path(name)).unwrap();
        site.issue(&site.path(name), name, |_| ());
    }
    // As mounted secrets are swapped: a link to the present folder is renamed over.
    let present = site.path("present");
    symlink("a", &present).unwrap();
    let mut source = site.source(&present);
    assert_eq!(id(&mut source).await, "spiffe://td/a");
    symlink("b", site.path("next")).unwrap();
    fs::rename(site.path("next"), &present).unwrap();
    assert_eq!(id(&mut source).await, "spiffe://td/b");
}

#[tokio::test]
async fn half_a_change_is_no_fault() {
    let site = Site::new();
    let folder = site.folder.path();
    site.issue(folder, "a", |_| ());
    let mut source = site.source(folder);
    assert_eq!(id(&mut source).await, "spiffe://td/a");
    // The first look at a key without its certificate, and the next at both.
    let certificate = fs::read(folder.join("leaf.pem")).unwrap();
    site.issue(folder, "b", |_| ());
    let whole = fs::read(folder.join("leaf.pem")).unwrap();
    fs::write(folder.join("leaf.pem"), certificate).unwrap();
    let half = source.look().await;
    assert!(source.weigh(half).is_none());
    fs::write(folder.join("leaf.pem"), whole).unwrap();
    let both = source.look().await;
    let material = source.weigh(both).unwrap().unwrap();
    assert_eq!(material.svid().id.as_str(), "spiffe://td/b");
}

#[tokio::test]
async fn unusable_files_are_reported_once_and_their_mend_is_noticed() {
    let site = Site::new();
    let folder = site.folder.path();
    site.issue(folder, "a", |_| ());
    let mut source = site.source(folder);
    assert_eq!(id(&mut source).await, "spiffe://td/a");

    let now = site.clock.now();
    site.issue(folder, "b", |request| {
        request.not_before = now - 2 * DAY;
        request.not_after = now - DAY;
    });
    assert_eq!(code(&mut source).await, "expired");
    // Nothing new: no second alarm.
    for _ in 0..3 {
        let same = source.look().await;
        assert!(source.weigh(same).is_none());
    }
    fs::remove_file(folder.join("leaf.pem")).unwrap();
    assert_eq!(code(&mut source).await, "unreadable");
    site.issue(folder, "c", |_| ());
    assert_eq!(id(&mut source).await, "spiffe://td/c");
}

#[tokio::test]
async fn certificate_of_the_future_is_taken_when_its_time_comes() {
    let site = Site::new();
    let folder = site.folder.path();
    site.issue(folder, "a", |_| ());
    let mut source = site.source(folder);
    assert_eq!(id(&mut source).await, "spiffe://td/a");
    let now = site.clock.now();
    site.issue(folder, "b", |request| request.not_before = now + DAY);
    assert_eq!(code(&mut source).await, "not-yet-valid");
    site.clock.set(now + DAY + 1000);
    assert_eq!(id(&mut source).await, "spiffe://td/b");
}

#[tokio::test]
async fn first_answer_is_the_fault_when_there_is_nothing_to_use() {
    let site = Site::new();
    let mut source = site.source(site.folder.path());
    assert_eq!(code(&mut source).await, "unreadable");
}
