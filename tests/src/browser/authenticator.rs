//! Virtual authenticators (WebAuthn L3 section 11.2): devices that a person has at hand or
//! has not, with passkeys that stay on them meanwhile.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::command::Command;
use super::page::Page;

/// A device with passkeys. It verifies its user and consents at once, when plugged in.
/// Chromium asks all plugged devices at the same time, so a test has one at a time.
#[derive(Debug)]
pub struct Device {
    kind: Value,
    /// As WebDriver exports them, private keys included.
    passkeys: Vec<Value>,
    plugged: Option<String>,
}

// === impl Device ===

impl Device {
    /// A phone or laptop whose passkeys are synced by a provider.
    pub fn synced() -> Self {
        Self::new("internal", true)
    }

    /// A security key: its passkeys never leave it.
    pub fn security_key() -> Self {
        Self::new("usb", false)
    }

    fn new(transport: &str, synced: bool) -> Self {
        let kind = json!({
            "protocol": "ctap2_1",
            "transport": transport,
            "hasResidentKey": true,
            "hasUserVerification": true,
            "isUserConsenting": true,
            "isUserVerified": true,
            "defaultBackupEligibility": synced,
            "defaultBackupState": synced,
        });
        Self {
            kind,
            passkeys: Vec::new(),
            plugged: None,
        }
    }

    /// A second device with the same passkeys, as a backup of it would have them.
    ///
    /// # Errors
    /// This one is plugged in: what it holds is known only after it is unplugged.
    pub fn copied(&self) -> Result<Self> {
        ensure!(self.plugged.is_none(), "unplug the device to copy it");
        Ok(Self {
            kind: self.kind.clone(),
            passkeys: self.passkeys.clone(),
            plugged: None,
        })
    }

    /// Makes it available to the browser.
    pub async fn plug(&mut self, page: &Page) -> Result<()> {
        ensure!(self.plugged.is_none(), "the device is plugged in already");
        let made = Command::post("webauthn/authenticator", self.kind.clone());
        let made = page.session().command(made).await?;
        let id = made.as_str().context("no authenticator id")?.to_owned();
        for passkey in &self.passkeys {
            let path = format!("webauthn/authenticator/{id}/credential");
            page.session()
                .command(Command::post(path, passkey.clone()))
                .await?;
        }
        self.plugged = Some(id);
        Ok(())
    }

    /// Takes it away, with the passkeys that it has by now.
    pub async fn unplug(&mut self, page: &Page) -> Result<()> {
        self.passkeys = self.look(page).await?;
        let id = self.plugged.take().unwrap_or_default();
        let gone = Command::delete(format!("webauthn/authenticator/{id}"));
        page.session().command(gone).await?;
        Ok(())
    }

    /// How many passkeys the plugged device holds.
    pub async fn count(&self, page: &Page) -> Result<usize> {
        Ok(self.look(page).await?.len())
    }

    async fn look(&self, page: &Page) -> Result<Vec<Value>> {
        let id = self
            .plugged
            .as_ref()
            .context("the device is not plugged in")?;
        let path = format!("webauthn/authenticator/{id}/credentials");
        let found = page.session().command(Command::get(path)).await?;
        Ok(found.as_array().context("no list of passkeys")?.clone())
    }
}
