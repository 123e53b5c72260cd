//! What can be done with passkeys: add, rename, suspend, resume, revoke.

use anyhow::Result;
use zeropass_tests::browser::{Device, Page};

use super::{add_passkey, create_account, refused, rename, sign_in, sign_out, with_page};

const SUSPENDED: &str = "This passkey is suspended. Sign in with another one, or resume it.";
const UNKNOWN: &str = "This site does not know that passkey. It may have been revoked. \
                       Sign in with another one.";

/// An account with a passkey on a phone, "Phone", and one on a security key, "Security key".
/// The phone is plugged in.
async fn two_passkeys(page: &Page) -> Result<(Device, Device)> {
    let (mut phone, mut key) = (Device::synced(), Device::security_key());
    phone.plug(page).await?;
    create_account(page, "ada@example.org", "Ada Lovelace").await?;
    let first = page.rows().await?.remove(0);
    rename(page, &first.label, "Phone").await?;
    add_passkey(page, &mut phone, &mut key).await?;
    let second = page.rows().await?.remove(1);
    rename(page, &second.label, "Security key").await?;
    key.unplug(page).await?;
    phone.plug(page).await?;
    Ok((phone, key))
}

#[tokio::test]
async fn second_passkey_signs_in_too() -> Result<()> {
    with_page!(async |page, _| {
        let (mut phone, mut key) = (Device::synced(), Device::security_key());
        phone.plug(page).await?;
        create_account(page, "ada@example.org", "Ada Lovelace").await?;
        let first = page.rows().await?.remove(0);
        add_passkey(page, &mut phone, &mut key).await?;
        page.shoot("added").await?;
        let rows = page.rows().await?;
        assert_eq!(rows[0].id, first.id);
        assert_ne!(rows[0].label, rows[1].label);
        assert_eq!(rows[1].badges, ["device-bound"]);
        assert!(
            rows[1].text.contains("Last used\nnever"),
            "{}",
            rows[1].text
        );

        sign_out(page).await?;
        sign_in(page).await?;
        assert_eq!(page.text("#who").await?, "ada@example.org");
        assert_eq!(page.rows().await?[1].badges, ["device-bound", "current"]);
        Ok(())
    })
}

#[tokio::test]
async fn device_that_has_a_passkey_gets_no_second_one() -> Result<()> {
    with_page!(async |page, _| {
        let mut phone = Device::synced();
        phone.plug(page).await?;
        create_account(page, "ada@example.org", "Ada").await?;
        page.press("#add").await?;
        let text = "This device already has a passkey for this account.";
        page.expect("home", "error", "InvalidStateError", text)
            .await?;
        assert_eq!(page.rows().await?.len(), 1);
        assert_eq!(phone.count(page).await?, 1);
        page.shoot("same-device").await
    })
}

#[tokio::test]
async fn passkey_is_renamed() -> Result<()> {
    with_page!(async |page, _| {
        let mut phone = Device::synced();
        phone.plug(page).await?;
        create_account(page, "ada@example.org", "Ada").await?;
        let before = page.rows().await?.remove(0);

        page.press_in_row(&before.label, "rename").await?;
        page.shoot("rename").await?;
        let field = "#passkeys form:not([hidden]) [name=label]";
        page.fill(field, "").await?;
        page.press("#passkeys form:not([hidden]) [data-action=save]")
            .await?;
        page.expect("home", "error", "empty", "A passkey needs a name.")
            .await?;
        page.fill(field, "thrown away").await?;
        page.press("#passkeys form:not([hidden]) [data-action=cancel]")
            .await?;
        assert_eq!(page.rows().await?[0].label, before.label);

        rename(page, &before.label, "Ada's <b>phone</b> ☎").await?;
        page.reload().await?;
        let row = page.row("Ada's <b>phone</b> ☎").await?;
        assert_eq!(row.id, before.id);
        page.shoot("renamed").await
    })
}

