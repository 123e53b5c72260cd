//! Tests of the module as a whole, over the delivered policies and broken ones.

mod bundle;
mod delivered;
mod gate;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Bundle, Gate};
use crate::audit::{Actor, ComponentIdentity, Origin};
use crate::clock::FixedClock;

const DELIVERED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies");
const SHOP: &str = "spiffe://example.org/shop";
const BANK: &str = "spiffe://example.org/bank";
const NOW: u64 = 1_800_000_000_000;

/// A policy folder with the delivered schema and what a test adds.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let schema = fs::read_to_string(format!("{DELIVERED}/schema.cedarschema")).unwrap();
        folder.with("schema.cedarschema", &schema)
    }

    fn with(self, path: &str, text: &str) -> Self {
        let file = self.0.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
        self
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn gate(&self) -> Arc<Gate> {
        gate(self.path())
    }
}

fn delivered() -> PathBuf {
    PathBuf::from(DELIVERED)
}

fn gate(folder: &Path) -> Arc<Gate> {
    let parties = vec![
        ("shop.example".to_owned(), vec![SHOP.to_owned()]),
        ("bank.example".to_owned(), vec![BANK.to_owned()]),
    ];
    Gate::new(
        Bundle::load(folder).unwrap(),
        parties,
        Arc::new(FixedClock::new(NOW)),
    )
    .unwrap()
}

fn component(name: &str) -> ComponentIdentity {
    ComponentIdentity {
        name: name.into(),
        digest: "ab".repeat(32),
        revision: "1.0.0".into(),
    }
}

fn actor(workload: &str, component: Option<ComponentIdentity>) -> Actor {
    let origin = Origin {
        request_id: "r".into(),
        workload: workload.into(),
        address: "local".into(),
    };
    Actor {
        origin: Arc::new(origin),
        component: component.map(Arc::new),
    }
}
