//! The HTTP API over mutual TLS, driven with an authenticator that is none of ours.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failure of the test"
)]

mod audit;
mod documents;
mod extensions;
mod lifecycle;
mod lockout;
mod names;
mod registration;
mod relying_parties;
mod sessions;
mod sign_in;
mod signals;
mod step_up;

use zeropass_tests::deployment::{Client, Deployment, ORIGIN, Person, WORKLOAD};

/// A deployment, its relying party's backend, and somebody who uses it.
async fn scene() -> (Deployment, Client, Person) {
    let deployment = Deployment::start().await;
    let client = deployment.client(WORKLOAD);
    (deployment, client, Person::at(ORIGIN))
}
