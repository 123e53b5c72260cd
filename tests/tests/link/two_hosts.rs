//! Two tiers: auth-service in one process without any credentials of a database,
//! passkey-manager and the store in another, killed and started again under load.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use zeropass::config::{self, Config};
use zeropass_tests::deployment::person::text;
use zeropass_tests::deployment::{Load, ORIGIN, Person, Process, Tiers};

/// A name that occurs nowhere by chance.
const NAME: &str = "ada-of-the-two-tiers";

#[tokio::test(flavor = "multi_thread")]
async fn front_tier_works_without_credentials_of_a_database() {
    let tiers = Tiers::one();
    let back = tiers.backs[0].serve();
    let front = tiers.front.serve();
    let client = tiers.client().await;
    let ada = Person::at(ORIGIN);
    let registered = ada.register(&client, NAME).await.expect(201);
    let signed_in = ada.sign_in(&client, NAME).await.expect(200);
    let token = text(&signed_in["session"]["token"]);
    let path = "/v1/sessions/introspect";
    let session = client.post_token(path, token).await.expect(200);
    assert_eq!(session["active"], true);
    client
        .post_token("/v1/sessions/revoke", token)
        .await
        .expect(200);
    let session = client.post_token(path, token).await.expect(200);
    assert_eq!(session["active"], false);
    let user = text(&registered["user"]["id"]);
    let passkeys = format!("/v1/users/{user}/passkeys");
    let listed = client.get(&passkeys).await.expect(200);
    assert_eq!(listed["passkeys"][0]["id"], registered["passkey"]["id"]);

    // Its configuration: SQLite, which has no credentials, in a file of its own.
    let config = Config::load(&tiers.front.config()).unwrap();
    let own_log = tiers.front.folder().join("front-log.db");
    assert_eq!(config.store, config::Store::Sqlite(own_log.clone()));
    assert_eq!(config.link.serving, None);

    // Its connections: to the back tier's link listener and nowhere else.
    let only = |port| BTreeSet::from([port]);
    let link = tiers.link_ports()[0];
    let open = front.connections();
    assert_eq!(open.calls, only(link));
    assert_eq!(open.called, only(tiers.service_port()));
    let open = back.connections();
    assert_eq!(open.calls, BTreeSet::new());
    assert_eq!(open.called, only(link));

    // Its files: no database but its log, in which nothing but records is.
    let is_database = |file: &&String| file.contains(".db");
    let databases = |process: &Process| -> BTreeSet<String> {
        let files = process.open_files();
        files.iter().filter(is_database).cloned().collect()
    };
    let own = own_log.display().to_string();
    assert!(databases(&front).iter().all(|file| file.starts_with(&own)));
    assert!(databases(&front).contains(&own));
    let store = tiers.backs[0].folder().join("zeropass.db");
    assert!(databases(&back).contains(&store.display().to_string()));
    drop((front, back));

    // Accounts are where they belong: in a store by their name, in a log never.
    assert!(holds(&store, NAME) && !holds(&own_log, NAME));
}

/// Whether a database has this text on any of its pages.
fn holds(database: &Path, text: &str) -> bool {
    let log = PathBuf::from(format!("{}-wal", database.display()));
    [database, &log].into_iter().any(|file| {
        let bytes = std::fs::read(file).unwrap_or_default();
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn back_tier_that_is_killed_under_load_causes_busy_and_nothing_else() {
    let tiers = Tiers::one();
    let mut back = tiers.backs[0].serve();
    let _front = tiers.front.serve();
    let load = Load::start(&tiers.client().await, 4).await;
    for _ in 0..2 {
        load.more_good(12).await;
        back.kill();
        load.more_busy(12).await;
        back = tiers.backs[0].serve();
        // Nobody tells the front.
        load.more_good(12).await;
    }
    load.end().await;
}
