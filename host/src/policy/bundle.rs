//! A bundle of policies: schema, policies and golden tests of one folder.
//!
//! A [`Draft`] has been parsed and strictly validated against the schema, the
//! schema has been tried against everything the host asks, and each policy has an
//! id of its own. A [`Bundle`] has in addition passed its golden tests; only a
//! bundle can get into a gate. Both never change: a new folder is a new bundle.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::files::{self, Kind};
use super::golden::{Report, Suite};
use super::rules::Rules;
use super::{Error, Signers};

/// Policies that are valid, their golden tests not yet run.
#[derive(Debug)]
pub struct Draft {
    rules: Rules,
    suites: Vec<Suite>,
    signers: Signers,
    /// Where more signers are, for the next reload.
    more_signers: Option<PathBuf>,
    files: usize,
    digest: String,
}

/// Policies that have passed everything and may be put in force.
#[derive(Debug)]
pub struct Bundle(Draft);

// === impl Bundle ===

impl Bundle {
    /// Read a policy folder, validate it and run its golden tests. Blocks on the
    /// file system.
    ///
    /// # Errors
    /// Whatever is wrong first, with file, policy id or test, and what is expected.
    pub fn load(folder: &Path) -> Result<Self, Error> {
        Self::load_with_signers(folder, None)
    }

    /// The same with more signers than those in the policy folder: the `*.toml`
    /// files of the folder `more`.
    ///
    /// # Errors
    /// As [`Bundle::load`].
    pub fn load_with_signers(folder: &Path, more: Option<&Path>) -> Result<Self, Error> {
        Draft::read_with_signers(folder, more)?.prove()
    }

    /// Who may sign components.
    pub fn signers(&self) -> &Signers {
        &self.0.signers
    }

    pub(super) fn more_signers(&self) -> Option<&Path> {
        self.0.more_signers.as_deref()
    }

    /// SHA-256 over all files of the bundle but prose, lower-case hexadecimal.
    pub fn digest(&self) -> &str {
        self.0.digest()
    }

    /// How many policies are in force.
    pub fn len(&self) -> usize {
        self.0.homes().len()
    }

    /// Whether nothing is permitted to anybody.
    pub fn is_empty(&self) -> bool {
        self.0.homes().is_empty()
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.0.rules
    }
}

// === impl Draft ===

impl Draft {
    /// Read and validate a policy folder without running its golden tests, for
    /// those who want to see them fail one by one.
    ///
    /// # Errors
    /// As [`Bundle::load`], but for failing tests.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        Self::read_with_signers(folder, None)
    }

    /// See [`Bundle::load_with_signers`].
    ///
    /// # Errors
    /// As [`Draft::read`].
    pub fn read_with_signers(folder: &Path, more: Option<&Path>) -> Result<Self, Error> {
        let files = files::read(folder, more)?;
        let of_kind = |kind| files.iter().filter(move |file| file.kind == kind);
        let rules = Rules::read(&files)?;
        let suites = of_kind(Kind::Tests)
            .map(|file| Suite::parse(&file.path, &file.text, rules.schema()))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            rules,
            suites,
            signers: Signers::read(of_kind(Kind::Signers))?,
            more_signers: more.map(Path::to_owned),
            files: files.len(),
            digest: files::digest(&files),
        })
    }

    /// Run the golden tests.
    pub fn report(&self) -> Report {
        Report::run(&self.rules, &self.suites)
    }

    /// Make it a bundle.
    ///
    /// # Errors
    /// [`Error::Golden`] when a golden test fails.
    pub fn prove(self) -> Result<Bundle, Error> {
        match self.report().into_error() {
            Some(error) => Err(error),
            None => Ok(Bundle(self)),
        }
    }

    /// See [`Bundle::digest`].
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// How many files were read, prose not counted.
    pub fn files(&self) -> usize {
        self.files
    }

    /// The ids of all policies, each with its file.
    pub fn homes(&self) -> &BTreeMap<String, String> {
        self.rules.homes()
    }

    /// See [`Bundle::signers`].
    pub fn signers(&self) -> &Signers {
        &self.signers
    }
}
