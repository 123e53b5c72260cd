//! WebDriver commands that the client library has no names for: those of the WebAuthn
//! extension (WebAuthn L3 section 11), of accessibility (WebDriver section 12.4),
//! and Chromium's own.

use std::str::FromStr;

use fantoccini::wd::WebDriverCompatibleCommand;
use http::Method;
use reqwest::Url;
use serde_json::Value;

/// A command by its path below `/session/{id}/`.
#[derive(Debug)]
pub(super) struct Command {
    method: Method,
    path: String,
    body: Option<Value>,
}

// === impl Command ===

impl Command {
    pub fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            body: None,
        }
    }

    pub fn post(path: impl Into<String>, body: Value) -> Self {
        Self {
            method: Method::POST,
            path: path.into(),
            body: Some(body),
        }
    }

    pub fn delete(path: impl Into<String>) -> Self {
        Self {
            method: Method::DELETE,
            path: path.into(),
            body: None,
        }
    }
}

impl WebDriverCompatibleCommand for Command {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, <Url as FromStr>::Err> {
        base.join(&format!(
            "session/{}/{}",
            session.unwrap_or_default(),
            self.path
        ))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let body = self.body.as_ref().map(Value::to_string);
        (self.method.clone(), body)
    }
}
