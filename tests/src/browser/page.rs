//! The demo's page as a person uses it: look for a button by what it is called in the
//! page's own list of ids, press it, read the message. Every act waits until the page
//! is at rest, never for a time.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use fantoccini::Locator;
use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::key::Key;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::session::Session;
use super::shots::{self, Shots};
use super::{Seen, poll};

/// Runs in every new document before the page's own scripts.
///
/// A virtual authenticator picks a passkey for the autofill at once, without a person;
/// so the autofill is off until a test wants it. What the page reads of answers is kept for
/// [`Page::answers`].
const BEFORE: &str = r#"
  if (!name.includes("autofill")) PublicKeyCredential.isConditionalMediationAvailable = async () => false;
  const real = window.fetch;
  window.answersSeen = [];
  window.fetch = async (...request) => {
    const answer = await real(...request);
    const text = await answer.clone().text();
    window.answersSeen.push({ url: answer.url, headers: [...answer.headers].join("\n"), text });
    return answer;
  };
"#;

const STATE: &str = r##"
  const message = document.querySelector("#message");
  const main = document.querySelector("main");
  return {
    busy: main?.ariaBusy === "true",
    views: [...document.querySelectorAll("main > section:not([hidden])")].map((one) => one.id.replace("-view", "")),
    message: { kind: message?.dataset.kind ?? "", code: message?.dataset.code ?? "", text: message?.textContent ?? "" },
  };
"##;

const ROWS: &str = r##"
  return [...document.querySelectorAll("#passkeys li")].map((item) => ({
    id: item.dataset.id,
    status: item.dataset.status,
    label: item.querySelector("[data-field=label]").textContent,
    badges: [...item.querySelectorAll(".badge")].map((badge) => badge.dataset.badge),
    buttons: [...item.querySelectorAll(".view button")].map((button) => button.textContent),
    text: item.innerText,
  }));
"##;

/// The page of the demo in a browser.
#[derive(Debug)]
pub struct Page {
    session: Session,
    origin: String,
    shots: Shots,
}

/// What the page says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Message {
    /// `info`, `ok` or `error`.
    pub kind: String,
    /// Stable, for tests; empty when nothing is wrong.
    pub code: String,
    /// For the person.
    pub text: String,
}

/// One passkey in the list.
#[derive(Clone, Debug, Deserialize)]
pub struct Row {
    /// The credential id, base64url.
    pub id: String,
    /// `active` or `suspended`.
    pub status: String,
    /// The name that the person gave it.
    pub label: String,
    /// For example `synced`, `current`.
    pub badges: Vec<String>,
    /// What can be pressed.
    pub buttons: Vec<String>,
    /// All of it, as it is seen.
    pub text: String,
}

#[derive(Debug, Deserialize)]
struct State {
    busy: bool,
    views: Vec<String>,
    message: Message,
}

// === impl Page: coming and going ===

impl Page {
    /// Opens `origin` and waits for the first view.
    pub async fn open(session: Session, origin: String, shots: Shots) -> Result<Self> {
        shots::restore(&session).await?;
        session
            .devtools(
                "Page.addScriptToEvaluateOnNewDocument",
                json!({ "source": format!("{{ {BEFORE} }}") }),
            )
            .await?;
        let page = Self {
            session,
            origin,
            shots,
        };
        page.session.client().goto(&page.origin).await?;
        page.at_rest().await?;
        Ok(page)
    }

    /// Loads the page anew.
    pub async fn reload(&self) -> Result<()> {
        self.session.client().refresh().await?;
        self.at_rest().await.map(drop)
    }

    /// From the next time that the page is loaded, passkeys are offered in the autofill.
    pub async fn allow_autofill(&self) -> Result<()> {
        // A window's name outlives its documents.
        let _: Value = self.ask("window.name = 'autofill'; return null;").await?;
        Ok(())
    }

    /// Ends the browser.
    pub async fn close(self) -> Result<()> {
        self.session.close().await
    }

    /// The browser itself.
    pub fn session(&self) -> &Session {
        &self.session
    }

    pub(super) fn origin(&self) -> &str {
        &self.origin
    }
}

// === impl Page: acting ===

impl Page {
    /// Clicks what a CSS selector finds, with the mouse, where a person could.
    pub async fn press(&self, selector: &str) -> Result<()> {
        self.at_rest().await?;
        self.forget_message().await?;
        let element = self.visible(selector).await?;
        element
            .click()
            .await
            .with_context(|| format!("can't click {selector}"))
    }

    /// Presses a button of the passkey with this label.
    pub async fn press_in_row(&self, label: &str, action: &str) -> Result<()> {
        let row = self.row(label).await?;
        let selector = format!(
            "#passkeys li[data-id=\"{}\"] [data-action={action}]",
            row.id
        );
        self.press(&selector).await
    }

    /// Replaces what is in a field.
    pub async fn fill(&self, selector: &str, text: &str) -> Result<()> {
        let element = self.visible(selector).await?;
        element.clear().await?;
        element
            .send_keys(text)
            .await
            .with_context(|| format!("can't type into {selector}"))
    }

