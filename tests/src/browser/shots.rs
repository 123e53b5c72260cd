//! Pictures of the page: every state on a desk and on a phone, light and dark.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::json;

use super::create_folder;
use super::session::Session;

/// The size of the window while a test acts, in CSS pixels.
const DESK: (u32, u32) = (1280, 900);
const PHONE: (u32, u32) = (390, 844);

/// A folder of pictures, named `TEST-NUMBER-STATE-SIZE.png`.
#[derive(Debug)]
pub struct Shots {
    folder: PathBuf,
    test: String,
    taken: u32,
}

// === impl Shots ===

impl Shots {
    /// Creates the folder.
    ///
    /// # Errors
    /// It can't be created.
    pub fn new(folder: &Path, test: &str) -> Result<Self> {
        create_folder(folder)?;
        Ok(Self {
            folder: folder.to_path_buf(),
            test: test.to_owned(),
            taken: 0,
        })
    }

    /// Takes the pictures of one state, and leaves the window as it was.
    pub(super) async fn take(&mut self, session: &Session, state: &str) -> Result<()> {
        self.taken += 1;
        let sights = [
            ("desk", DESK, "light"),
            ("phone", PHONE, "light"),
            ("phone-dark", PHONE, "dark"),
        ];
        for (name, size, scheme) in sights {
            resize(session, size).await?;
            colour(session, scheme).await?;
            let file = format!("{}-{:02}-{state}-{name}.png", self.test, self.taken);
            self.save(session, &file).await?;
        }
        restore(session).await
    }

    /// Takes one picture, as it is.
    pub(super) async fn save(&self, session: &Session, file: &str) -> Result<PathBuf> {
        let file = self.folder.join(file);
        let picture = session.client().screenshot().await?;
        std::fs::write(&file, picture)
            .with_context(|| format!("can't write {}", file.display()))?;
        Ok(file)
    }

    pub(super) fn test(&self) -> &str {
        &self.test
    }
}

/// Sets the size of the page itself, which a window's own borders can't disturb.
pub(super) async fn resize(session: &Session, (width, height): (u32, u32)) -> Result<()> {
    let metrics = json!({
        "width": width,
        "height": height,
        "deviceScaleFactor": 1,
        "mobile": false,
    });
    session
        .devtools("Emulation.setDeviceMetricsOverride", metrics)
        .await?;
    Ok(())
}

/// The window while a test acts.
pub(super) async fn restore(session: &Session) -> Result<()> {
    resize(session, DESK).await?;
    colour(session, "light").await
}

async fn colour(session: &Session, scheme: &str) -> Result<()> {
    let features = json!([
        { "name": "prefers-color-scheme", "value": scheme },
        // No picture of a half-way colour.
        { "name": "prefers-reduced-motion", "value": "reduce" },
    ]);
    session
        .devtools(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        )
        .await?;
    Ok(())
}
