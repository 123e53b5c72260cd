//! Compiled components, kept between starts.
//!
//! Compiling takes seconds, loading what was compiled takes milliseconds. A cache
//! file is native code that the host will run, so it is trusted only when its MAC
//! verifies under the host's own cache key, over the bytes and over what they were
//! compiled from and for (the component's digest, the engine's version and
//! configuration). Anything else in the cache folder is compiled anew and
//! overwritten, never loaded.
//!
//! This is the one module with `unsafe` code; the reason it is sound stands there.

use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{digest, hmac};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::hex::hex;

/// Length of the MAC in front of the compiled code.
const TAG: usize = 32;

/// A folder of compiled components, and the key that authenticates them.
pub struct Cache {
    folder: PathBuf,
    key: hmac::Key,
}

/// Where a compiled component came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Compiled now.
    Compiled,
    /// Loaded from the cache.
    Cached,
}

// === impl Cache ===

impl Cache {
    /// A cache in `folder`, authenticated under `key` (32 random bytes that only
    /// the host can read).
    pub fn new(folder: impl Into<PathBuf>, key: &[u8; 32]) -> Self {
        Self {
            folder: folder.into(),
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
        }
    }

    /// The component of these bytes, from the cache or compiled and kept.
    ///
    /// # Errors
    /// When the bytes are not a valid component. A cache that can't be read or
    /// written costs time, not the start.
    pub fn load(&self, engine: &Engine, wasm: &[u8]) -> wasmtime::Result<(Component, Source)> {
        let name = name(engine, &digest_of(wasm));
        let path = self.path(&name);
        if let Ok(file) = std::fs::read(&path) {
            match self.authentic(&file, &name) {
                // A file of another build of the same version may still be refused
                // by wasmtime; then it is compiled like any other.
                Some(code) => {
                    if let Ok(component) = deserialize(engine, code) {
                        return Ok((component, Source::Cached));
                    }
                }
                None => {
                    tracing::warn!(path = %path.display(), "cache file is not authentic: compiling anew");
                }
            }
        }
        let component = Component::new(engine, wasm)?;
        if let Err(error) = self.keep(&path, &name, &component) {
            tracing::warn!(path = %path.display(), %error, "compiled component not kept");
        }
        Ok((component, Source::Compiled))
    }

    /// Drop the compiled code of the component with this digest, lower-case hexadecimal.
    pub fn forget(&self, engine: &Engine, digest: &str) {
        let path = self.path(&name(engine, digest));
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(path = %path.display(), %error, "compiled component not dropped");
            }
            _ => {}
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.component"))
    }

    /// The code in a cache file of this name, when its MAC verifies.
    fn authentic<'f>(&self, file: &'f [u8], name: &str) -> Option<&'f [u8]> {
        let (tag, code) = file.split_at_checked(TAG)?;
        verify_slices_are_equal(self.mac(name, code).as_ref(), tag).ok()?;
        Some(code)
    }

    /// Over both, as they are: all names have the same length.
    fn mac(&self, name: &str, code: &[u8]) -> hmac::Tag {
        let mut mac = hmac::Context::with_key(&self.key);
        mac.update(name.as_bytes());
        mac.update(code);
        mac.sign()
    }

    fn keep(&self, path: &Path, name: &str, component: &Component) -> wasmtime::Result<()> {
        let code = component.serialize()?;
        let tag = self.mac(name, &code);
        std::fs::create_dir_all(&self.folder)?;
        // Written beside and renamed, so that a crash leaves no half file.
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        std::io::Write::write_all(&mut file, tag.as_ref())?;
        std::io::Write::write_all(&mut file, &code)?;
        file.persist(path)?;
        Ok(())
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache")
            .field("folder", &self.folder)
            .field("key", &"...")
            .finish()
    }
}

/// What the file is of and for: component digest and engine compatibility.
fn name(engine: &Engine, digest: &str) -> String {
    let mut hasher = std::hash::DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{digest}-{:016x}", hasher.finish())
}

fn digest_of(wasm: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, wasm).as_ref())
}

