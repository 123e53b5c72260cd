//! Whole hosts over one PostgreSQL server.
//!
//! Everything is in a module of this name, so that `--skip postgres` leaves it out where
//! PostgreSQL is not installed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failure of the test"
)]

mod postgres {
    mod audit;
    mod away;
    mod commands;
    #[path = "../crash/mod.rs"]
    mod crash;
    mod following;
    mod hosts;
    mod rates;
    mod rollout;
    mod tiers;

    use zeropass_tests::deployment::{Client, Deployment, WORKLOAD};
    use zeropass_tests::postgres::Database;

    /// As on SQLite, a smaller share: each start takes longer here.
    #[tokio::test(flavor = "multi_thread")]
    async fn killed_host_loses_nothing_that_it_acknowledged() {
        let database = Database::start().await;
        crash::survive(6, crash::seed(), Some(&database)).await;
    }

    /// A host on this database, which writes the log of this name, and a client of it.
    async fn host(database: &Database, log: &str) -> (Deployment, Client) {
        let deployment = Deployment::builder()
            .postgres(database)
            .set("audit", "log", &format!("\"{log}\""))
            .start()
            .await;
        let client = deployment.client(WORKLOAD);
        (deployment, client)
    }

    /// A second host, with the first one's keys.
    async fn beside(first: &Deployment, database: &Database, log: &str) -> (Deployment, Client) {
        let deployment = Deployment::builder()
            .postgres(database)
            .keys_of(first)
            .set("audit", "log", &format!("\"{log}\""))
            .start()
            .await;
        let client = deployment.client(WORKLOAD);
        (deployment, client)
    }
}
