//! What nobody sees but what must hold: nothing juts out of the window, every control
//! has a name for screen readers, the page talks to its own origin and reads no token.

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

use super::command::Command;
use super::page::Page;
use super::shots::{resize, restore};

/// The demo's session cookie where it is served without TLS.
const SESSION: &str = "zeropass-demo-session";

const TOO_WIDE: &str = r##"
  const width = document.documentElement.clientWidth;
  const found = [];
  if (document.documentElement.scrollWidth > width) {
    found.push(`the page: ${document.documentElement.scrollWidth} of ${width} px`);
  }
  for (const element of document.querySelectorAll("body *")) {
    const box = element.getBoundingClientRect();
    if (box.width > 0 && (box.left < -0.5 || box.right > width + 0.5)) {
      found.push(`${element.tagName} ${element.id}.${element.className}: ${box.left} to ${box.right} of ${width} px`);
    } else if (element.matches("button, h1, h2, p, dd, label, .badge") && element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).display !== "inline") {
      found.push(`text of ${element.tagName} ${element.id}.${element.className}: ${element.scrollWidth} of ${element.clientWidth} px`);
    }
  }
  return found;
"##;

const CONTROLS: &str = r##"
  const all = "button, input, select, textarea, a[href], summary, [tabindex], dialog[open], ul, main section";
  // What is behind an open question can't be used, and screen readers pass it over.
  const dialog = document.querySelector("dialog[open]");
  const found = dialog ? [dialog, ...dialog.querySelectorAll(all)] : [...document.querySelectorAll(all)];
  return found.filter((element) => element.checkVisibility());
"##;

/// A control and what a screen reader calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// Its ARIA role.
    pub role: String,
    /// Its accessible name, as the browser computes it.
    pub name: String,
}

/// An answer that the page's scripts have read.
#[derive(Clone, Debug, Deserialize)]
pub struct Answer {
    /// Where from.
    pub url: String,
    /// Those that scripts can see.
    pub headers: String,
    /// The body.
    pub text: String,
}

// === impl Page: inspecting ===

impl Page {
    /// What juts out, or has text that does, at a window's width in CSS pixels.
    pub async fn too_wide(&self, width: u32) -> Result<Vec<String>> {
        resize(self.session(), (width, 800)).await?;
        let found = self.ask(TOO_WIDE).await;
        restore(self.session()).await?;
        found
    }

    /// Everything in sight that can be used or that groups what can.
    pub async fn controls(&self) -> Result<Vec<Control>> {
        let elements: Vec<Value> = self.ask(CONTROLS).await?;
        let mut controls = Vec::new();
        for element in elements {
            let id = element.as_object().and_then(|one| one.values().next());
            let id = id.and_then(Value::as_str).context("no element id")?;
            controls.push(Control {
                role: self.computed(id, "role").await?,
                name: self.computed(id, "label").await?,
            });
        }
        Ok(controls)
    }

    async fn computed(&self, element: &str, what: &str) -> Result<String> {
        let command = Command::get(format!("element/{element}/computed{what}"));
        let answer = self.session().command(command).await?;
        Ok(answer.as_str().context("no text")?.to_owned())
    }

    /// The answers that scripts have read since the page was loaded.
    pub async fn answers(&self) -> Result<Vec<Answer>> {
        self.ask("return window.answersSeen;").await
    }

    /// The URLs of all requests of the page since this was last called, other loads and
    /// blocked requests included.
    pub async fn requests(&self) -> Result<Vec<String>> {
        let mut urls = Vec::new();
        for entry in self.session().log("performance").await? {
            let text = entry.get("message").and_then(Value::as_str);
            let entry: Value = serde_json::from_str(text.context("no log message")?)?;
            let event = entry.get("message").context("no event")?;
            let url = match event.get("method").and_then(Value::as_str) {
                Some("Network.requestWillBeSent") => event.pointer("/params/request/url"),
                Some("Network.webSocketCreated") => event.pointer("/params/url"),
                _ => continue,
            };
            // Chromium's own first page, before ours is opened.
            let document = event.pointer("/params/documentURL").and_then(Value::as_str);
            if document.is_some_and(|url| url.starts_with("chrome://")) {
                continue;
            }
            let url = url.and_then(Value::as_str).context("no URL")?;
            // What no page can ask for: a part of that first page.
            if url.starts_with("chrome-untrusted://") {
                continue;
            }
            urls.push(url.to_owned());
        }
        Ok(urls)
    }

    /// Errors and warnings on the browser's console since this was last called, for example
    /// about a violated content security policy.
    pub async fn complaints(&self) -> Result<Vec<String>> {
        let entries = self.session().log("browser").await?;
        let text = |entry: &Value| Some(entry.get("message")?.as_str()?.to_owned());
        Ok(entries.iter().filter_map(text).collect())
    }

    /// The value of the session cookie. Scripts can read no cookie, the browser can.
    ///
    /// # Errors
    /// There is not exactly one, or scripts could read a cookie.
    pub async fn session_cookie(&self) -> Result<String> {
        let cookies = self.session().client().get_all_cookies().await?;
        for cookie in &cookies {
            anyhow::ensure!(
                cookie.http_only() == Some(true),
                "scripts could read {}",
                cookie.name()
            );
        }
        let mut sessions = cookies.iter().filter(|one| one.name() == SESSION);
        match (sessions.next(), sessions.next()) {
            (Some(session), None) => Ok(session.value().to_owned()),
            _ => anyhow::bail!("not one session cookie among {}", cookies.len()),
        }
    }

    /// All that scripts can reach without a request: the document, the storages, the cookies.
    pub async fn reachable(&self) -> Result<String> {
        self.ask(
            "return [document.documentElement.outerHTML, document.cookie, \
             JSON.stringify(localStorage), JSON.stringify(sessionStorage), location.href].join('\\n');",
        )
        .await
    }

    /// Whether all requests of the page so far went to its own origin; if not, which did not.
    pub async fn strangers(&self) -> Result<(usize, Vec<String>)> {
        let own = format!("{}/", self.origin());
        let all = self.requests().await?;
        let foreign = all.iter().filter(|url| !url.starts_with(&own));
        Ok((all.len(), foreign.cloned().collect()))
    }
}
