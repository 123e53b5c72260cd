//! What must hold of the page in every state.

use std::collections::HashSet;

use anyhow::Result;
use zeropass_tests::browser::{Device, Environment, Page, Service, Session, is_alive};

use super::{add_passkey, create_account, folders, rename, sign_out, with_page};

/// The narrowest windows: WCAG 2.2 success criterion 1.4.10, and a common phone.
const WIDTHS: [u32; 2] = [320, 390];

/// As long as a name may be, and nowhere to break it.
const LONG: &str = "W0123456789W0123456789W0123456789W0123456789W0123456789W01234567";

async fn fits(page: &Page, state: &str) -> Result<()> {
    for width in WIDTHS {
        let found = page.too_wide(width).await?;
        assert!(found.is_empty(), "{state} at {width} px: {found:#?}");
    }
    Ok(())
}

async fn all_named(page: &Page, state: &str, at_least: usize) -> Result<()> {
    let controls = page.controls().await?;
    assert!(controls.len() >= at_least, "{state}: only {controls:#?}");
    let mut seen = HashSet::new();
    for control in &controls {
        assert!(!control.name.trim().is_empty(), "{state}: {controls:#?}");
        // Two buttons of one name can't be told apart by ear.
        if control.role == "button" {
            assert!(seen.insert(&control.name), "{state}: {controls:#?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn every_state_fits_a_phone_and_names_its_controls() -> Result<()> {
    with_page!(async |page, _| {
        let (mut phone, mut key) = (Device::synced(), Device::security_key());
        phone.plug(page).await?;
        fits(page, "sign-in").await?;
        all_named(page, "sign-in", 3).await?;
        page.press("#show-create").await?;
        page.press("#create").await?;
        fits(page, "create").await?;
        all_named(page, "create", 4).await?;
        page.press("#show-sign-in").await?;

        create_account(page, LONG, LONG).await?;
        let first = page.rows().await?.remove(0).label;
        rename(page, &first, LONG).await?;
        fits(page, "one passkey").await?;
        add_passkey(page, &mut phone, &mut key).await?;
        // Before anyone has given it a name of its own.
        page.reload().await?;
        fits(page, "two passkeys").await?;
        all_named(page, "two passkeys", 9).await?;
        page.shoot("long-names").await?;

        page.press_in_row(LONG, "suspend").await?;
        fits(page, "question").await?;
        all_named(page, "question", 3).await?;
        page.shoot("question").await?;
        page.press("#confirm-no").await?;
        page.press_in_row(LONG, "rename").await?;
        fits(page, "rename").await?;
        all_named(page, "rename", 9).await?;
        page.shoot("rename").await
    })
}

#[tokio::test]
async fn page_talks_to_its_own_origin_and_reads_no_token() -> Result<()> {
    with_page!(async |page, service| {
        let (mut phone, mut key) = (Device::synced(), Device::security_key());
        phone.plug(page).await?;
        create_account(page, "ada@example.org", "Ada").await?;
        add_passkey(page, &mut phone, &mut key).await?;

        let token = page.session_cookie().await?;
        assert_eq!(token.split('.').count(), 3, "the cookie holds no JWT");
        let answers = page.answers().await?;
        assert!(
            answers
                .iter()
                .any(|one| one.url.ends_with("/api/sign-in/finish")),
            "the sign-in was not seen"
        );
        // A part of it would do harm too: the signature alone, or the claims.
        for part in token.split('.') {
            for answer in &answers {
                let held = answer.text.contains(part) || answer.headers.contains(part);
                assert!(!held, "the page can read the token from {}", answer.url);
            }
            assert!(!page.reachable().await?.contains(part));
            assert!(!service.logs().contains(part), "a log has the token");
        }
        sign_out(page).await?;

        let (all, foreign) = page.strangers().await?;
        assert!(all > 10, "only {all} requests were seen");
        assert!(foreign.is_empty(), "requests to others: {foreign:#?}");
        let complaints = page.complaints().await?;
        // Chromium reports the expected 401 of a page that is opened signed out.
        let expected = |line: &String| line.contains("/api/me") && line.contains("401");
        let other: Vec<_> = complaints.iter().filter(|line| !expected(line)).collect();
        assert!(other.is_empty(), "on the console: {other:#?}");
        Ok(())
    })
}

#[tokio::test]
async fn nothing_survives_a_test_that_panics() -> Result<()> {
    let environment = Environment::from_env()?;
    let service = Service::start(&environment, &folders().cache).await?;
    let session = Session::start(&environment).await?;
    let processes = [service.processes().as_slice(), &session.processes()].concat();
    assert_eq!(processes.len(), 4);
    assert!(processes.iter().all(|one| is_alive(*one)));

    let test = tokio::spawn(async move {
        let _held = (service, session);
        panic!("as a failed assertion does");
    });
    assert!(test.await.is_err_and(|error| error.is_panic()));
    let left: Vec<_> = processes.iter().filter(|one| is_alive(**one)).collect();
    assert!(left.is_empty(), "still running: {left:?}");
    Ok(())
}
