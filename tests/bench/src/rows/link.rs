//! `link`: the cheapest call that crosses the link, `lifecycle.list` of an account
//! without passkeys, over a store that is empty and in memory.
//!
//! Over mTLS both ends are in this process, on two connected sockets of loopback: what
//! a wire of any length adds comes on top. The smallest request over the very same
//! connection stands beside it.
//!
//! All of them are made by a task on the runtime's own threads, as components make them
//! in a host: many in a row, so that threads are awake as under traffic. The rows named
//! `after-a-pause` are the first one or two after other work, and so measure above all
//! how this machine wakes a thread.
//!
//! What the serving end adds when it writes a call's records before it answers is seen over
//! SQLite, where both kinds of link are measured once more.
//!
//! It is authorized, runs on a fresh instance with a deadline, asks the store through
//! the gate, and is settled for audit: all that a call costs but its own work.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::LocalBoxFuture;
use zeropass::audit::{Outcome, Trail};
use zeropass::capabilities::{CallContext, PasskeysLink};
use zeropass::clock::{Clock, SystemClock};
use zeropass::identity::{
    CurrentClientTls, CurrentTls, Material, link_client_config, link_server_config, pki,
};
use zeropass::link::{InProcess, LinkClient, LinkOptions, Mtls};
use zeropass::policy::action::LifecycleList;
use zeropass::registry::{Callers, Slot};
use zeropass::runtime::Deadline;
use zeropass::secrets::Pseudonyms;
use zeropass::server::link_door::{LinkDoor, LinkDoorLimits};
use zeropass::server::{Limits, Listener, drain};
use zeropass::store::sqlite::SqliteStore;

use super::Places;
use crate::bare::Bare;
use crate::native;
use crate::report::Row;
use crate::sample::{BATCH, ROUNDS, Variant, in_turns};
use crate::subject::{RP_ID, clock, profile};

/// Milliseconds; no session is made.
const SESSION_LIFETIME: u64 = 3_600_000;

/// What a wire on loopback may add to a call at the median, microseconds.
const MORE: f64 = 150.0;

/// How long calls are made in a row: some dozens of them.
const IN_A_ROW: Duration = Duration::from_millis(5);

const USER: &str = "8a2b6c1e-4f1d-4c6a-9b1e-0123456789ab";

pub(super) async fn measure(places: &Places) -> anyhow::Result<Vec<Row>> {
    let bare = Arc::new(Bare::new(places, true)?);
    let (link, wire) = links(places, "link", &bare).await?;
    let file = places.folder("link-store")?.join("zeropass.db");
    let store = Arc::new(SqliteStore::open(&file, SESSION_LIFETIME, clock()).await?);
    let recording = Arc::new(Bare::over(places, true, store)?);
    let (recorded_link, recorded_wire) = links(places, "link-over-sqlite", &recording).await?;
    let pseudonyms = Pseudonyms::new(&[1; 32]);
    let profile = native::profile(profile());
    let host = native::Values::new(profile, &pseudonyms, clock().now());

    let calls = |link: Arc<dyn PasskeysLink>, bare: &Arc<Bare>| {
        let bare = Arc::clone(bare);
        Variant::batches(move |times| {
            let (link, bare) = (Arc::clone(&link), Arc::clone(&bare));
            in_a_task(async move {
                // As in a request: one trail, whose records are written once.
                let context = CallContext {
                    routes: zeropass::capabilities::Routes::default(),
                    trail: Trail::new(),
                    ..bare.context()
                };
                let started = Instant::now();
                for _ in 0..times {
                    call(&context, &*link, bare.limits.deadline).await?;
                }
                Ok(started.elapsed())
            })
        })
    };
    let smallest = || {
        Variant::batches(|times| {
            let client = Arc::clone(&wire.client);
            in_a_task(async move {
                let started = Instant::now();
                for _ in 0..times {
                    client.hello().await?;
                }
                Ok(started.elapsed())
            })
        })
    };
    let plain = Variant::plain(|| {
        passkey_manager::lifecycle::list(
            std::hint::black_box(&host),
            std::hint::black_box(RP_ID),
            std::hint::black_box(USER),
        )
        .map_err(|rejection| anyhow::anyhow!("refused: {}", rejection.detail))
    });
    let through_the_link = || calls(Arc::clone(&link) as Arc<dyn PasskeysLink>, &bare);
    let over_the_wire = || calls(wire.link(), &bare);
    let variants = [through_the_link(), plain, over_the_wire(), smallest()];
    let [through, plain, wired, empty] = in_turns(ROUNDS, IN_A_ROW, variants)
        .await?
        .map(|stats| stats.scaled(1e-3));
    let variants = [through_the_link(), over_the_wire(), smallest()];
    let [through_first, wired_first, empty_first] = in_turns(ROUNDS, BATCH, variants)
        .await?
        .map(|stats| stats.scaled(1e-3));
    let over_sqlite = [recorded_link as Arc<dyn PasskeysLink>, recorded_wire.link()]
        .map(|link| calls(link, &recording));
    let [unrecorded, recorded] = in_turns(ROUNDS, IN_A_ROW, over_sqlite)
        .await?
        .map(|stats| stats.scaled(1e-3));
    Ok(vec![
        Row::new(
            "link/in-process",
            "call through the in-process link",
            "us",
            through,
        )
        .against("a plain function call", plain),
        Row::new("link/mtls", "call through the mTLS link", "us", wired)
            .against("the in-process link", through)
            .against("an empty HTTP/2 request", empty)
            .at_most(through.median + MORE, "150 us more than in-process"),
        Row::new(
            "link/mtls-after-a-pause",
            "call through the mTLS link, after a pause",
            "us",
            wired_first,
        )
        .against("the in-process link, after a pause", through_first)
        .against("an empty HTTP/2 request, after a pause", empty_first),
        Row::new(
            "link/mtls-recorded",
            "call through the mTLS link over SQLite, its records written",
            "us",
            recorded,
        )
        .against("the in-process link over SQLite", unrecorded),
    ])
}

