//! BLOBs that come while the host runs.

use zeropass_tests::deployment::{Deployment, WORKLOAD};
use zeropass_tests::fido::{Authority, entry};

use super::{Fido, MODEL, key, register, sign_in};

/// Wait for the record of a reload with this target and outcome.
async fn reloaded(deployment: &Deployment, target: &str, outcome: &str) {
    let record = deployment
        .record_where(|record| {
            record.action == "metadata.reload"
                && record.target == target
                && record.outcome == outcome
        })
        .await;
    assert_eq!(record.workload, "host");
}

fn number(deployment: &Deployment) -> u64 {
    deployment.services().metadata.current().unwrap().number()
}

/// Compromised AAGUID in the BLOB: from one BLOB to the next nobody registers with it
/// any more, and where policy says so nobody signs in.
#[tokio::test(flavor = "multi_thread")]
async fn compromised_aaguid_in_the_blob() {
    for at_sign_in in [false, true] {
        let fido = Fido::new();
        fido.publish(
            &fido
                .signer
                .blob(1, &[entry(MODEL, &[], &["FIDO_CERTIFIED_L1"])]),
        );
        let setting = [(
            "authenticators-at-sign-in",
            if at_sign_in { "true" } else { "false" },
        )];
        let deployment = fido.deployment(&setting).start().await;
        let client = deployment.client(WORKLOAD);
        let mut ada = key();
        register(&client, &mut ada, "ada").await.expect(201);
        sign_in(&client, &ada).await.expect(200);

        let compromised = ["FIDO_CERTIFIED_L1", "USER_KEY_REMOTE_COMPROMISE"];
        fido.publish(&fido.signer.blob(2, &[entry(MODEL, &[], &compromised)]));
        reloaded(&deployment, "no 2", "success").await;
        let refused = register(&client, &mut key(), "bob").await;
        assert_eq!(refused.problem(), (422, "attestation-untrusted".into()));
        let signed_in = sign_in(&client, &ada).await;
        if at_sign_in {
            assert_eq!(signed_in.problem(), (422, "attestation-untrusted".into()));
        } else {
            signed_in.expect(200);
        }

        // Mended, says the next one.
        fido.publish(
            &fido
                .signer
                .blob(3, &[entry(MODEL, &[], &["FIDO_CERTIFIED_L1"])]),
        );
        reloaded(&deployment, "no 3", "success").await;
        register(&client, &mut key(), "bob").await.expect(201);
        sign_in(&client, &ada).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn worse_blob_is_refused_and_the_present_one_stays() {
    let fido = Fido::new();
    let compromised = [entry(MODEL, &[], &["REVOKED"])];
    let good = fido.signer.blob(5, &compromised);
    fido.publish(&good);
    let deployment = fido.deployment(&[]).start().await;
    let client = deployment.client(WORKLOAD);

    let (signed, _) = good.rsplit_once('.').unwrap();
    let stranger = Authority::new("Stranger").signer();
    for (blob, outcome) in [
        (fido.signer.blob(4, &[]), "failed:older"),
        (format!("{signed}.AAAA"), "failed:signature-invalid"),
        (stranger.blob(6, &[]), "failed:signer-untrusted"),
        (String::new(), "failed:malformed"),
    ] {
        fido.publish(&blob);
        reloaded(&deployment, "-", outcome).await;
        assert_eq!(number(&deployment), 5, "{outcome}");
        let refused = register(&client, &mut key(), "ada").await;
        assert_eq!(refused.problem(), (422, "attestation-untrusted".into()));
    }
    std::fs::remove_file(fido.blob()).unwrap();
    reloaded(&deployment, "-", "failed:unreadable").await;
    assert_eq!(number(&deployment), 5);

    fido.publish(&fido.signer.blob(6, &[]));
    reloaded(&deployment, "no 6", "success").await;
    register(&client, &mut key(), "ada").await.expect(201);
    // Each content was judged once, however often the files were looked at.
    let records = deployment.records().await;
    let reloads = records
        .iter()
        .filter(|record| record.action == "metadata.reload");
    assert_eq!(reloads.count(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn blob_that_a_symlink_leads_to_is_noticed() {
    let fido = Fido::new();
    let folder = fido.folder.path();
    let link = |to: &str| {
        let new = folder.join("link.new");
        std::os::unix::fs::symlink(to, &new).unwrap();
        std::fs::rename(new, fido.blob()).unwrap();
    };
    std::fs::write(folder.join("one"), fido.signer.blob(1, &[])).unwrap();
    std::fs::write(folder.join("two"), fido.signer.blob(2, &[])).unwrap();
    link("one");
    let deployment = fido.deployment(&[]).start().await;
    assert_eq!(number(&deployment), 1);
    link("two");
    reloaded(&deployment, "no 2", "success").await;
    assert_eq!(number(&deployment), 2);
}

/// A new root counts for the BLOB that is in use, too.
#[tokio::test(flavor = "multi_thread")]
async fn root_that_changes_is_noticed() {
    let fido = Fido::new();
    fido.publish(&fido.signer.blob(1, &[]));
    let deployment = fido.deployment(&[]).start().await;
    std::fs::write(fido.root(), Authority::new("Another").pem).unwrap();
    reloaded(&deployment, "-", "failed:signer-untrusted").await;
    assert_eq!(number(&deployment), 1);
    std::fs::write(fido.root(), &fido.authority.pem).unwrap();
    reloaded(&deployment, "no 1", "success").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn host_does_not_start_on_a_blob_that_it_does_not_believe() {
    let fido = Fido::new();
    let stranger = Authority::new("Stranger").signer();
    fido.publish(&stranger.blob(1, &[]));
    let Err(error) = fido.deployment(&[]).try_start().await else {
        panic!("it started");
    };
    let message = format!("{error:#}");
    assert!(
        message.contains("signer is not trusted") && message.contains("metadata.root"),
        "{message}"
    );
}

/// What the host was told once, it can't be made to forget by a restart.
#[tokio::test(flavor = "multi_thread")]
async fn older_blob_is_refused_after_a_restart_too() {
    let fido = Fido::new();
    fido.publish(&fido.signer.blob(5, &[]));
    let mut deployment = fido.deployment(&[]).start().await;
    fido.publish(&fido.signer.blob(6, &[entry(MODEL, &[], &["REVOKED"])]));
    reloaded(&deployment, "no 6", "success").await;

    deployment.stop().await;
    fido.publish(&fido.signer.blob(5, &[]));
    let refused = format!("{:#}", deployment.start_again().await.unwrap_err());
    assert!(
        refused.contains("number 5") && refused.contains("6 was in use"),
        "{refused}"
    );

    // The same one again, or a newer one.
    fido.publish(&fido.signer.blob(6, &[entry(MODEL, &[], &["REVOKED"])]));
    deployment.start_again().await.unwrap();
    let client = deployment.client(WORKLOAD);
    let refused = register(&client, &mut key(), "ada").await;
    assert_eq!(refused.problem(), (422, "attestation-untrusted".into()));
    deployment.stop().await;

    // A changed file is no memory; none at all is a first start.
    let memory = deployment.folder().join("keys/metadata.number");
    let line = std::fs::read_to_string(&memory).unwrap();
    std::fs::write(&memory, line.replacen('6', "5", 1)).unwrap();
    let refused = format!("{:#}", deployment.start_again().await.unwrap_err());
    assert!(
        refused.contains("metadata.number") && refused.contains("move it away"),
        "{refused}"
    );
    std::fs::remove_file(&memory).unwrap();
    fido.publish(&fido.signer.blob(5, &[]));
    deployment.start_again().await.unwrap();
    assert_eq!(number(&deployment), 5);
}
