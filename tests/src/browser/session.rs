//! chromedriver, one session of it, and the Chromium behind that.
//!
//! Chromium is driven through a pipe instead of a port: when chromedriver goes, however it goes,
//! the pipe closes and Chromium ends by itself.

use std::process::Command as Program;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};
use fantoccini::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::child::{Child, is_alive};
use super::command::Command;
use super::environment::Environment;
use super::{PATIENCE, Seen, TICK, poll};

const ARGUMENTS: [&str; 10] = [
    "--headless=new",
    // Tests run as root in containers, where the sandbox of Chromium can't.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
];

/// A browser window. Dropped, the browser and its driver are stopped and the profile is removed.
#[derive(Debug)]
pub struct Session {
    client: Client,
    driver: Child,
    chromium: Option<u32>,
    _profile: TempDir,
}

// === impl Session ===

impl Session {
    /// Starts a driver and a browser with a fresh profile.
    ///
    /// # Errors
    /// One can't be started; the message has the driver's last words.
    pub async fn start(environment: &Environment) -> Result<Self> {
        let folder = TempDir::with_prefix("zeropass-chromium-").context("no temporary folder")?;
        let mut program = Program::new(&environment.chromedriver);
        program.arg("--port=0");
        let mut driver = Child::start("chromedriver", &mut program, folder.path())?;
        let port = port(&mut driver).await?;

        let mut arguments: Vec<String> = ARGUMENTS.map(str::to_owned).to_vec();
        let profile = folder.path().join("profile");
        arguments.push(format!("--user-data-dir={}", profile.display()));
        let capabilities = json!({
            "browserName": "chrome",
            "goog:chromeOptions": { "binary": environment.chromium, "args": arguments },
            // Every request of the page, for `requests`.
            "goog:loggingPrefs": { "performance": "ALL", "browser": "ALL" },
        });
        let client = Client::with_capabilities_and_connector(
            &format!("http://127.0.0.1:{port}/"),
            capabilities.as_object().context("no object")?,
            HttpConnector::new(),
        )
        .await
        .with_context(|| format!("no browser session\n{}", driver.last_words()))?;
        let chromium = client
            .capabilities()
            .and_then(|all| all.get("goog:processID")?.as_u64())
            .and_then(|id| u32::try_from(id).ok());
        Ok(Self {
            client,
            driver,
            chromium,
            _profile: folder,
        })
    }

    /// The process ids of the driver and the browser.
    pub fn processes(&self) -> Vec<u32> {
        [Some(self.driver.id()), self.chromium]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Ends the browser in good order.
    ///
    /// # Errors
    /// The driver does not answer.
    pub async fn close(self) -> Result<()> {
        let closed = self.client.clone().close().await;
        closed.context("can't close the browser")
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) async fn command(&self, command: Command) -> Result<Value> {
        let what = format!("{command:?}");
        // The body may hold a private key of a virtual authenticator: long, and of no use here.
        let what = what.split("body").next().unwrap_or_default().to_owned();
        self.client.issue_cmd(command).await.context(what)
    }

    /// A command of the Chrome DevTools Protocol.
    pub(super) async fn devtools(&self, method: &str, parameters: Value) -> Result<Value> {
        let body = json!({ "cmd": method, "params": parameters });
        self.command(Command::post("goog/cdp/execute", body))
            .await
            .with_context(|| method.to_owned())
    }

    /// What a log of the browser has gathered since it was last asked for.
    pub(super) async fn log(&self, kind: &str) -> Result<Vec<Value>> {
        let entries = self
            .command(Command::post("se/log", json!({ "type": kind })))
            .await?;
        let entries = entries.as_array().context("the log is no list")?;
        Ok(entries.clone())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.stop();
        // The profile can't be removed under a browser that is still ending.
        let deadline = Instant::now() + PATIENCE;
        while let Some(chromium) = self.chromium {
            if !is_alive(chromium) || Instant::now() >= deadline {
                break;
            }
            thread::sleep(TICK);
        }
    }
}

/// The port that the driver has chosen, from what it prints.
async fn port(driver: &mut Child) -> Result<u16> {
    poll("chromedriver's port", || {
        let ended = driver.check();
        let said = driver.said();
        async move {
            ended?;
            let found = said
                .lines()
                .filter(|line| line.contains("started successfully on port"))
                .find_map(|line| line.rsplit(' ').next()?.trim_end_matches('.').parse().ok());
            Ok(found.map_or(Seen::NotYet(said), Seen::Done))
        }
    })
    .await
}