    /// Types on the keyboard, to whatever has the focus. `fantoccini::key::Key` has the
    /// letters of the keys that write nothing; Shift is held to the end.
    pub async fn keys(&self, keys: &str) -> Result<()> {
        self.at_rest().await?;
        self.forget_message().await?;
        let shift = char::from(Key::Shift);
        let mut actions = KeyActions::new("keyboard".into());
        for value in keys.chars() {
            actions = actions.then(KeyAction::Down { value });
            if value != shift {
                actions = actions.then(KeyAction::Up { value });
            }
        }
        if keys.contains(shift) {
            actions = actions.then(KeyAction::Up { value: shift });
        }
        self.session.client().perform_actions(actions).await?;
        Ok(())
    }

    async fn visible(&self, selector: &str) -> Result<fantoccini::elements::Element> {
        poll(&format!("{selector} in sight"), || async {
            let Ok(element) = self.session.client().find(Locator::Css(selector)).await else {
                return Ok(Seen::NotYet("no such element".to_owned()));
            };
            Ok(match element.is_displayed().await {
                Ok(true) => Seen::Done(element),
                _ => Seen::NotYet("that it is hidden".to_owned()),
            })
        })
        .await
    }

    /// So that an old message is never taken for a new one.
    async fn forget_message(&self) -> Result<()> {
        let script = r##"
          const message = document.querySelector("#message");
          message.textContent = "";
          message.dataset.code = "";
          return null;
        "##;
        let _: Value = self.ask(script).await?;
        Ok(())
    }
}

// === impl Page: looking ===

impl Page {
    /// Waits until the page does nothing more, says exactly this and shows this view.
    ///
    /// # Errors
    /// It says or shows something else; the error has what.
    pub async fn expect(&self, view: &str, kind: &str, code: &str, text: &str) -> Result<()> {
        let wanted = Message {
            kind: kind.to_owned(),
            code: code.to_owned(),
            text: text.to_owned(),
        };
        let what = format!("{wanted:?} in the view {view:?}");
        poll(&what, || async {
            let state = self.state().await?;
            let there = !state.busy && state.message == wanted && state.views == [view];
            Ok(if there {
                Seen::Done(())
            } else {
                Seen::NotYet(format!("{state:?}"))
            })
        })
        .await
    }

    /// The passkeys in the list, in its order.
    pub async fn rows(&self) -> Result<Vec<Row>> {
        self.at_rest().await?;
        self.ask(ROWS).await
    }

    /// The one passkey with this label.
    ///
    /// # Errors
    /// There is none, or more than one.
    pub async fn row(&self, label: &str) -> Result<Row> {
        let rows = self.rows().await?;
        let mut found = rows.iter().filter(|row| row.label == label);
        let row = found.next().cloned();
        ensure!(
            found.next().is_none(),
            "two passkeys are labelled {label:?}"
        );
        row.with_context(|| format!("no passkey is labelled {label:?} among {rows:?}"))
    }

    /// What a person reads at a place.
    pub async fn text(&self, selector: &str) -> Result<String> {
        let element = self.visible(selector).await?;
        Ok(element.text().await?)
    }

    /// The id of what has the focus, or its `data-action`.
    pub async fn focus(&self) -> Result<String> {
        self.at_rest().await?;
        self.ask(
            "const it = document.activeElement; return it.id || it.dataset.action || it.name || it.tagName;",
        )
        .await
    }

    /// Whether the question before what can't be undone is open.
    pub async fn asks(&self) -> Result<bool> {
        self.ask("return document.querySelector('#confirm').open;")
            .await
    }

    /// Pictures of this state: on a desk and on a phone, light and dark.
    pub async fn shoot(&mut self, state: &str) -> Result<()> {
        self.shots.take(&self.session, state).await
    }

    /// One picture of this state for the documentation, light, in a window of this size.
    pub async fn picture(&self, file: &str, size: (u32, u32)) -> Result<()> {
        shots::resize(&self.session, size).await?;
        self.shots.save(&self.session, file).await?;
        shots::restore(&self.session).await
    }

    pub(super) async fn shoot_failure(&self) -> Result<PathBuf> {
        let file = format!("{}-failure.png", self.shots.test());
        self.shots.save(&self.session, &file).await
    }

    /// Waits until the page has drawn a view and no task runs. A question that is open
    /// counts as rest: it waits for the person.
    async fn at_rest(&self) -> Result<()> {
        poll("the page at rest", || async {
            let state = self.state().await?;
            let rest = !state.views.is_empty() && (!state.busy || self.asks().await?);
            Ok(if rest {
                Seen::Done(())
            } else {
                Seen::NotYet(format!("{state:?}"))
            })
        })
        .await
    }

    async fn state(&self) -> Result<State> {
        self.ask(STATE).await
    }

    /// The answer of a script in the page.
    pub(super) async fn ask<T: DeserializeOwned>(&self, script: &str) -> Result<T> {
        let answer = self.session.client().execute(script, Vec::new()).await?;
        serde_json::from_value(answer).context("the script's answer has another form")
    }
}
