//! What a person sees: Chromium with virtual authenticators against the real host and
//! the real demo relying party.
//!
//! Everything is in a module of this name, so that `--skip browser` leaves it out where there is no
//! Chromium. Pictures of each state go to `ZEROPASS_SCREENSHOTS`, or below the target folder.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failure of the test"
)]

mod browser {
    #[allow(
        clippy::indexing_slicing,
        reason = "a failure here is a failure of the test"
    )]
    mod lifecycle;
    mod page;
    mod sign_in;

    use std::path::{Path, PathBuf};

    use anyhow::Result;
    use zeropass_tests::browser::{Device, Folders, Page};

    /// What the page says when nothing is wrong.
    const OK: (&str, &str) = ("ok", "");

    fn folders() -> Folders {
        let lasting = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
        let shots = std::env::var_os("ZEROPASS_SCREENSHOTS").map(PathBuf::from);
        Folders {
            cache: lasting.join("cache"),
            shots: shots.unwrap_or_else(|| lasting.join("screenshots")),
        }
    }

    /// Starts everything for one test, under its own name.
    macro_rules! with_page {
        ($test:expr) => {{
            let name = std::thread::current().name().map(str::to_owned);
            let name = name.unwrap_or_default().replace("::", "-");
            zeropass_tests::browser::run(&$crate::browser::folders(), &name, $test).await
        }};
    }
    use with_page;

    /// Creates an account with a passkey on the plugged device, which signs in.
    async fn create_account(page: &Page, name: &str, display_name: &str) -> Result<()> {
        page.press("#show-create").await?;
        page.fill("#new-name", name).await?;
        page.fill("#new-display-name", display_name).await?;
        page.press("#create").await?;
        let (kind, code) = OK;
        let text = "Your account is ready, and you are signed in.";
        page.expect("home", kind, code, text).await
    }

    async fn sign_out(page: &Page) -> Result<()> {
        page.press("#sign-out").await?;
        let (kind, code) = OK;
        page.expect("sign-in", kind, code, "You are signed out.")
            .await
    }

    /// Signs in with any passkey on the plugged device.
    async fn sign_in(page: &Page) -> Result<()> {
        page.fill("#name", "").await?;
        page.press("#sign-in").await?;
        let (kind, code) = OK;
        page.expect("home", kind, code, "You are signed in.").await
    }

    /// Tries to sign in with any passkey on the plugged device, and is refused.
    async fn refused(page: &Page, code: &str, text: &str) -> Result<()> {
        page.fill("#name", "").await?;
        page.press("#sign-in").await?;
        page.expect("sign-in", "error", code, text).await
    }

    /// Adds a passkey on another device, and leaves that one plugged in.
    async fn add_passkey(page: &Page, before: &mut Device, other: &mut Device) -> Result<()> {
        before.unplug(page).await?;
        other.plug(page).await?;
        let known = page.rows().await?.len();
        page.press("#add").await?;
        let (kind, code) = OK;
        let label = page.rows().await?.last().map(|row| row.label.clone());
        let text = format!(
            "{} is added. You can give it a name of your own.",
            label.unwrap_or_default()
        );
        page.expect("home", kind, code, &text).await?;
        assert_eq!(page.rows().await?.len(), known + 1);
        Ok(())
    }

    /// Gives a passkey another name.
    async fn rename(page: &Page, from: &str, to: &str) -> Result<()> {
        page.press_in_row(from, "rename").await?;
        page.fill("#passkeys form:not([hidden]) [name=label]", to)
            .await?;
        page.press("#passkeys form:not([hidden]) [data-action=save]")
            .await?;
        let (kind, code) = OK;
        page.expect("home", kind, code, "Renamed.").await
    }
}