#[tokio::test]
async fn suspended_passkey_is_refused_until_it_is_resumed() -> Result<()> {
    with_page!(async |page, _| {
        let (mut phone, mut key) = two_passkeys(page).await?;
        page.reload().await?;
        page.shoot("two").await?;
        page.picture("passkeys.png", (900, 830)).await?;

        page.press_in_row("Security key", "suspend").await?;
        let text = "Security key is suspended. It can't sign in until you resume it.";
        page.expect("home", "ok", "", text).await?;
        let row = page.row("Security key").await?;
        assert_eq!(row.status, "suspended");
        assert_eq!(row.badges, ["device-bound", "suspended"]);
        assert_eq!(row.buttons, ["Rename", "Resume", "Revoke"]);
        assert_eq!(page.focus().await?, "resume");
        page.shoot("suspended").await?;

        sign_out(page).await?;
        phone.unplug(page).await?;
        key.plug(page).await?;
        refused(page, "credential-suspended", SUSPENDED).await?;
        page.shoot("refused").await?;
        page.fill("#name", "ada@example.org").await?;
        page.press("#sign-in").await?;
        page.expect("sign-in", "error", "credential-suspended", SUSPENDED)
            .await?;

        key.unplug(page).await?;
        phone.plug(page).await?;
        sign_in(page).await?;
        page.press_in_row("Security key", "resume").await?;
        page.expect("home", "ok", "", "Security key can sign in again.")
            .await?;
        assert_eq!(page.row("Security key").await?.status, "active");
        page.shoot("resumed").await?;

        sign_out(page).await?;
        phone.unplug(page).await?;
        key.plug(page).await?;
        sign_in(page).await
    })
}

#[tokio::test]
async fn suspending_the_passkey_that_signed_in_asks_and_signs_out() -> Result<()> {
    with_page!(async |page, _| {
        let (_phone, _key) = two_passkeys(page).await?;
        page.press_in_row("Phone", "suspend").await?;
        assert!(page.asks().await?);
        assert_eq!(page.text("#confirm-title").await?, "Suspend Phone?");
        assert_eq!(
            page.text("#confirm-text").await?,
            "You signed in with this passkey, so you are signed out. \
             Sign in with another one to resume it."
        );
        page.shoot("asks").await?;
        page.press("#confirm-yes").await?;
        let text = "Phone is suspended. It can't sign in until you resume it. You are signed out.";
        page.expect("sign-in", "ok", "", text).await?;
        page.shoot("signed-out").await?;
        refused(page, "credential-suspended", SUSPENDED).await
    })
}

#[tokio::test]
async fn revoked_passkey_is_refused_for_good() -> Result<()> {
    with_page!(async |page, _| {
        let (mut phone, mut key) = two_passkeys(page).await?;
        let mut copy = key.copied()?;
        phone.unplug(page).await?;
        key.plug(page).await?;

        page.press_in_row("Security key", "revoke").await?;
        assert!(page.asks().await?);
        assert_eq!(page.text("#confirm-title").await?, "Revoke Security key?");
        assert_eq!(page.text("#confirm-text").await?, "This can't be undone.");
        page.shoot("asks").await?;
        page.press("#confirm-no").await?;
        assert_eq!(page.rows().await?.len(), 2);

        page.press_in_row("Security key", "revoke").await?;
        page.press("#confirm-yes").await?;
        page.expect("home", "ok", "", "Security key is revoked.")
            .await?;
        let rows = page.rows().await?;
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].label, "Phone");
        page.shoot("revoked").await?;

        sign_out(page).await?;
        key.unplug(page).await?;
        // A backup of the device, which has missed that the passkey is gone.
        copy.plug(page).await?;
        refused(page, "credential-unknown", UNKNOWN).await?;
        page.shoot("refused").await?;
        copy.unplug(page).await?;

        phone.plug(page).await?;
        sign_in(page).await
    })
}

#[tokio::test]
async fn revoking_the_last_passkey_warns_and_signs_out() -> Result<()> {
    with_page!(async |page, _| {
        let mut phone = Device::synced();
        phone.plug(page).await?;
        create_account(page, "ada@example.org", "Ada").await?;
        let row = page.rows().await?.remove(0);
        page.press_in_row(&row.label, "revoke").await?;
        assert_eq!(
            page.text("#confirm-text").await?,
            "This can't be undone. It is your last active passkey: without it you can't sign in \
             to this account again. You signed in with it, so you are signed out."
        );
        page.shoot("asks").await?;
        page.press("#confirm-yes").await?;
        let text = format!("{} is revoked. You are signed out.", row.label);
        page.expect("sign-in", "ok", "", &text).await?;
        page.shoot("signed-out").await
    })
}
