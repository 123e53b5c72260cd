//! The link between the components over mutually authenticated TLS: on one host, and
//! between two.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failure of the test"
)]

mod calls;
mod failures;
mod identity;
mod kit;
mod rates;
mod relay;
mod revisions;
mod servers;
mod standing;
mod two_hosts;
mod wire;

// The main flows of the API, as they are, with the link in between.
#[path = "../api/lifecycle.rs"]
mod lifecycle;
#[path = "../api/registration.rs"]
mod registration;
#[path = "../api/sign_in.rs"]
mod sign_in;

use zeropass_tests::deployment::{Client, Deployment, ORIGIN, Person, WORKLOAD};

/// A deployment whose components call each other over mTLS, its relying party's
/// backend, and somebody who uses it.
async fn scene() -> (Deployment, Client, Person) {
    let deployment = Deployment::builder().mtls_link().start().await;
    let client = deployment.client(WORKLOAD);
    (deployment, client, Person::at(ORIGIN))
}