#[allow(unsafe_code, reason = "stands where it is used")]
fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `Component::deserialize` trusts its input to be what
    // `Component::serialize` produced. `code` has just been verified under the
    // host's cache key, which is created by the host, is readable by its user
    // alone and never enters a sandbox; the key signs nothing but the output of
    // `Component::serialize` (in `keep`, above). The caller reads the file once
    // and passes the very bytes that were verified, so that the file can't change
    // in between. The name under the MAC binds them to the component and to the
    // engine's version and configuration, and wasmtime checks the latter again.
    unsafe { Component::deserialize(engine, code) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::engine::{Options, Runtime};

    // The smallest component: the binary header of an empty one.
    const EMPTY: &[u8] = &[0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0];

    fn small() -> Runtime {
        Runtime::new(&Options {
            instances: 1,
            memory: 1 << 16,
            ..Options::default()
        })
        .unwrap()
    }

    #[test]
    fn second_load_comes_from_the_cache() {
        let folder = tempfile::tempdir().unwrap();
        let runtime = small();
        let cache = Cache::new(folder.path(), &[7; 32]);
        assert_eq!(
            cache.load(runtime.engine(), EMPTY).unwrap().1,
            Source::Compiled
        );
        assert_eq!(
            cache.load(runtime.engine(), EMPTY).unwrap().1,
            Source::Cached
        );
    }

    #[test]
    fn forgotten_component_leaves_nothing_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let runtime = small();
        let cache = Cache::new(folder.path(), &[7; 32]);
        let engine = runtime.engine();
        cache.load(engine, EMPTY).unwrap();
        cache.forget(engine, &"0".repeat(64));
        assert!(kept(&folder).exists());
        cache.forget(engine, &digest_of(EMPTY));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert_eq!(cache.load(engine, EMPTY).unwrap().1, Source::Compiled);
    }

    /// The one file in the cache folder.
    fn kept(folder: &tempfile::TempDir) -> PathBuf {
        let mut files = std::fs::read_dir(folder.path()).unwrap();
        let file = files.next().unwrap().unwrap().path();
        assert!(files.next().is_none());
        file
    }

    #[test]
    fn tampered_cache_file_is_compiled_anew() {
        let folder = tempfile::tempdir().unwrap();
        let runtime = small();
        let cache = Cache::new(folder.path(), &[7; 32]);
        let source = || cache.load(runtime.engine(), EMPTY).unwrap().1;
        source();
        let path = kept(&folder);
        let good = std::fs::read(&path).unwrap();
        let last = good.len() - 1;
        let flipped = |at: usize| {
            let mut file = good.clone();
            file[at] ^= 1;
            file
        };
        for (what, file) in [
            ("its MAC", flipped(0)),
            ("its first byte of code", flipped(TAG)),
            ("its last byte", flipped(last)),
            ("its end", good[..last].to_vec()),
            ("all of its code", good[..TAG].to_vec()),
            ("its MAC's end", good[..TAG - 1].to_vec()),
            ("what follows it", [good.as_slice(), b"x"].concat()),
            ("everything", Vec::new()),
        ] {
            std::fs::write(&path, file).unwrap();
            assert_eq!(source(), Source::Compiled, "{what}");
            // What was compiled anew has taken its place.
            assert_eq!(source(), Source::Cached, "{what}");
        }
    }

    #[test]
    fn cache_file_of_another_component_is_not_loaded_under_this_name() {
        let folder = tempfile::tempdir().unwrap();
        let runtime = small();
        let cache = Cache::new(folder.path(), &[7; 32]);
        let source = |wasm: &[u8]| cache.load(runtime.engine(), wasm).unwrap().1;
        // The same with an empty custom section of the name "x".
        let other = [EMPTY, &[0, 2, 1, b'x']].concat();
        source(&other);
        let others = kept(&folder);
        source(EMPTY);
        let own = folder.path().join(format!(
            "{}.component",
            name(runtime.engine(), &digest_of(EMPTY))
        ));
        assert!(own.is_file());
        std::fs::copy(&others, &own).unwrap();
        assert_eq!(source(EMPTY), Source::Compiled);
    }

    #[test]
    fn other_configuration_compiles_anew() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path(), &[7; 32]);
        let other = crate::runtime::engine::inspection().unwrap();
        assert_eq!(
            cache.load(small().engine(), EMPTY).unwrap().1,
            Source::Compiled
        );
        assert_eq!(cache.load(&other, EMPTY).unwrap().1, Source::Compiled);
    }

    #[test]
    fn cache_of_another_key_is_not_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let runtime = small();
        Cache::new(folder.path(), &[7; 32])
            .load(runtime.engine(), EMPTY)
            .unwrap();
        let other = Cache::new(folder.path(), &[8; 32]);
        assert_eq!(
            other.load(runtime.engine(), EMPTY).unwrap().1,
            Source::Compiled
        );
    }
}
