//! Records about connections and requests that nobody answers: none is lost unseen.

use std::net::{Ipv4Addr, SocketAddr};

use zeropass::server::Peer;
use zeropass::server::records::ConnectionRecords;
use zeropass_tests::deployment::certificates::{now, spiffe_id};
use zeropass_tests::deployment::{Deployment, WORKLOAD};

const REFUSED: usize = 3_000;
const ENDED: usize = 1_500;

/// More than may wait for the store at a time, all at once.
#[tokio::test(flavor = "multi_thread")]
async fn every_end_is_recorded_and_every_refusal_at_least_counted() {
    let deployment = Deployment::start().await;
    let records = ConnectionRecords::new(deployment.services().clone(), "flooded");
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
    let peer = Peer {
        id: spiffe_id(WORKLOAD).parse().unwrap(),
        thumbprint: [0; 32],
        not_after: now(),
        address,
    };
    for number in 0..REFUSED {
        records.refused(address, "unknown-ca");
        if number < ENDED {
            records.ended(&peer, "revoked");
        }
    }
    records.flush().await;
    deployment
        .record_where(|record| record.target.starts_with("flooded: "))
        .await;
    let all = deployment.records().await;
    let of = |target: &str, action: &str| {
        let of = |record: &&zeropass::store::StoredRecord| {
            record.target == target && record.action == action
        };
        all.iter().filter(of).count()
    };
    assert_eq!(of("flooded", "connection.keep"), ENDED);
    let counted: usize = all
        .iter()
        .filter_map(|record| record.target.strip_prefix("flooded: "))
        .map(|rest| rest.split(' ').next().unwrap().parse::<usize>().unwrap())
        .sum();
    assert!(counted > 0);
    assert_eq!(of("flooded", "connection.accept") + counted, REFUSED);
    let told = all
        .iter()
        .find(|record| record.target.starts_with("flooded: "));
    let told = told.unwrap();
    assert_eq!(
        (
            told.workload.as_str(),
            told.address.as_str(),
            told.outcome.as_str()
        ),
        ("host", "local", "failed:overload")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn path_outside_the_api_is_recorded_without_a_word_of_it() {
    let deployment = Deployment::start().await;
    let client = deployment.client(WORKLOAD);
    let refused = client.get("/v2/anything").await;
    assert_eq!(refused.problem(), (404, "not-found".to_owned()));
    let records = deployment.records_of(refused.request_id()).await;
    assert_eq!(records.len(), 1, "{records:?}");
    assert_eq!(
        (
            records[0].action.as_str(),
            records[0].target.as_str(),
            records[0].outcome.as_str()
        ),
        ("request.accept", "GET", "failed:not-found")
    );
    assert_eq!(records[0].workload, spiffe_id(WORKLOAD));
}