/// Both kinds of link to one passkey-manager.
async fn links(places: &Places, name: &str, bare: &Bare) -> anyhow::Result<(Arc<InProcess>, Wire)> {
    let (_, passkey_manager) = bare.components(places)?;
    let slot = Slot::new(Arc::new(passkey_manager));
    let link = Arc::new(InProcess::new(Arc::new(slot)));
    let wire = Wire::new(places, name, bare, Arc::clone(&link)).await?;
    Ok((link, wire))
}

/// Both ends of an mTLS link.
struct Wire {
    client: Arc<LinkClient>,
    /// The serving end drains when this is dropped.
    _stop: drain::Trigger,
}

impl Wire {
    async fn new(
        places: &Places,
        name: &str,
        bare: &Bare,
        passkeys: Arc<InProcess>,
    ) -> anyhow::Result<Self> {
        let (folder, domain) = (places.folder(name)?, pki::DEFAULT_TRUST_DOMAIN.parse()?);
        let now = SystemClock.now();
        pki::init(&folder, Some(&domain), now)?;
        let material = |name| Material::load(&pki::files_of(&folder, name, &domain), now);
        let (caller, callee) = (material("auth-service")?, material("passkey-manager")?);
        let (caller_id, callee_id) = (caller.svid().id.clone(), callee.svid().id.clone());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);

        let limits = LinkDoorLimits {
            body: 1 << 20,
            deadline: Duration::from_secs(10),
            calls: 64,
        };
        let door = LinkDoor::new(
            Arc::clone(&bare.services),
            passkeys,
            (caller_id.clone(), "auth-service"),
            false,
            limits,
        )
        // What every host asks at each call. Without a signature, as here, the answer is
        // not even remembered.
        .admitting(Callers::new(
            "auth-service",
            Arc::clone(&bare.services.gate),
            Arc::clone(&clock),
            false,
            Arc::default(),
        ));
        let tls = CurrentTls::new(link_server_config(&callee, &caller_id, Arc::clone(&clock))?);
        let limits = Limits {
            identity_requests: 0,
            identity_rate: 0,
            ..Limits::default()
        };
        let address = (Ipv4Addr::LOCALHOST, 0).into();
        let clock_of_door = Arc::clone(&clock);
        let listener = Listener::bind(address, tls, limits, clock_of_door, Arc::new(door)).await?;
        let options = LinkOptions {
            targets: vec![listener.local_address()?.to_string()],
            connect_timeout: Duration::from_secs(5),
            notices: None,
        };
        let (stop, watcher) = drain::channel();
        tokio::spawn(listener.serve(watcher));
        let tls = link_client_config(&caller, &callee_id, Arc::clone(&clock))?;
        let client = LinkClient::new(options, CurrentClientTls::new(tls), clock);
        Ok(Self {
            client,
            _stop: stop,
        })
    }

    fn link(&self) -> Arc<dyn PasskeysLink> {
        Arc::new(Mtls::new(Arc::clone(&self.client)))
    }
}

/// A batch that runs where a host runs its calls.
fn in_a_task(
    batch: impl Future<Output = anyhow::Result<Duration>> + Send + 'static,
) -> LocalBoxFuture<'static, anyhow::Result<Duration>> {
    Box::pin(async { tokio::spawn(batch).await? })
}

async fn call(
    context: &CallContext,
    link: &dyn PasskeysLink,
    limit: std::time::Duration,
) -> anyhow::Result<()> {
    let gate = &context.services.gate;
    let permit = gate.authorize::<LifecycleList>(&context.actor, Some(RP_ID), &context.trail)?;
    let context = CallContext {
        deadline: Deadline::within(limit),
        ..context.clone()
    };
    let listed = link.list(&permit, &context, USER.into()).await;
    permit.settle(USER, Outcome::Success);
    match listed {
        Ok(passkeys) if passkeys.is_empty() => Ok(()),
        Ok(_) => anyhow::bail!("an empty store listed passkeys"),
        Err(rejection) => anyhow::bail!("refused: {}", rejection.detail),
    }
}
