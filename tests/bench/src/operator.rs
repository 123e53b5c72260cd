//! Who changes component revisions of a running host, through its admin listener.

use std::path::Path;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::StatusCode;
use http_body_util::Full;
use serde_json::{Value, json};
use zeropass::registry::{SigningKey, signing_key};

use crate::client::{Client, tls_as};
use crate::rows::Places;
use crate::site::{Site, sign};

/// A connection to the admin listener, and the key that revisions are signed with.
pub struct Operator {
    client: Client,
    key: SigningKey,
}

/// A component's file with a mark in a custom section: another file, and so another
/// revision, that does the same.
fn marked(file: &Path, mark: &str) -> anyhow::Result<Vec<u8>> {
    const NAME: &str = "mark";
    let mut wasm = std::fs::read(file).with_context(|| file.display().to_string())?;
    let (name, all) = (
        u8::try_from(NAME.len())?,
        u8::try_from(1 + NAME.len() + mark.len())?,
    );
    // A byte is its own LEB128 below 128.
    anyhow::ensure!(all < 128, "the mark is too long");
    wasm.extend([0, all, name]);
    wasm.extend(NAME.bytes().chain(mark.bytes()));
    Ok(wasm)
}

// === impl Operator ===

impl Operator {
    /// Connect with the development PKI's operator.
    ///
    /// # Errors
    /// The site has no admin listener, or refuses.
    pub async fn connect(site: &Site) -> anyhow::Result<Self> {
        let tls = tls_as(&site.pki(), "operator")?;
        Ok(Self {
            client: Client::connect(site.admin()?, tls).await?,
            key: signing_key::development(&site.pki())?,
        })
    }

    /// Push another revision of a component, which does what the built one does.
    ///
    /// # Errors
    /// It is refused.
    pub async fn push(&mut self, places: &Places, name: &str, version: &str) -> anyhow::Result<()> {
        let wasm = marked(&places.component(name), version)?;
        let signature = STANDARD.encode(sign(&self.key, name, version, &wasm)?);
        let path = format!("https://localhost/v1/components/{name}/revisions");
        let request = http::Request::post(path)
            .header(http::header::CONTENT_TYPE, "application/wasm")
            .header("zeropass-signature", signature)
            .body(Full::new(Bytes::from(wasm)))?;
        self.client.send(request, StatusCode::CREATED).await?;
        Ok(())
    }

    /// Give a revision all traffic, be it older or newer.
    ///
    /// # Errors
    /// It is refused.
    pub async fn activate(&mut self, name: &str, version: &str) -> anyhow::Result<()> {
        let wish = json!({"revision": version, "rollback": true});
        self.order(name, "activate", &wish).await
    }

    /// Back to the revision before.
    ///
    /// # Errors
    /// It is refused.
    pub async fn roll_back(&mut self, name: &str) -> anyhow::Result<()> {
        self.order(name, "rollback", &json!({})).await
    }

    async fn order(&mut self, name: &str, what: &str, wish: &Value) -> anyhow::Result<()> {
        let path = format!("/v1/components/{name}/{what}");
        self.client.post(&path, wish, StatusCode::OK).await?;
        Ok(())
    }
}
