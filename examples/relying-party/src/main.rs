//! A small web app that signs people in with passkeys, through zeropass.
//!
//! Read it as sample code for your own backend. The browser talks to this
//! program only; this program holds the client certificate and talks to
//! zeropass over mutual TLS. It keeps no state: the session token that
//! zeropass issues travels in an HttpOnly cookie and is checked with zeropass
//! on every request that needs to know who is there.
//!
//! - `config.rs`: flags and environment, parsed once
//! - `zeropass.rs`: the client of zeropass's HTTP API
//! - `session.rs`: the cookie, and who is signed in
//! - `visitor.rs`: whom a request is for, so that a person meets one revision
//! - `guard.rs`: only our own page may change anything
//! - `api/`: what the page calls
//! - `page.rs`: the page itself and its security headers
//!
//! It speaks plain HTTP, for `localhost`. On a server it stands behind a proxy
//! that ends TLS and limits slow clients; `--origin` is then the https address.

mod api;
mod config;
mod failure;
mod guard;
mod id;
mod page;
mod session;
mod visitor;
mod zeropass;

use std::{future::IntoFuture, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context, anyhow};
use clap::Parser;
use tokio::{net::TcpListener, signal, sync::oneshot, time};

use crate::{
    config::{Config, Flags, Origin},
    session::SessionCookie,
    visitor::VisitorCookie,
    zeropass::Zeropass,
};

/// How long requests that are under way may take once the program is told to end.
const GRACE: Duration = Duration::from_secs(2);

/// What every request handler may use.
struct App {
    zeropass: Zeropass,
    origin: Origin,
    cookie: SessionCookie,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Flags::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("relying-party: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(flags: Flags) -> anyhow::Result<()> {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow!("a TLS provider is installed already"))?;

    let config = Config::load(flags)?;
    let app = Arc::new(App {
        zeropass: Zeropass::new(&config.zeropass)?,
        cookie: SessionCookie::new(&config.origin),
        origin: config.origin,
    });

    let listener = TcpListener::bind(config.listen).await.with_context(|| {
        format!(
            "can't listen on {}; stop what uses that address, or choose another with --listen",
            config.listen
        )
    })?;
    let routes = page::routes()
        .nest("/api", api::routes(&app))
        .layer(axum::middleware::from_fn_with_state(
            VisitorCookie::new(&app.origin),
            visitor::recognize,
        ))
        .layer(axum::middleware::map_response(page::protect));

    // Registered before the line is printed: whoever waits for it may send a signal at once.
    let ended = end_signal()?;
    println!(
        "relying-party: listening on {}, open {}",
        listener.local_addr()?,
        app.origin
    );

    let (stop, stopped) = oneshot::channel::<()>();
    let serving = axum::serve(listener, routes)
        .with_graceful_shutdown(async move { drop(stopped.await) })
        .into_future();
    let ending = async move {
        ended.await;
        drop(stop);
        time::sleep(GRACE).await;
    };
    tokio::select! {
        done = serving => done.context("the listener failed"),
        () = ending => Ok(()),
    }
}

/// A future that is ready at Ctrl-C or, on Unix, SIGTERM.
fn end_signal() -> anyhow::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt()).context("can't wait for SIGINT")?;
        let mut terminate = signal(SignalKind::terminate()).context("can't wait for SIGTERM")?;
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async { drop(signal::ctrl_c().await) })
}
