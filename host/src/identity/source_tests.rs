use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::clock::{FixedClock, SystemClock};
use crate::identity::TrustDomain;
use crate::identity::pki::{Ca, IssueRequest};
use crate::identity::verifier::refusal_code;

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
async fn roots_and_lists_are_given_out_though_the_own_key_can_not_be_read() {
    let site = Site::new();
    let folder = site.folder.path();
    site.issue(folder, "a", |_| ());
    let now = site.clock.now();
    let list = |serials: &[Vec<u8>], since| {
        let list = site.ca.revocation_list(serials, since, now + DAY).unwrap();
        fs::write(folder.join("crl.pem"), list).unwrap();
    };
    list(&[], now - DAY);
    let mut source = site.source(folder);
    source.files.crls = vec![folder.join("crl.pem")];
    let own = source.next().await.unwrap();
    let chain = own.certified_key().cert;
    fs::remove_file(folder.join("leaf.key")).unwrap();
    list(std::slice::from_ref(&own.svid().serial), now);
    let error = source.next().await.unwrap_err();
    assert_eq!(error.code(), "unreadable");
    let SourceError::Material { trust, .. } = error else {
        panic!("{error}");
    };
    let judging = own.trusting(trust.unwrap()).verifier();
    let refused = judging.judge(&chain, now).unwrap_err();
    assert_eq!(refusal_code(&refused), "revoked");
    // A change beside the same fault is noticed.
    list(&[], now + 1_000);
    let SourceError::Material { trust, .. } = source.next().await.unwrap_err() else {
        panic!("no trust");
    };
    let judging = own.trusting(trust.unwrap()).verifier();
    assert!(judging.judge(&chain, now).is_ok());
}

#[tokio::test]
async fn roots_are_given_out_with_the_lists_in_force_when_these_can_not_be_read() {
    let site = Site::new();
    let folder = site.folder.path();
    site.issue(folder, "a", |_| ());
    let now = site.clock.now();
    let file = folder.join("crl.pem");
    let list = site.ca.revocation_list(&[], now - DAY, now + DAY).unwrap();
    fs::write(&file, list).unwrap();
    let mut source = site.source(folder);
    source.files.crls = vec![file.clone()];
    let own = source.next().await.unwrap();
    fs::remove_file(&file).unwrap();
    let other = Ca::new(&"td".parse().unwrap(), now).unwrap();
    fs::write(site.path("ca.pem"), other.pem()).unwrap();
    let error = source.next().await.unwrap_err();
    assert_eq!(error.code(), "unreadable");
    let SourceError::Material { trust, .. } = error else {
        panic!("{error}");
    };
    let judging = own.trusting(trust.unwrap()).verifier();
    let chain = own.certified_key().cert;
    let refused = judging.judge(&chain, now).unwrap_err();
    assert_eq!(refusal_code(&refused), "unknown-ca");
    assert_eq!(judging.next_end(now), own.verifier().next_end(now));
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
