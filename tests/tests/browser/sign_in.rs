//! Accounts and sign-in.

use anyhow::Result;
use fantoccini::key::Key;
use zeropass_tests::browser::Device;

use super::{create_account, refused, sign_in, sign_out, with_page};

#[tokio::test]
async fn new_account_is_signed_in_at_once() -> Result<()> {
    with_page!(async |page, _| {
        let mut phone = Device::synced();
        phone.plug(page).await?;
        page.shoot("sign-in").await?;
        page.picture("sign-in.png", (390, 560)).await?;
        page.press("#show-create").await?;
        page.shoot("create").await?;
        page.press("#create").await?;
        let empty = "Choose a name for your account.";
        page.expect("create", "error", "empty", empty).await?;
        assert_eq!(page.focus().await?, "new-name");
        page.shoot("create-empty").await?;
        page.press("#show-sign-in").await?;

        create_account(page, "ada@example.org", "Ada Lovelace").await?;
        assert_eq!(page.text("#who").await?, "ada@example.org");
        let rows = page.rows().await?;
        let [row] = rows.as_slice() else {
            panic!("one passkey, not {rows:?}");
        };
        assert_eq!(row.status, "active");
        assert_eq!(row.badges, ["synced", "current"]);
        assert_eq!(row.buttons, ["Rename", "Suspend", "Revoke"]);
        assert!(row.text.contains("Created\njust now"), "{}", row.text);
        assert!(row.text.contains("Last used\njust now"), "{}", row.text);
        assert_eq!(phone.count(page).await?, 1);
        page.shoot("created").await?;

        page.reload().await?;
        assert_eq!(page.text("#who").await?, "ada@example.org");
        Ok(())
    })
}

#[tokio::test]
async fn passkey_signs_in_by_name_and_without_one() -> Result<()> {
    with_page!(async |page, _| {
        let mut phone = Device::synced();
        phone.plug(page).await?;
        create_account(page, "ada@example.org", "Ada").await?;
        sign_out(page).await?;
        page.shoot("signed-out").await?;

        page.fill("#name", "ada@example.org").await?;
        page.press("#sign-in").await?;
        page.expect("home", "ok", "", "You are signed in.").await?;
        page.shoot("by-name").await?;
        sign_out(page).await?;

        sign_in(page).await?;
        assert_eq!(page.text("#who").await?, "ada@example.org");
        page.shoot("without-name").await?;
        Ok(())
    })
}

#[tokio::test]
async fn autofill_offers_the_passkey_and_signs_in() -> Result<()> {
    with_page!(async |page, _| {
        let mut phone = Device::synced();
        phone.plug(page).await?;
        create_account(page, "ada@example.org", "Ada").await?;
        sign_out(page).await?;

        // No button is pressed: the device answers as soon as the page asks in the background.
        page.allow_autofill().await?;
        page.reload().await?;
        page.expect("home", "ok", "", "You are signed in.").await?;
        assert_eq!(page.text("#who").await?, "ada@example.org");
        page.shoot("autofill").await
    })
}

#[tokio::test]
async fn keyboard_alone_signs_in_and_out() -> Result<()> {
    with_page!(async |page, _| {
        let mut phone = Device::synced();
        phone.plug(page).await?;
        create_account(page, "ada@example.org", "Ada").await?;
        let (tab, enter) = (char::from(Key::Tab), char::from(Key::Enter));

        // The heading has the focus after a change of view; Sign out is before it.
        assert_eq!(page.focus().await?, "home-title");
        page.keys(&format!("{}{tab}", char::from(Key::Shift)))
            .await?;
        assert_eq!(page.focus().await?, "sign-out");
        page.keys(&format!("{enter}")).await?;
        page.expect("sign-in", "ok", "", "You are signed out.")
            .await?;

        page.reload().await?;
        assert_eq!(page.focus().await?, "name");
        page.keys(&format!("ada@example.org{tab}")).await?;
        assert_eq!(page.focus().await?, "sign-in");
        page.shoot("button-has-focus").await?;
        page.keys(&format!("{enter}")).await?;
        page.expect("home", "ok", "", "You are signed in.").await?;

        // Rename, and leave the question before Revoke with Escape.
        page.keys(&format!("{tab}{enter}")).await?;
        assert_eq!(page.focus().await?, "label");
        page.shoot("rename").await?;
        page.keys(&format!("My phone{enter}")).await?;
        page.expect("home", "ok", "", "Renamed.").await?;
        assert_eq!(page.focus().await?, "rename");
        page.keys(&format!("{tab}{tab}")).await?;
        assert_eq!(page.focus().await?, "revoke");
        page.keys(&format!("{enter}")).await?;
        assert!(page.asks().await?);
        page.keys(&format!("{}", char::from(Key::Escape))).await?;
        assert!(!page.asks().await?);
        assert_eq!(page.row("My phone").await?.status, "active");
        assert_eq!(page.focus().await?, "revoke");
        Ok(())
    })
}

#[tokio::test]
async fn taken_name_is_refused_in_plain_words() -> Result<()> {
    with_page!(async |page, _| {
        let mut phone = Device::synced();
        phone.plug(page).await?;
        create_account(page, "ada@example.org", "Ada").await?;
        sign_out(page).await?;

        page.press("#show-create").await?;
        page.fill("#new-name", "ada@example.org").await?;
        page.press("#create").await?;
        let text = "That name is taken. Choose another one, or sign in if it is yours.";
        page.expect("create", "error", "not-permitted", text)
            .await?;
        assert_eq!(page.focus().await?, "new-name");
        assert_eq!(phone.count(page).await?, 1);
        page.shoot("name-taken").await
    })
}

#[tokio::test]
async fn device_without_a_passkey_gets_a_clear_message() -> Result<()> {
    with_page!(async |page, _| {
        let mut phone = Device::synced();
        phone.plug(page).await?;
        let text = "It was cancelled, took too long, or there was no matching passkey. \
                    Please try again.";
        refused(page, "NotAllowedError", text).await?;
        page.shoot("no-passkey").await
    })
}

#[tokio::test]
async fn stopped_zeropass_gets_a_clear_message() -> Result<()> {
    with_page!(async |page, service| {
        service.stop_host();
        let text = "The sign-in service can't be reached at the moment. \
                    Please try again shortly.";
        refused(page, "unreachable", text).await?;
        page.shoot("unreachable").await
    })
}
