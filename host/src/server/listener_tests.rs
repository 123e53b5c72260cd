//! Real handshakes on loopback, against a listener with a small handler.

#[path = "listener_tests/drain.rs"]
mod drain;
#[path = "listener_tests/kit.rs"]
mod kit;
#[path = "listener_tests/limits.rs"]
mod limits;
#[path = "listener_tests/proper.rs"]
mod proper;
#[path = "listener_tests/refused.rs"]
mod refused;
#[path = "listener_tests/standing.rs"]
mod standing;

use std::future::pending;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose};
use rustls::{HandshakeKind, NamedGroup};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use self::kit::{Event, Host, get, post};
use super::*;
use crate::server::drain::Drained;

const DAY: u64 = 24 * 60 * 60 * 1000;
const PEER: &str = "spiffe://td/workload/relying-party";
